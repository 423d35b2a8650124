"""Run parts as Ray tasks, here or on a cluster. The only module that imports ray.

Tasks take a few kB of JSON, write files, and return a record; no data passes through Ray's object
store, and `ray.data` is not used: block layout and checkpoints there cannot keep the promise of
equal bytes. Ray is bound to loopback unless an address is given.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import ray

from curate.engine.work import Task, Work, run_task
from curate.errors import ConfigError, CurateError, Interrupted
from curate.storage.artifact import PartRecord

OBJECT_STORE_BYTES = 100 << 20
CONNECT_SECONDS = 10.0
WORKER_DEATHS = 5  # of a worker process or node, per part; a child's deaths are the supervisor's


class RayEngine:
    """An `Engine` of Ray tasks of one CPU each."""

    def __init__(self, num_workers: int, address: str | None) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # silences a warning
        logging.getLogger("ray").setLevel(logging.ERROR)  # the display is ours
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if address is None:
            options |= {
                "address": "local",  # whatever RAY_ADDRESS or another user's cluster says
                "num_cpus": num_workers,
                "include_dashboard": False,
                "_node_ip_address": "127.0.0.1",
                "object_store_memory": OBJECT_STORE_BYTES,
            }
        else:
            _require_reachable(address)
            options["address"] = address
        _init(options)
        self.num_workers = num_workers
        if address is not None:
            resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
            self.num_workers = max(1, int(resources.get("CPU", num_workers)))

    def map(self, work: Work, tasks: list[Task]) -> Iterator[PartRecord]:
        """Run every task; yield records as they commit (see `Engine.map`).

        Tasks that still run when this ends early end with the job, in `close`: `ray.cancel` of one
        that is just finishing aborts the driver (a failed check in Ray 2.60's task_manager.cc).
        """
        remote = ray.remote(num_cpus=1, max_retries=WORKER_DEATHS)(_run_task)
        shared = ray.put(work)
        waiting = iter(tasks)
        running: dict[Any, Task] = {}
        try:
            while True:
                for task in waiting:
                    running[remote.remote(shared, task)] = task
                    if len(running) >= 2 * self.num_workers:
                        break
                if not running:
                    return
                done, _ = ray.wait(list(running), num_returns=1)
                for reference in done:
                    task = running.pop(reference)
                    yield self._result(reference, work, task)
        except SystemError as error:  # what a signal handler raised while Ray was in C++
            raise error.__cause__ if isinstance(error.__cause__, Interrupted) else error from None

    def _result(self, reference: Any, work: Work, task: Task) -> PartRecord:
        try:
            record: PartRecord = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            raise cause if isinstance(cause, CurateError) else CurateError(str(error)) from None
        except ray.exceptions.RayError as error:
            raise CurateError(
                f"{work.segment} {task.part.name}: lost its worker {WORKER_DEATHS} times "
                f"({type(error).__name__}). The same command resumes."
            ) from error
        return record

    def close(self) -> None:
        """Stop the Ray that `__init__` started, or leave the cluster."""
        ray.shutdown()


def _init(options: dict[str, Any]) -> None:
    """Start or join Ray, and take back the handler of SIGTERM, which it replaces by an exit."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**options)
    except ConnectionError as error:
        raise ConfigError(
            f"--address {options.get('address')}: cannot join the Ray cluster ({error}). If it has "
            f"token authentication, set RAY_AUTH_MODE=token, and its token in RAY_AUTH_TOKEN or in "
            f"~/.ray/auth_token. Its Ray must be version {ray.__version__}, as here."
        ) from error
    except SystemExit:  # its handler, while it starts
        raise Interrupted(signal.SIGTERM) from None
    finally:
        signal.signal(signal.SIGTERM, handler)


def _require_reachable(address: str) -> None:
    """Refuse an address where nothing answers; Ray itself would wait for minutes.

    Raises: ConfigError after 10 s at most.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return  # 'auto' and the like are for Ray to look up
    try:
        with socket.create_connection((host.rpartition("/")[2], int(port)), CONNECT_SECONDS):
            pass
    except OSError as error:
        raise ConfigError(f"--address {address}: nothing answers there ({error})") from error


def _run_task(work: Work, task: Task) -> PartRecord:
    return run_task(work, task)
