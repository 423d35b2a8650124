"""The `measures` segment: numbers about every document, stored beside it. Decides nothing.

Reads documents; writes the same rows with the columns of every measuring stage, in the order
listed, and the MinHash sketch when documents will be deduplicated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.config import Config
from curate.dedup.dedup import Dedup
from curate.dedup.sketch import sketch_columns
from curate.schema import string
from curate.stage import Batch, Columns, MeasureSpec
from curate.storage.artifact import JSON, PartIO
from curate.storage.parquet import read_batches

BATCH_ROWS = 256
BATCH_BYTES = 4 << 20

BASE = [
    pa.field("doc_id", string),
    pa.field("error", string),  # a reason, when the document could not be measured
    pa.field("detail", string),
    pa.field("num_chars", pa.int64()),
    pa.field("num_bytes", pa.int64()),
]


def schema(config: Config, num_perm: int) -> pa.Schema:
    """Return the schema of the measures of a pipeline."""
    fields = [*BASE]
    for stage in config.stages:
        if isinstance(stage, MeasureSpec):
            fields.extend(stage.adds)
    if num_perm:
        fields += [
            pa.field("num_shingles", pa.int32()),
            pa.field("text_hash", pa.binary(16)),
            pa.field("signature", pa.binary(4 * num_perm)),
        ]
    return pa.schema(fields)


def run(config: Config) -> Any:
    """Return the function that runs one part of the measures segment."""

    def run_part(io: PartIO, settings: JSON) -> None:
        permutations = settings.get("permutations")
        num_perm = len(permutations[0]) if permutations else 0
        out = schema(config, num_perm)
        measure = open_measures(config, permutations)
        writer = io.parquet(out)
        columns = ["doc_id", "text"]
        for first, batch in _slices(read_batches(io.input("documents"), columns, BATCH_ROWS)):
            for table in _measure(io, first, batch, measure, out):
                writer.write(table)
        io.counters["documents"] = writer.num_rows

    return run_part


def open_measures(config: Config, permutations: Any) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Open every measuring stage; return the function from (doc_id, text) to all columns."""
    stages = [stage.open() for stage in config.stages if isinstance(stage, MeasureSpec)]
    dedup = config.stage(Dedup)
    arrays = tuple(np.array(values, np.uint32) for values in permutations or ())

    def measure(table: pa.RecordBatch) -> pa.RecordBatch:
        batch = Batch(table)
        text = batch.text
        base: Columns = {
            "error": pa.nulls(len(batch), string),
            "detail": pa.nulls(len(batch), string),
            "num_chars": pc.cast(pc.utf8_length(text), pa.int64()),
            "num_bytes": pc.cast(pc.binary_length(text), pa.int64()),
        }
        batch = batch.with_columns(base)
        for stage in stages:
            batch = batch.with_columns(stage(batch))
        if isinstance(dedup, Dedup):
            sketch = sketch_columns(batch.words, text, dedup.ngram_words, arrays)
            batch = batch.with_columns(sketch)
        return batch.table.drop_columns(["text"])

    return measure


def _measure(
    io: PartIO,
    first: int,
    batch: pa.RecordBatch,
    measure: Callable[[pa.RecordBatch], pa.RecordBatch],
    out: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    """Yield the measures of a batch; row by row where a batch has killed its process before."""
    position = f"{first}-{first + batch.num_rows - 1}"
    blamed = any(str(first + row) in io.verdicts for row in range(batch.num_rows))
    if position not in io.narrow and not blamed:
        io.enter(position)
        measured = measure(batch)
        io.leave()  # what is read next is not this batch's doing
        yield measured
        return
    for row in range(batch.num_rows):
        one = batch.slice(row, 1)
        verdict = io.enter(str(first + row))
        if verdict is None:
            measured = measure(one)
            io.leave()
            yield measured
        else:
            io.facts.setdefault("verdicts", []).append([first + row, *verdict])
            io.counters[f"errored.measures.{verdict[0]}"] += 1
            nulls = {field.name: pa.nulls(1, field.type) for field in out}
            nulls["doc_id"] = one.column("doc_id")
            nulls["error"], nulls["detail"] = (pa.array([value], string) for value in verdict)
            yield pa.RecordBatch.from_pydict(nulls, schema=out)


def _slices(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (first row, batch) with at most BATCH_BYTES of text, or one document."""
    first = 0
    for batch in batches:
        ends = np.cumsum(pc.fill_null(pc.binary_length(batch.column("text")), 0).to_numpy())
        start = 0
        while start < batch.num_rows:
            before = int(ends[start - 1]) if start else 0
            fit = int(np.searchsorted(ends, before + BATCH_BYTES, side="right"))
            stop = max(start + 1, fit)
            yield first + start, batch.slice(start, stop - start)
            start = stop
        first += batch.num_rows
