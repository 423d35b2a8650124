"""The workers of a run: started when the first part has to be run, closed while the report is made.

On one machine Ray takes 2.5 s to start, most of it asleep. Until it has, parts run as the local
engine runs them: both give the same bytes. Then Ray takes over part by part, so that never more run
at once than there are workers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from curate.engine.fork_server import end_idle
from curate.engine.local_engine import LocalEngine
from curate.engine.work import Engine, Task, Work
from curate.storage.artifact import PartRecord


@dataclass(frozen=True)
class Options:
    """What the command line adds to the configuration; none of it decides bytes."""

    engine: str = "ray"
    num_workers: int | None = None
    address: str | None = None
    restart: str | None = None
    reuse: str | None = None


class Workers:
    """Engines that are started on first use; what was started is closed at the end."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._engines: list[Future[Engine]] = []  # the last that has started takes the parts
        # It starts Ray and closes it: the kernel ends Ray's processes with the thread they are of.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ray")
        self._closing: Future[None] | None = None

    @property
    def num_workers(self) -> int | None:
        """Return how many parts run at once; None where nothing had to run."""
        return self._engines[0].result().num_workers if self._engines else None

    def map(self, work: Work, tasks: Sequence[Task]) -> Iterator[PartRecord]:
        """Run every task; yield records in the order in which they finish.

        What still runs when this ends early is ended when the workers are closed.
        Raises: CurateError when a part failed for good, or an engine does not start.
        """
        if tasks and not self._engines:
            self.start()
        yield from run_all(self._engine, work, tasks)

    def start(self) -> Future[Engine]:
        """Start the engines that the options name; return the one that is to take the parts.

        A Ray of our own starts in the background.
        """
        options = self._options
        num_workers = options.num_workers or _num_cores()
        if options.address is None:
            self._engines.append(_done(LocalEngine(num_workers)))
            if options.engine == "ray":
                self._engines.append(self._thread.submit(_start_ray, num_workers, None))
        else:
            self._engines.append(_done(_start_ray(num_workers, options.address)))
        return self._engines[-1]

    def begin_close(self) -> None:
        """Close in the background: Ray takes 1.4 s, in which the report can be written."""
        self._closing = self._thread.submit(self._close)
        for engine in self._engines[:-1]:
            engine.result().close()  # here, without waiting until Ray has started

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._closing is None:
            self.begin_close()
        self._thread.shutdown()
        if self._closing is not None and error is None:
            self._closing.result()

    def _engine(self) -> Engine:
        """Return the engine that takes the next part: the last one that is ready."""
        ready = [engine for engine in self._engines if engine.done()]
        if len(ready) > 1:
            end_idle()  # 50 MB each, and the workers of Ray have their own
        return (ready or self._engines)[-1].result()

    def _close(self) -> None:
        for engine in self._engines[-1:]:
            if engine.exception() is None:
                engine.result().close()


def run_all(
    choose: Callable[[], Engine], work: Work, tasks: Sequence[Task]
) -> Iterator[PartRecord]:
    """Run every task on the engine chosen when there is room for it; yield records as they come.

    While two engines run parts, the smaller depth is that of both together.
    """
    waiting = deque(tasks)
    running: dict[Future[PartRecord], Engine] = {}
    while waiting or running:
        while waiting:
            engine = choose()
            if len(running) >= min(each.depth for each in (engine, *running.values())):
                break
            running[engine.submit(work, waiting.popleft())] = engine
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            del running[future]
            yield future.result()


def _done(engine: Engine) -> Future[Engine]:
    future: Future[Engine] = Future()
    future.set_result(engine)
    return future


def _start_ray(num_workers: int, address: str | None) -> Engine:
    # All are read when ray is imported.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray would report to its makers
    if address is None:  # its servers then bind to 127.0.0.1, not to 0.0.0.0
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    elif Path("~/.ray/auth_token").expanduser().exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # as `ray start` has it
    from curate.engine.ray_engine import RayEngine

    return RayEngine(num_workers, address)


def _num_cores() -> int:
    """Return the cores this process may use; macOS does not tell them from all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
