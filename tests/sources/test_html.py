"""One file is one record."""

from __future__ import annotations

import io

from curate.sources.html import HtmlReader
from curate.sources.record import ByteRange, Limits, Record

from . import warc_files as make


def test_file_is_one_record_whatever_the_parts() -> None:
    data = b"<html>" + b"a" * 5000
    expected = list(HtmlReader(io.BytesIO(data), ByteRange("a", len(data), 0, len(data), 0)))
    (row,) = expected
    assert isinstance(row, Record)
    assert (row.type, row.block, row.length) == ("html", data, len(data))
    for part_size in (1000, 4096, 10**6):
        assert make.read_chained(data, part_size, HtmlReader) == (expected, 0)


def test_limits() -> None:
    byte_range = ByteRange("a", 11, 0, 11, 0)
    reader = HtmlReader(io.BytesIO(b"x" * 11), byte_range, Limits(max_record_bytes=10), "u")
    assert make.reasons(reader) == ["record_too_large"]
    assert make.reasons(HtmlReader(io.BytesIO(b""), ByteRange("a", 0, 0, 0, 0))) == ["empty_file"]
