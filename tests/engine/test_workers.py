"""Which engine takes which part, while one of them is still starting."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from curate.engine.work import Task, Work
from curate.engine.workers import run_all
from curate.errors import CurateError
from curate.storage.artifact import Part

WORK: Any = object()  # only handed on


@dataclass
class Threads:
    """An engine whose parts do nothing for a moment, and count how many they are."""

    depth: int
    together: set[int]  # what runs now, in all engines
    peaks: list[int]
    taken: list[int] = field(default_factory=list)
    fails_at: int | None = None

    def __post_init__(self) -> None:
        self.num_workers = self.depth
        self._pool = ThreadPoolExecutor(16)

    def submit(self, work: Work, task: Task) -> Future[Any]:
        self.taken.append(task.part.index)
        self.together.add(task.part.index)
        self.peaks.append(len(self.together))
        return self._pool.submit(self._run, task)

    def _run(self, task: Task) -> int:
        time.sleep(0.001 * (1 + task.part.index % 5))
        self.together.discard(task.part.index)
        if task.part.index == self.fails_at:
            raise CurateError("broken")
        return task.part.index

    def close(self) -> None:
        self._pool.shutdown()


def _tasks(count: int) -> list[Task]:
    return [Task(Part(index, {}), "") for index in range(count)]


def test_every_part_runs_once_and_never_more_than_there_are_workers():
    together, peaks = set(), []
    here, there = Threads(3, together, peaks), Threads(6, together, peaks)
    ready = threading.Event()

    def choose():
        if len(here.taken) == 20:
            ready.set()
        return there if ready.is_set() else here

    results = list(run_all(choose, WORK, _tasks(60)))
    assert sorted(results) == list(range(60))
    assert here.taken == list(range(20))
    assert there.taken == list(range(20, 60))
    # Both share three places until the last part here has ended.
    assert max(peaks[:21]) <= 3
    assert max(peaks) == 6


def test_a_failed_part_and_an_engine_that_does_not_start_end_it():
    engine = Threads(2, set(), [], fails_at=7)
    with pytest.raises(CurateError, match="broken"):
        list(run_all(lambda: engine, WORK, _tasks(20)))
    assert 7 in engine.taken
    assert len(engine.taken) < 12

    healthy, started = Threads(2, set(), []), iter(range(100))

    def choose():
        if next(started) > 10:
            raise CurateError("no Ray")
        return healthy

    with pytest.raises(CurateError, match="no Ray"):
        list(run_all(choose, WORK, _tasks(50)))
    assert list(run_all(choose, WORK, [])) == []
