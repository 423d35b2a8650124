"""Lists of domains and of pages as sorted 64-bit hashes: 8 bytes an entry, whatever its length.

A file has an entry per line. What is read: names alone, URLs, hosts files (`0.0.0.0 name name`),
comments after `#`, upper case, dots around names, `*.name`, gzip. An entry with a slash after its
host is a page, any other a domain. A folder stands for the files in and below it that are named
`domains`, `urls`, `hosts` (as in the lists of the University of Toulouse) or *.txt, each also .gz.

A false match of one page among 4.6 million entries has probability 1e-12.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from curate.errors import ConfigError
from curate.gates.address import Address, parse_address
from curate.storage import files
from curate.text.hashing import span_sums, splitmix64

Hashes = NDArray[np.uint64]
Entry = tuple[str, str]  # 'domain', 'page' or 'neither', and its one spelling

NAMES = frozenset({"domains", "urls", "hosts"})
PIECE_BYTES = 1 << 20
NONE: Hashes = np.zeros(0, np.uint64)
PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789.-_\n"  # of a line that is a domain as it stands
ODD_LINE = re.compile(rb"^[^\n]*[^a-z0-9._\-\n][^\n]*\n", re.MULTILINE)
COMMENT = re.compile(rb"#[^\n]*")
HOSTS_ADDRESS = re.compile(rb"^(?:[0-9]+\.[0-9.]+|[0-9a-f]*::[0-9a-f:%a-z]*)[ \t]+", re.MULTILINE)
OUTER_DOTS = re.compile(rb"^(?:\*?\.)+|\.+(?=\n)", re.MULTILINE)
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f]*:[0-9a-f:]+")  # not of ad blockers' filters, CSV or HTML
IPV6 = re.compile("[0-9a-f:.]+", re.IGNORECASE)  # without the brackets of URLs
MAX_SHOWN_CHARS = 60


@dataclass(frozen=True)
class Entries:
    """Hashes of domains and of pages, each sorted: (n,) and (m,) uint64."""

    domains: Hashes
    pages: Hashes

    @property
    def size(self) -> int:
        """Return how many there are."""
        return self.domains.size + self.pages.size


def contains(entries: Hashes, hashes: Hashes) -> NDArray[np.bool_]:
    """Tell which hashes are among sorted ones: (k,) bool."""
    if not entries.size:
        return np.zeros(hashes.size, np.bool_)
    places = np.minimum(np.searchsorted(entries, hashes), entries.size - 1)
    found: NDArray[np.bool_] = entries[places] == hashes
    return found


def hash_names(names: Iterable[str]) -> Hashes:
    """Return the hash of each name, in order: (k,) uint64; a line feed counts as a space."""
    lines = [name.replace("\n", " ") for name in names]
    return _hash_lines("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))


def classify(name: str) -> Entry:
    """Return 'page', 'domain' or 'neither', and the entry in its one spelling."""
    address = entry_address(name)
    host = address.host.removeprefix("*.")
    if HOST.fullmatch(host) is None:
        return "neither", name
    is_page = "/" in (name.partition("//")[2] if _has_scheme(name) else name)
    return ("page", address.page) if is_page else ("domain", host)


def entry_address(name: str) -> Address:
    """Return the address that an entry means, with or without a scheme."""
    if name.count(":") > 1 and IPV6.fullmatch(name):
        name = f"[{name}]"
    return parse_address(name if _has_scheme(name) else f"//{name}")


def _has_scheme(name: str) -> bool:
    return "://" in name or name.startswith("//")


def entries_of(names: Iterable[str]) -> Entries:
    """Return the entries of names as they would stand in a file."""
    return _entries(map(classify, names))


def list_files(key: str, path: str) -> list[str]:
    """Return the files of a blocklist by name.

    Raises: ConfigError naming the key, where there is none.
    """
    if not os.path.isdir(path):
        if not os.path.isfile(path):
            raise ConfigError(f"{path} is no file or folder on this machine", key)
        return [path]
    found = [
        os.path.join(directory, name)
        for directory, _, names in os.walk(path)
        for name in names
        if _is_list(name)
    ]
    if not found:
        raise ConfigError(f"no file in {path} is named domains, urls, hosts or *.txt (.gz)", key)
    return sorted(found)


def load_entries(keyed_files: Iterable[tuple[str, str]], shared: str | None = None) -> Entries:
    """Read blocklists: 0.3 us a domain, 7 us a page; 16 bytes each while they are sorted.

    Args:
        keyed_files: The YAML key of each file, for messages, and its path.
        shared: A folder where the sorted entries are left, to be mapped instead of read the next
            time: 1 ms, and 0.7 ns a byte of the files to know them by their content.

    Raises: ConfigError naming the key, for what is no blocklist.
    """
    keyed = list(keyed_files)
    if shared is None or not keyed:
        return _read_entries(keyed)
    content = "".join(sorted(files.sha256_file(file) for _, file in keyed)).encode()
    path = os.path.join(shared, f"blocklist-{hashlib.sha256(content).hexdigest()}")
    if not os.path.exists(path):
        entries = _read_entries(keyed)
        with tempfile.NamedTemporaryFile(dir=shared, delete=False) as file:
            file.write(np.uint64(entries.domains.size).tobytes())
            file.write(entries.domains.data)
            file.write(entries.pages.data)
        os.replace(file.name, path)  # by whichever part is last, all with the same bytes
    stored = np.asarray(np.memmap(path, np.uint64, "r"))
    domains, pages = np.split(stored[1:], [int(stored[0])])
    return Entries(domains, pages)


def _read_entries(keyed: list[tuple[str, str]]) -> Entries:
    domains, pages = [NONE], [NONE]
    for key, file in keyed:
        for plain, odd in _read_pieces(key, file):
            entries = _entries(odd)
            domains += [_hash_lines(plain), entries.domains]
            pages.append(entries.pages)
    return Entries(_sorted(domains), _sorted(pages))


def read_lines(key: str, path: str) -> Iterator[str]:
    """Yield the lines of a word list without comments and white space; blank ones are left out.

    Raises: ConfigError naming the key.
    """
    try:
        with _open(path) as file:
            for line in file:
                entry = line.decode("utf-8-sig").partition("#")[0].strip()
                if entry:
                    yield entry
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}", key) from None


def _read_pieces(key: str, path: str) -> Iterator[tuple[bytes, list[Entry]]]:
    """Yield for each piece of a file the lines that are domains, and the others as entries."""
    bad, num_lines, example = 0, 0, ""
    try:
        with _open(path) as file:
            while piece := file.read(PIECE_BYTES):
                piece = (piece + file.readline()).lower().replace(b"\r", b"")
                piece += b"\n" * (not piece.endswith(b"\n"))
                num_lines += piece.count(b"\n")
                plain, lines = _sift(piece)
                good: list[Entry] = []
                for line in filter(str.strip, lines):
                    found = [classify(entry) for entry in line.split()]
                    if all(kind != "neither" and re.search("[.:]", entry) for kind, entry in found):
                        good += found
                    else:
                        bad, example = bad + 1, example or line
                yield plain, good
    except (OSError, EOFError) as error:
        raise ConfigError(f"cannot read {path}: {error}", key) from None
    if 2 * bad > num_lines:
        raise ConfigError(
            f"{path} is no list of domains or URLs, one per line: "
            f"{example.strip()[:MAX_SHOWN_CHARS]!r}",
            key,
        )


def _sift(piece: bytes) -> tuple[bytes, list[str]]:
    """Return the lines that are domains as they stand, and the others without comments."""
    odd: list[str] = []
    if piece.translate(None, PLAIN):
        piece = HOSTS_ADDRESS.sub(b"", COMMENT.sub(b"", piece))
        piece = re.sub(rb"[ \t]+\n", b"\n", piece)
        piece = OUTER_DOTS.sub(b"", piece)
        odd = [line.decode("utf-8", "replace") for line in ODD_LINE.findall(piece)]
        piece = ODD_LINE.sub(b"", piece)
    elif b".\n" in piece or b"\n." in piece or piece.startswith(b"."):
        piece = OUTER_DOTS.sub(b"", piece)
    return piece, odd


def _entries(classified: Iterable[Entry]) -> Entries:
    found: dict[str, list[str]] = {"domain": [], "page": [], "neither": []}
    for kind, entry in classified:
        found[kind].append(entry)
    return Entries(*(np.unique(hash_names(found[kind])) for kind in ("domain", "page")))


def _hash_lines(lines: bytes) -> Hashes:
    """Return the hash of each line that is not empty: (k,) uint64; each line ends with a feed."""
    values = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(values == ord("\n"))
    starts = np.concatenate((np.zeros(1, np.int64), ends + 1))[: ends.size]
    full = ends > starts
    return span_sums(
        lambda part: _mixed_bytes()[values[part]], values.size, starts[full], ends[full]
    )


@cache
def _mixed_bytes() -> Hashes:
    return splitmix64(np.arange(256, dtype=np.uint64))


def _sorted(pieces: list[Hashes]) -> Hashes:
    hashes = np.concatenate(pieces)
    pieces.clear()
    hashes.sort()
    return hashes


def _is_list(name: str) -> bool:
    stem = name.removesuffix(".gz")
    return not name.startswith(".") and (stem in NAMES or stem.endswith(".txt"))


def _open(path: str) -> IO[bytes]:
    with files.open_read(path) as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if packed else open(path, "rb")
