"""Make WARC files, and read files in parts as the engine does."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import random
import zlib
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import zstandard

from curate.sources.record import ByteRange, ErrorSpan, Reader, Record
from curate.sources.warc import WarcReader

Row = Record | ErrorSpan
WORDS = ["river", "stone", "lamp", "winter", "orchard", "bridge", "copper", "window", "letter"]


def make_record(
    payload: bytes,
    url: str = "http://a.example/",
    kind: str = "response",
    length: str | None = None,
    extra: str = "",
    newline: str = "\r\n",
    separator: bytes = b"\r\n\r\n",
) -> bytes:
    """Return one WARC record; `length` overrides the right Content-Length."""
    digest = base64.b32encode(hashlib.sha1(payload).digest()).decode()
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: {url}",
        "WARC-Date: 2024-01-02T03:04:05Z",
        f"WARC-Block-Digest: sha1:{digest}",
        "Content-Type: application/http; msgtype=response",
        f"Content-Length: {len(payload) if length is None else length}",
    ]
    lines += [extra] if extra else []
    return newline.join([*lines, "", ""]).encode() + payload + separator


def make_page(seed: int, num_words: int = 120) -> bytes:
    """Return an HTTP response that does not compress well."""
    rng = random.Random(seed)
    words = " ".join(rng.choice(WORDS) + str(rng.randrange(10**6)) for _ in range(num_words))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    return head + f"<html><body><p>{words}</p></body></html>".encode()


def make_records(count: int = 60, seed: int = 0) -> list[bytes]:
    """Return records of different sizes."""
    return [
        make_record(make_page(seed * 10_000 + i, 20 + 37 * i % 300), f"http://a.example/{i}")
        for i in range(count)
    ]


def gzip_members(records: Iterable[bytes], level: int = 6) -> list[bytes]:
    """Return a gzip member for each record."""
    return [gzip.compress(record, level, mtime=0) for record in records]


def gzip_like_bgzip(data: bytes, size: int = 1000) -> bytes:
    """Return members of `size` bytes each, wherever records end, and an empty one."""
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(gzip_members([*pieces, b""]))


def zstd_with_dictionary(records: list[bytes], compress_dictionary: bool = False) -> bytes:
    """Return a `.warc.zst` with its dictionary in a skippable frame at the head."""
    dictionary = zstandard.train_dictionary(4096, records * 8)
    data = dictionary.as_bytes()
    if compress_dictionary:
        data = zstandard.ZstdCompressor().compress(data)
    head = (0x184D2A5D).to_bytes(4, "little") + len(data).to_bytes(4, "little") + data
    compressor = zstandard.ZstdCompressor(dict_data=dictionary, write_checksum=True)
    return head + b"".join(compressor.compress(record) for record in records)


def flip(data: bytes, at: int, mask: int = 0x55) -> bytes:
    """Return the bytes with one changed."""
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


def stored(data: bytes) -> bytes:
    """Return a gzip member of stored blocks: the data is there verbatim."""
    compressor = zlib.compressobj(0, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()


def read_all(data: bytes, **limits: int) -> list[Row]:
    """Read a file as a single part."""
    from curate.sources.record import Limits

    byte_range = ByteRange("x", len(data), 0, len(data), 0)
    return list(WarcReader(io.BytesIO(data), byte_range, Limits(**limits)))


def read_chained(
    data: bytes,
    part_size: int,
    open_reader: Callable[[io.BytesIO, ByteRange], Reader] = WarcReader,
) -> tuple[list[Row], int]:
    """Read a file in parts and mend the chain, as the engine does; return rows and re-readings."""
    size = len(data)
    edges = [*range(0, size, part_size), size] if size else [0, 0]
    rows: list[Row] = []
    at, num_repairs = 0, 0
    for start, end in pairwise(edges):
        first = 0 if start == 0 else None
        reader = open_reader(io.BytesIO(data), ByteRange("x", size, start, end, first))
        part = list(reader)
        is_right = reader.first_start is None if at >= end else reader.first_start == at
        if not is_right:
            num_repairs += 1
            reader = open_reader(io.BytesIO(data), ByteRange("x", size, start, end, at))
            part = list(reader)
        assert reader.end >= at or reader.first_start is None
        if reader.first_start is not None:
            assert start <= reader.first_start == at < end <= reader.end
            at = reader.end
        else:
            assert not part or size == 0
        rows += part
    assert at == size
    return rows, num_repairs


def urls(rows: Iterable[Row]) -> list[str | None]:
    """Return the URLs of the records that are not errored."""
    return [row.url for row in rows if isinstance(row, Record) and row.error is None]


def reasons(rows: Iterable[Row]) -> list[str]:
    """Return the reason of each span and errored record."""
    found = []
    for row in rows:
        if isinstance(row, ErrorSpan):
            found.append(row.reason)
        elif row.error:
            found.append(row.error[0])
    return found


def find_files(root: Path) -> list[Path]:
    """Return the files under a folder, sorted."""
    return sorted(path for path in root.rglob("*") if path.is_file())
