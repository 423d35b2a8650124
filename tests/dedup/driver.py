"""Drive the dedup segments over documents given as plain values, and read what they decide."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.dedup.dedup import Dedup, segments
from curate.dedup.sketch import permutations, sketch_columns
from curate.schema import DOCUMENTS, DUPLICATES, VERDICTS
from curate.segment import RunFiles, Segment
from curate.storage import files
from curate.storage.artifact import JSON, Artifact, Part, PartIO, commit, complete
from curate.storage.parquet import read_table
from curate.text.words import word_table


@dataclass(frozen=True)
class Document:
    """What dedup looks at."""

    doc_id: str
    text: str
    date: str | None = None
    outcome: str = "kept"


@dataclass(frozen=True)
class Run:
    """The rows of `duplicates` by doc_id, the manifest's facts, and the signatures."""

    rows: dict[str, dict[str, Any]]
    facts: JSON
    counters: dict[str, int]
    signatures: dict[str, bytes]
    order: list[str]

    @property
    def survivors(self) -> set[str]:
        """Return the ids of what is kept."""
        return {doc_id for doc_id, row in self.rows.items() if row["survivor_id"] is None}


RunDedup = Callable[..., Run]


def make_id(number: int) -> str:
    """Return a doc_id that looks like one."""
    return hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()


def drive(directory: str, segment: Segment) -> JSON:
    """Run a segment: plan, parts, commit, manifest."""
    run = RunFiles(directory)
    artifact = run.artifact(segment.name)
    files.make_directory(artifact.directory)
    for part in segment.plan(run):
        io = PartIO(directory, segment.name, part, files.scratch_directory(artifact.directory))
        segment.run(io, segment.settings)
        commit(artifact, part, part.key(segment.name), io.scratch, io.finish())
    records = artifact.records()
    plan = {"fingerprint": segment.name, "made_of": {}}
    return complete(artifact, plan, records, segment.facts(run, records))


def write_inputs(
    directory: str, parts: Sequence[Sequence[Document]], spec: Dedup
) -> list[pa.Table]:
    """Write documents, measures and verdicts; return the measures of every part."""
    arrays = permutations(spec.num_perm, spec.seed)
    written: list[pa.Table] = []
    for name in ("documents", "measures", "verdicts"):
        artifact = Artifact(files.join(directory, name))
        files.make_directory(artifact.directory)
        for index, documents in enumerate(parts):
            io = PartIO(directory, name, Part(index), files.scratch_directory(artifact.directory))
            table = _input(name, documents, spec, arrays)
            io.parquet(table.schema).write(table)
            commit(artifact, io.part, name, io.scratch, io.finish())
            if name == "measures":
                written.append(table)
        complete(artifact, {"fingerprint": name, "made_of": {}}, artifact.records(), {})
    return written


def _input(name: str, documents: Sequence[Document], spec: Dedup, arrays: Any) -> pa.Table:
    ids = pa.array([each.doc_id for each in documents], pa.large_string())
    text = pa.array([each.text for each in documents], pa.large_string())
    known: dict[str, Any] = {"doc_id": ids}
    if name == "measures":
        sketch = sketch_columns(word_table(text), text, spec.ngram_words, arrays)
        return pa.table({**known, "num_chars": pc.utf8_length(text), **sketch})
    if name == "documents":
        known |= {"text": text, "date": [each.date for each in documents]}
        schema = DOCUMENTS
    else:
        known |= {"outcome": [each.outcome for each in documents]}
        schema = VERDICTS
    missing = [None] * len(documents)
    columns = [pa.array(known.get(field.name, missing), field.type) for field in schema]
    return pa.table(columns, schema=schema)


def run_dedup_in(
    directory: str, parts: Sequence[Sequence[Document]], spec: Dedup, **bounds: int
) -> Run:
    """Write the inputs, run all segments, return what was decided."""
    measures = write_inputs(directory, parts, spec)
    manifest: JSON = {}
    counters: dict[str, int] = {}
    for segment in segments(spec, **bounds):
        manifest = drive(directory, segment)
        counters |= manifest["counters"]
    paths = Artifact(files.join(directory, "duplicates")).part_files()
    tables = [read_table(path) for path in paths]
    assert all(table.schema == DUPLICATES for table in tables)
    rows = [row for table in tables for row in table.to_pylist()]
    signatures: dict[str, bytes] = {}
    for table in measures:
        ids, values = table.column("doc_id"), table.column("signature")
        signatures |= dict(zip(ids.to_pylist(), values.to_pylist(), strict=True))
    order = [row["doc_id"] for row in rows]
    by_id = {row["doc_id"]: row for row in rows}
    return Run(by_id, manifest["facts"], counters, signatures, order)
