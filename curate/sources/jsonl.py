"""Read the lines of a JSONL file: plain ones by byte range, `.gz` and `.zst` as a whole.

Source: RFC 8259 (JSON), sections 8.1 and 8.2; jsonlines.org.
Deviation: NaN and infinities are read, integers may have any length, lone surrogates become U+FFFD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from curate.sources import gzip, zstd
from curate.sources.members import Codec, Member, MemberError, Retries
from curate.sources.record import ByteRange, ErrorSpan, Limits, Record
from curate.sources.window import FileWindow

_CHUNK_BYTES = 256 << 10
_SURROGATE = re.compile("[\ud800-\udfff]")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Fields:
    """Name the fields of a row; where `html` is given, rows are pages and `text` is not read."""

    text: str = "text"
    html: str | None = None
    url: str | None = "url"
    date: str | None = "date"


class JsonlReader:
    """Yield a record for each line that begins in the range; blank lines are nothing.

    A compressed file is read as a whole by the part that holds its byte 0; `offset` is 0 then, and
    `inner` the decompressed offset of the line. After damage reading resumes at the next member or
    frame; the first line there may be half a line, and is errored then. Memory: a few
    `max_line_bytes` while a line is parsed; a longer one is passed over in constant memory.

    Raises:
        InputError: the file is not as long as `byte_range.size`.
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
        self.num_lines = 0  # met so far, blank ones and that of the last record included

    def __iter__(self) -> Iterator[Record | ErrorSpan]:
        """Yield records and error spans in file order."""
        window = FileWindow(self._file, self._range.size)
        if window.size == 0:
            if self._range.first == 0 or self._range.start == 0:
                yield ErrorSpan(0, 0, 0, "empty_file", "0 bytes")
            return
        head = window.at(0, 8)
        if head[:3] == gzip.MAGIC:
            yield from self._read_members(window, gzip.GzipCodec())
        elif head[:4] == zstd.MAGIC or zstd.is_skippable(head):
            yield from self._read_members(window, zstd.ZstdCodec(window))
        else:
            yield from self._read_plain(window)

    def _read_plain(self, window: FileWindow) -> Iterator[Record]:
        start, stop = self._range.start, self._range.end
        if self._range.first is not None:
            start = self._range.first
        elif start > 0:
            found = window.find(b"\n", start - 1, stop - 1, lambda offset: True)
            if found is None:
                return
            start = found + 1
        if start >= stop:
            return
        self.first_start = start
        lines = _Lines(self._limits.max_line_bytes, start)
        at = start
        while at < window.size and lines.position < stop:
            piece = window.at(at, _CHUNK_BYTES)
            at += len(piece)
            for position, length, line in lines.add(piece):
                if position >= stop:
                    break
                yield from self._parse(position, 0, length, line)
                self.end = position + length
            else:
                continue
            break
        if at >= window.size and lines.position < stop:
            for position, length, line in lines.close():
                yield from self._parse(position, 0, length, line)
            self.end = window.size

    def _read_members(self, window: FileWindow, codec: Codec) -> Iterator[Record | ErrorSpan]:
        start = self._range.start if self._range.first is None else self._range.first
        if start != 0:
            return
        self.first_start, self.end = 0, window.size
        lines = _Lines(self._limits.max_line_bytes, 0)
        retries = Retries(0)
        at = 0
        while at < window.size:
            member: Member | None = None
            try:
                if not codec.is_member(window, at):
                    raise MemberError("garbage", "bytes that begin no member", at)
                member = codec.open(window, at)
                while piece := member.read():
                    for position, length, line in lines.add(piece):
                        yield from self._parse(0, position, length, line)
                assert member.end is not None
                at = member.end
            except MemberError as error:
                for position, length, _ in lines.close():
                    self.num_lines += 1
                    yield Record(0, position, length, "text", error=(error.reason, error.detail))
                retries.spend(at, member.reached if member else at)
                start = max(retries.high, at + 1) if retries.exhausted() else at + 1
                found = codec.find(window, start, window.size, b"")
                end = window.size if found is None else found
                yield ErrorSpan(at, 0, end - at, error.reason, error.detail)
                at = end
        for position, length, line in lines.close():
            yield from self._parse(0, position, length, line)

    def _parse(self, offset: int, inner: int, length: int, line: bytes | None) -> Iterator[Record]:
        self.num_lines += 1
        record = Record(offset, inner, length, "html" if self._fields.html else "text")
        if line is None:
            record.error = ("line_too_long", f"more than {self._limits.max_line_bytes} bytes")
            yield record
            return
        line = line.strip(b" \t\r\n")
        if offset == 0 and inner == 0:
            line = line.removeprefix(_BOM)
        if line:
            fill_record(record, line, self._fields)
            yield record


def fill_record(record: Record, line: bytes, fields: Fields) -> None:
    """Set the record's text or block, url and date from a JSON object, or its error."""
    try:
        row = json.loads(line.decode("utf-8"), parse_int=_read_int)
    except UnicodeDecodeError as error:
        record.error = ("bad_utf8", f"byte {error.start} of the line")
        return
    except RecursionError:
        record.error = ("bad_json", "nested too deeply")
        return
    except ValueError as error:
        record.error = ("bad_json", str(error)[:200])
        return
    if not isinstance(row, dict):
        record.error = ("not_an_object", f"the line is a JSON {type(row).__name__}")
        return
    name = fields.html or fields.text
    fill_from_values(
        record,
        row.get(name),
        row.get(fields.url) if fields.url else None,
        row.get(fields.date) if fields.date else None,
        name,
    )


def fill_from_values(record: Record, value: object, url: object, date: object, name: str) -> None:
    """Set text or block, url and date from the values of a row, or the error."""
    record.url = scrub(url) if isinstance(url, str) else None
    record.date = scrub(date) if isinstance(date, str) else None
    if value is None:
        record.error = ("missing_text", f"no value in {name!r}")
    elif not isinstance(value, str):
        record.error = ("wrong_type", f"{name!r} is a {type(value).__name__}, not a string")
    else:
        text = scrub(value)
        if len(text) != len(value) or text is not value:
            record.flags += ("lone_surrogate",)
        if record.type == "html":
            record.block = text.encode("utf-8")
        else:
            record.text = text


def scrub(text: str) -> str:
    """Replace lone surrogates by U+FFFD; returns the same object if there are none."""
    try:
        text.encode("utf-16-le")
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def _read_int(digits: str) -> int | float:
    """Read an integer of any length without the cost of a big one; none is ever used."""
    return int(digits) if len(digits) < 20 else float("inf")


class _Lines:
    """Cut pieces of bytes into lines; gives (position, length with newline, line or None)."""

    def __init__(self, max_line_bytes: int, position: int) -> None:
        self._max = max_line_bytes
        self._rest = bytearray()
        self._skipped = 0
        self.position = position

    def add(self, piece: bytes) -> Iterator[tuple[int, int, bytes | None]]:
        """Yield the lines that end in this piece."""
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            yield self._take(piece[start : end + 1])
            start = end + 1
        self._rest += piece[start:]
        if len(self._rest) > self._max:
            self._skipped += len(self._rest)
            self._rest.clear()

    def close(self) -> Iterator[tuple[int, int, bytes | None]]:
        """Yield what is left as a last line, if anything is."""
        if self._rest or self._skipped:
            yield self._take(b"")

    def _take(self, last: bytes) -> tuple[int, int, bytes | None]:
        length = self._skipped + len(self._rest) + len(last)
        is_long = self._skipped or length > self._max + 1
        line = None if is_long else bytes(self._rest) + last if self._rest else last
        position = self.position
        self.position += length
        self._rest.clear()
        self._skipped = 0
        return position, length, line
