"""Decode HTML bytes in the order that the WHATWG gives: BOM, HTTP header, `<meta>`, detection.

Source: WHATWG HTML, 13.2.3.2 "Determining the character encoding" and "Prescan a byte stream";
WHATWG Encoding, 4.2 "Names and labels".
Deviation: a declared encoding other than UTF-8 is overruled by a body that is valid UTF-8 with at
least one multi-byte sequence (a server's default header on UTF-8 pages; the chance that text in
another encoding is valid UTF-8 falls by the byte). `source` is 'detected' then. A single-byte or
East Asian page with a wrong label keeps its label, as in a browser. A UTF-16 label on bytes
without a NUL in their first 1024 is passed over.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))
_PRESCAN_BYTES = 1024
_DETECT_BYTES = 256 << 10
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
_META = re.compile(rb"<meta[\s/]([^>]*)>", re.I)
_ATTRIBUTE = re.compile(rb"""([^\s=/>"']+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""")
_CONTENT_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([^\s;"'>]+)""", re.I)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Python's codecs that differ from what the WHATWG means by a name, or lack it.
_PYTHON_NAMES = {
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5hkscs",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
}
# windows-1252 as the WHATWG has it: its five free bytes are the C1 controls.
_CP1252 = "".join(
    chr(i) if i in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([i]).decode("cp1252")
    for i in range(256)
)
_UTF16 = ("utf-16-be", "utf-16-le", "utf-16")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Hold decoded text: no NUL and no lone surrogate, and how many U+FFFD decoding put in.

    `source` is 'bom', 'http', 'meta' or 'detected'; `encoding` the Python codec used.
    """

    text: str
    encoding: str
    source: str
    num_replaced: int


def decode_html(body: bytes, http_charset: str | None) -> Decoded:
    """Decode a body; never raises."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return _decode(body[len(bom) :], name, "bom")
    declared, source = codec_name(http_charset), "http"
    if declared is None:
        declared, source = _prescan(body[:_PRESCAN_BYTES]), "meta"
    if declared in _UTF16 and b"\0" not in body[:_PRESCAN_BYTES]:
        declared = None
    if declared == "utf-8":
        return _decode(body, "utf-8", source)
    has_nul = declared is None and b"\0" in body[:_PRESCAN_BYTES]
    if declared not in _UTF16 and not has_nul:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            if declared is None or len(text) != len(body):
                return Decoded(_clean(text, "utf-8"), "utf-8", "detected", 0)
    if declared is None:
        declared, source = _guess(body), "detected"
    return _decode(body, declared, source)


@lru_cache(maxsize=1024)
def codec_name(label: str | None) -> str | None:
    """Return the Python codec for a WHATWG label, None for an unknown one."""
    if not label or len(label) > 40:
        return None
    label = label.strip("\t\n\x0c\r \"'").lower()
    if label in ("utf-16", "utf-16le", "unicode", "ucs-2", "iso-10646-ucs-2", "unicodefeff"):
        return "utf-16-le"
    if label in ("utf-16be", "unicodefffe"):
        return "utf-16-be"
    if label in ("utf8", "utf-8", "unicode-1-1-utf-8", "unicode11utf8", "x-unicode20utf8"):
        return "utf-8"
    mapped = map_encoding_to_html5(label, fallback_utf8=False)
    if not mapped or mapped.lower() in ("replacement", "x-user-defined"):
        return None
    try:
        name = codecs.lookup(mapped).name
    except LookupError:
        return None
    return _PYTHON_NAMES.get(name, name)


def _prescan(head: bytes) -> str | None:
    """Return what a `<meta>` in the first 1024 bytes declares; UTF-16 there means UTF-8."""
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        attributes: dict[bytes, bytes] = {}
        for name, *values in _ATTRIBUTE.findall(meta.group(1)):
            attributes.setdefault(name.lower(), b"".join(values))
        label = attributes.get(b"charset")
        if label is None and attributes.get(b"http-equiv", b"").lower() == b"content-type":
            content = _CONTENT_CHARSET.search(attributes.get(b"content", b""))
            label = content.group(1) if content else None
        name = codec_name(label.decode("latin-1")) if label else None
        if name:
            return "utf-8" if name in _UTF16 else name
    return None


def _guess(body: bytes) -> str:
    """Detect the encoding of bytes that are not UTF-8, or UTF-16 without a byte order mark."""
    head = body[:_PRESCAN_BYTES]
    first, second = head[::2].count(0), head[1::2].count(0)
    if (first + second) * 32 > len(head) and max(first, second) > 8 * min(first, second):
        return "utf-16-le" if second > first else "utf-16-be"
    return codec_name(detect_encoding(body[:_DETECT_BYTES])) or "cp1252"


def _decode(body: bytes, name: str, source: str) -> Decoded:
    if name == "cp1252":
        return Decoded(
            _clean(codecs.charmap_decode(body, "strict", _CP1252)[0], name), name, source, 0
        )
    try:
        return Decoded(_clean(body.decode(name), name), name, source, 0)
    except UnicodeError:
        text = body.decode(name, "replace")
    before = body.count(b"\xef\xbf\xbd") if name == "utf-8" else 0
    return Decoded(_clean(text, name), name, source, max(text.count("\ufffd") - before, 0))


def _clean(text: str, name: str) -> str:
    """Remove NUL, as the HTML tree builder does, and lone surrogates, which UTF-8 never gives."""
    if "\0" in text:
        text = text.replace("\0", "")
    if name in ("utf-8", "cp1252") or not _has_surrogate(text):
        return text
    return _SURROGATE.sub("\ufffd", text)


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-16-le")
    except UnicodeEncodeError:
        return True
    return False
