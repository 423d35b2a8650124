"""Run segments in this process, without an engine: for tests of what a segment does.

    run_segment(run_directory, segment) -> manifest

It plans, runs every part through a `PartIO` of its own, commits, and publishes the manifest, as an
engine does; it knows nothing of resume, retries or supervision.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyarrow as pa

from curate.segment import RunFiles, Segment
from curate.storage import files
from curate.storage.artifact import JSON, Artifact, Part, PartIO, commit, complete, digest
from curate.storage.parquet import ParquetWriter


def run_segment(
    run_directory: str,
    segment: Segment,
    verdicts: dict[str, tuple[str, str]] | None = None,
    narrow: Iterable[str] = (),
    positions: list[str] | None = None,
) -> JSON:
    """Run every part of a segment and return the artifact's manifest.

    `verdicts` and `narrow` are what a supervisor would say, in every part; `positions` collects
    what it would be told.
    """
    run = RunFiles(str(run_directory))
    artifact = run.artifact(segment.name)
    files.make_directory(artifact.directory)
    settings = json.loads(json.dumps(segment.settings))  # as it reaches a worker
    upstream = {name: run.manifest(name)["fingerprint"] for name in segment.reads}
    made_of = {"settings": settings, "reads": upstream}
    fingerprint = digest(made_of)
    records = []
    for part in segment.plan(run):
        scratch = files.scratch_directory(artifact.directory)
        io = PartIO(
            run.directory,
            segment.name,
            part,
            scratch,
            verdicts,
            frozenset(narrow),
            (positions if positions is not None else []).append,
        )
        segment.run(io, settings)
        records.append(commit(artifact, part, part.key(fingerprint), scratch, io.finish()))
        files.remove_tree(scratch)
    facts = segment.facts(run, records)
    if "index" in facts:
        files.publish_bytes(files.canonical_json(facts["index"]), artifact.path("index.json"))
    plan = {"fingerprint": fingerprint, "made_of": made_of}
    return complete(artifact, plan, records, facts)


def write_artifact(run_directory: str, name: str, parts: list[pa.Table]) -> JSON:
    """Write an artifact whose parts are these tables, as if a segment had made it."""

    def write_part(io: PartIO, settings: JSON) -> None:
        table = parts[io.part.index]
        writer: ParquetWriter = io.parquet(table.schema)
        writer.write(table)

    plan = [Part(index) for index in range(len(parts))]
    return run_segment(run_directory, Segment(name, (), {}, lambda run: plan, write_part))


def read_artifact(run_directory: str, name: str, stem: str = "part") -> pa.Table:
    """Return all rows of an artifact's Parquet files of one stem, in part order."""
    paths = Artifact(files.join(str(run_directory), name)).part_files(stem)
    return pa.concat_tables([pa.parquet.read_table(path) for path in paths])
