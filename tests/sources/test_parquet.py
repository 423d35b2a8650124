"""Rows of Parquet files, and what is wrong with them."""

from __future__ import annotations

import io
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.sources.jsonl import Fields
from curate.sources.parquet import ParquetReader
from curate.sources.record import ByteRange, ErrorSpan, Limits, Record

from . import warc_files as make


def _write(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **{"row_group_size": 100, **options})
    return file.getvalue()


def _table(count: int = 1000) -> pa.Table:
    texts = [f"row {i} " * (i % 20) for i in range(count)]
    return pa.table({"text": texts, "url": [f"u{i}" for i in range(count)], "n": range(count)})


def _read(data: bytes, fields: Fields | None = None, **limits: int) -> list[make.Row]:
    byte_range = ByteRange("x", len(data), 0, len(data), 0)
    return list(ParquetReader(io.BytesIO(data), byte_range, Limits(**limits), fields))


def test_rows_and_parts() -> None:
    data = _write(_table())
    rows = _read(data)
    assert [row.text for row in rows if isinstance(row, Record)] == _table()["text"].to_pylist()
    assert len({row.offset for row in rows}) == 10
    assert {row.inner for row in rows} == set(range(100))
    for part_size in (100, 555, 1000, 3000, 4096, 10_000, 10**9):
        chained, repairs = make.read_chained(data, part_size, ParquetReader)
        assert chained == rows
        assert repairs == 0


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.binary()]
)
def test_types_of_text(kind: pa.DataType) -> None:
    table = pa.table({"text": pa.array(["a", None, "c", "a"]).cast(kind)})
    rows = _read(_write(table, use_dictionary=True))
    assert [row.text for row in rows if isinstance(row, Record)] == ["a", None, "c", "a"]
    assert make.reasons(rows) == ["missing_text"]


def test_bad_rows() -> None:
    bad = pa.array([b"good", b"\xff\xfe", b"x" * 5000], pa.binary())
    table = pa.table({"text": bad.view(pa.string())})
    rows = _read(_write(table), max_record_bytes=1000)
    assert make.reasons(rows) == ["bad_utf8", "record_too_large"]
    assert make.reasons(_read(_write(pa.table({"text": [1, 2]})))) == ["wrong_type"] * 2
    assert make.reasons(_read(_write(pa.table({"text": [["a"]]})))) == ["wrong_type"]
    assert make.reasons(_read(_write(pa.table({"other": ["a"]})))) == ["parquet_corrupt"]


def test_damaged_files_are_spans() -> None:
    data = _write(_table(), use_dictionary=False)
    for broken in (b"", b"PAR1", data[:-20], b"XXXX" * 100, data[: len(data) // 2]):
        (span,) = _read(broken)
        assert isinstance(span, ErrorSpan)
        assert span.length == len(broken)
    rng = random.Random(2)
    damaged = data[:20] + rng.randbytes(400) + data[420:]
    rows = _read(damaged)
    assert "parquet_corrupt" in make.reasons(rows)
    assert sum(isinstance(row, Record) for row in rows) >= 900


def test_html_and_url() -> None:
    table = pa.table({"page": ["<p>a</p>"], "link": ["u"]})
    (row,) = _read(_write(table), Fields(html="page", url="link", date=None))
    assert isinstance(row, Record)
    assert (row.type, row.block, row.url) == ("html", b"<p>a</p>", "u")
