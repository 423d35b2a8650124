"""From the YAML's `input.format` to a reader."""

from __future__ import annotations

from typing import Any, BinaryIO

from curate.sources.html import HtmlReader
from curate.sources.jsonl import Fields, JsonlReader
from curate.sources.parquet import ParquetReader
from curate.sources.record import ByteRange, Limits, Reader
from curate.sources.warc import WarcReader


def open_reader(
    input_format: str,
    file: BinaryIO,
    byte_range: ByteRange,
    max_record_bytes: int,
    fields: dict[str, Any],
) -> Reader:
    """Return the reader of a format over the range; WET is WARC whose records hold text."""
    limits = Limits(max_record_bytes=max_record_bytes, max_line_bytes=max_record_bytes)
    if input_format == "jsonl":
        return JsonlReader(file, byte_range, limits, Fields(**fields))
    if input_format == "parquet":
        return ParquetReader(file, byte_range, limits, Fields(**fields))
    if input_format == "html":
        return HtmlReader(file, byte_range, limits, url=byte_range.source)
    return WarcReader(file, byte_range, limits)
