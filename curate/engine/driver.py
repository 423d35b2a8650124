"""Run the segments in order: reuse what fits, resume what is half done, refuse what differs.

The driver trusts only files. An artifact is complete when its manifest exists, and fits when its
fingerprint is the one this command would give it. The first that differs stops the run and names
the key, because overwriting hours of work is for a person to decide.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from curate.config import Config
from curate.engine.difference import first_difference
from curate.engine.observer import Observer, SegmentReport
from curate.engine.reuse import Shelf, adopt_artifact, read_verdicts, set_aside
from curate.engine.work import Task, Work, part_key, verdict_scope
from curate.engine.workers import Workers
from curate.errors import ConfigError, CurateError, StateError
from curate.pipeline.build import build_segments, check_files
from curate.pipeline.inputs import Source, list_sources
from curate.segment import RunFiles, Segment, always_fits
from curate.storage import files
from curate.storage.artifact import (
    JSON,
    VERDICTS,
    Artifact,
    PartRecord,
    Verdict,
    complete,
    digest,
)


@dataclass
class Run:
    """One command's view of a run directory."""

    config: Config
    directory: str
    workers: Workers
    observer: Observer
    reuse: str | None = None
    sources: list[Source] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    made_of: dict[str, JSON] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    reports: list[SegmentReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the inputs, build the segments, and work out every fingerprint."""
        self.sources = list_sources(self.config.settings.input)
        check_files(self.config)
        self.segments = build_segments(self.config, self.sources)
        names = [[source.name, source.num_bytes] for source in self.sources]
        for segment in self.segments:
            made_of: JSON = {
                "settings": segment.settings,
                "reads": {name: self.fingerprints[name] for name in segment.reads},
            }
            if segment.name == "documents":
                made_of["inputs"] = {"num_files": len(names), "sha256": digest(names)}
            self.made_of[segment.name] = made_of
            self.fingerprints[segment.name] = digest(made_of)

    @property
    def files(self) -> RunFiles:
        """Return the run directory as segments see it."""
        return RunFiles(self.directory)

    def prepare(self, restart: str | None = None) -> None:
        """Refuse a directory with artifacts of other settings; set aside what is to be made again.

        With `restart`, the artifact of that segment and of all that read it are set aside; parts
        whose key still fits are taken back later, checked against their sha256. Nothing is moved
        unless all that stays fits.

        Raises: StateError naming the artifact, the key that differs, and what to type;
        ConfigError when there is no such segment.
        """
        names = [segment.name for segment in self.segments if segment.scratch_for is None]
        if restart is not None and restart not in names:
            raise ConfigError(f"--restart {restart}: no such segment. Allowed: {', '.join(names)}")
        gone: list[str] = []
        for segment in self.segments:
            if segment.name == restart or not set(gone).isdisjoint(segment.reads):
                gone.append(segment.name)
                continue
            plan = self.files.artifact(segment.name).plan()
            if plan is None or plan["fingerprint"] == self.fingerprints[segment.name]:
                continue
            if segment.scratch_for is not None:
                files.remove_tree(files.join(self.directory, segment.name))
                continue
            raise StateError(self._difference(segment.name, plan["made_of"]))
        for name in files.list_names(self.directory):
            alien = name not in names and not name.startswith(".")
            if alien and Artifact(files.join(self.directory, name)).plan() is not None:
                files.remove_tree(files.join(self.directory, name))  # of a stage no longer listed
        for name in gone:
            if name in names:  # scratch lies inside what it serves, and moves with it
                set_aside(self.directory, name, self.fingerprints[name])

    def execute(self) -> None:
        """Make every artifact that is not there yet, in order."""
        for segment in self.segments:
            if segment.scratch_for:
                self._adopt(segment.scratch_for)
                if self.files.artifact(segment.scratch_for).manifest():
                    continue
            self.reports.append(self._make(segment))
            self._clean_up(segment)
            if segment.name in ("documents", "ledger"):
                self._check_error_ratio(segment.name)

    def _make(self, segment: Segment) -> SegmentReport:
        started = time.monotonic()
        artifact = self.files.artifact(segment.name)
        plan = self._plan(segment.name)
        self._adopt(segment.name)
        manifest = artifact.manifest()
        if manifest is not None:
            report = SegmentReport(
                segment.name,
                True,
                0.0,
                manifest["num_parts"],
                manifest["num_parts"],
                manifest["counters"],
            )
            self.observer.segment_finished(report)
            return report
        files.make_directory(artifact.directory)
        files.remove_tree(artifact.path(".tmp"))
        files.publish_bytes(files.canonical_json(plan), artifact.path(".plan.json"))
        records, num_reused = self._run_parts(segment, artifact)
        facts = segment.facts(self.files, records)
        self._publish_extras(segment, artifact, records, facts)
        manifest = complete(artifact, plan, records, facts, self._contents(segment.name))
        report = SegmentReport(
            segment.name,
            False,
            time.monotonic() - started,
            len(records),
            num_reused,
            manifest["counters"],
        )
        self.observer.segment_finished(report)
        return report

    def _plan(self, name: str) -> JSON:
        return {"fingerprint": self.fingerprints[name], "made_of": self.made_of[name]}

    def _adopt(self, name: str) -> None:
        """Take over a whole artifact from `--reuse`, where nothing is begun here."""
        artifact = self.files.artifact(name)
        if not self.reuse or artifact.plan() is not None:
            return
        segment = next(each for each in self.segments if each.name == name)
        if segment.fits is not always_fits:
            records = Artifact(files.join(self.reuse, name)).records()
            parts = {part.index: part for part in segment.plan(self.files)}
            if not all(r.index in parts and segment.fits(parts[r.index], r) for r in records):
                return  # the parts that do fit are taken over one by one
        adopt_artifact(self.reuse, name, artifact, self._plan(name), self._contents(name))

    def _contents(self, name: str) -> JSON:
        """Return the content of every artifact that one was made from, through scratch ones too."""
        segments = {segment.name: segment for segment in self.segments}
        waiting, found = list(segments[name].reads), dict[str, str]()
        while waiting:
            read = waiting.pop()
            if segments[read].scratch_for is None:
                found[read] = self.files.manifest(read)["content"]
            else:
                waiting.extend(segments[read].reads)
        return found

    def _run_parts(self, segment: Segment, artifact: Artifact) -> tuple[list[PartRecord], int]:
        """Commit every part; return the records by index, and how many were there before."""
        parts = segment.plan(self.files)
        settings_digest = digest(segment.settings)
        contents = {name: self.files.manifest(name)["content"] for name in segment.reads}
        keys = [part_key(segment, part, settings_digest, contents) for part in parts]
        records: dict[int, PartRecord] = {}
        for record in artifact.records():
            index = record.index
            known = index < len(parts) and record.key == keys[index]
            if known and segment.fits(parts[index], record):
                records[index] = record
            else:
                artifact.uncommit(record)
        artifact.discard_leftovers(records.values())
        for directory in self._earlier(segment):
            shelf = Shelf(directory)
            for part, key in zip(parts, keys, strict=True):
                if part.index not in records:
                    adopted = shelf.adopt(artifact, part, key, segment.fits)
                    if adopted is not None:
                        records[part.index] = adopted
        num_reused = len(records)
        work = self._work(segment)
        todo = [Task(p, k) for p, k in zip(parts, keys, strict=True) if p.index not in records]
        todo.sort(key=lambda task: -task.part.num_bytes)  # the largest last would run alone
        self.observer.segment_started(segment, artifact.directory, [task.part for task in todo])
        while True:
            for record in self.workers.map(work, todo):
                records[record.index] = record
                self.observer.part_finished(segment, parts[record.index], record)
            # also where nothing was to do: the parts may be those of a run that died before this
            broken = segment.redo(parts, [records[index] for index in sorted(records)])
            if not broken:
                break
            for part in broken:
                artifact.uncommit(records.pop(part.index))
            todo = [Task(part, keys[part.index]) for part in broken]
        return [records[index] for index in sorted(records)], num_reused

    def _work(self, segment: Segment) -> Work:
        limits = self.config.settings.limits
        replay: dict[str, dict[str, Verdict]] = {}
        for value in self._verdicts(segment):
            scope = verdict_scope(value["source"], value["size"], value["key"])
            verdict = (value["reason"], value["detail"])
            replay.setdefault(scope, {})[value["position"]] = verdict
        return Work(
            run_directory=self.directory,
            segment=segment.name,
            settings=segment.settings,
            config=json.dumps(self.config.resolved(), sort_keys=True),
            isolated=segment.isolated,
            cpu_seconds=limits.cpu_seconds,
            memory_bytes=limits.memory_bytes,
            replay=replay,
        )

    def _earlier(self, segment: Segment) -> list[str]:
        """Return the directories that may hold parts or verdicts of the same segment."""
        directories = [files.join(self.directory, ".old", segment.name)]
        if self.reuse:
            directories.append(files.join(self.reuse, segment.name))
        return directories

    def _verdicts(self, segment: Segment) -> list[JSON]:
        """Return what is known of records that may not be touched: here, and of earlier runs."""
        directories = (*self._earlier(segment), files.join(self.directory, segment.name))
        settings = digest(segment.settings)
        return [value for each in directories for value in read_verdicts(each, settings)]

    def _publish_extras(
        self, segment: Segment, artifact: Artifact, records: list[PartRecord], facts: JSON
    ) -> None:
        """Publish what belongs to an artifact as a whole: verdicts, and the shards' index."""
        keys = {record.key for record in records}
        values = [value for value in self._verdicts(segment) if value["key"] in keys]
        if values:
            lines = sorted({json.dumps(value, sort_keys=True) for value in values})
            files.replace_bytes(("\n".join(lines) + "\n").encode(), artifact.path(VERDICTS))
        if "index" in facts:
            data = files.canonical_json(facts["index"])
            files.publish_bytes(data, artifact.path("index.json"))

    def _clean_up(self, segment: Segment) -> None:
        """Remove scratch artifacts whose purpose is served, and what a restart set aside."""
        for scratch in self.segments:
            if scratch.scratch_for == segment.name:
                files.remove_tree(files.join(self.directory, scratch.name))
        files.remove_tree(files.join(self.directory, ".old", segment.name))
        files.remove_tree(files.join(self.directory, segment.name, ".tmp"))

    def _check_error_ratio(self, name: str) -> None:
        """Stop early on an input that is mostly unreadable, and at the end on one that failed."""
        counters = self.files.manifest(name)["counters"]
        reasons = {each: n for each, n in counters.items() if each.startswith("errored.")}
        errored = sum(reasons.values())
        total = self.files.manifest("documents")["counters"]
        num_rows = total.get("records", 0) + total.get("spans", 0)
        limit = self.config.settings.limits.max_error_ratio
        if errored > limit * num_rows:
            rows = f"{self.directory}/{'ledger/part' if name == 'ledger' else 'documents/outcomes'}"
            raise CurateError(
                f"{errored} of {num_rows} records are errored, more than limits.max_error_ratio "
                f"{limit:g} allows; most often {max(reasons, key=lambda each: reasons[each])[8:]}. "
                f"What they are: the rows with outcome 'errored' in "
                f"{rows}-*.parquet. To go on all the same, the same command with "
                f"--set limits.max_error_ratio={min(1.0, errored / num_rows + 0.01):.2f}"
            )

    def _difference(self, name: str, before: JSON) -> str:
        now = self.made_of[name]
        key, old, new = first_difference(before, now)
        return (
            f"{self.directory}/{name} was made with other settings: {key} was {old}, is {new}. "
            f"To make it and what follows again, add --restart {name} (parts that still fit are "
            f"kept); to keep it, add --output runs/other --reuse {self.directory}"
        )
