"""Hold what every reader yields, and the range of a file that a part reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

PAGE_TYPES = frozenset({"response", "resource", "conversion", "revisit"})


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Name what one part reads of one file.

    The part owns the records and error spans that begin in `[start, end)`.

    `first` is where to begin reading, when that is known: 0 for the first part of a file, the end
    of the part before when the chain is repaired. None means: search for the first confirmed
    start at or after `start`.
    """

    source: str
    size: int
    start: int
    end: int
    first: int | None = None


@dataclass(slots=True)
class Record:
    """Hold one entry of an input file.

    `offset` is that of its member, frame, row group or line in the file, in bytes; `inner` the byte
    offset inside the decompressed member, or the row within the row group, else 0. `length` counts
    the decompressed bytes of the record, header included. `type` is the WARC-Type in lower case, or
    'html' or 'text' for other formats. `block` is the content block, and b'' where the record is
    errored or its type can never become a page. `error` is (reason, detail): the record is errored.

    Source: ISO 28500:2017 (WARC 1.1), clauses 4 and 5.
    """

    offset: int
    inner: int
    length: int
    type: str
    url: str | None = None
    date: str | None = None
    content_type: str | None = None
    block: bytes = b""
    text: str | None = None
    truncated: str | None = None
    payload_digest: str | None = None
    flags: tuple[str, ...] = ()
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ErrorSpan:
    """Name bytes that are no record.

    With `inner == 0` the span begins at a byte of the file and `length` counts bytes of the file;
    with `inner > 0` it begins inside a decompressed member and `length` counts decompressed bytes.
    """

    offset: int
    inner: int
    length: int
    reason: str
    detail: str


class Reader(Protocol):
    """Iterate once over what a part owns; afterwards `first_start` and `end` are valid.

    `first_start` is the file offset where the first owned thing begins, None if nothing begins in
    the range. `end` is the file offset where the next part must begin: the end of the last owned
    thing, never before `range.end` if something was owned. If nothing was owned, it is
    `range.first` where that was given (what was handed in is handed on), else `range.end`.

    The chain rule, with `at` the end of the part before (0 for the first part): part k is right if
    `at >= range.end` and `first_start is None` (then `at` stays), or `first_start == at`
    (then `at` becomes its `end`). Otherwise it is read again with `first=at`.
    """

    first_start: int | None
    end: int

    def __iter__(self) -> Iterator[Record | ErrorSpan]:
        """Yield records and error spans in file order."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound what one record may take, in bytes; one more is an errored record."""

    max_record_bytes: int = 32 << 20
    max_header_bytes: int = 64 << 10
    max_line_bytes: int = 64 << 20
