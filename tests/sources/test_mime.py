"""Tell types by content."""

from __future__ import annotations

import gzip

import pytest

from curate.sources.mime import sniff


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><title>", "text/html"),
        (b"\xef\xbb\xbf\r\n  <HTML lang=en>", "text/html"),
        (b"<!-- a --> <!-- b -->\n<html>", "text/html"),
        (b"<!-- " + b"a" * 3000, "text/html"),
        ("<html>".encode("utf-16"), "text/html"),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">',
         "application/xhtml+xml"),
        (b'<?xml version="1.0"?><rss version="2.0">', "application/rss+xml"),
        (b'<?xml version="1.0"?><data>', "text/xml"),
        (b"<htmlx>", "text/plain"),
        (b"plain words", "text/plain"),
        (b"BM is a pair of letters", "text/plain"),
        (b"", "text/plain"),
        (b"%PDF-1.4", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"PK\x03\x04rest", "application/zip"),
        (gzip.compress(b"x"), "application/gzip"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\x01\x02\x03", "application/octet-stream"),
    ],
)  # fmt: skip
def test_sniff(body: bytes, kind: str) -> None:
    assert sniff(body) == kind
