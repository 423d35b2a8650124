"""Parse an HTTP response as a crawler stored it: status, headers, and the decoded body.

Source: RFC 9112 (message syntax), sections 4, 5, 7.1; RFC 9110, section 8.4 (content codings).
Deviation: what browsers and crawlers accept is accepted: LF ends a line, a `chunked` or `gzip`
label on a plain body (crawlers store the decoded body under the old headers) is passed over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from curate.sources.encodings import CodingError, TooLargeError, decode_coding

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?:[ \t][^\r\n]*)?(?:\r?\n|\Z)")
_HEADER_END = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
_CHARSET = re.compile(r""";\s*charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;]+))""", re.I)
_ESSENCE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_MAX_HEADER_BYTES = 256 << 10
_MAX_CODINGS = 4


@dataclass(slots=True)
class Response:
    """Hold a parsed response; the first of equal header names wins, names are in lower case.

    `payload` is the body as it was sent, before any decoding: what WARC-Payload-Digest is over
    (some writers remove the chunks first: see `unchunked`).
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = None
    charset: str | None = None
    body: bytes = b""
    payload: bytes = b""
    unchunked: bytes = b""
    error: tuple[str, str] | None = None


def parse_response(block: bytes, max_body_bytes: int) -> Response:
    """Split status line, headers and body, and undo transfer and content codings.

    Reasons: `bad_http`, `http_chunked`, `content_encoding`, `body_too_large`. Whatever the codings,
    no more than `max_body_bytes` and 1 MiB are allocated for each.
    """
    response = Response()
    status = _STATUS_LINE.match(block)
    if status is None:
        response.error = ("bad_http", "no HTTP status line")
        return response
    response.status = int(status.group(1))
    start = status.end()
    if block[start : start + 2] == b"\r\n" or block[start : start + 1] == b"\n":
        head, response.payload = b"", block[start + (2 if block[start] == 13 else 1) :]
    else:
        end = _HEADER_END.search(block, start, start + _MAX_HEADER_BYTES)
        if end is None and len(block) - start >= _MAX_HEADER_BYTES:
            response.error = ("bad_http", "headers do not end")
            return response
        head = block[start : end.end() if end else len(block)]
        response.payload = block[end.end() :] if end else b""
    response.headers = _parse_headers(head)
    response.content_type, response.charset = parse_content_type(
        response.headers.get("content-type")
    )
    _decode_body(response, max_body_bytes)
    return response


def parse_content_type(value: str | None) -> tuple[str | None, str | None]:
    """Return the essence (`text/html`) and the charset of a Content-Type, None where absent."""
    if not value:
        return None, None
    essence = value.split(";", 1)[0].split(",", 1)[0].strip().lower()
    charset = _CHARSET.search(value)
    name = next((group for group in charset.groups() if group), None) if charset else None
    return essence if _ESSENCE.fullmatch(essence) else None, name.strip() if name else None


def verify_digest(header: str | None, body: bytes) -> str:
    """Compare a WARC-Payload-Digest with bytes: 'ok', 'mismatch', or 'unknown' if it names none.

    Knows sha1, sha256, sha512 and md5 in hexadecimal or base32.

    Source: ISO 28500:2017, clauses 5.8 and 5.9.
    """
    algorithm, colon, value = (header or "").strip().partition(":")
    name = algorithm.lower().replace("-", "")
    if not colon or name not in ("sha1", "sha256", "sha512", "md5"):
        return "unknown"
    digest = hashlib.new(name, body, usedforsecurity=False).digest()
    value = value.strip()
    try:
        if len(value) == 2 * len(digest):
            return "ok" if bytes.fromhex(value) == digest else "mismatch"
        padded = value.upper() + "=" * (-len(value) % 8)
        expected = base64.b32decode(padded)
    except (ValueError, binascii.Error):
        return "unknown"
    if len(expected) != len(digest):
        return "unknown"
    return "ok" if expected == digest else "mismatch"


def _parse_headers(head: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in _FOLD.sub(b" ", head).split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and name.strip():
            key = name.decode("latin-1").strip().lower()
            text = value.decode("latin-1").strip()
            if key in ("content-encoding", "transfer-encoding") and key in headers:
                headers[key] += ", " + text
            else:
                headers.setdefault(key, text)
    return headers


def _decode_body(response: Response, max_body_bytes: int) -> None:
    """Set `body`, or `error`."""
    body = response.payload
    transfer = _list_codings(response.headers.get("transfer-encoding"))
    if "chunked" in transfer:
        unchunked = _join_chunks(body)
        if unchunked is None:
            response.error = ("http_chunked", "chunks are damaged or cut")
            return
        body = unchunked
    response.unchunked = body
    codings = [name for name in transfer if name != "chunked"]
    codings = _list_codings(response.headers.get("content-encoding")) + codings
    if len(codings) > _MAX_CODINGS:
        response.error = ("content_encoding", f"{len(codings)} codings")
        return
    try:
        for coding in reversed(codings):
            body = decode_coding(coding, body, max_body_bytes)
    except TooLargeError:
        response.error = ("body_too_large", f"more than {max_body_bytes} bytes")
        return
    except CodingError as error:
        response.error = ("content_encoding", str(error))
        return
    if len(body) > max_body_bytes:
        response.error = ("body_too_large", f"{len(body)} bytes, limit {max_body_bytes}")
        return
    response.body = body


def _list_codings(value: str | None) -> list[str]:
    """Return the codings of a header in the order applied, without those that change nothing."""
    names = [name.strip().strip("\"'").lower() for name in (value or "").split(",")]
    return [name for name in names if name not in ("", "identity", "none", "binary", "8bit")]


def _join_chunks(body: bytes) -> bytes | None:
    """Return a chunked body joined, the body itself if it has no chunks, None if they break off.

    A body cut after the data of a chunk or in the last, empty chunk lost nothing that matters.
    """
    first = _CHUNK_SIZE.match(body)
    if first is None or not _continues(body, first):
        return body
    pieces: list[bytes] = []
    position = 0
    while position < len(body):
        head = _CHUNK_SIZE.match(body, position)
        if head is None:
            return None
        size = int(head.group(1), 16)
        if size == 0:
            return b"".join(pieces)
        if size > len(body) - head.end():
            return None
        pieces.append(body[head.end() : head.end() + size])
        position = head.end() + size
        if body.startswith(b"\r\n", position):
            position += 2
        elif body.startswith(b"\n", position):
            position += 1
        elif position < len(body):
            return None
    return b"".join(pieces)


def _continues(body: bytes, head: re.Match[bytes]) -> bool:
    """Tell whether what looks like the first chunk size is one, and not text such as `2024`."""
    size = int(head.group(1), 16)
    end = head.end() + size
    if size == 0 or end >= len(body):
        return True
    return body.startswith((b"\r\n", b"\n"), end)
