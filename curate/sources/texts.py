"""Read the texts of a class: text files, JSONL, Parquet, folders of them, globs, finished runs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from typing import BinaryIO, cast

from curate.errors import ConfigError, InputError
from curate.sources.jsonl import Fields, JsonlReader
from curate.sources.parquet import ParquetReader
from curate.sources.record import ByteRange, ErrorSpan
from curate.storage import files

TEXT = (".txt",)
JSONL = tuple(f"{name}{packed}" for name in (".jsonl", ".ndjson") for packed in ("", ".gz", ".zst"))
PARQUET = (".parquet",)
MAX_TEXT_BYTES = 32 << 20  # of a file that is one text


def list_files(patterns: list[str]) -> list[str]:
    """Return the files that paths, folders, runs and globs stand for, each once, by name.

    Raises: ConfigError for what matches nothing that can be read.
    """
    found: set[str] = set()
    for pattern in patterns:
        names = {name for path in _expand(pattern) for name in _inside(path)}
        if not names:
            raise ConfigError(
                f"{pattern}: no texts there (looked for {', '.join((*TEXT, *JSONL, *PARQUET))}); "
                "name a file, a folder, a glob in quotes, or a finished run"
            )
        found |= names
    return sorted(found)


def read_texts(path: str, field: str) -> Iterator[str]:
    """Yield every text in a file; `field` is that of JSONL and Parquet.

    Raises: InputError at the first thing that is no text: a model of half the texts tells nobody.
    """
    size = files.size_bytes(path)
    if path.endswith(TEXT):
        if size > MAX_TEXT_BYTES:
            raise InputError(f"{path}: {size:,} bytes are no one text (limit {MAX_TEXT_BYTES:,})")
        try:
            yield files.read_bytes(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 at byte {error.start}") from None
        return
    reader_of = ParquetReader if path.endswith(PARQUET) else JsonlReader
    with files.open_read(path) as file:
        reader = reader_of(
            cast("BinaryIO", file), ByteRange(path, size, 0, size, 0), fields=Fields(text=field)
        )
        for row, record in enumerate(reader, 1):
            if isinstance(record, ErrorSpan):
                from_byte = f", from byte {record.offset:,} on" if record.offset else ""
                raise _defect(f"{path}{from_byte}", record.reason, record.detail)
            if record.error is not None:
                place = f"row {row:,}"
                if isinstance(reader, JsonlReader):
                    place = f"line {reader.num_lines:,}"
                raise _defect(f"{path}, {place}", *record.error)
            yield record.text or ""


def _defect(place: str, reason: str, detail: str) -> InputError:
    is_field = reason in ("missing_text", "wrong_type") or detail.startswith("no column")
    hint = "; --text-field names the field that holds the text" if is_field else ""
    detail = detail.replace(": line 1 column ", " at column ")  # the line that json was given
    return InputError(f"{place}: {reason.replace('_', ' ')}: {detail}{hint}")


def _expand(pattern: str) -> list[str]:
    """Return what exists for a path or a glob."""
    path = files.absolute(pattern)
    if not files.is_local(path) or os.path.lexists(path):
        return [path] if files.exists(path) else []
    return glob.glob(path, recursive=True)


def _inside(path: str) -> Iterator[str]:
    """Yield a file itself, or the readable files below a folder; of a run, those it publishes."""
    if not os.path.isdir(path):
        if not path.endswith((*TEXT, *JSONL, *PARQUET)):
            raise ConfigError(
                f"{path}: a file of texts ends with one of {', '.join((*TEXT, *JSONL, *PARQUET))}"
            )
        yield path
        return
    if files.exists(files.join(path, "run.json")):
        path = files.join(path, "curated")
    for directory, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if name.endswith((*TEXT, *JSONL, *PARQUET)) and not name.startswith((".", "_")):
                yield files.join(directory, name)
