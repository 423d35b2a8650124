"""Join the members of a compressed file into the stream of bytes that records are parsed from."""

from enum import Enum
from typing import Protocol

from curate.sources.window import FileWindow

START = b"WARC/"
_RETRY_FACTOR = 8
_RETRY_BYTES = 256 << 10


class MemberError(Exception):
    """Say what damage ended a member; `end` is where it ends, if damage leaves that likely."""

    def __init__(self, reason: str, detail: str, offset: int, end: int | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.offset, self.end = reason, detail, offset, end


class Member(Protocol):
    """Give one gzip member's or zstd frame's bytes; `reached` is how far the file was read."""

    offset: int
    reached: int
    end: int | None

    def read(self) -> bytes:
        """Return the next piece, b'' at the end. Raises: MemberError."""
        ...


class Codec(Protocol):
    """Open members and find where they begin."""

    damage: str

    def is_member(self, window: FileWindow, offset: int) -> bool:
        """Tell whether a member could begin at `offset`, by its magic."""
        ...

    def open(self, window: FileWindow, offset: int) -> Member:
        """Open the member at `offset`. Raises: MemberError."""
        ...

    def find(self, window: FileWindow, start: int, stop: int, prefix: bytes) -> int | None:
        """Return the first start in `[start, stop)` of a member whose content has a prefix."""
        ...

    def confirms(self, window: FileWindow, offset: int, prefix: bytes) -> bool:
        """Tell whether a member whose content has a prefix begins at `offset`; b'': any."""
        ...


class Join(Enum):
    """Say when the next member may continue what ended with this one."""

    NEVER = 0
    RECORD = 1  # a record is cut: unless the next member begins with `WARC/`
    SEPARATOR = 2  # newlines are due: if the next member begins with one


class Retries:
    """Bound what re-reading damaged stretches costs: 8 times their length and 256 KiB.

    Damage found late may have swallowed good members, so reading resumes just behind the start of
    the damaged member. In hostile input every such retry could run to the same place again.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self.high = start
        self._spent_bytes = 0

    def spend(self, start: int, reached: int) -> None:
        """Count one reading from `start` to `reached`."""
        self.high = max(self.high, reached)
        self._spent_bytes += reached - start

    def exhausted(self) -> bool:
        """Tell whether to go on behind everything read so far."""
        return self._spent_bytes > _RETRY_FACTOR * (self.high - self._start) + _RETRY_BYTES


class MemberStream:
    """Give the decompressed bytes from one member on, and of those that continue its records.

    `buf` begins at the cursor. Positions map back to (offset of the member, offset inside it).
    """

    def __init__(self, window: FileWindow, codec: Codec, start: int, retries: Retries) -> None:
        self._window, self._codec, self._retries = window, codec, retries
        self._start = self.reached = self.next = start
        self.buf = bytearray()
        self._position = 0  # of the cursor, in decompressed bytes since `start`
        self._starts: list[tuple[int, int]] = []
        self._member: Member | None = None
        self.fault: MemberError | None = None
        self._trusts_large = True
        self._mark: tuple[int, list[tuple[int, int]]] = (0, [])
        self._must_reach = 0
        self._num_members = 0
        self._open(start)

    def begin(self) -> bool:
        """Tell whether anything begins at the cursor."""
        if not self.need(1):
            return False
        if len(self.buf) < 5 and START.startswith(self.buf):
            self.need(5, Join.RECORD)
        return True

    def place(self) -> tuple[int, int]:
        """Return (offset, inner) of the cursor."""
        while len(self._starts) > 1 and self._starts[1][0] <= self._position:
            self._starts.pop(0)
        position, offset = self._starts[0]
        return offset, self._position - position

    def need(self, num_bytes: int, join: Join = Join.NEVER) -> bool:
        """Make `buf` hold `num_bytes` bytes; False if the stream ends before that."""
        while len(self.buf) < num_bytes:
            if self.fault or not (self._fill() or self._extend(join)):
                return False
        return True

    def drop(self, num_bytes: int) -> None:
        """Move the cursor."""
        del self.buf[:num_bytes]
        self._position += num_bytes

    def pass_over(self, num_bytes: int) -> bool:
        """Move the cursor over a block too large to hold; False if it ends before, or is doubted.

        Once a length above the limit was wrong, the others of this stream are doubted: each could
        cost reading to the end.
        """
        if not self._trusts_large:
            return False
        self.place()
        mark = (self._position, list(self._starts))
        while num_bytes and self.need(1, Join.RECORD):
            step = min(num_bytes, len(self.buf))
            self.drop(step)
            num_bytes -= step
        if not num_bytes:
            self._mark = mark
            return True
        self._rewind(mark)
        return False

    def doubt(self) -> None:
        """Take back the last `pass_over`, and trust none after it."""
        self._rewind(self._mark)

    def short_reason(self) -> str:
        """Name what it means that a record is longer than the stream."""
        at_end = self.next >= self._window.size and self._num_members > 1
        return "truncated_file" if at_end else "bad_content_length"

    def recover(self) -> tuple[str, str]:
        """Set `next` to where reading resumes after damage; return (reason, detail) of the damage.

        The end of a member whose checksum is wrong is trusted if another member begins there.
        Where members ended inside records (bgzip), the next one need not begin a record.
        """
        fault, window = self.fault, self._window
        assert fault is not None
        self._retries.spend(self._start, self.reached)
        prefix = START if self._num_members == 1 else b""
        if self._retries.exhausted():
            start = self._retries.high
        elif fault.end and (
            fault.end == window.size or self._codec.confirms(window, fault.end, prefix)
        ):
            start = fault.end
        else:
            start = fault.offset + 1
        found = self._codec.find(window, start, window.size, prefix)
        self.next = window.size if found is None else found
        if fault.reason == "truncated_file" and self.next < window.size:
            return self._codec.damage, "inflates to the end of the file, over other members"
        return fault.reason, fault.detail

    def _open(self, offset: int) -> None:
        try:
            self._member = self._codec.open(self._window, offset)
        except MemberError as error:
            self._member, self.fault = None, error
        self._starts.append((self._position + len(self.buf), offset))
        self._num_members += 1

    def _fill(self) -> bool:
        """Append the next piece of the open member; False at its end or at damage."""
        if self._member is None:
            return False
        try:
            piece = self._member.read()
        except MemberError as error:
            self.fault = error
            piece = b""
        self.reached = max(self.reached, self._member.reached)
        if not piece:
            if self._member.end is not None:
                self.next = self._member.end
            self._member = None
            return False
        self.buf += piece
        return True

    def _extend(self, join: Join) -> bool:
        """Open the next member if it continues this one; a damaged one is taken to do so."""
        if self.fault or self._member or not self._codec.is_member(self._window, self.next):
            return False
        if self.next >= self._must_reach:
            if join is Join.NEVER:
                return False
            try:
                head = self._codec.open(self._window, self.next).read()[:5]
            except MemberError:
                head = b"?" if join is Join.RECORD else b""
            if not head or (head == START if join is Join.RECORD else head[0] not in b"\r\n"):
                return False
        self._open(self.next)
        return True

    def _rewind(self, mark: tuple[int, list[tuple[int, int]]]) -> None:
        """Read again from a marked position on; costs the members passed once more."""
        self._retries.spend(self._start, self.reached)
        position, starts = mark
        self._must_reach = self.next
        self._trusts_large = False
        self.fault = None
        self.buf.clear()
        self._position, offset = starts[0]
        self._starts = []
        self._open(offset)
        while self._position < position and self.need(1):
            self.drop(min(len(self.buf), position - self._position))
