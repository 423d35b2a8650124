"""One bad byte costs one record, and nothing is silent."""

from __future__ import annotations

import ast
import gzip
import io
import random
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest

from curate.errors import InputError
from curate.sources.record import ByteRange, ErrorSpan, Limits, Record
from curate.sources.warc import WarcReader

from . import warc_files as make

RECORDS = make.make_records(100)
MEMBERS = make.gzip_members(RECORDS)


def _starts() -> list[int]:
    starts = [0]
    for member in MEMBERS:
        starts.append(starts[-1] + len(member))
    return starts


STARTS = _starts()


@pytest.mark.parametrize(
    ("at", "reason"), [(40, "gzip_corrupt"), (-6, "gzip_crc"), (-2, "gzip_crc"), (0, "garbage")]
)
def test_one_flipped_byte_costs_one_record(at: int, reason: str) -> None:
    place = STARTS[50] + at if at >= 0 else STARTS[51] + at
    rows = make.read_all(make.flip(b"".join(MEMBERS), place))
    assert len(make.urls(rows)) == 99
    assert make.reasons(rows) == [reason]


def test_any_flipped_byte_costs_at_most_one_record() -> None:
    data = b"".join(MEMBERS[:8])
    for at in range(0, len(data), 5):
        rows = make.read_all(make.flip(data, at, 0xFF))
        assert len(make.urls(rows)) >= 7, at
        # In the last byte of a stream it leaves the record whole, with garbage behind it.
        assert len(make.reasons(rows)) <= 1, at


def test_any_flipped_byte_in_zstd_costs_at_most_one_record() -> None:
    data = make.zstd_with_dictionary(RECORDS[:8])
    begin = 8 + int.from_bytes(data[4:8], "little")
    for at in range(begin, len(data), 3):
        rows = make.read_all(make.flip(data, at, 0xFF))
        assert len(make.urls(rows)) >= 7, at
        assert len(make.reasons(rows)) <= 1, at


@pytest.mark.parametrize("piece", [bytes(512), random.Random(0).randbytes(100), b"\n\n"])
@pytest.mark.parametrize("compressed", [True, False])
def test_bytes_between_records_are_one_span(piece: bytes, compressed: bool) -> None:
    parts = MEMBERS if compressed else RECORDS
    rows = make.read_all(b"".join(parts[:50]) + piece + b"".join(parts[50:]))
    assert len(make.urls(rows)) == 100
    spans = [row for row in rows if isinstance(row, ErrorSpan)]
    if compressed or piece.strip(b"\n"):
        assert [span.length for span in spans] == [len(piece)]
    assert [span.reason for span in spans] in ([], ["garbage"], ["padding"])


@pytest.mark.parametrize("cut", [8, 1, 200])
def test_truncated_file_names_itself(cut: int) -> None:
    rows = make.read_all(b"".join(MEMBERS)[:-cut])
    assert len(make.urls(rows)) == 99
    assert make.reasons(rows) == ["truncated_file"]
    last = rows[-1]
    assert isinstance(last, Record)
    assert last.url == "http://a.example/99"


@pytest.mark.parametrize("wrap", ["plain", "members", "single", "bgzip"])
@pytest.mark.parametrize("length", ["5000000", "40000000", "10", "-1", "", "1" + "0" * 18, "12 34"])
def test_bad_content_length_costs_one_record(wrap: str, length: str) -> None:
    records = list(RECORDS)
    records[50] = make.make_record(make.make_page(7), "http://bad.example/", length=length)
    plain = b"".join(records)
    data = {
        "plain": plain,
        "members": b"".join(make.gzip_members(records)),
        "single": gzip.compress(plain),
        "bgzip": make.gzip_like_bgzip(plain),
    }[wrap]
    rows = make.read_all(data)
    assert len(make.urls(rows)) == 99
    assert make.reasons(rows) == ["bad_content_length"]
    assert rows == make.read_chained(data, 3000)[0]


def test_missing_content_length_and_type() -> None:
    good = make.make_record(b"x")
    for name, reason in ((b"Content-Length", "bad_content_length"), (b"WARC-Type", "bad_header")):
        rows = make.read_all(good + good.replace(name, b"X-Other") + good)
        assert make.reasons(rows) == [reason]
        assert len(rows) == 3


@pytest.mark.parametrize("off", [2, 4, -2])
def test_newlines_counted_wrongly_are_kept_with_a_flag(off: int) -> None:
    page = make.make_page(1) + (b"\r\n" if off < 0 else b"")
    record = make.make_record(page, length=str(len(page) + off))
    for data in (record * 3, gzip.compress(record) * 3, gzip.compress(record * 3)):
        rows = make.read_all(data)
        assert len(make.urls(rows)) == 3
        assert all(isinstance(row, Record) and row.flags for row in rows)


@pytest.mark.parametrize("separator", [b"", b"\r\n", b"\n\n", b"\r\n" * 3, b"\r\n" * 500])
def test_separators(separator: bytes) -> None:
    record = make.make_record(make.make_page(1), separator=separator)
    for data in (record * 5, b"".join([gzip.compress(record)] * 5), gzip.compress(record * 5)):
        rows = make.read_all(data)
        assert len(make.urls(rows)) == 5
        assert [row.block for row in rows if isinstance(row, Record)] == [make.make_page(1)] * 5


def test_header_forms() -> None:
    page = make.make_page(3)
    unix = make.make_record(page, newline="\n", separator=b"\n\n")
    folded = make.make_record(page, extra="X-Long: a\r\n  b", kind="Resource")
    bad_version = make.make_record(page).replace(b"WARC/1.0", b"WARC/1.x")
    large = make.make_record(page, extra="X-Large: " + "a" * 100_000)
    no_url = make.make_record(page).replace(b"WARC-Target-URI", b"X-Other")
    wget = make.make_record(page, "<http://a.example/>")
    rows = make.read_all(unix + folded + bad_version + no_url + large + wget)
    assert [row.type if isinstance(row, Record) else row.reason for row in rows] == [
        "response",
        "resource",
        "bad_header",
        "response",
        "bad_header",
        "response",
    ]
    assert make.urls(rows) == ["http://a.example/"] * 2 + [None, "http://a.example/"]


def test_fields_and_blocks() -> None:
    extra = "WARC-Truncated: length\r\nWARC-Payload-Digest: sha1:ABC\r\nWARC-Segment-Number: 1"
    rows = make.read_all(
        make.make_record(b"body", extra=extra) + make.make_record(b"body", kind="request")
    )
    first, second = rows
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert (first.block, first.truncated, first.payload_digest) == (b"body", "length", "sha1:ABC")
    assert first.flags == ("segmented",)
    assert first.date == "2024-01-02T03:04:05Z"
    assert (second.type, second.block, second.error) == ("request", b"", None)
    assert second.offset == first.length + len(b"\r\n\r\n")


def test_records_before_the_damage_in_a_member_stay() -> None:
    data = gzip.compress(b"".join(RECORDS), mtime=0)
    half = len(data) // 2
    rows = make.read_all(data[:half] + b"\xff" * 64 + data[half + 64 :])
    kept = len(make.urls(rows))
    assert 40 < kept < 60
    assert make.reasons(rows) == ["gzip_corrupt"]
    reached = len(make.urls(make.read_all(data[: len(data) // 2])))
    assert kept == reached


def test_large_records_are_passed_over() -> None:
    body = make.make_page(1) + b"WARC/1.0 " * 20_000
    records = [*RECORDS[:3], make.make_record(body), *RECORDS[3:6]]
    plain = b"".join(records)
    for data in (plain, b"".join(make.gzip_members(records)), gzip.compress(plain)):
        rows = make.read_all(data, max_record_bytes=50_000)
        assert make.reasons(rows) == ["record_too_large"]
        assert len(make.urls(rows)) == 6
        assert make.reasons(make.read_all(data)) == []


def test_memory_is_bounded_for_bombs() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = make.make_record(b"", length=str(1 << 28), separator=b"")
    data = bomb.compress(head)
    for _ in range(256):
        data += bomb.compress(bytes(1 << 20))
    data += bomb.compress(b"\r\n\r\n") + bomb.flush()
    tracemalloc.start()
    rows = make.read_all(data * 2, max_record_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert make.reasons(rows) == ["record_too_large"] * 2
    assert peak < 12 << 20


def _nested_gzip(levels: int) -> bytes:
    """Return stored members inside one another, all cut off."""
    data = b""
    for _ in range(levels):
        data = make.stored(b"WARC/1.0\r\n" + data)[:-20]
    return data


@pytest.mark.parametrize(
    "data",
    [
        (b"\x1f\x8b\x08" + bytes(7)) * 100_000,
        gzip.compress(b"WARC/1.0\r\n") + b"\x1f\x8b\x08\0\0\0\0\0\0\0\x4b" * 100_000,
        b"WARC/1.0\r\n" * 100_000,
        b"WARC/1.0\r\nWARC-Type: a\r\nContent-Length: 30000000\r\n\r\n" * 20_000,
        b"WARC/1.0\r\nWARC-Type: a\r\nContent-Length: 99999999999\r\n\r\n" * 20_000,
        gzip.compress(b"WARC/1.0\r\nWARC-Type: a\r\nContent-Length: 90000000\r\n\r\n" * 20_000),
        gzip.compress(b"x\nWARC/1.0\r\nWARC-Type: a\r\nContent-Length: 90000000\r\n\r\n") * 3_000,
        gzip.compress(b"x\nWARC/1.0\r\nWARC-Type: a\r\nContent-Length: 30000000\r\n\r\n") * 3_000,
        b"\x28\xb5\x2f\xfd\x00\x58" * 100_000,
        b"\n" * 1_000_000,
        b"WARC/1.0\r\n" + b"a: b\r\n" * 150_000,
        b"aWARC/1.0\r\na: b\r\n" * 60_000,
        gzip.compress(b"\0" * 1_000_000) * 20,
        _nested_gzip(2_000) + b"\xff" * 30,
        gzip.compress(b"", mtime=0) * 20_000,
    ],
    ids=range(15),
)
def test_hostile_files_take_linear_time(data: bytes) -> None:
    begin = time.process_time()
    rows = make.read_all(data)
    assert time.process_time() - begin < 5
    assert rows == make.read_chained(data, len(data) // 3)[0]


def test_damage_in_bgzip_costs_the_records_of_one_member() -> None:
    data = make.gzip_like_bgzip(b"".join(RECORDS), 5000)
    for at in range(6000, len(data), 2777):
        rows = make.read_all(data[:at] + bytes(20) + data[at + 20 :])
        assert len(make.urls(rows)) >= 85, at


def test_zstd_without_its_dictionary_is_one_span() -> None:
    data = make.zstd_with_dictionary(RECORDS[:5])
    rows = make.read_all(data[8 + int.from_bytes(data[4:8], "little") :])
    assert make.reasons(rows) == ["zstd_dictionary"]


def test_zstd_window_and_dictionary_limits() -> None:
    frame = bytes.fromhex("28b52ffd00a8") + b"\0" * 9
    assert make.reasons(make.read_all(frame)) == ["zstd_window"]
    broken = make.flip(make.zstd_with_dictionary(RECORDS[:5]), 9)
    assert set(make.reasons(make.read_all(broken))) <= {"zstd_dictionary", "zstd_corrupt"}


def test_changed_file_is_refused() -> None:
    data = b"".join(MEMBERS[:3])
    reader = WarcReader(io.BytesIO(data), ByteRange("x", len(data) + 1, 0, len(data), 0), Limits())
    with pytest.raises(InputError, match="input_changed"):
        list(reader)


def test_random_damage_never_raises() -> None:
    rng = random.Random(3)
    sources = [
        b"".join(MEMBERS[:10]),
        b"".join(RECORDS[:10]),
        make.zstd_with_dictionary(RECORDS[:10]),
        make.gzip_like_bgzip(b"".join(RECORDS[:10])),
    ]
    for i in range(240):
        data = sources[i % 4]
        for _ in range(rng.randrange(1, 12)):
            at, kind = rng.randrange(len(data)), rng.randrange(4)
            size = rng.randrange(1, 200)
            if kind == 0:
                data = make.flip(data, at, rng.randrange(1, 256))
            elif kind == 1:
                data = data[:at] + data[at + size :]
            elif kind == 2:
                data = data[:at] + rng.randbytes(size) + data[at:]
            else:
                data = data[:at] + data[at : at + size] + data[at:]
        rows = make.read_all(data)
        for part_size in (500, 2999):
            assert make.read_chained(data, part_size)[0] == rows, i


def test_real_files_agree_with_the_manifest_and_fastwarc(shared_data: Path) -> None:
    from fastwarc.warc import ArchiveIterator

    root = shared_data / "warc"
    lines = (root / "manifest.tsv").read_text().splitlines()[1:]
    manifest = {line.split("\t")[0]: line.split("\t") for line in lines}
    num_agreeing = num_equal = num_compared = 0
    for path in make.find_files(root):
        data = path.read_bytes()
        rows = make.read_all(data)
        for part_size in (5_000, 70_000):
            if len(data) < 100_000 * part_size // 1000:
                assert make.read_chained(data, part_size)[0] == rows, path
        fields = manifest.get(str(path.relative_to(root)))
        if fields is None or not fields[3].startswith("{") or "arc_header" in fields[3]:
            continue
        if (len(fields) > 5 and fields[5]) or make.reasons(rows) or ".warc" not in path.name:
            continue
        counts: dict[str, int] = {}
        for row in rows:
            assert isinstance(row, Record)
            counts[row.type] = counts.get(row.type, 0) + 1
        expected: dict[str, int] = {}
        for kind, count in ast.literal_eval(fields[3]).items():
            kind = kind.strip().lower()
            expected[kind] = expected.get(kind, 0) + count
        if counts != expected:
            # The manifest was counted by a reader that stops at odd separators; never more than us.
            assert all(counts.get(kind, 0) >= count for kind, count in expected.items()), path
            continue
        num_agreeing += 1
        ours = {(row.offset, row.block) for row in rows if isinstance(row, Record) and row.block}
        try:
            archive = ArchiveIterator(io.BytesIO(data), parse_http=False)
            theirs = {(record.stream_pos, record.reader.read()) for record in archive}
        except OSError:
            continue
        num_equal += ours <= theirs or path.suffix != ".gz"
        num_compared += 1
    assert num_agreeing > 40
    assert num_equal == num_compared > 20
