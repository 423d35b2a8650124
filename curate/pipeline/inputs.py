"""Find the input files, name them, and cut them into parts.

The name of a source is its path relative to `input.root`. Parts are a function of names, sizes and
`input.part_bytes`, never of workers; a longer list of files leaves the parts of the others as they
were, whatever their numbers.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from curate.errors import ConfigError, InputError
from curate.segment import PlanFn, RunFiles
from curate.settings import Input
from curate.storage import files
from curate.storage.artifact import JSON, Part

MAGIC = "*?["


@dataclass(frozen=True)
class Source:
    """An input file: its name in the ledger, where it is, and its size in bytes."""

    name: str
    path: str
    num_bytes: int
    unreadable: str | None = None  # why it is never opened: a FIFO would wait for ever


def list_sources(settings: Input) -> list[Source]:
    """Return the input files sorted by name.

    Raises: ConfigError when a pattern matches nothing or two files have one name; InputError when
    a file cannot be opened at all.
    """
    root = files.absolute(settings.root or fixed_prefix(settings.paths))
    if settings.root is not None and not files.exists(root):
        raise ConfigError(f"input.root: {settings.root} does not exist")
    found: dict[str, Source] = {}
    for pattern in settings.paths:
        matches = sorted(_expand(files.absolute(pattern), settings.format == "html"))
        if not matches:
            raise ConfigError(
                f"input.paths: {pattern} matches no file (looked for {files.absolute(pattern)}"
                + ("; a directory: give DIRECTORY/*)" if os.path.isdir(pattern) else ")")
            )
        for path, num_bytes, unreadable in matches:
            name = source_name(path, root)
            known = found.get(name)
            if known is not None and known.path != path:
                raise ConfigError(
                    f"input.paths: {known.path} and {path} are both named {name!r}; "
                    f"set input.root to a directory above both"
                )
            found[name] = Source(name, path, num_bytes, unreadable)
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


def _expand(pattern: str, recursive: bool) -> Iterator[tuple[str, int, str | None]]:
    """Yield (path, bytes, why it cannot be read or None) of every match.

    A path that exists is itself, whatever wildcards are in its name. A directory stands for the
    files below it, in the html format.
    """
    if files.is_local(pattern):
        matches = [pattern] if os.path.lexists(pattern) else glob.glob(pattern, recursive=True)
        for path in matches:
            if not os.path.isdir(path):
                yield _look_at(path)
            elif recursive:
                for directory, _, names in os.walk(path):
                    for name in names:
                        yield _look_at(os.path.join(directory, name))
        return
    try:
        fs, inside = files.file_system(pattern)
        scheme = pattern.split("://", 1)[0]
        entries = fs.glob(inside, detail=True)
        if recursive and fs.isdir(inside):
            entries = fs.find(inside, detail=True)
    except (OSError, ImportError) as error:
        raise InputError(f"cannot list {pattern}: {error}") from error
    for path, entry in entries.items():
        if entry["type"] == "file":
            url = f"{scheme}://{path.removeprefix(scheme + '://')}"
            yield url, int(entry["size"] or 0), None


def _look_at(path: str) -> tuple[str, int, str | None]:
    """Return (path, bytes, why it is never opened) of a local match.

    Raises: InputError when it is gone or may not be read: to go on would lose it silently.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"input.paths: {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        return path, 0, "not a regular file"
    if not os.access(path, os.R_OK):
        raise InputError(f"input.paths: {path} cannot be read: permission denied")
    return path, status.st_size, None


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
            spec: JSON = {
                "source": source.name,
                "size": source.num_bytes,
                "start": start,
                "end": end,
            }
            if source.unreadable:
                spec["unreadable"] = source.unreadable
            given = {"path": source.path, "first": 0 if start == 0 else None}
            yield Part(index, end - start, spec, given=given)
            index += 1


def _is_plain(source: Source) -> bool:
    """Return whether a JSONL file can be cut at bytes: a compressed one cannot."""
    if source.unreadable:
        return True
    with files.open_read(source.path) as file:
        head = file.read(4)
    return not (head.startswith(b"\x1f\x8b") or head in (b"\x28\xb5\x2f\xfd",))


def _group(sources: list[Source], size: int) -> Iterator[Part]:
    """Yield parts of whole files until `size` bytes are reached; what is no file is its own."""
    index, group, num_bytes = 0, [], 0
    readable = [source for source in sources if not source.unreadable]
    for position, source in enumerate(readable):
        group.append(source)
        num_bytes += source.num_bytes
        if num_bytes >= size or position == len(readable) - 1:
            spec: JSON = {"files": [[member.name, member.num_bytes] for member in group]}
            yield Part(index, num_bytes, spec, given={"paths": [s.path for s in group]})
            index, group, num_bytes = index + 1, [], 0
    for source in sources:
        if source.unreadable:
            where: JSON = {"source": source.name, "size": 0, "start": 0, "end": 0}
            spec = {**where, "unreadable": source.unreadable}
            yield Part(index, 0, spec, given={"path": source.path})
            index += 1
