"""What the driver tells whoever watches a run."""

from __future__ import annotations

from dataclasses import dataclass

from curate.segment import Segment
from curate.storage.artifact import JSON, Part, PartRecord


@dataclass
class SegmentReport:
    """What happened to a segment in this command; clock facts live only here."""

    name: str
    reused: bool
    seconds: float
    num_parts: int
    num_parts_reused: int
    counters: JSON


class Observer:
    """What the driver tells whoever watches; the base class watches nothing."""

    def segment_started(self, segment: Segment, directory: str, parts: list[Part]) -> None:
        """A segment begins; `parts` are those still to do."""

    def part_finished(self, segment: Segment, part: Part, record: PartRecord) -> None:
        """A part was committed."""

    def segment_finished(self, report: SegmentReport) -> None:
        """A segment's artifact is complete."""
