"""Read an HTML file as one record."""

from collections.abc import Iterator
from typing import BinaryIO

from curate.sources.record import ByteRange, ErrorSpan, Limits, Record
from curate.sources.window import FileWindow


class HtmlReader:
    """Yield the file as one record of type 'html', in the part in whose range byte 0 lies.

    Raises:
        InputError: the file is not as long as `byte_range.size`.
    """

    def __init__(
        self,
        file: BinaryIO,
        byte_range: ByteRange,
        limits: Limits | None = None,
        url: str | None = None,
    ) -> None:
        self._file = file
        self._range = byte_range
        self._limits = limits or Limits()
        self._url = url
        self.first_start: int | None = None
        self.end = byte_range.end if byte_range.first is None else byte_range.first

    def __iter__(self) -> Iterator[Record | ErrorSpan]:
        """Yield one record, or a span for a file of 0 bytes."""
        size = self._range.size
        window = FileWindow(self._file, size)
        start = self._range.start if self._range.first is None else self._range.first
        if start != 0:
            return
        if size == 0:
            yield ErrorSpan(0, 0, 0, "empty_file", "0 bytes")
            return
        self.first_start, self.end = 0, size
        record = Record(0, 0, size, "html", self._url)
        if size > self._limits.max_record_bytes:
            record.error = ("record_too_large", f"{size} bytes")
        else:
            record.block = window.at(0, size)
        yield record
