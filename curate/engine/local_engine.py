"""Run parts on this machine without Ray: a thread per worker, each supervising its child.

Segments that meet no untrusted bytes run in the threads themselves; Arrow and NumPy let go of the
interpreter lock.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from curate.engine.fork_server import end_idle
from curate.engine.work import Task, Work, run_task
from curate.storage.artifact import PartRecord


class LocalEngine:
    """An `Engine` of threads."""

    def __init__(self, num_workers: int) -> None:
        self.num_workers = num_workers
        self.depth = num_workers
        self._stop = threading.Event()
        # One pool for all segments: a fork server lives as long as the thread that started it.
        self._pool = ThreadPoolExecutor(num_workers, thread_name_prefix="part")

    def submit(self, work: Work, task: Task) -> Future[PartRecord]:
        """Run a part in the next free thread."""
        return self._pool.submit(run_task, work, task, self._stop.is_set)

    def close(self) -> None:
        """End the parts that run, the threads, and the processes they started."""
        self._stop.set()
        self._pool.shutdown()
        end_idle()
