"""Tell the MIME type of bytes by their content.

Source: WHATWG MIME Sniffing, 6 "Matching a MIME type pattern" and 7.1 "Identifying a resource with
an unknown MIME type"; 3 "binary data byte".
Deviation: XHTML is told from other XML by its namespace; a leading byte order mark or comment does
not hide HTML; UTF-16 text counts as text.
"""

import re

_HEAD_BYTES = 1445
_HTML_TAG = re.compile(
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta"
    rb"|link|main|article|section|nav|header|center|ul|form|span|img|frameset|base|noscript)"
    rb"(?=[\s>/]|\Z)",
    re.I,
)
_COMMENT = re.compile(rb"\s*<!--.*?(?:-->|\Z)", re.S)
_PREFIXES = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"\0\0\2\0", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"OggS\0", "application/ogg"),
    (b"MThd\0\0\0\6", "audio/midi"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"FLV\1", "video/x-flv"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\0\1\0\0\0", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"PK\3\4", "application/zip"),
    (b"PK\5\6", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"Rar!\x1a\7", "application/x-rar-compressed"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"FWS", "application/x-shockwave-flash"),
    (b"CWS", "application/x-shockwave-flash"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ\x90\0", "application/x-msdownload"),
)
_RIFF = {b"WEBPVP": "image/webp", b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
_TEXT_PREFIXES = ("FWS", "CWS", "BM", "ID3", "BZh")
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def sniff(body: bytes) -> str:
    """Return the MIME type that the first 1445 bytes show; 'text/plain' for b''."""
    head = body[:_HEAD_BYTES]
    kind = _match_prefix(head)
    if kind:
        return kind
    text = _strip_bom(head)
    start = text.lstrip(b"\t\n\x0c\r ")
    while comment := _COMMENT.match(start):
        if comment.end() == len(start):
            return "text/html"
        start = start[comment.end() :].lstrip(b"\t\n\x0c\r ")
    if start[:5].lower() == b"<?xml":
        return _name_xml(start)
    if _HTML_TAG.match(start):
        return "text/html"
    if start[:4] == b"<svg":
        return "image/svg+xml"
    return "application/octet-stream" if _BINARY.search(text) else "text/plain"


def _match_prefix(head: bytes) -> str | None:
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            is_short = prefix.decode("latin-1") in _TEXT_PREFIXES
            return None if is_short and not _BINARY.search(head) else kind
    if head[:4] == b"RIFF":
        return next((kind for tag, kind in _RIFF.items() if head.startswith(tag, 8)), None)
    if head[4:8] == b"ftyp":
        return "image/avif" if head[8:12] in (b"avif", b"avis") else "video/mp4"
    if head[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"):
        return "audio/mpeg"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    return None


def _strip_bom(head: bytes) -> bytes:
    """Return the head as bytes of ASCII where it has a byte order mark."""
    if head.startswith(b"\xef\xbb\xbf"):
        return head[3:]
    for bom, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(bom):
            return head[2:].decode(codec, "replace").encode("utf-8", "replace")
    return head


def _name_xml(start: bytes) -> str:
    lower = start.lower()
    if b"http://www.w3.org/1999/xhtml" in lower or b"<!doctype html" in lower or b"<html" in lower:
        return "application/xhtml+xml"
    if b"<rss" in lower:
        return "application/rss+xml"
    if b"<feed" in lower:
        return "application/atom+xml"
    return "image/svg+xml" if b"<svg" in lower else "text/xml"
