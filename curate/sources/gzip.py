"""Read gzip members one at a time, keeping what was inflated before any damage.

Source: RFC 1952 (gzip), RFC 1951 (deflate).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from curate.sources.members import Member, MemberError
from curate.sources.window import FileWindow

MAGIC = b"\x1f\x8b\x08"
_FIRST_INPUT_BYTES = 16 << 10
_INPUT_BYTES = 64 << 10
_OUTPUT_BYTES = 256 << 10
_MAX_NAME_BYTES = 4 << 10
_CONFIRM_BYTES = 1 << 10


class GzipCodec:
    """Open gzip members and tell where one begins."""

    damage = "gzip_corrupt"

    def is_member(self, window: FileWindow, offset: int) -> bool:
        """Tell whether a member could begin at `offset`, by its magic."""
        return window.at(offset, 3) == MAGIC

    def open(self, window: FileWindow, offset: int) -> Member:
        """Open the member at `offset`. Raises: MemberError."""
        return GzipMember(window, offset)

    def find(self, window: FileWindow, start: int, stop: int, prefix: bytes) -> int | None:
        """Return the first confirmed start in `[start, stop)`."""
        return window.find(MAGIC, start, stop, lambda at: self.confirms(window, at, prefix))

    def confirms(self, window: FileWindow, offset: int, prefix: bytes) -> bool:
        """Tell whether a member that inflates to the prefix begins at `offset`; constant cost."""
        data = _header_end(window.peek, window.size, offset)
        if data is None:
            return False
        head = window.peek(data, _CONFIRM_BYTES)
        kind = head[0] >> 1 & 3 if head else 3
        if kind == 3 or (kind == 0 and not head.startswith(prefix, 5) and head[1:3] != b"\0\0"):
            return False
        try:
            output = zlib.decompressobj(-15).decompress(head, len(prefix) or _CONFIRM_BYTES)
        except zlib.error:
            return False
        return bool(output) and output.startswith(prefix)


class GzipMember:
    """Inflate one member piece by piece; a piece has at most 256 KiB."""

    def __init__(self, window: FileWindow, offset: int) -> None:
        data = _header_end(window.at, window.size, offset)
        if data is None:
            if window.size - offset < 18:
                raise MemberError("truncated_file", "file ends in a gzip header", offset)
            raise MemberError("gzip_corrupt", "invalid gzip header", offset)
        self._window = window
        self.offset = offset
        self.reached = data
        self.end: int | None = None
        self._inflate = zlib.decompressobj(-15)
        self._fed = False
        self._tail = b""
        self._crc = 0
        self._length = 0
        self._failure: MemberError | None = None

    def read(self) -> bytes:
        """Return the next piece, b'' at the member's end. Raises: MemberError, once damage is met.

        All bytes before the damage have been returned by then, however the input was cut up.
        """
        while self.end is None:
            if self._failure:
                raise self._failure
            piece = self._step()
            if piece:
                self._crc = zlib.crc32(piece, self._crc)
                self._length += len(piece)
            if self._inflate.eof and not self._failure:
                self._close()
            if piece:
                return piece
        return b""

    def _step(self) -> bytes:
        data = self._tail
        if not data:
            size = _INPUT_BYTES if self._fed else _FIRST_INPUT_BYTES
            data = self._window.at(self.reached, size)
            if not data:
                self._fail("truncated_file", "file ends inside a gzip member")
                return b""
            self.reached += len(data)
        before = self._inflate.copy() if self._fed else zlib.decompressobj(-15)
        self._fed = True
        try:
            piece = self._inflate.decompress(data, _OUTPUT_BYTES)
        except zlib.error as error:
            self._fail("gzip_corrupt", str(error))
            return _salvage(before, data)
        self._tail = self._inflate.unconsumed_tail
        return piece

    def _close(self) -> None:
        end = self.reached - len(self._inflate.unused_data)
        trailer = self._window.at(end, 8)
        self.reached = end + len(trailer)
        if len(trailer) < 8:
            self._fail("truncated_file", "file ends in a gzip trailer")
        elif int.from_bytes(trailer[:4], "little") != self._crc:
            self._fail("gzip_crc", "CRC-32 of the member differs", end + 8)
        elif int.from_bytes(trailer[4:], "little") != self._length & 0xFFFFFFFF:
            self._fail("gzip_crc", "length of the member differs", end + 8)
        else:
            self.end = end + 8

    def _fail(self, reason: str, detail: str, end: int | None = None) -> None:
        self._failure = MemberError(reason, detail, self.offset, end)


def _salvage(inflate: zlib._Decompress, data: bytes) -> bytes:
    """Inflate `data` up to the exact byte that breaks it, by halving; log2(64 Ki) retries."""
    pieces = []
    position, step = 0, len(data) // 2
    while step:
        trial = inflate.copy()
        try:
            pieces.append(trial.decompress(data[position : position + step], _OUTPUT_BYTES))
        except zlib.error:
            step //= 2
            continue
        inflate = trial
        position += step
    return b"".join(pieces)


def _header_end(read: Callable[[int, int], bytes], size: int, offset: int) -> int | None:
    """Return where the deflate stream begins, None if no sane header is at `offset`."""
    head = read(offset, 12)
    if len(head) < 10 or head[:3] != MAGIC or head[3] & 0xE0:
        return None
    flags, position = head[3], offset + 10
    if flags & 4:
        position += 2 + int.from_bytes(head[10:12], "little")
    for flag in (8, 16):
        if flags & flag:
            stop = read(position, _MAX_NAME_BYTES).find(b"\0")
            if stop < 0:
                return None
            position += stop + 1
    position += 2 if flags & 2 else 0
    return position if position < size else None
