"""Give the bytes of an uncompressed WARC file to the record scanner."""

import re

from curate.sources.members import Join, MemberError
from curate.sources.window import FileWindow

_CHUNK_BYTES = 128 << 10
_BOUNDARY = re.compile(rb"\r?\n\r?\n[\r\n]*(WARC/|\Z)|\r\n\r\n")


class PlainStream:
    """Read forward from `start`; at or behind `stop` nothing begins. Like MemberStream."""

    fault: MemberError | None = None

    def __init__(self, window: FileWindow, start: int, stop: int) -> None:
        self._window = window
        self._stop = stop
        self.next = start
        self.buf = bytearray()

    def begin(self) -> bool:
        """Tell whether anything begins at the cursor."""
        return self.next < self._stop and self.need(1)

    def place(self) -> tuple[int, int]:
        """Return (offset, 0) of the cursor."""
        return self.next, 0

    def need(self, num_bytes: int, join: Join = Join.NEVER) -> bool:
        """Make `buf` hold `num_bytes` bytes; False if the file ends before that."""
        while len(self.buf) < num_bytes:
            piece = self._window.at(self.next + len(self.buf), _CHUNK_BYTES)
            if not piece:
                return False
            self.buf += piece
        return True

    def drop(self, num_bytes: int) -> None:
        """Move the cursor."""
        del self.buf[:num_bytes]
        self.next += num_bytes

    def pass_over(self, num_bytes: int) -> bool:
        """Move the cursor over a block too large to hold, if a record ends behind it."""
        end = self.next + num_bytes
        if end > self._window.size:
            return False
        behind = self._window.peek(end, 69)
        if behind and not _BOUNDARY.match(behind):
            return False
        self.next = end
        self.buf.clear()
        return True

    def doubt(self) -> None:
        """Never called: `pass_over` has looked behind the block already."""
        raise AssertionError

    def short_reason(self) -> str:
        """Name what it means that a record is longer than the file."""
        return "truncated_file"

    def recover(self) -> tuple[str, str]:
        """Never called: nothing here can be damaged."""
        raise AssertionError
