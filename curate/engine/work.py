"""What the driver sends to a worker, and what a worker does with it. All of it is JSON.

A worker needs nothing but the work and a part: it builds the pipeline from the configuration, runs
the part (in a process of its own where untrusted bytes are met), and commits what came out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from curate.config import check_resolved
from curate.errors import InputError
from curate.pipeline.build import build_segments
from curate.segment import Segment
from curate.storage import files
from curate.storage.artifact import (
    JSON,
    Artifact,
    Part,
    PartIO,
    PartRecord,
    Verdict,
    commit,
    digest,
    ignore_position,
)


@dataclass(frozen=True)
class Work:
    """One segment of one run, as every worker is told of it."""

    run_directory: str
    segment: str
    settings: JSON  # of the segment; decides its bytes
    config: str  # the whole resolved configuration, JSON
    isolated: bool
    cpu_seconds: float
    memory_bytes: int
    replay: Mapping[str, Mapping[str, Verdict]]  # scope -> position -> verdict of an earlier run

    @property
    def artifact(self) -> Artifact:
        """Return the artifact being made."""
        return Artifact(files.join(self.run_directory, self.segment))


@dataclass(frozen=True)
class Task:
    """A part to run, with the key its record will carry."""

    part: Part
    key: str


def verdict_scope(source: str | None, size: int | None, key: str) -> str:
    """Return within what a verdict's position means the same record: a file, else a part."""
    return key if source is None else f"{source} of {size} bytes"


class Engine(Protocol):
    """Workers that run parts in parallel."""

    num_workers: int
    depth: int  # how many parts it takes at once, so that no worker ever waits for the next

    def submit(self, work: Work, task: Task) -> Future[PartRecord]:
        """Run a part when a worker is free; the future holds its record, committed.

        The future raises CurateError when the part failed for good.
        """
        ...

    def close(self) -> None:
        """End what still runs, and what was started for it."""
        ...


def run_task(work: Work, task: Task, should_stop: Callable[[], bool] | None = None) -> PartRecord:
    """Run one part here and commit it; safe to repeat, and to race with another attempt."""
    from curate.engine.supervisor import supervise

    artifact = work.artifact
    try:
        scratch = files.scratch_directory(artifact.directory)
    except OSError as error:
        raise files.explain_os_error(error) from error
    try:
        if work.isolated:
            result = supervise(work, task, scratch, should_stop)
        else:
            result = attempt(work, task.part, scratch)
        return commit(artifact, task.part, task.key, scratch, result)
    except OSError as error:
        raise files.explain_os_error(error) from error
    finally:
        files.remove_tree(scratch)


def attempt(
    work: Work,
    part: Part,
    scratch: str,
    verdicts: Mapping[str, Verdict] | None = None,
    narrow: frozenset[str] = frozenset(),
    watch: Callable[[str], None] = ignore_position,
) -> JSON:
    """Run a part in this process; return what `commit` takes."""
    segment = _segments(work.config)[work.segment]
    _check_files(segment, work)
    io = PartIO(work.run_directory, work.segment, part, scratch, verdicts, narrow, watch)
    segment.run(io, work.settings)
    return io.finish()


def _check_files(segment: Segment, work: Work) -> None:
    """Refuse to go on when a list or model is not the one that the run was planned with.

    Raises: InputError naming the stage.
    """
    stages = [entry.get("stages", []) for entry in (segment.settings, work.settings)]
    for now, planned in zip(*stages, strict=True):
        if digest(now) != digest(planned):
            changed = [key for key in planned if digest(now.get(key)) != digest(planned[key])]
            raise InputError(
                f"{planned['stage']}: a file it reads changed while the run was going on "
                f"({', '.join(changed)}). Every part has to see the same: put the old file back, "
                f"or start again with --restart {work.segment}."
            )


@lru_cache(maxsize=2)
def _segments(config: str) -> dict[str, Segment]:
    segments = build_segments(check_resolved(json.loads(config)))
    return {segment.name: segment for segment in segments}


def part_key(segment: Segment, part: Part, settings_digest: str, contents: JSON) -> str:
    """Return what a part's bytes depend on: settings, its slice, and what it reads.

    A segment that reads at most one artifact, part by part, writes the same whatever the part's
    index, so a longer list of inputs leaves the keys of the others as they were.
    """
    reads = part.reads or digest(contents)
    place = part.index if len(segment.reads) > 1 else None
    return digest({"settings": settings_digest, "spec": part.spec, "reads": reads, "at": place})
