"""A small kept corpus as the artifacts that tokens and shards read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.schema import DOCUMENTS, DUPLICATES, VERDICTS, doc_id
from tests.runner import write_artifact

SYLLABLES = ("ba", "ko", "ri", "ten", "mu", "sal", "ve", "dor", "qui", "ña", "ße", "漢", "字")
MakeTokenizer = Callable[..., str]  # the fixture in tests/tokens
MakeShards = Callable[..., Path]  # the fixture in tests/shards
READS = ("documents", "verdicts", "duplicates")


def make_texts(count: int, seed: int = 0, max_words: int = 60) -> list[str]:
    """Return texts of 0 to `max_words` made-up words over a vocabulary that repeats."""
    random = np.random.default_rng(seed)
    words = ["".join(random.choice(SYLLABLES, random.integers(1, 4))) for _ in range(80)]
    sizes = random.integers(0, max_words, count)
    return [" ".join(random.choice(words, size)) + "." for size in sizes]


def make_documents(texts: Sequence[str]) -> pa.Table:
    """Return rows of `documents`, one per text, from a source of their own."""
    count = len(texts)
    columns = {
        "doc_id": [doc_id("a.warc", 100 * row, 0) for row in range(count)],
        "url": [f"https://example.org/{row}" for row in range(count)],
        "date": ["2024-05-06T07:08:09Z"] * count,
        "text": list(texts),
        "source": ["a.warc"] * count,
        "offset": [100 * row for row in range(count)],
        "inner": [0] * count,
    }
    return pa.table(
        [pa.array(columns.get(field.name, [None] * count), field.type) for field in DOCUMENTS],
        schema=DOCUMENTS,
    )


def write_corpus(
    run_directory: str,
    documents: pa.Table,
    rows_per_part: int = 1000,
    dropped: Sequence[int] = (),
    survivor_of: dict[int, int] | None = None,
    clusters: dict[int, int] | None = None,
    language: str | None = "en",
) -> None:
    """Write documents, measures, verdicts and duplicates; rows are numbered over the corpus.

    `survivor_of` maps a duplicate to its survivor; `clusters` a row to its cluster's first row.
    """
    ids = documents["doc_id"].to_pylist()
    kept = [row for row in range(len(ids)) if row not in set(dropped)]
    survivor_of = survivor_of or {}
    clusters = {**{row: row for row in kept}, **(clusters or {})}
    outcomes = ["kept" if row in set(kept) else "dropped" for row in range(len(ids))]
    blank = [None] * len(ids)
    verdicts = pa.table([ids, outcomes, blank, blank, blank], schema=VERDICTS)
    duplicates = pa.table(
        {
            "doc_id": [ids[row] for row in kept],
            "survivor_id": [ids[survivor_of[r]] if r in survivor_of else None for r in kept],
            "jaccard": [0.9 if row in survivor_of else None for row in kept],
            "exact": [False] * len(kept),
            "cluster_id": [ids[clusters[row]] for row in kept],
            "cluster_size": [1] * len(kept),
        },
        schema=DUPLICATES,
    )
    sizes = [len(text.encode()) for text in documents["text"].to_pylist()]
    measures = pa.table({"doc_id": documents["doc_id"], "num_bytes": pa.array(sizes, pa.int64())})
    if language is not None:
        column = pa.array([language] * len(ids), pa.large_string())
        measures = measures.append_column("language", column)
    bounds = range(0, max(1, len(ids)), rows_per_part)
    slices = [(start, min(start + rows_per_part, len(ids))) for start in bounds]
    for name, table in (("documents", documents), ("measures", measures), ("verdicts", verdicts)):
        write_artifact(run_directory, name, [table.slice(a, b - a) for a, b in slices])
    in_part = [np.flatnonzero([a <= row < b for row in kept]) for a, b in slices]
    write_artifact(run_directory, "duplicates", [duplicates.take(pa.array(r)) for r in in_part])
