"""The `curated` segment: the documents that survived, as one would publish them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.config import Config
from curate.language.language import Language
from curate.quality.classifier import Classifier
from curate.quality.perplexity import Perplexity, perplexities
from curate.schema import DOCUMENTS, string
from curate.storage.artifact import JSON, PartIO
from curate.storage.parquet import read_batches, read_table

MEASURED = ("language", "language_score", "classifier_score", "num_chars", "num_bytes")
EDITED = ("title", "text")  # may be in either artifact


def schema(config: Config) -> pa.Schema:
    """Return the columns of curated/: what a person filters by first, the text late."""
    fields = [pa.field(n, string) for n in ("doc_id", "url", "date", "published", "title")]
    if config.stage(Language) is not None:
        fields += [pa.field("language", string), pa.field("language_score", pa.float64())]
    if config.stage(Classifier) is not None:
        fields += Classifier.adds
    if config.stage(Perplexity) is not None:
        fields += [pa.field("perplexity", pa.float64())]  # null: no model of its language, no words
    return pa.schema(
        [
            *fields,
            pa.field("num_chars", pa.int64()),
            pa.field("num_bytes", pa.int64()),
            pa.field("num_tokens", pa.int64()),
            pa.field("cluster_id", string),
            pa.field("cluster_size", pa.int64()),
            pa.field("text", string),
            pa.field("source", string),
            pa.field("offset", pa.int64()),
            pa.field("inner", pa.int64()),
        ]
    )


def run(config: Config) -> Any:
    """Return the function that runs one part of the curated segment."""
    out = schema(config)
    has_perplexity = "perplexity" in out.names
    columns = {
        "measures": [name for name in out.names if name in MEASURED],
        "documents": [name for name in DOCUMENTS.names if name in out.names and name not in EDITED],
    }
    if has_perplexity:
        columns["measures"] += [field.name for field in Perplexity.adds]
    columns[config.title_from].append("title")
    columns[config.text_from].append("text")  # read in batches; the rest of the other, at once
    (other,) = columns.keys() - {config.text_from}

    def run_part(io: PartIO, settings: JSON) -> None:
        survivors = tokenized(io, settings["dedup"])
        writer = io.parquet(out)
        rest = read_table(io.input(other), columns[other])
        start = 0
        for batch in read_batches(io.input(config.text_from), columns[config.text_from]):
            beside = rest.slice(start, batch.num_rows)
            start += batch.num_rows
            table = pa.Table.from_batches([batch])
            for name in beside.column_names:
                table = table.append_column(name, beside.column(name))
            found = pc.index_in(table["doc_id"], survivors["doc_id"])
            keep = pc.is_valid(found)
            rows = survivors.take(pc.drop_null(found)).select(
                ["num_tokens", "cluster_id", "cluster_size"]
            )
            table = table.filter(keep)
            for name in rows.column_names:
                table = table.append_column(name, rows[name])
            if has_perplexity:
                table = table.append_column("perplexity", perplexities(table))
            writer.write(table)
        io.counters["documents"] = writer.num_rows
        io.counters["num_tokens"] = pc.sum(survivors["num_tokens"]).as_py() or 0

    return run_part


def tokenized(io: PartIO, dedup: bool) -> pa.Table:
    """Return doc_id, num_tokens, cluster_id, cluster_size of the part's survivors with tokens."""
    tokens = read_table(io.input("tokens"), ["doc_id", "num_tokens"])
    tokens = tokens.filter(pc.is_valid(tokens["num_tokens"]))
    if not dedup:
        sizes = pa.array([1] * tokens.num_rows, pa.int64())
        tokens = tokens.append_column("cluster_id", tokens["doc_id"])
        return tokens.append_column("cluster_size", sizes).combine_chunks()
    clusters = read_table(io.input("duplicates"), ["doc_id", "cluster_id", "cluster_size"])
    found = pc.index_in(tokens["doc_id"], clusters["doc_id"].combine_chunks())
    for name in ("cluster_id", "cluster_size"):
        tokens = tokens.append_column(name, clusters[name].take(found))
    return tokens.combine_chunks()
