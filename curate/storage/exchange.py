"""Exchange: the one way rows move between parts.

Every writing part leaves one Parquet file in key order, in small row groups; the statistics of the
row groups are the range index. A reading part takes one range of keys from all the files and reads
only the row groups that overlap it. Nothing passes through memory that outlives a part.

A key is a uint64 without nulls: a hash, where ranges should be equally full, or a packed position.
A part with more rows than fit into memory writes several sorted runs into its one file; a reader
then finds one more row group per run at each end of its range, and the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.storage.files import open_read
from curate.storage.parquet import ParquetWriter

GROUP_ROWS = 4096  # rows that a reader may load in vain at each end of a range, per file
KEY_END = 1 << 64

Range = tuple[int, int | None]  # [lo, hi); None: to the end of the keys


def write_sorted(writer: ParquetWriter, table: pa.Table, by: Sequence[str]) -> None:
    """Append a table as one sorted run.

    `by` is the key column, then the columns that break ties. Open the writer with
    `max_rows=GROUP_ROWS` and, for wide rows, a small `max_bytes`. Needs twice the table's memory.

    Raises: ValueError when the key is not uint64 or has nulls.
    """
    key = table.column(by[0])
    if key.type != pa.uint64() or key.null_count:
        raise ValueError(f"exchange key {by[0]} is {key.type} with {key.null_count} nulls")
    writer.write(sort_rows(table, by))


def sort_rows(table: pa.Table, by: Sequence[str]) -> pa.Table:
    """Return the rows ascending by the columns; equal rows keep their order."""
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in by])
    return table.take(order)


class SortedFiles:
    """The files of an exchange, their footers read once: (files x row groups) of min and max."""

    def __init__(self, paths: Sequence[str], key: str) -> None:
        if not paths:
            raise ValueError("an exchange without files has no schema; do not read it")
        self.paths = list(paths)
        self.key = key
        self._footers: list[pq.FileMetaData] = []
        self._bounds: list[list[tuple[int, int]]] = []
        for path in self.paths:
            with open_read(path) as file, pq.ParquetFile(file) as parquet:
                self._footers.append(parquet.metadata)
                self._bounds.append(_bounds(parquet.metadata, key))
        self.schema: pa.Schema = self._footers[0].schema.to_arrow_schema()

    def groups(self, lo: int, hi: int | None) -> list[list[int]]:
        """Return for every file the row groups that may hold keys in [lo, hi)."""
        end = KEY_END if hi is None else hi
        return [
            [group for group, (low, high) in enumerate(bounds) if low < end and high >= lo]
            for bounds in self._bounds
        ]

    def read(
        self,
        lo: int,
        hi: int | None,
        columns: Sequence[str] | None = None,
        by: Sequence[str] = (),
    ) -> pa.Table:
        """Return the rows with lo <= key < hi of all files, sorted by `by` (default: the key).

        Rows equal in `by` come in the order of the files. Memory: twice the rows of the range, and
        two row groups of one file.
        """
        by = by or (self.key,)
        names = self.schema.names if columns is None else list(columns)
        needed = list(dict.fromkeys([*names, *by, self.key]))
        fields = [self.schema.field(name) for name in needed]
        tables = [pa.schema(fields).empty_table()]
        for path, footer, groups in zip(
            self.paths, self._footers, self.groups(lo, hi), strict=True
        ):
            if not groups:
                continue
            with open_read(path) as file, pq.ParquetFile(file, metadata=footer) as parquet:
                rows = parquet.read_row_groups(groups, columns=needed).select(needed)
            keys = rows.column(self.key).to_numpy()
            inside = keys >= np.uint64(lo)
            if hi is not None:
                inside &= keys < np.uint64(hi)
            tables.append(rows if inside.all() else rows.filter(pa.array(inside)))
        return sort_rows(pa.concat_tables(tables), by).select(names)


def read_range(
    paths: Sequence[str],
    key: str,
    lo: int,
    hi: int | None,
    columns: Sequence[str] | None = None,
    by: Sequence[str] = (),
) -> pa.Table:
    """Return one key range of an exchange (see `SortedFiles.read`, which is for several)."""
    return SortedFiles(paths, key).read(lo, hi, columns, by)


def split_ranges(total: int, max_per_range: int) -> list[Range]:
    """Split the keys into equal ranges for `total` rows (or bytes) with uniformly hashed keys.

    A range holds about `max_per_range` at most, more where many rows share a key. At least one
    range; the last has no end.
    """
    count = max(1, -(-total // max_per_range))
    starts = [index * KEY_END // count for index in range(count)]
    return list(zip(starts, [*starts[1:], None], strict=True))


def _bounds(footer: pq.FileMetaData, key: str) -> list[tuple[int, int]]:
    """Return the smallest and largest key of every row group, as unsigned integers."""
    column = footer.schema.names.index(key)
    bounds = []
    for group in range(footer.num_row_groups):
        statistics = footer.row_group(group).column(column).statistics
        if statistics is None or not statistics.has_min_max:
            raise ValueError(f"exchange key {key} has no statistics in row group {group}")
        bounds.append((int(statistics.min), int(statistics.max)))
    return bounds
