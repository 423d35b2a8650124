"""One bad line costs itself."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc

import pytest
import zstandard

from curate.sources.jsonl import Fields, JsonlReader
from curate.sources.record import ByteRange, ErrorSpan, Limits, Record

from . import warc_files as make


def _read(data: bytes, fields: Fields | None = None, **limits: int) -> list[make.Row]:
    byte_range = ByteRange("x", len(data), 0, len(data), 0)
    return list(JsonlReader(io.BytesIO(data), byte_range, Limits(**limits), fields))


def _lines(count: int) -> list[bytes]:
    rows = [{"text": f"line {i} " * (i % 9), "url": f"u{i}", "n": i} for i in range(count)]
    return [json.dumps(row).encode() + b"\n" for row in rows]


def _texts(rows: list[make.Row]) -> list[str | None]:
    return [row.text for row in rows if isinstance(row, Record) and row.error is None]


BAD = [
    (b'{"text": "\xff"}', "bad_utf8"),
    (b'{"text": "a"', "bad_json"),
    (b"[1, 2]", "not_an_object"),
    (b'"text"', "not_an_object"),
    (b'{"text": null}', "missing_text"),
    (b"{}", "missing_text"),
    (b'{"text": 5}', "wrong_type"),
    (b'{"text": ["a"]}', "wrong_type"),
    (b"[" * 200_000, "bad_json"),
    (b'{"a":' * 40_000, "bad_json"),
    (b"nonsense", "bad_json"),
    (b'{"text": "' + b"x" * 300_000 + b'"}', "line_too_long"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_bad_line_costs_itself(line: bytes, reason: str) -> None:
    lines = _lines(10)
    data = b"".join([*lines[:5], line, b"\n", *lines[5:]])
    for packed in (data, gzip.compress(data), zstandard.ZstdCompressor().compress(data)):
        rows = _read(packed, max_line_bytes=250_000)
        assert len(_texts(rows)) == 10
        assert make.reasons(rows) == [reason]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'{"text": "a", "n": NaN, "m": -Infinity}', "a"),
        (b'{"text": "a", "n": ' + b"9" * 5000 + b"}", "a"),
        (b'{"text": "a", "text": "b"}', "b"),
        (rb'{"text": "a\ud800b"}', "a\ufffdb"),
        (rb'{"text": "\ud83d\ude00"}', "\U0001f600"),
        (b'  {"text": "a"}\r', "a"),
        (b'\xef\xbb\xbf{"text": "a"}', "a"),
    ],
)
def test_odd_lines_are_read(line: bytes, text: str) -> None:
    assert _texts(_read(line + b"\n\n \n\r\n")) == [text]
    assert _texts(_read(line)) == [text]


def test_parts_of_any_size_give_equal_rows() -> None:
    lines = _lines(300)
    lines[7] = b"\n"
    lines[20] = b"{broken\n"
    lines[40] = b'{"text": "' + b"y" * 9000 + b'"}\n'
    whole = b"".join(lines)
    for data in (
        whole,
        whole[:-1],
        whole[:-5],
        b"\n" * 50,
        b"x",
        b"",
        gzip.compress(whole),
        zstandard.ZstdCompressor().compress(whole),
        bytes(3000),
    ):
        expected = _read(data)
        for part_size in (1, 7, 50, 333, 1000, 4096, 10_000, 10**9):
            if part_size > 40 or len(data) < 4000:
                rows, repairs = make.read_chained(data, part_size, JsonlReader)
                assert rows == expected, part_size
                assert repairs == 0 or data[:1] != b"{" or part_size < 9100


def test_compressed_files_of_many_members() -> None:
    lines = _lines(100)
    members = [gzip.compress(b"".join(lines[i : i + 10])) for i in range(0, 100, 10)]
    assert len(_texts(_read(b"".join(members)))) == 100
    frames = [
        zstandard.ZstdCompressor().compress(b"".join(lines[i : i + 10])) for i in range(0, 100, 10)
    ]
    assert len(_texts(_read(b"".join(frames)))) == 100
    members[4] = make.flip(members[4], 30)
    rows = _read(b"".join(members))
    assert 90 <= len(_texts(rows)) < 100
    assert any(isinstance(row, ErrorSpan) for row in rows)
    rows = _read(b"".join(members[:3])[:-20])
    assert 20 <= len(_texts(rows)) < 30
    assert make.reasons(rows)[-1] == "truncated_file"


def test_long_line_in_constant_memory() -> None:
    data = b'{"text": "' + b"x" * (64 << 20) + b'"}\n{"text": "good"}\n'
    packed = gzip.compress(data, 1)
    tracemalloc.start()
    rows = _read(packed, max_line_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert make.reasons(rows) == ["line_too_long"]
    assert _texts(rows) == ["good"]
    assert peak < 8 << 20


def test_fields_name_html_and_identity() -> None:
    data = '{"html": "<p>é</p>", "u": "x", "d": "2020"}\n'.encode()
    (row,) = _read(data, Fields(html="html", url="u", date="d"))
    assert isinstance(row, Record)
    assert (row.type, row.block, row.text) == ("html", "<p>é</p>".encode(), None)
    assert (row.url, row.date, row.length) == ("x", "2020", len(data))
