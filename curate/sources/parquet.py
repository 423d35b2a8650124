"""Read the rows of a Parquet file, row group by row group.

Source: Apache Parquet format, "File format" (a row group begins at its first column's first page).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from curate.sources.jsonl import Fields, fill_from_values
from curate.sources.record import ByteRange, ErrorSpan, Limits, Record
from curate.sources.window import FileWindow

_BATCH_ROWS = 256


class ParquetReader:
    """Yield a record for each row of the row groups that begin in the range.

    `offset` is that of the row group, `inner` the row in it. `length` counts the bytes of the text.
    Extension types in the file's Arrow schema are never looked up, and nothing is unpickled: the
    columns are read by their Parquet types. Memory: a batch of 256 rows and the pages they are in.
    """

    def __init__(
        self,
        file: BinaryIO,
        byte_range: ByteRange,
        limits: Limits | None = None,
        fields: Fields | None = None,
    ) -> None:
        self._file = file
        self._range = byte_range
        self._limits = limits or Limits()
        self._fields = fields or Fields()
        self.first_start: int | None = None
        self.end = byte_range.end if byte_range.first is None else byte_range.first

    def __iter__(self) -> Iterator[Record | ErrorSpan]:
        """Yield records and error spans in file order."""
        FileWindow(self._file, self._range.size)  # refuses a file that has changed
        span = self._range
        at = span.start if span.first is None else span.first
        try:
            file = pq.ParquetFile(pa.PythonFile(self._file, mode="r"), pre_buffer=False)
            starts = _row_group_starts(file, span.size)
            missing = self._fields.html or self._fields.text
            if missing not in file.schema_arrow.names:
                raise pa.ArrowInvalid(f"no column {missing!r}")
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            if at == 0:
                self.first_start, self.end = 0, span.size
                yield ErrorSpan(0, 0, span.size, "parquet_corrupt", str(error)[:200])
            return
        # The file's head belongs to the first row group, and what follows one belongs to it.
        edges = [0, *starts[1:], span.size] if starts else [0, span.size]
        for group, (start, end) in enumerate(pairwise(edges)):
            if not at <= start < span.end:
                continue
            if self.first_start is None:
                self.first_start = start
            self.end = end
            if starts:
                yield from self._read_group(file, group, starts[group], end)

    def _read_group(
        self, file: pq.ParquetFile, group: int, start: int, end: int
    ) -> Iterator[Record | ErrorSpan]:
        fields = self._fields
        name = fields.html or fields.text
        columns = [c for c in (name, fields.url, fields.date) if c in file.schema_arrow.names and c]
        row = 0
        try:
            batches = file.iter_batches(
                batch_size=_BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False
            )
            for batch in batches:
                for values in _rows(batch, (name, fields.url, fields.date)):
                    yield self._make(start, row, values, name)
                    row += 1
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            detail = f"row group {group} from row {row} on: {str(error)[:160]}"
            yield ErrorSpan(start, 0, end - start, "parquet_corrupt", detail)

    def _make(self, offset: int, row: int, values: list[object], name: str) -> Record:
        kind = "html" if self._fields.html else "text"
        value, url, date = values
        num_bytes = len(value) if isinstance(value, bytes) else 0
        record = Record(offset, row, num_bytes, kind)
        if isinstance(value, bytes):
            if num_bytes > self._limits.max_record_bytes:
                record.error = ("record_too_large", f"{num_bytes} bytes")
                return record
            try:
                value = value.decode("utf-8")
            except UnicodeDecodeError as error:
                record.error = ("bad_utf8", f"byte {error.start} of {name!r}")
                return record
        fill_from_values(record, value, _text(url), _text(date), name)
        return record


def _row_group_starts(file: pq.ParquetFile, size: int) -> list[int]:
    """Return where each row group's first page is. Raises: ValueError for impossible places."""
    starts = []
    for group in range(file.metadata.num_row_groups):
        pages = []
        row_group = file.metadata.row_group(group)
        for i in range(row_group.num_columns):
            column = row_group.column(i)
            pages += [column.data_page_offset]
            if column.has_dictionary_page and column.dictionary_page_offset:
                pages.append(column.dictionary_page_offset)
        starts.append(min(pages, default=0))
    if starts != sorted(set(starts)) or any(not 0 < start < size for start in starts):
        raise ValueError("row groups overlap or lie outside the file")
    return starts


def _rows(batch: pa.RecordBatch, names: tuple[str | None, ...]) -> Iterator[list[object]]:
    """Yield the values of each row in the order of `names`; strings as bytes, unvalidated."""
    columns: list[list[object]] = []
    for name in names:
        index = batch.schema.get_field_index(name) if name else -1
        if index < 0:
            columns.append([None] * batch.num_rows)
            continue
        column = batch.column(index)
        if isinstance(column, pa.ExtensionArray):
            column = column.storage
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_string(column.type):
            column = column.view(pa.binary())
        elif pa.types.is_large_string(column.type):
            column = column.view(pa.large_binary())
        columns.append(column.to_pylist())
    for values in zip(*columns, strict=True):
        yield list(values)


def _text(value: object) -> object:
    """Return a url or date as text; None where it is none."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if hasattr(value, "isoformat") else value
