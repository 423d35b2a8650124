"""Whole runs: from the command line, or driven in this process without children.

`run_cli` is what a user types. `run_directly` gives the driver workers that run every part
here, so that a run costs no process starts. `run_on_ray` waits until Ray can take every part, which
the command does not. What they leave must be the same files.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.config import Config, load_config
from curate.engine.driver import Run
from curate.engine.observer import Observer
from curate.engine.work import Task, Work, run_task
from curate.storage.artifact import PartRecord

REPOSITORY = Path(__file__).parent.parent
PIPELINE = "pipelines/web.yaml"
# What a run promises to be the same, byte for byte; run.json and report.* hold the clock.
ARTIFACTS = (
    "documents", "measures", "verdicts", "duplicates", "tokenizer", "curated", "tokens", "ledger",
    "shards",
)  # fmt: skip


ON_RAY = """
import sys
from pathlib import Path
from curate.config import load_config
from curate.engine.driver import Run
from curate.engine.observer import Observer
from curate.engine.workers import Options, Workers

pipeline, directory, num_workers = sys.argv[1:]
Path(directory).mkdir(parents=True)
with Workers(Options(num_workers=int(num_workers))) as workers:
    assert "Ray" in type(workers.start().result()).__name__
    Run(load_config(pipeline, (), directory), directory, workers, Observer()).execute()
"""


def run_cli(
    *arguments: str | Path, env: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run `curate` in a process of its own, from the root of the repository."""
    done = subprocess.run(
        [sys.executable, "-m", "curate.cli", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode in (0, 3), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


class DirectWorkers:
    """Workers of a run: this process, one part after the other."""

    def map(self, work: Work, tasks: list[Task]) -> Iterator[PartRecord]:
        for task in tasks:
            yield run_task(replace(work, isolated=False), task)


def load(directory: Path | str, *overrides: str, pipeline: str = PIPELINE) -> Config:
    """Return a checked pipeline, with `--set` overrides."""
    return load_config(str(REPOSITORY / pipeline), overrides, str(directory))


def samples_paths() -> str:
    """Return the override that reads samples/ from any working directory."""
    return f"input.paths=['{REPOSITORY}/samples/*.warc*']"


def run_directly(config: Config, until: str | None = None) -> Path:
    """Run a pipeline, or its segments up to one of them, in this process; return the directory."""
    directory = Path(config.settings.output)
    directory.mkdir(parents=True, exist_ok=True)
    run = Run(config, str(directory), DirectWorkers(), Observer(), None)
    if until is not None:
        names = [segment.name for segment in run.segments]
        run.segments = run.segments[: names.index(until) + 1]
    run.execute()
    return directory


def run_on_ray(directory: Path, pipeline: str, num_workers: int, env: dict[str, str]) -> None:
    """Run a pipeline with every part in a Ray task, in a process of its own."""
    command = [sys.executable, "-c", ON_RAY, str(REPOSITORY / pipeline), str(directory)]
    done = subprocess.run(
        [*command, str(num_workers)],
        cwd=REPOSITORY,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def hashes(directory: Path, artifacts: Sequence[str] = ARTIFACTS) -> dict[str, str]:
    """Return the sha256 of every file below the artifacts, by relative path."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in artifacts
        for path in sorted((directory / name).rglob("*"))
        if path.is_file()
    }


def table(directory: Path, name: str, stem: str = "part") -> pa.Table:
    """Return all rows of an artifact's files of one stem, in part order."""
    paths = sorted((directory / name).glob(f"{stem}-*.parquet"))
    return pa.concat_tables([pq.read_table(path) for path in paths])


def rows(directory: Path, name: str, stem: str = "part") -> list[dict[str, Any]]:
    """Return `table` as dicts."""
    found: list[dict[str, Any]] = table(directory, name, stem).to_pylist()
    return found
