"""Responses as crawlers store them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import time
import tracemalloc
import zlib

import brotli
import pytest
import zstandard

from curate.sources.http import parse_content_type, parse_response, verify_digest

HTML = b"<html><body>" + b"text and more text " * 500 + b"</body></html>"
LIMIT = 1 << 20


def _respond(body: bytes, *headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode() + body


def _chunk(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def _raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(body) + stream.flush()


CODED = {
    "gzip": gzip.compress(HTML),
    "x-gzip": gzip.compress(HTML[:99]) + gzip.compress(HTML[99:]),
    "br": brotli.compress(HTML),
    "zstd": zstandard.ZstdCompressor().compress(HTML),
    "deflate": zlib.compress(HTML),
    "Deflate": _raw_deflate(HTML),
    "identity": HTML,
    "gzip, gzip": gzip.compress(gzip.compress(HTML)),
    "gzip, br": brotli.compress(gzip.compress(HTML)),
    "GZIP ": HTML,
    "none": HTML,
    "BR": HTML,
    "zstd ": HTML,
    " deflate": HTML,
}


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("chunked", [True, False])
def test_codings(coding: str, chunked: bool) -> None:
    headers = [f"Content-Encoding: {coding}", "Content-Type: text/html; charset=UTF-8"]
    body = CODED[coding]
    if chunked:
        headers.append("Transfer-Encoding: chunked")
    response = parse_response(_respond(_chunk(body) if chunked else body, *headers), LIMIT)
    assert response.error is None
    assert response.body == HTML
    assert response.unchunked == body
    assert (response.status, response.content_type) == (200, "text/html")
    assert response.charset == "UTF-8"


def test_chunked_label_on_plain_bodies() -> None:
    for body in (HTML, b"20\r\n" + HTML, b""):
        response = parse_response(_respond(body, "Transfer-Encoding: chunked"), LIMIT)
        assert response.body == body


@pytest.mark.parametrize("cut", [7, 500, 2000])
def test_damaged_chunks(cut: int) -> None:
    body = _chunk(HTML)
    for bad in (body[:-cut], body[:1005] + b"zz" + body[1005:]):
        response = parse_response(_respond(bad, "Transfer-Encoding: chunked"), LIMIT)
        assert response.error is None or response.error[0] == "http_chunked"
    huge = b"4\r\nabcd\r\nffffffffffffffff\r\nabc"
    response = parse_response(_respond(huge, "Transfer-Encoding: chunked"), LIMIT)
    assert response.error is not None
    assert response.error[0] == "http_chunked"


@pytest.mark.parametrize(
    "block", [b"", b"<html>", b"\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"ICY 200 OK\r\n\r\n", b"HTTP"]
)
def test_no_status_line(block: bytes) -> None:
    response = parse_response(block, LIMIT)
    assert response.error is not None
    assert response.error[0] == "bad_http"


def test_status_line_forms() -> None:
    for head in (b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.0 200 OK\n\n", b"HTTP/2 200 \r\nA: b\r\n\r\n"):
        response = parse_response(head + b"x", LIMIT)
        assert (response.status, response.body, response.error) == (200, b"x", None)
    response = parse_response(b"HTTP/1.1 404 Not Found", LIMIT)
    assert (response.status, response.body) == (404, b"")


@pytest.mark.parametrize("coding", ["unknown", "compress", "gzip, gzip, gzip, gzip, gzip"])
def test_unknown_codings(coding: str) -> None:
    response = parse_response(_respond(HTML, f"Content-Encoding: {coding}"), LIMIT)
    assert response.error is not None
    assert response.error[0] == "content_encoding"


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate"])
def test_binary_under_a_wrong_label(coding: str) -> None:
    body = b"\x01\x02\x03\x04" * 100
    response = parse_response(_respond(body, f"Content-Encoding: {coding}"), LIMIT)
    assert response.error is not None
    assert response.error[0] == "content_encoding"


def _bombs() -> dict[str, bytes]:
    zeros = bytes(64 << 20)
    once = gzip.compress(zeros, 9)
    return {
        "gzip": once,
        "gzip, gzip": gzip.compress(gzip.compress(zeros, 9), 9),
        "br": brotli.compress(zeros, quality=5),
        "zstd": zstandard.ZstdCompressor().compress(zeros),
        "deflate": zlib.compress(zeros, 9),
    }


BOMBS = _bombs()


@pytest.mark.parametrize("coding", BOMBS)
def test_bombs_are_cut_short(coding: str) -> None:
    block = _respond(BOMBS[coding], f"Content-Encoding: {coding}")
    begin = time.process_time()
    tracemalloc.start()
    response = parse_response(block, LIMIT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.error is not None
    assert response.error[0] == "body_too_large"
    assert time.process_time() - begin < 2
    assert peak < 8 << 20


def test_body_at_the_limit() -> None:
    for size, reason in ((LIMIT, None), (LIMIT + 1, "body_too_large")):
        for coding, body in (("gzip", gzip.compress(b"a" * size)), ("identity", b"a" * size)):
            response = parse_response(_respond(body, f"Content-Encoding: {coding}"), LIMIT)
            assert (response.error[0] if response.error else None) == reason


def test_digests() -> None:
    sha1, sha256 = hashlib.sha1(HTML), hashlib.sha256(HTML)
    for value in (
        "sha1:" + base64.b32encode(sha1.digest()).decode(),
        "SHA1:" + base64.b32encode(sha1.digest()).decode().lower(),
        "sha1:" + sha1.hexdigest(),
        "sha-256:" + sha256.hexdigest(),
        "sha256:" + base64.b32encode(sha256.digest()).decode().rstrip("="),
    ):
        assert verify_digest(value, HTML) == "ok"
        assert verify_digest(value, HTML + b"x") == "mismatch"
    for unknown in (None, "", "sha1:", "crc:12", "sha1:zz", "nonsense", "sha1:" + "é" * 32):
        assert verify_digest(unknown, HTML) == "unknown"


def test_content_types() -> None:
    assert parse_content_type("Text/HTML; Charset='utf-8'") == ("text/html", "utf-8")
    assert parse_content_type("text/html;charset=") == ("text/html", None)
    assert parse_content_type("junk") == (None, None)
    assert parse_content_type(None) == (None, None)
