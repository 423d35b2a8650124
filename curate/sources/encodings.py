"""Undo HTTP content codings under an absolute cap on the output.

Ratios are no use as a cap: gzip reaches 1,030:1, brotli 700,000:1, zstd more.

Source: RFC 9110, section 8.4.1; RFC 7932 (brotli), RFC 8878 (zstd).
"""

from __future__ import annotations

import zlib

import brotli
import zstandard

_PIECE_BYTES = 256 << 10
_MAX_WINDOW_BYTES = 8 << 20  # RFC 8878, section 3.1.1.1.2: what a decoder should support


class CodingError(Exception):
    """Say why a body could not be decoded."""


class TooLargeError(Exception):
    """Say that a body is larger than the cap."""


def decode_coding(name: str, body: bytes, max_body_bytes: int) -> bytes:
    """Undo one coding; returns the body itself if it was plain under a gzip, zstd, ... label.

    A body cut short is decoded as far as it goes for gzip and deflate: browsers show it too, and
    WARC-Truncated tells of it.

    Raises:
        CodingError: the coding is unknown, or the body damaged.
        TooLargeError: the output is larger than `max_body_bytes`.
    """
    if not body:
        return body
    if name in ("gzip", "x-gzip"):
        return _gunzip(body, max_body_bytes) if body[:2] == b"\x1f\x8b" else _plain(name, body)
    if name == "deflate":
        return _undo_deflate(body, max_body_bytes)
    if name == "br":
        return _undo_brotli(body, max_body_bytes)
    if name == "zstd":
        if body[:4] == b"\x28\xb5\x2f\xfd":
            return _undo_zstd(body, max_body_bytes)
        return _plain(name, body)
    raise CodingError(f"unknown coding {name[:40]!r}")


def _plain(name: str, body: bytes) -> bytes:
    """Return a body that is text in spite of its label.

    Raises:
        CodingError: it is not text either: its first 512 bytes hold control characters.
    """
    if any(byte < 32 and byte not in b"\t\n\x0c\r\x1b" for byte in body[:512]):
        raise CodingError(f"body is not {name}, nor plain text")
    return body


def _inflate(body: bytes, wbits: int, max_body_bytes: int) -> tuple[bytes, bytes, bool]:
    """Return (output, what follows the stream, whether the stream ended)."""
    stream = zlib.decompressobj(wbits)
    try:
        output = stream.decompress(body, max_body_bytes + 1)
    except zlib.error as error:
        raise CodingError(str(error)) from error
    if len(output) > max_body_bytes:
        raise TooLargeError
    return output, stream.unused_data, stream.eof


def _gunzip(body: bytes, max_body_bytes: int) -> bytes:
    """Inflate all members; bytes behind the last that begin no member are passed over."""
    pieces, left = [], max_body_bytes
    members = 0
    while body[:2] == b"\x1f\x8b":
        members += 1
        if members > 1000:
            raise CodingError("more than 1000 gzip members")
        output, body, _ = _inflate(body, 31, left)
        pieces.append(output)
        left -= len(output)
    return b"".join(pieces)


def _undo_deflate(body: bytes, max_body_bytes: int) -> bytes:
    """Inflate a zlib stream, or the raw one that some servers send, or take plain text as it is."""
    for wbits in (15, -15):
        try:
            output, _, ended = _inflate(body, wbits, max_body_bytes)
        except CodingError:
            continue
        if ended or wbits == 15:
            return output
    return _plain("deflate", body)


def _undo_brotli(body: bytes, max_body_bytes: int) -> bytes:
    """Decompress piece by piece; brotli 1.2 is the first with a bound (CVE-2025-6176)."""
    stream = brotli.Decompressor()
    pieces, size, data = [], 0, body
    try:
        while True:
            piece = stream.process(data, output_buffer_limit=_PIECE_BYTES)
            data = b""
            size += len(piece)
            if size > max_body_bytes:
                raise TooLargeError
            pieces.append(piece)
            if stream.is_finished():
                return b"".join(pieces)
            if stream.can_accept_more_data():
                raise CodingError("brotli stream is cut")
    except (brotli.error, CodingError) as error:
        if b"<" in body[:1024] and not any(byte < 9 for byte in body[:512]):
            return _plain("br", body)
        raise CodingError(str(error)) from error


def _undo_zstd(body: bytes, max_body_bytes: int) -> bytes:
    """Decompress all frames."""
    pieces, size = [], 0
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    try:
        with decompressor.stream_reader(body, read_across_frames=True) as reader:
            while piece := reader.read(_PIECE_BYTES):
                size += len(piece)
                if size > max_body_bytes:
                    raise TooLargeError
                pieces.append(piece)
    except (zstandard.ZstdError, MemoryError) as error:
        raise CodingError(f"zstd: {error}") from error
    return b"".join(pieces)
