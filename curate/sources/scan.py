"""Find records in a stream of bytes: parse; after an error, resume at the next confirmed start.

Source: ISO 28500:2017 (WARC 1.1), clause 4: record = header CRLF block CRLF CRLF.
Deviation: any run of CR and LF separates records, since writers get it wrong (all of
CC-MAIN-2018-34 has a CRLF too many); a record so separated is kept, with a flag.
"""

from collections.abc import Iterator
from typing import Protocol

from curate.sources.members import Join, MemberError
from curate.sources.record import PAGE_TYPES, ErrorSpan, Limits, Record
from curate.sources.warc_header import (
    HEADER_END,
    MAX_VERSION_LINE_BYTES,
    VERSION_LINE,
    Header,
    parse_header,
)

_PADDING = b"\0\t\r\n "
_SEPARATOR_BYTES = 64
_CUT = ("cut", "damage ended the record: no start is sought inside it")
_SHORT = "no record ends there: "


class Stream(Protocol):
    """Give bytes from a cursor on; `MemberStream` and `PlainStream` are the two there are."""

    buf: bytearray
    next: int
    fault: MemberError | None

    def begin(self) -> bool: ...  # noqa: D102
    def place(self) -> tuple[int, int]: ...  # noqa: D102
    def need(self, num_bytes: int, join: Join = Join.NEVER) -> bool: ...  # noqa: D102
    def drop(self, num_bytes: int) -> None: ...  # noqa: D102
    def pass_over(self, num_bytes: int) -> bool: ...  # noqa: D102
    def doubt(self) -> None: ...  # noqa: D102
    def short_reason(self) -> str: ...  # noqa: D102
    def recover(self) -> tuple[str, str]: ...  # noqa: D102


def scan(stream: Stream, limits: Limits) -> Iterator[Record | ErrorSpan]:
    """Yield the records and error spans that begin in the stream; `stream.next` is then right.

    Linear: a byte is looked at once as data, once as a possible start after an error.
    """
    while stream.begin():
        if stream.buf.startswith(b"WARC/"):
            header = read_header(stream, 0, limits)
            if isinstance(header, Header):
                yield _read_record(stream, header, limits)
            else:
                yield _read_span(stream, limits, header)
        else:
            yield _read_span(stream, limits, None)
    if stream.fault and not stream.buf:
        yield from _name_fault(stream)


def _name_fault(stream: Stream) -> Iterator[ErrorSpan]:
    """Yield a span for damage that hit no record, once."""
    offset, inner = stream.place()
    fault = stream.fault
    assert fault is not None
    if fault.reason == "settled":
        return
    reason, detail = stream.recover()
    yield ErrorSpan(offset, inner, 0 if inner else stream.next - offset, reason, detail)


def read_header(stream: Stream, at: int, limits: Limits) -> Header | tuple[str, str]:
    """Parse the header at `buf[at]`; (reason, detail) where it is none. Moves nothing.

    It ends before another version line, so that no byte is searched twice for two candidates.
    """
    searched = at + 5
    while True:
        end = HEADER_END.search(stream.buf, searched, at + limits.max_header_bytes)
        if end:
            header = parse_header(bytes(stream.buf[at : end.end()]))
            return header or ("bad_header", "no sane WARC header")
        if len(stream.buf) - at >= limits.max_header_bytes:
            return "bad_header", f"header of more than {limits.max_header_bytes} bytes"
        searched = max(searched, len(stream.buf) - MAX_VERSION_LINE_BYTES)
        if not stream.need(len(stream.buf) + 1, Join.RECORD):
            return "truncated_record", "header without its end"


def resync(
    stream: Stream, limits: Limits, searched: int, stop: int | None = None
) -> tuple[int, bool]:
    """Move to the next confirmed start, or to the stream's end, or about `stop` bytes further.

    Confirmed: a version line and a sane header. Garbage need not end with a newline, so the version
    line need not be at the start of a line. The first `searched` bytes are no start.

    Returns:
        The number of bytes passed, and whether all were padding.
    """
    passed, is_padding, is_done = 0, True, False
    while not is_done and (stop is None or passed < stop):
        found = VERSION_LINE.search(stream.buf, searched)
        if found and not _is_start(stream, found.start(), limits):
            searched = found.end()
            continue
        if found:
            step, is_done = found.start(), True
        else:
            step = max(len(stream.buf) - MAX_VERSION_LINE_BYTES, 0)
            searched = max(searched - step, 0)
            is_done = not stream.need(len(stream.buf) + 1, Join.RECORD)
            step = len(stream.buf) if is_done else step
        is_padding = is_padding and not stream.buf[:step].strip(_PADDING)
        passed += step
        stream.drop(step)
    return passed, is_padding


def _is_start(stream: Stream, at: int, limits: Limits) -> bool:
    header = read_header(stream, at, limits)
    return isinstance(header, Header) and header.is_sane


def _read_span(stream: Stream, limits: Limits, problem: tuple[str, str] | None) -> ErrorSpan:
    """Pass over bytes that are no record."""
    offset, inner = stream.place()
    length, is_padding = resync(stream, limits, 1)
    reason, detail = problem or (
        ("padding", "zeros or blanks between records")
        if is_padding
        else ("garbage", "bytes that begin no record")
    )
    if stream.fault and not stream.buf:
        reason, detail = _settle(stream)
    if inner == 0:
        length = max(stream.next - offset, 0) or length
    return ErrorSpan(offset, inner, length, reason, detail)


def _settle(stream: Stream) -> tuple[str, str]:
    """Find where to resume after damage, and mark it as accounted for."""
    reason, detail = stream.recover()
    assert stream.fault is not None
    stream.fault = MemberError("settled", detail, stream.fault.offset)
    return reason, detail


def _read_record(stream: Stream, header: Header, limits: Limits) -> Record:
    """Take the record whose header is at the cursor."""
    fields = header.fields
    offset, inner = stream.place()
    url = fields.get("warc-target-uri")
    record = Record(
        offset,
        inner,
        header.length,
        header.type,
        url.removeprefix("<").removesuffix(">") if url else None,
        fields.get("warc-date"),
        fields.get("content-type"),
        truncated=fields.get("warc-truncated"),
        payload_digest=fields.get("warc-payload-digest"),
    )
    if "warc-segment-number" in fields:
        record.flags = ("segmented",)
    is_large = header.content_length > limits.max_record_bytes
    stream.drop(header.length)
    if header.problem:
        record.error = header.problem
    elif is_large:
        _pass_large(stream, header.content_length, record)
    else:
        _take_block(stream, header.content_length, record)
    if record.error == _CUT:
        record.length += len(stream.buf)
        stream.drop(len(stream.buf))
    elif record.error and record.error[0] != "record_too_large":
        record.length += resync(stream, limits, 0)[0]
    is_end = not stream.need(1)
    if is_end and stream.fault:
        damage = _settle(stream)
        if record.error is None or record.error == _CUT or is_large:
            record.error = damage
    elif is_end and record.error and record.error[1].startswith(_SHORT):
        record.error = (stream.short_reason(), record.error[1])
    if record.error:
        record.block = b""
    return record


def _take_block(stream: Stream, num_bytes: int, record: Record) -> None:
    """Take the block and its separator, or set an error and leave the cursor at the block."""
    if not stream.need(num_bytes, Join.RECORD):
        detail = f"{_SHORT}{num_bytes} bytes were promised, {len(stream.buf)} are there"
        record.error = _CUT if stream.fault else ("bad_content_length", detail)
        return
    separator = _measure_separator(stream, num_bytes)
    if separator is None:
        record.error = ("bad_content_length", f"{num_bytes} bytes end inside the block")
        return
    if record.type in PAGE_TYPES:
        record.block = bytes(memoryview(stream.buf)[:num_bytes])
    _pass_separator(stream, num_bytes, separator, record)


def _pass_large(stream: Stream, num_bytes: int, record: Record) -> None:
    """Pass over a block above the limit if its length is right, else leave the cursor at it."""
    record.error = ("bad_content_length", f"{_SHORT}Content-Length is {num_bytes}")
    if not stream.pass_over(num_bytes):
        return
    separator = _measure_separator(stream, 0)
    if separator is None:
        stream.doubt()
        return
    record.error = ("record_too_large", f"{num_bytes} bytes")
    record.length += num_bytes
    _pass_separator(stream, 0, separator, record)


def _measure_separator(stream: Stream, at: int) -> int | None:
    """Count CR and LF from `buf[at]`, at most 64; None if no record can end here.

    Behind them must come a record or the end. Only behind a full CRLF CRLF may garbage come:
    it is a span of its own, and the record good.
    """
    for join in (Join.NEVER, Join.SEPARATOR):
        stream.need(at + _SEPARATOR_BYTES + 5, join)
        behind = bytes(stream.buf[at : at + _SEPARATOR_BYTES + 5])
        rest = behind.lstrip(b"\r\n")
        count = min(len(behind) - len(rest), _SEPARATOR_BYTES)
        if rest or count >= 4:
            break
    if b"WARC/".startswith(rest[:5]) or behind.startswith(b"\r\n\r\n"):
        return count
    return None


def _pass_separator(stream: Stream, num_bytes: int, count: int, record: Record) -> None:
    """Move behind the block and all newlines, and flag what is not CRLF CRLF."""
    stream.drop(num_bytes + count)
    while count >= _SEPARATOR_BYTES and stream.need(1) and stream.buf[0] in b"\r\n":
        stream.drop(len(stream.buf) - len(stream.buf.lstrip(b"\r\n")))
    record.length += num_bytes
    if count != 4:
        record.flags += ("extra_newlines" if count > 4 else "missing_newlines",)
