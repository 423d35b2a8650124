"""Exchange: every row reaches exactly one reader, whichever half of the uint64 its key is in."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.storage.exchange import (
    KEY_END,
    SortedFiles,
    read_range,
    split_ranges,
    write_sorted,
)
from curate.storage.parquet import ParquetWriter

SCHEMA = pa.schema([pa.field("key", pa.uint64()), pa.field("row", pa.int64())])
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes an exchange file of several sorted runs."""

    def write_file(name: str, *runs: pa.Table, max_rows: int = 16) -> str:
        path = str(tmp_path / name)
        with ParquetWriter(path, SCHEMA, max_rows=max_rows) as writer:
            for run in runs:
                write_sorted(writer, run, ("key", "row"))
        return path

    return write_file


def keyed(values: np.ndarray | list[int], first_row: int = 0) -> pa.Table:
    keys = np.array(values, np.uint64)
    return pa.table({"key": keys, "row": np.arange(first_row, first_row + len(keys))})


def random_keys(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, KEY_END, count, np.uint64, endpoint=False)


def test_statistics_of_large_keys_are_unsigned(write: Write) -> None:
    values = [1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 2, 2**64 - 1]
    path = write("large", keyed(values), max_rows=2)
    files = SortedFiles([path], "key")
    assert files.groups(0, 2**63) == [[0]]
    assert files.groups(2**63, 2**63 + 1) == [[1]]
    assert files.groups(2**64 - 1, None) == [[2]]
    footer = pq.ParquetFile(path).metadata
    bounds = [footer.row_group(group).column(0).statistics for group in range(3)]
    assert [(each.min, each.max) for each in bounds] == [
        (1, 2**63 - 1),
        (2**63, 2**63 + 1),
        (2**64 - 2, 2**64 - 1),
    ]


@pytest.mark.parametrize("value", [0, 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1])
def test_a_range_includes_its_start_and_not_its_end(write: Write, value: int) -> None:
    path = write("one", keyed([value]))
    assert read_range([path], "key", value, None).num_rows == 1
    if value < KEY_END - 1:
        assert read_range([path], "key", value, value + 1).num_rows == 1
        assert read_range([path], "key", value + 1, None).num_rows == 0
    assert read_range([path], "key", 0, value).num_rows == 0


@pytest.mark.parametrize("max_per_range", [1000, 97, 10])
def test_ranges_hold_every_row_once_and_in_order(write: Write, max_per_range: int) -> None:
    tables = [keyed(random_keys(200, seed), 200 * seed) for seed in range(4)]
    paths = [write(str(seed), table) for seed, table in enumerate(tables)]
    ranges = split_ranges(800, max_per_range)
    assert len(ranges) == -(-800 // max_per_range)
    parts = [read_range(paths, "key", lo, hi, by=("key", "row")) for lo, hi in ranges]
    whole = pa.concat_tables(tables).sort_by([("key", "ascending"), ("row", "ascending")])
    assert pa.concat_tables(parts).equals(whole)
    if max_per_range > 50:
        assert max(part.num_rows for part in parts) < 1.6 * max_per_range


def test_only_overlapping_row_groups_are_read(write: Write) -> None:
    path = write("groups", keyed(np.arange(160) * 1000), max_rows=16)
    files = SortedFiles([path], "key")
    assert [len(groups) for groups in files.groups(20_000, 40_000)] == [2]
    assert files.groups(15_500, 15_900) == [[]]  # between two groups
    assert files.read(15_500, 15_900).schema == SCHEMA


def test_several_runs_in_a_file_are_one_sorted_range(write: Write) -> None:
    keys = random_keys(300, 7)
    runs = [keyed(keys[start : start + 100], start) for start in range(0, 300, 100)]
    path = write("runs", *runs)
    assert read_range([path], "key", 0, None).equals(keyed(keys).sort_by("key"))


def test_ties_follow_by_and_then_the_order_of_the_files(write: Write) -> None:
    paths = [write("a", keyed([5, 5, 5], 10)), write("b", keyed([5, 5], 0))]
    by_key = read_range(paths, "key", 0, None, ["row"])
    by_row = read_range(paths, "key", 0, None, ["row"], by=("key", "row"))
    assert by_key.column_names == ["row"]
    assert by_key.column("row").to_pylist() == [10, 11, 12, 0, 1]
    assert by_row.column("row").to_pylist() == [0, 1, 10, 11, 12]


def test_files_without_rows_are_fine_and_no_files_are_not(write: Write) -> None:
    empty = write("empty", keyed([]))
    full = write("full", keyed([3]))
    assert read_range([empty], "key", 0, None).equals(SCHEMA.empty_table())
    assert read_range([empty, full], "key", 0, None).num_rows == 1
    with pytest.raises(ValueError, match="without files"):
        SortedFiles([], "key")


def test_a_key_must_be_uint64_without_nulls(tmp_path: Path) -> None:
    with ParquetWriter(str(tmp_path / "bad"), SCHEMA) as writer:
        for values in (pa.array([1, None], pa.uint64()), pa.array([1, 2], pa.int64())):
            table = pa.table({"key": values, "row": [0, 1]})
            with pytest.raises(ValueError, match="exchange key"):
                write_sorted(writer, table, ("key",))


def test_split_ranges_cover_the_keys() -> None:
    for total, limit in [(0, 10), (1, 10), (10, 10), (11, 10), (12345, 7)]:
        ranges = split_ranges(total, limit)
        assert ranges[0][0] == 0
        assert ranges[-1][1] is None
        assert all(a[1] == b[0] for a, b in pairwise(ranges))
        assert len(ranges) == max(1, -(-total // limit))


def test_the_bytes_do_not_depend_on_the_order_of_the_rows(write: Write) -> None:
    table = keyed(random_keys(100, 3))
    shuffled = table.take(np.random.default_rng(0).permutation(100))
    assert Path(write("x", table)).read_bytes() == Path(write("y", shuffled)).read_bytes()
