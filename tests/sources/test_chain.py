"""Parts of any size find the same rows as one sequential reader."""

from __future__ import annotations

import gzip
import random

import pytest

from . import warc_files as make

PART_SIZES = (300, 777, 1500, 4096, 10_000, 33_333, 200_000, 10**9)


def _corrupt(data: bytes, seed: int, count: int) -> bytes:
    rng = random.Random(seed)
    for _ in range(count):
        data = make.flip(data, rng.randrange(len(data)), rng.randrange(1, 256))
    return data


def _garbage_between(members: list[bytes]) -> bytes:
    rng = random.Random(5)
    pieces = []
    for i, member in enumerate(members):
        pieces.append(member)
        if i % 7 == 3:
            pieces.append(rng.randbytes(100) if i % 2 else bytes(512))
    return b"".join(pieces)


def _warc_of_warcs(inner: bytes, compressed: bool) -> bytes:
    """Put whole WARC files into records; `.gz` members store them verbatim."""
    records = []
    for i in range(6):
        payload = b"HTTP/1.1 200 OK\r\n\r\n" + inner
        records.append(make.make_record(payload, f"http://outer.example/{i}"))
        records.append(make.make_record(make.make_page(i), f"http://outer.example/page{i}"))
    return b"".join(make.stored(record) for record in records) if compressed else b"".join(records)


def _cases() -> dict[str, bytes]:
    records = make.make_records()
    plain = b"".join(records)
    members = make.gzip_members(records)
    normal = b"".join(members)
    short = records[:12]
    inner_gz = b"".join(make.gzip_members(short))
    cases = {
        "gz": normal,
        "plain": plain,
        "zst_dictionary": make.zstd_with_dictionary(records),
        "zst_compressed_dictionary": make.zstd_with_dictionary(records, True),
        "single_member": gzip.compress(plain, mtime=0),
        "gz_garbage": _garbage_between(members),
        "plain_garbage": _garbage_between(records),
        "gz_truncated": normal[:-700],
        "plain_truncated": plain[:-700],
        "single_truncated": gzip.compress(plain, mtime=0)[:-700],
        "bgzip": make.gzip_like_bgzip(plain),
        "bgzip_truncated": make.gzip_like_bgzip(plain)[:-900],
        "warc_gz_in_gz": _warc_of_warcs(inner_gz, True),
        "warc_in_plain": _warc_of_warcs(b"".join(short), False),
        "warc_gz_in_plain": _warc_of_warcs(inner_gz, False),
        "warc_in_gz_stored": _warc_of_warcs(b"".join(short), True),
        "empty_members": gzip.compress(b"", mtime=0).join(members),
        "newlines_in_members": b"".join(make.gzip_members(r + b"\r\n" for r in records)),
        "empty": b"",
        "random": random.Random(1).randbytes(5000),
        "zeros": bytes(5000),
    }
    for seed in range(6):
        cases[f"gz_corrupt_{seed}"] = _corrupt(normal, seed, 1 + seed)
        cases[f"nested_corrupt_{seed}"] = _corrupt(cases["warc_gz_in_gz"], seed, 4)
        cases[f"plain_corrupt_{seed}"] = _corrupt(plain, seed, 60)
        cases[f"zst_corrupt_{seed}"] = _corrupt(cases["zst_dictionary"], seed, 1 + seed)
        cases[f"bgzip_corrupt_{seed}"] = _corrupt(cases["bgzip"], seed, 2)
    return cases


CASES = _cases()


@pytest.mark.parametrize("name", CASES)
def test_parts_of_any_size_give_equal_rows(name: str) -> None:
    data = CASES[name]
    expected = make.read_all(data)
    for part_size in PART_SIZES:
        rows, _ = make.read_chained(data, part_size)
        assert rows == expected, part_size


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("gz", 60),
        ("plain", 60),
        ("zst_dictionary", 60),
        ("zst_compressed_dictionary", 60),
        ("single_member", 60),
        ("bgzip", 60),
        ("warc_gz_in_gz", 12),
        ("warc_in_plain", 12),
        ("warc_gz_in_plain", 12),
        ("warc_in_gz_stored", 12),
        ("empty_members", 60),
    ],
)
def test_whole_files_have_no_errors(name: str, count: int) -> None:
    rows = make.read_all(CASES[name])
    assert len(make.urls(rows)) == len(rows) == count


def test_parts_repair_the_chain_only_where_they_must() -> None:
    assert make.read_chained(CASES["gz"], 4096)[1] == 0
    assert make.read_chained(CASES["plain"], 4096)[1] == 0
    assert make.read_chained(CASES["warc_gz_in_gz"], 3000)[1] > 0


def test_file_spans_and_members_cover_the_file() -> None:
    data = CASES["gz_garbage"]
    rows = make.read_all(data)
    spans = [row for row in rows if isinstance(row, make.ErrorSpan)]
    assert {span.reason for span in spans} == {"garbage", "padding"}
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        end = after.offset if after else len(data)
        assert row.offset < end
        if isinstance(row, make.ErrorSpan):
            assert row.offset + row.length == end
