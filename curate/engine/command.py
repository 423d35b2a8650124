"""`curate run`: one command from a YAML file to a finished run directory."""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from rich.console import Console

from curate.config import Config
from curate.dedup.dedup import Dedup
from curate.engine.driver import Run
from curate.engine.progress import Progress, unless_closed
from curate.engine.workers import Options, Workers
from curate.errors import ConfigError, Interrupted
from curate.expected import find_surprises
from curate.funnel import print_funnel
from curate.page.bundle import Bundle, prepare
from curate.page.page import write_page
from curate.pipeline.build import library_versions
from curate.report import build_report
from curate.storage import files
from curate.storage.artifact import JSON
from curate.storage.lock import RunLock

ERRORED_EXIT = 3  # done, with errored records within the allowed ratio


def run_pipeline(config: Config, options: Options, console: Console) -> int:
    """Run a pipeline to its end; return the exit code: 0, or 3 with errored records.

    Raises: CurateError, with the exit code it carries.
    """
    try:
        return _run(config, options, console)
    except OSError as error:
        raise files.explain_os_error(error) from error


def _run(config: Config, options: Options, console: Console) -> int:
    directory = files.absolute(config.settings.output)
    try:
        files.make_directory(directory)
    except OSError as error:
        raise ConfigError(f"output: {directory} cannot be made: {error.strerror}") from error
    with _signals(), RunLock(directory), Workers(options) as workers:
        started = time.time()
        with Progress(console) as progress:
            reuse = files.absolute(options.reuse) if options.reuse else None
            if reuse and not files.exists(files.join(reuse, "run.json")):
                raise ConfigError(f"--reuse {options.reuse}: no run there (it has no run.json)")
            run = Run(config, directory, workers, progress, reuse)
            run.prepare(options.restart)
            num_bytes = sum(source.num_bytes for source in run.sources)
            progress.say(
                f"curate run: {len(run.sources)} input files, {num_bytes / 1e6:,.1f} MB, "
                f"to {config.settings.output}"
            )
            before = files.read_json(files.join(directory, "run.json")) or {}
            info = _run_info(run, options, started)
            if before and before["machine"]["flags"] != info["machine"]["flags"]:
                progress.say(
                    "warning: this run was begun on a CPU with other flags; floating-point results "
                    "may differ, and with them the bytes"
                )
            files.replace_bytes(files.canonical_json(info), files.join(directory, "run.json"))
            files.remove(files.join(directory, "report.html"))  # of what was there before
            bundle = prepare()
            run.execute()
            workers.begin_close()
            earlier = [directory, reuse] if reuse else [directory]
            report = _build_report(run, earlier, time.time() - started, workers.num_workers)
            files.replace_bytes(files.canonical_json(report), files.join(directory, "report.json"))
            info["ended"] = _utc(time.time())
            if all(segment.reused for segment in run.reports) and before.get("ended"):
                # Nothing was made: when and by which command it was made stays as told.
                info |= {key: before[key] for key in ("started", "ended", "options", "command")}
            files.replace_bytes(files.canonical_json(info), files.join(directory, "run.json"))
            complaint = _write_page(directory, bundle)
            if complaint:
                progress.say(f"warning: {complaint}")
        for name in (".old", ".tmp"):
            files.remove_tree(files.join(directory, name))
        with unless_closed():
            print_funnel(console, report, config.settings.output)
    return ERRORED_EXIT if report["errored"] else 0


def _build_report(run: Run, earlier: list[str], seconds: float, num_workers: int | None) -> JSON:
    """Return what report.json holds.

    Times of what was reused are those of its making, as told in the earlier directories.
    """
    reports = [files.read_json(files.join(each, "report.json")) or {} for each in earlier]
    before = [segment for report in reports for segment in report.get("segments", [])]
    segments = _with_earlier_times([asdict(report) for report in run.reports], before)
    config = run.config
    report = build_report(run.files, [stage.name for stage in config.stages], segments)
    report["name"] = config.settings.name
    dedup = config.stage(Dedup)
    if isinstance(dedup, Dedup):
        report["dedup_recall"] = {
            "bands": dedup.bands,
            "rows": dedup.rows,
            "by_jaccard": dedup.recall_curve(),
        }
    report["warnings"] = find_surprises(config, report)
    made = not all(segment["reused"] for segment in segments)
    report["seconds"] = seconds if made else reports[0].get("seconds", seconds)
    report["num_workers"] = num_workers if made else reports[0].get("num_workers")
    return report


def _with_earlier_times(segments: list[JSON], before: list[JSON]) -> list[JSON]:
    """Give what was reused the seconds it took when it was made, where a report tells.

    Scratch segments of a reused artifact are not looked at again; their times are kept.
    """
    known = {each["name"]: each for each in reversed(before)}  # the first that tells
    found = []
    for each in segments:
        if not each["reused"]:
            found.append(each)
            continue
        scratch = f"{each['name']}/."
        inner = [known[name] for name in reversed(known) if name.startswith(scratch)]
        found += [{**old, "reused": True} for old in inner]
        seconds = known[each["name"]]["seconds"] if each["name"] in known else 0.0
        found.append({**each, "seconds": seconds})
    return found


def _write_page(directory: str, bundle: Bundle) -> str | None:
    """Write report.html; return what went wrong: a finished run does not fail for its page."""
    try:
        write_page(directory, bundle)
    except Interrupted:
        raise
    except Exception as error:
        return (
            f"report.html was not written ({type(error).__name__}: {error}). Everything else is "
            f"there; try: curate report {directory}"
        )
    return None


@contextmanager
def _signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `Interrupted`; a second one ends the process at once."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        raise Interrupted(number)

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _run_info(run: Run, options: Options, started: float) -> JSON:
    """Return what run.json holds: the only file of a run with absolute paths and a clock."""
    return {
        "config": run.config.resolved(),
        "directory": run.directory,
        "inputs": [asdict(source) for source in run.sources],
        "fingerprints": run.fingerprints,
        "options": asdict(options),
        "command": sys.argv,
        "python": platform.python_version(),
        "versions": library_versions(),
        "machine": {"cpu": platform.machine(), "flags": _cpu_flags(), "cores": os.cpu_count()},
        "started": _utc(started),
        "ended": None,
    }


def _cpu_flags() -> str:
    """Return the CPU's flags: libraries choose instructions by them, which can change floats."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return " ".join(sorted(flags.partition(":")[2].split()))


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
