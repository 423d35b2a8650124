"""Find the input files, name them, and cut them into parts.

The name of a source is its path relative to `input.root`. Parts are a function of names, sizes and
`input.part_bytes`, never of workers; a longer list of files leaves the parts of the others as they
were, whatever their numbers.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass

from fsspec.core import url_to_fs

from curate.errors import ConfigError, InputError
from curate.segment import PlanFn, RunFiles
from curate.settings import Input
from curate.storage import files
from curate.storage.artifact import Part

MAGIC = "*?["


@dataclass(frozen=True)
class Source:
    """An input file: its name in the ledger, where it is, and its size in bytes."""

    name: str
    path: str
    num_bytes: int


def list_sources(settings: Input) -> list[Source]:
    """Return the input files sorted by name.

    Raises: ConfigError when a pattern matches nothing or two files have one name.
    """
    root = settings.root or fixed_prefix(settings.paths)
    root = files.absolute(root)
    found: dict[str, Source] = {}
    for pattern in settings.paths:
        matches = sorted(_expand(files.absolute(pattern), settings.format == "html"))
        if not matches:
            raise ConfigError(
                f"input.paths: {pattern} matches no file (looked in {files.absolute(pattern)})"
            )
        for path, num_bytes in matches:
            name = source_name(path, root)
            known = found.get(name)
            if known is not None and known.path != path:
                raise ConfigError(
                    f"input.paths: {known.path} and {path} are both named {name!r}; "
                    f"set input.root to a directory above both"
                )
            found[name] = Source(name, path, num_bytes)
    return [found[name] for name in sorted(found)]


def fixed_prefix(patterns: list[str]) -> str:
    """Return the deepest directory above all patterns that has no wildcard in it.

    >>> fixed_prefix(["crawl/2024/*.warc.gz", "crawl/2025/a.warc.gz"])
    'crawl'
    """
    directories = []
    for pattern in patterns:
        parts = pattern.split("/")
        fixed = parts[:-1]
        for index, part in enumerate(parts[:-1]):
            if any(character in part for character in MAGIC):
                fixed = parts[:index]
                break
        directories.append(fixed)
    common = os.path.commonprefix(directories)  # noqa: RUF071  # of lists, name by name
    return "/".join(common) or ("/" if patterns[0].startswith("/") else ".")


def source_name(path: str, root: str) -> str:
    """Return a file's name relative to the root; bytes that are not UTF-8 are escaped."""
    inside = path.removeprefix(root.rstrip("/") + "/")
    name = inside if inside != path else path.rsplit("/", 1)[-1]
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def plan_parts(settings: Input, sources: list[Source]) -> PlanFn:
    """Return the plan of the documents segment: byte ranges of the sources."""

    def plan(run: RunFiles) -> list[Part]:
        return list(_cut(settings, sources))

    return plan


def _expand(pattern: str, recursive: bool) -> Iterator[tuple[str, int]]:
    """Yield (path, bytes); a directory stands for the files below it, in the html format."""
    if files.is_local(pattern):
        for path in glob.glob(pattern, recursive=True):
            if os.path.isdir(path):
                if recursive:
                    for directory, _, names in os.walk(path):
                        for name in names:
                            below = os.path.join(directory, name)
                            yield below, os.stat(below).st_size
                continue
            yield path, os.stat(path).st_size if os.path.exists(path) else 0
        return
    try:
        fs, inside = url_to_fs(pattern)
        scheme = pattern.split("://", 1)[0]
        entries = fs.glob(inside, detail=True)
        if recursive and fs.isdir(inside):
            entries = fs.find(inside, detail=True)
    except (OSError, ImportError) as error:
        raise InputError(f"cannot list {pattern}: {error}") from error
    for path, entry in entries.items():
        if entry["type"] == "file":
            yield f"{scheme}://{path.removeprefix(scheme + '://')}", int(entry["size"] or 0)


def _cut(settings: Input, sources: list[Source]) -> Iterator[Part]:
    """Yield the parts: ranges of one file, or groups of small HTML files."""
    size = settings.part_bytes
    if settings.format == "html":
        yield from _group(sources, size)
        return
    index = 0
    for source in sources:
        whole = settings.format == "jsonl" and not _is_plain(source)
        step = max(1, source.num_bytes) if whole else size
        for start in range(0, max(1, source.num_bytes), step):
            end = min(start + step, source.num_bytes)
            spec = {
                "source": source.name,
                "size": source.num_bytes,
                "start": start,
                "end": end,
            }
            given = {"path": source.path, "first": 0 if start == 0 else None}
            yield Part(index, end - start, spec, given=given)
            index += 1


def _is_plain(source: Source) -> bool:
    """Return whether a JSONL file can be cut at bytes: a compressed one cannot."""
    if not os.path.isfile(source.path) and files.is_local(source.path):
        return True
    with files.open_read(source.path) as file:
        head = file.read(4)
    return not (head.startswith(b"\x1f\x8b") or head in (b"\x28\xb5\x2f\xfd",))


def _group(sources: list[Source], size: int) -> Iterator[Part]:
    """Yield parts of whole files until `size` bytes are reached."""
    index, group, num_bytes = 0, [], 0
    for position, source in enumerate(sources):
        group.append(source)
        num_bytes += source.num_bytes
        if num_bytes >= size or position == len(sources) - 1:
            spec = {"files": [[member.name, member.num_bytes] for member in group]}
            yield Part(index, num_bytes, spec, given={"paths": [s.path for s in group]})
            index, group, num_bytes = index + 1, [], 0
