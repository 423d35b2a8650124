"""Decode in the WHATWG order."""

from __future__ import annotations

import random

import pytest

from curate.sources.charset import codec_name, decode_html

RUSSIAN = "Быстрая коричневая лиса прыгает через ленивую собаку. Это обычный русский текст."
JAPANESE = "これは日本語のテキストです。漢字とかなが混ざっています。"


@pytest.mark.parametrize(
    ("body", "http", "encoding", "source"),
    [
        (b"\xef\xbb\xbf" + RUSSIAN.encode(), "latin1", "utf-8", "bom"),
        (b"\xff\xfe" + RUSSIAN.encode("utf-16-le"), None, "utf-16-le", "bom"),
        (b"\xfe\xff" + RUSSIAN.encode("utf-16-be"), "utf-8", "utf-16-be", "bom"),
        (RUSSIAN.encode("cp1251"), "windows-1251", "cp1251", "http"),
        (RUSSIAN.encode("koi8-r"), "KOI8-R", "koi8-r", "http"),
        (RUSSIAN.encode(), "utf8", "utf-8", "http"),
        (RUSSIAN.encode(), "iso-8859-1", "utf-8", "detected"),
        (RUSSIAN.encode(), None, "utf-8", "detected"),
        (RUSSIAN.encode("cp1251"), None, "cp1251", "detected"),
        (RUSSIAN.encode("cp1251"), "no-such-name", "cp1251", "detected"),
        (JAPANESE.encode("shift_jis"), "x-sjis", "cp932", "http"),
        (JAPANESE.encode("euc-jp"), "EUC-JP", "euc_jp", "http"),
        (JAPANESE.encode("iso-2022-jp"), "iso-2022-jp", "iso2022_jp", "http"),
        (RUSSIAN.encode("utf-16-le"), None, "utf-16-le", "detected"),
        (RUSSIAN.encode("utf-16-le"), "utf-16", "utf-16-le", "http"),
    ],
)
def test_order(body: bytes, http: str | None, encoding: str, source: str) -> None:
    decoded = decode_html(body, http)
    assert decoded.text in (RUSSIAN, JAPANESE)
    assert (decoded.encoding, decoded.source, decoded.num_replaced) == (encoding, source, 0)


@pytest.mark.parametrize(
    "meta",
    [
        '<meta charset="windows-1251">',
        "<META CHARSET=windows-1251 />",
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
        "<meta content='text/html;charset=\"cp1251\"' http-equiv=content-type>",
        '<!-- <meta charset="koi8-r"> --><meta charset="bogus"><meta charset="cp1251">',
    ],
)
def test_meta(meta: str) -> None:
    decoded = decode_html((meta + RUSSIAN).encode("cp1251"), None)
    assert decoded.text == meta + RUSSIAN
    assert (decoded.encoding, decoded.source) == ("cp1251", "meta")


def test_meta_is_sought_in_1024_bytes_only() -> None:
    meta = b"<meta charset=koi8-r>"
    near = decode_html(b" " * (1024 - len(meta)) + meta + b"\xe4", None)
    far = decode_html(b" " * (1025 - len(meta)) + meta + b"\xe4", None)
    assert (near.encoding, near.source) == ("koi8-r", "meta")
    assert far.source == "detected"


def test_meta_utf16_means_utf8() -> None:
    assert decode_html("<meta charset=utf-16>é".encode(), None).encoding == "utf-8"


def test_replacements_are_counted() -> None:
    decoded = decode_html(b"caf\xe9 \xef\xbf\xbd \xff", "utf-8")
    assert decoded.text == "caf\ufffd \ufffd \ufffd"
    assert decoded.num_replaced == 2


@pytest.mark.parametrize("http", ["utf-8", "latin1", None, "utf-16", "shift_jis", "iso-2022-kr"])
def test_no_nul_and_no_surrogate_comes_out(http: str | None) -> None:
    rng = random.Random(1)
    for body in (b"a\0b", b"\xed\xa0\x80", b"\x00\xd8a\x00", b"\xff\xfe\x00\xd8", b"", b"\0" * 50):
        text = decode_html(body, http).text
        assert "\0" not in text
        text.encode("utf-8")
    for _ in range(200):
        text = decode_html(rng.randbytes(rng.randrange(300)), http).text
        assert "\0" not in text
        text.encode("utf-8")


def test_labels() -> None:
    expected = {
        "latin1": "cp1252",
        "ISO-8859-1": "cp1252",
        "ascii": "cp1252",
        "gb2312": "gb18030",
        "GBK": "gb18030",
        "shift_jis": "cp932",
        "ks_c_5601-1987": "cp949",
        "big5": "big5hkscs",
        "utf8": "utf-8",
        "iso-8859-9": "cp1254",
        "tis-620": "cp874",
        "utf-7": None,
        "hz-gb-2312": None,
        "x" * 100: None,
        "": None,
    }
    assert {label: codec_name(label) for label in expected} == expected


def test_windows_1252_has_all_bytes() -> None:
    decoded = decode_html(bytes(range(1, 256)), "latin1")
    assert decoded.num_replaced == 0
    assert len(decoded.text) == 255
    assert decoded.text[0x80 - 1] == "\u20ac"
