"""Read a seekable file at any offset through one cached block."""

from collections.abc import Callable
from typing import BinaryIO

from curate.errors import InputError

BLOCK_BYTES = 1 << 20


class FileWindow:
    """Give slices of a file by offset; memory is one block of 1 MiB or the largest slice asked for.

    A file that is shorter or longer than `size` was changed after the run was planned.

    Raises:
        InputError: the file is not `size` bytes long.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size
        self._base = 0
        self._block = b""
        actual = file.seek(0, 2)
        if actual != size:
            raise InputError(f"input_changed: file has {actual} bytes, {size} when the run began")

    def at(self, offset: int, num_bytes: int) -> bytes:
        """Return up to `num_bytes` bytes from `offset`; fewer only at the end of the file."""
        num_bytes = min(num_bytes, self.size - offset)
        if num_bytes <= 0:
            return b""
        low = offset - self._base
        if low < 0 or low + num_bytes > len(self._block):
            self._file.seek(offset)
            self._block = self._read(min(max(num_bytes, BLOCK_BYTES), self.size - offset))
            self._base, low = offset, 0
        if num_bytes == len(self._block):
            return self._block
        return self._block[low : low + num_bytes]

    def peek(self, offset: int, num_bytes: int) -> bytes:
        """Return bytes far from where reading goes on, leaving the cached block alone."""
        num_bytes = min(num_bytes, self.size - offset)
        if num_bytes <= 0:
            return b""
        low = offset - self._base
        if low >= 0 and low + num_bytes <= len(self._block):
            return self._block[low : low + num_bytes]
        self._file.seek(offset)
        return self._read(num_bytes)

    def find(
        self, pattern: bytes, start: int, stop: int, accept: Callable[[int], bool]
    ) -> int | None:
        """Return the first offset in `[start, stop)` where `pattern` occurs and `accept` agrees."""
        while start < stop:
            block = self.at(start, min(BLOCK_BYTES // 4, stop - start) + len(pattern) - 1)
            found = block.find(pattern)
            while found >= 0 and start + found < stop:
                if accept(start + found):
                    return start + found
                found = block.find(pattern, found + 1)
            if start + len(block) >= self.size:
                return None
            start += len(block) - len(pattern) + 1
        return None

    def _read(self, num_bytes: int) -> bytes:
        """Read exactly `num_bytes` from the file's position, however short its reads are."""
        pieces = []
        while num_bytes > 0:
            piece = self._file.read(num_bytes)
            if not piece:
                raise InputError("input_changed: the file ended before the size it began with")
            pieces.append(piece)
            num_bytes -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
