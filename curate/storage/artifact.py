"""Artifacts: directories of part files with records, a plan, and a manifest published last.

    documents/
      .plan.json                 fingerprint and what it was made of; written before any part
      part-00000.parquet ...     data, published before ...
      .part-00000.json           ... the part's record: files with rows, bytes, sha256; counters
      _manifest.json             totals; its existence is completion

No file here holds a clock or an absolute path, so equal runs have equal bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from curate.errors import IntegrityError
from curate.storage import files
from curate.storage.parquet import ParquetWriter

JSON = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A fixed slice of a segment's work: the unit of parallelism, retry and resume.

    `spec` says what the slice is, in JSON values: for the `documents` segment a source, its size
    and a byte range; for segments over the same parts nothing; for an exchange a key range.
    """

    index: int
    num_bytes: int = 0
    spec: JSON = field(default_factory=dict)
    reads: str = ""  # digest of the records of the files this part reads, where that is one part
    given: JSON = field(default_factory=dict)  # what it is told besides: paths, where to begin

    @property
    def name(self) -> str:
        """Return the name its files share."""
        return f"part-{self.index:05d}"

    def key(self, fingerprint: str) -> str:
        """Return what the part's bytes depend on; index and `given` are not that."""
        return digest({"fingerprint": fingerprint, "spec": self.spec, "reads": self.reads})


@dataclass(frozen=True)
class FileFacts:
    """What a part record says of one file."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class PartRecord:
    """The record of a committed part."""

    index: int
    key: str
    files: Mapping[str, FileFacts]
    counters: Mapping[str, int]
    facts: JSON  # what a later reader needs: chain ends, sha256 of the range, verdicts

    def to_json(self) -> JSON:
        """Return the record as JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(value: JSON) -> PartRecord:
        """Return the record that `to_json` gave."""
        facts = {name: FileFacts(**entry) for name, entry in value["files"].items()}
        return PartRecord(
            value["index"], value["key"], facts, dict(value["counters"]), dict(value["facts"])
        )


class Artifact:
    """One artifact directory, by path or URL."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def path(self, name: str) -> str:
        """Return the path of a file in the artifact."""
        return files.join(self.directory, name)

    def manifest(self) -> JSON | None:
        """Return the manifest, or None while the artifact is not complete."""
        value: JSON | None = files.read_json(self.path("_manifest.json"))
        return value

    def plan(self) -> JSON | None:
        """Return fingerprint and ingredients of what is being made here, or None."""
        value: JSON | None = files.read_json(self.path(".plan.json"))
        return value

    def record(self, index: int) -> PartRecord | None:
        """Return the record of one part, or None while it is not committed."""
        value = files.read_json(self.path(f".part-{index:05d}.json"))
        return PartRecord.from_json(value) if value is not None else None

    def records(self) -> list[PartRecord]:
        """Return the records of all committed parts, by index."""
        names = files.list_names(self.directory)
        found = [name for name in names if name.startswith(".part-") and name.endswith(".json")]
        return [
            PartRecord.from_json(files.read_json(self.path(name)))
            for name in sorted(found, key=_index_of)
        ]

    def part_files(self, stem: str = "part") -> list[str]:
        """Return the paths of the files of one stem, in part order; of a complete artifact."""
        names = files.list_names(self.directory)
        found = [name for name in names if name.startswith(f"{stem}-")]
        return [self.path(name) for name in sorted(found, key=_index_of)]

    def uncommit(self, record: PartRecord) -> None:
        """Take a part back: first its record, then its files. Only the driver does this."""
        files.remove(self.path(f".part-{record.index:05d}.json"))
        for name in record.files:
            files.remove(self.path(name))

    def discard_leftovers(self, records: Iterable[PartRecord]) -> None:
        """Remove data files that no record names; only the driver does this, before any attempt.

        An attempt that was killed between its data and its record left them. They may even differ
        from what the next attempt makes: a part that was being read again from the right place.
        """
        named = {name for record in records for name in record.files}
        for name in files.list_names(self.directory):
            if name not in named and not name.startswith((".", "_")) and name != VERDICTS:
                files.remove(self.path(name))


VERDICTS = "cpu_verdicts.jsonl"
Verdict = tuple[str, str]  # (reason, detail) of a record that may not be touched again


def ignore_position(position: str) -> None:
    """Announce nothing: the attempt runs without a supervisor."""


class PartIO:
    """What one attempt at one part may do: read artifacts, write files, count.

    Files are written into a directory of this attempt alone, and published by `commit`.

    In an isolated segment a supervisor watches. Before untrusted bytes meet a library the segment
    calls `enter(position)`, where position is a short string that names a record ("1024:0", "17")
    or a row range ("0-63"). If the process dies there, that record gets a verdict, the part is
    replayed, and `enter` returns the verdict instead of None. A range cannot be blamed: it comes
    back in `narrow`, and the segment then has to enter its rows one by one.
    """

    def __init__(
        self,
        run_directory: str,
        segment: str,
        part: Part,
        scratch: str,
        verdicts: Mapping[str, Verdict] | None = None,
        narrow: frozenset[str] = frozenset(),
        watch: Callable[[str], None] = ignore_position,
    ) -> None:
        self.run_directory = run_directory
        self.segment = segment
        self.part = part
        self.scratch = scratch
        self.verdicts = verdicts or {}
        self.narrow = narrow
        self._watch = watch
        self.counters: Counter[str] = Counter()
        self.facts: JSON = {}
        self._writers: dict[str, ParquetWriter] = {}
        self._rows: dict[str, int] = {}

    def enter(self, position: str) -> Verdict | None:
        """Announce the record that is worked on next; return its verdict if it has one."""
        verdict = self.verdicts.get(position)
        if verdict is None:
            self._watch(position)
        return verdict

    def leave(self) -> None:
        """Announce that the record is done: what follows, such as reading on, is not its cost."""
        self._watch("")

    def artifact(self, name: str) -> Artifact:
        """Return an artifact of this run, to read from."""
        return Artifact(files.join(self.run_directory, name))

    def input(self, name: str, stem: str = "part") -> str:
        """Return the path of the file of this part's index in another artifact."""
        return self.artifact(name).path(f"{stem}-{self.part.index:05d}.parquet")

    def parquet(self, schema: pa.Schema, stem: str = "part", **bounds: int) -> ParquetWriter:
        """Open the part's Parquet file `<stem>-<index>.parquet`; closed by `finish`."""
        name = f"{stem}-{self.part.index:05d}.parquet"
        writer = ParquetWriter(os.path.join(self.scratch, name), schema, **bounds)
        self._writers[name] = writer
        return writer

    def file(self, name: str, rows: int = 0) -> str:
        """Return the local path at which to write a file that will be published as `name`."""
        self._rows[name] = rows
        return os.path.join(self.scratch, name)

    def finish(self) -> JSON:
        """Close the files and describe them: the JSON that `commit` takes."""
        for name, writer in self._writers.items():
            writer.close()
            self._rows[name] = writer.num_rows
        described = {}
        for name, rows in sorted(self._rows.items()):
            path = os.path.join(self.scratch, name)
            described[name] = asdict(
                FileFacts(rows, os.path.getsize(path), files.sha256_file(path))
            )
        counters = {name: count for name, count in sorted(self.counters.items()) if count}
        return {"files": described, "counters": counters, "facts": self.facts}


def commit(artifact: Artifact, part: Part, key: str, scratch: str, result: JSON) -> PartRecord:
    """Publish an attempt's files, then its record. Safe to repeat and to race.

    Raises: IntegrityError when another attempt at the part published other bytes.
    """
    record = PartRecord.from_json({"index": part.index, "key": key, **result})
    for name, facts in record.files.items():
        files.publish(os.path.join(scratch, name), artifact.path(name), facts.sha256)
    temporary = os.path.join(scratch, "record.json")
    with open(temporary, "wb") as file:
        file.write(files.canonical_json(record.to_json()))
    files.publish(temporary, artifact.path(f".part-{part.index:05d}.json"))
    return record


def complete(
    artifact: Artifact,
    plan: JSON,
    records: list[PartRecord],
    facts: JSON,
    reads: JSON | None = None,
) -> JSON:
    """Publish the manifest of an artifact whose parts are all committed; return it.

    `reads` maps the artifacts it was made from to their content: a fingerprint says what was asked
    for, the content what there was.
    """
    indexes = [record.index for record in records]
    if indexes != list(range(len(records))):
        raise IntegrityError(f"{artifact.directory}: parts {indexes} are not 0..{len(records) - 1}")
    counters: Counter[str] = Counter()
    for record in records:
        counters.update(record.counters)
    manifest = {
        "fingerprint": plan["fingerprint"],
        "made_of": plan["made_of"],
        "reads": reads or {},
        "num_parts": len(records),
        "num_rows": sum(f.rows for r in records for n, f in r.files.items() if n[:5] == "part-"),
        "num_bytes": sum(f.bytes for r in records for f in r.files.values()),
        "counters": dict(sorted(counters.items())),
        "facts": facts,
        "content": digest([[n, f.sha256] for r in records for n, f in sorted(r.files.items())]),
    }
    files.publish_bytes(files.canonical_json(manifest), artifact.path("_manifest.json"))
    return manifest


def _index_of(name: str) -> int:
    """Return the number in a part's file name: as text, 100000 would come before 99999."""
    return int(name.rsplit("-", 1)[-1].split(".", 1)[0])


def digest(value: Any) -> str:
    """Return the hex sha256 of a JSON value in canonical form."""
    return hashlib.sha256(files.canonical_json(value)).hexdigest()
