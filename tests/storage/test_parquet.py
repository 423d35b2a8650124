"""A Parquet file's bytes are a function of its rows, however they arrived."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.storage.parquet import ParquetWriter, read_batches, read_table, row_bytes

SCHEMA = pa.schema(
    [
        pa.field("text", pa.large_string()),
        pa.field("language", pa.large_string()),
        pa.field("ids", pa.large_list(pa.int32())),
        pa.field("n", pa.int64()),
    ]
)


def _rows(count):
    random = np.random.default_rng(count)
    sizes = random.integers(0, 200, count)
    return pa.table(
        [
            pa.array([None if s == 7 else "é" * s for s in sizes.tolist()], pa.large_string()),
            pa.array([["en", "de", None][s % 3] for s in sizes.tolist()], pa.large_string()),
            pa.array([list(range(s // 10)) for s in sizes.tolist()], pa.large_list(pa.int32())),
            pa.array(np.arange(count)),
        ],
        schema=SCHEMA,
    )


def _write(path, pieces, **bounds):
    with ParquetWriter(str(path), SCHEMA, **bounds) as writer:
        for piece in pieces:
            writer.write(piece)
    return path.read_bytes()


@pytest.mark.parametrize("bounds", [{}, {"max_rows": 64}, {"max_bytes": 5000}, {"max_bytes": 1}])
def test_any_batches_give_the_same_bytes(tmp_path, bounds):
    table = _rows(700)
    expected = _write(tmp_path / "all", [table], **bounds)
    for size in (1, 7, 64, 699):
        pieces = [table.slice(start, size) for start in range(0, len(table), size)]
        assert _write(tmp_path / "pieces", pieces, **bounds) == expected
    chunked = pa.concat_tables([table.slice(0, 5), table.slice(5, 0), table.slice(5)])
    assert _write(tmp_path / "chunked", [chunked], **bounds) == expected
    assert _write(tmp_path / "columns", [table.select(SCHEMA.names[::-1])], **bounds) == expected
    assert read_table(str(tmp_path / "all")).equals(table)


def test_row_groups_are_bounded_by_rows_and_bytes(tmp_path):
    table = _rows(700)
    _write(tmp_path / "a", [table], max_rows=64, max_bytes=5000)
    metadata = pq.read_metadata(tmp_path / "a")
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sum(sizes) == 700
    assert max(sizes) <= 64
    ends = np.cumsum([0, *sizes])
    costs = row_bytes(table)
    assert all(costs[a:b].sum() <= 5000 for a, b in pairwise(ends))
    assert pq.read_metadata(tmp_path / "a").row_group(0).column(0).compression == "ZSTD"


def test_no_rows_and_batches_back(tmp_path):
    _write(tmp_path / "none", [])
    assert read_table(str(tmp_path / "none")).equals(SCHEMA.empty_table())
    table = _rows(100)
    _write(tmp_path / "some", [table], max_rows=30)
    batches = list(read_batches(str(tmp_path / "some"), ["n"], 20))
    assert pa.Table.from_batches(batches)["n"].to_pylist() == list(range(100))
    assert max(len(batch) for batch in batches) <= 20
