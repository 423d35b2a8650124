"""A segment: one pass over the data in parts, whose output is one artifact.

Everything curate does to data is a list of segments. The engine knows nothing else about them:
it asks for the parts, runs each one somewhere, commits what it wrote, and publishes the manifest.
Work that needs several rounds (dedup, the shuffle) is several segments with directories of their
own below the artifact they serve, e.g. `duplicates/.bands`; resume works inside them too, and they
are removed when the artifact they serve is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from curate.storage import files
from curate.storage.artifact import JSON, Artifact, Part, PartIO, PartRecord, digest


@dataclass(frozen=True)
class RunFiles:
    """The run directory as the driver sees it when it plans a segment."""

    directory: str

    def artifact(self, name: str) -> Artifact:
        """Return an artifact by the name of its segment."""
        return Artifact(files.join(self.directory, name))

    def manifest(self, name: str) -> JSON:
        """Return the manifest of a complete artifact."""
        manifest = self.artifact(name).manifest()
        assert manifest is not None, f"{name} is not complete"
        return manifest


PlanFn = Callable[[RunFiles], list[Part]]
RunFn = Callable[[PartIO, JSON], None]
FactsFn = Callable[[RunFiles, list[PartRecord]], JSON]
RedoFn = Callable[[list[Part], list[PartRecord]], list[Part]]
FitsFn = Callable[[Part, PartRecord], bool]


def no_facts(run: RunFiles, records: list[PartRecord]) -> JSON:
    """Return no facts for the manifest."""
    return {}


def always_fits(part: Part, record: PartRecord) -> bool:
    """Return True: a key that fits is enough."""
    return True


def nothing_to_redo(parts: list[Part], records: list[PartRecord]) -> list[Part]:
    """Return no parts: what is committed stands."""
    return []


@dataclass(frozen=True)
class Segment:
    """One pass: what it reads, what decides its bytes, how it splits, what it does to a part."""

    name: str  # its directory below the run directory
    reads: tuple[str, ...]  # names of the segments whose artifacts it reads
    settings: JSON  # all that decides its bytes besides what it reads; handed to `run`
    plan: PlanFn  # called in the driver when everything it reads is complete
    run: RunFn  # called in a worker, once per part
    isolated: bool = False  # untrusted bytes: `run` gets a process of its own, watched
    scratch_for: str | None = None  # removed once that segment is complete
    facts: FactsFn = field(default=no_facts)  # computed from the part records, for the manifest
    redo: RedoFn = field(default=nothing_to_redo)  # committed parts that must be made again
    fits: FitsFn = field(default=always_fits)  # asked of a part taken over from an earlier run


def same_parts(aligned: tuple[str, ...], whole: tuple[str, ...] = ()) -> PlanFn:
    """Return a plan with a part per part of the `aligned` artifacts, which have the same rows.

    A part reads its own part of each of them, and all of every artifact in `whole`; together these
    must be everything the segment reads, as a committed part is reused while they are the same.
    """

    def plan(run: RunFiles) -> list[Part]:
        contents = [run.manifest(name)["content"] for name in whole]
        parts = []
        for records in zip(*(run.artifact(name).records() for name in aligned), strict=True):
            reads = [[f.sha256 for _, f in sorted(r.files.items())] for r in records]
            num_bytes = sum(f.bytes for record in records for f in record.files.values())
            parts.append(Part(records[0].index, num_bytes, reads=digest([reads, contents])))
        return parts

    return plan


def one_part(run: RunFiles) -> list[Part]:
    """Plan a single part, for work that sees all of everything it reads."""
    return [Part(0)]
