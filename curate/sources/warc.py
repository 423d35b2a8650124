"""Read the records of a WARC file, or of a byte range of one: plain, `.gz` or `.zst`.

A gzip member or zstd frame with its records is read as a whole by the part in whose range it
begins, and so are members that continue a cut record (bgzip). What lies between damaged and
confirmed bytes is one unit too. Nothing else is carried from one unit to the next, so a reader
that begins where a unit begins finds what a sequential reader finds.

Source: ISO 28500:2017 (WARC 1.1), annex A for gzip; RFC 1952; RFC 8878.
"""

from collections.abc import Generator, Iterator
from typing import BinaryIO

from curate.sources import gzip, zstd
from curate.sources.members import START, Codec, MemberStream, Retries
from curate.sources.plain import PlainStream
from curate.sources.record import ByteRange, ErrorSpan, Limits, Record
from curate.sources.scan import resync, scan
from curate.sources.window import FileWindow

_DETECT_BYTES = 1 << 20


class WarcReader:
    """Yield the records and error spans that begin in a range of a WARC file.

    Separators (newlines behind a record, empty members, skippable frames) belong to what is before
    them; every other byte is in a record or a span. Memory: two records of `max_record_bytes`, and
    2 MiB. In a member of many records a wrong checksum is known only at its end: it is the last
    record's error.

    Raises:
        InputError: the file is not as long as `byte_range.size`.
    """

    def __init__(self, file: BinaryIO, byte_range: ByteRange, limits: Limits | None = None) -> None:
        self._range = byte_range
        self._limits = limits or Limits()
        self._file = file
        self.first_start: int | None = None
        self.end = byte_range.end if byte_range.first is None else byte_range.first

    def __iter__(self) -> Iterator[Record | ErrorSpan]:
        """Yield records and error spans in file order."""
        window = FileWindow(self._file, self._range.size)
        if window.size == 0 and self._range.first == 0:
            yield ErrorSpan(0, 0, 0, "empty_file", "0 bytes")
        codec = detect(window)
        start = self._locate(window, codec)
        if start is None or start >= self._range.end:
            return
        self.first_start = start
        if codec is None:
            stream = PlainStream(window, start, self._range.end)
            yield from scan(stream, self._limits)
            self.end = stream.next
            return
        while start < self._range.end:
            retries = Retries(start)
            while True:
                start = yield from self._read_unit(window, codec, start, retries)
                if start >= retries.high:
                    break
        self.end = start

    def _locate(self, window: FileWindow, codec: Codec | None) -> int | None:
        """Return where to begin: as told, or at the first confirmed start of the range."""
        start, stop = self._range.start, self._range.end
        if self._range.first is not None:
            return self._range.first
        if codec is not None:
            return codec.find(window, start, stop, START)
        stream = PlainStream(window, start, stop)
        resync(stream, self._limits, 0, stop - start)
        return stream.next if stream.begin() else None

    def _read_unit(
        self, window: FileWindow, codec: Codec, start: int, retries: Retries
    ) -> Generator[Record | ErrorSpan, None, int]:
        """Read from one member to where nothing is carried over; return where that is."""
        if not codec.is_member(window, start):
            found = codec.find(window, start + 1, window.size, START)
            end = window.size if found is None else found
            is_padding = _is_padding(window, start, end)
            reason = "padding" if is_padding else "garbage"
            yield ErrorSpan(start, 0, end - start, reason, "bytes that begin no member")
            return end
        stream = MemberStream(window, codec, start, retries)
        yield from scan(stream, self._limits)
        if stream.fault is None:
            retries.spend(start, stream.next)
        return stream.next


def detect(window: FileWindow) -> Codec | None:
    """Tell how the file is compressed by its first bytes, None if it is not.

    Where the head is damaged, the first confirmed start within 1 MiB tells.
    """
    head = window.at(0, 8)
    if head[:2] == gzip.MAGIC[:2]:
        return gzip.GzipCodec()
    if head[:4] == zstd.MAGIC or zstd.is_skippable(head):
        return zstd.ZstdCodec(window)
    if head[:5] == b"WARC/":
        return None
    codecs: list[Codec] = [gzip.GzipCodec(), zstd.ZstdCodec(window)]
    starts = [codec.find(window, 0, min(_DETECT_BYTES, window.size), START) for codec in codecs]
    plain = window.at(0, min(_DETECT_BYTES, window.size)).find(b"\nWARC/")
    found = [(start, i) for i, start in enumerate(starts) if start is not None]
    if not found or 0 <= plain < min(found)[0]:
        return None
    return codecs[min(found)[1]]


def _is_padding(window: FileWindow, start: int, end: int) -> bool:
    while start < end:
        block = window.at(start, min(64 << 10, end - start))
        if block.strip(b"\0\t\r\n "):
            return False
        start += len(block)
    return True
