"""Find candidates: documents that share a band bucket with another.

`.bands`    part by part: a row (key, doc) per band of every document kept so far, and `docs`, a
            row per such document with what survivor order and exactness need
`.buckets`  range of keys by range of keys: the rows whose key occurs twice or more
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.dedup import keys
from curate.segment import RunFiles
from curate.storage.artifact import JSON, Part, PartIO
from curate.storage.exchange import GROUP_ROWS, SortedFiles, split_ranges, write_sorted
from curate.storage.parquet import read_table

BANDS = "duplicates/.bands"
BUCKETS = "duplicates/.buckets"

KEYED = pa.schema([pa.field("key", pa.uint64()), pa.field("doc", pa.uint64())])
DOCS = pa.schema(
    [
        pa.field("doc", pa.uint64()),
        pa.field("policy", pa.uint64()),
        pa.field("id_high", pa.uint64()),
        pa.field("id_low", pa.uint64()),
        pa.field("text_hash", pa.binary(16)),
        pa.field("num_shingles", pa.int32()),
    ]
)


def write_bands(io: PartIO, settings: JSON) -> None:
    """Write the bucket keys of a part's kept documents. Memory: about 700 bytes a document."""
    verdicts = read_table(io.input("verdicts"), ["doc_id", "outcome"])
    kept = np.flatnonzero(pc.equal(verdicts.column("outcome"), "kept").to_numpy())
    names = ["signature", "text_hash", "num_shingles", "num_chars"]
    measures = read_table(io.input("measures"), names).take(kept)
    documents = keys.document_numbers(io.part.index, kept)
    rows, values = bucket_rows(measures, settings)
    keyed = pa.table([pa.array(values), pa.array(documents[rows])], schema=KEYED)
    write_sorted(io.parquet(KEYED, max_rows=GROUP_ROWS), keyed, ("key", "doc"))
    preferred = measures.column("num_chars")
    if settings["keep"] != "longest":
        preferred = read_table(io.input("documents"), ["date"]).take(kept).column("date")
    ids = keys.id_halves(verdicts.column("doc_id").take(kept))
    columns = {
        "doc": documents,
        "policy": keys.policy_order(settings["keep"], preferred),
        "id_high": ids[:, 0],
        "id_low": ids[:, 1],
        "text_hash": measures.column("text_hash"),
        "num_shingles": measures.column("num_shingles"),
    }
    io.parquet(DOCS, stem="docs").write(pa.table(columns))
    io.counters["documents"] += len(kept)


def bucket_rows(measures: pa.Table, settings: JSON) -> tuple[NDArray[np.int64], keys.U64]:
    """Return rows and bucket keys: two (m,) arrays, int64 and uint64.

    A row has a key per band, or one key of its whole text under the method 'exact'.
    """
    everyone = np.arange(measures.num_rows)
    if settings["method"] == "exact":
        return everyone, keys.text_keys(measures.column("text_hash"))
    bands = settings["bands"]
    by_band = keys.band_keys(measures.column("signature"), bands, settings["rows"])
    return np.repeat(everyone, bands), by_band.ravel()


def plan_buckets(run: RunFiles, rows_per_range: int) -> list[Part]:
    """Plan ranges of bucket keys; keys are hashes, so equal ranges are equally full."""
    manifest = run.manifest(BANDS)
    if not manifest["num_parts"]:
        return []
    ranges = split_ranges(manifest["num_rows"], rows_per_range)
    return [
        Part(
            index,
            manifest["num_bytes"] // len(ranges),
            spec={"lo": lo, "hi": hi},
            reads=manifest["content"],
        )
        for index, (lo, hi) in enumerate(ranges)
    ]


def write_buckets(io: PartIO, settings: JSON) -> None:
    """Write the rows of a key range whose bucket has two documents or more.

    Memory: 16 bytes a row, four times over; a range is at least one bucket, whatever its size.
    """
    files = SortedFiles(io.artifact(BANDS).part_files(), "key")
    table = files.read(io.part.spec["lo"], io.part.spec["hi"], by=("key", "doc"))
    values = table.column("key").to_numpy()
    starts = run_starts(values)
    sizes = np.diff(np.append(starts, len(values)))
    shared = np.repeat(sizes > 1, sizes)
    io.parquet(KEYED, max_rows=GROUP_ROWS).write(table.filter(pa.array(shared)))
    io.counters["buckets"] += int((sizes > 1).sum())


def run_starts(values: keys.U64) -> NDArray[np.int64]:
    """Return where runs of equal numbers start: (runs,) int64."""
    if not len(values):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))
