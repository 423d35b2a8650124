"""Run parts as Ray tasks, here or on a cluster. The only module that imports ray.

Tasks take a few kB of JSON, write files, and return a record; no data passes through Ray's object
store, and `ray.data` is not used: block layout and checkpoints there cannot keep the promise of
equal bytes. Ray is bound to loopback unless an address is given.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
import threading
from concurrent.futures import Future
from functools import partial
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
            _leave_out_monitors()
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
        if address is not None:
            resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
            num_workers = max(1, int(resources.get("CPU", num_workers)))
        self.num_workers = num_workers
        self.depth = 2 * num_workers
        self._run = ray.remote(num_cpus=1, max_retries=WORKER_DEATHS)(_run_task)
        self._work: tuple[Work, Any] | None = None  # the last, and where Ray has it

    def submit(self, work: Work, task: Task) -> Future[PartRecord]:
        """Run a part as a task of one CPU.

        What still runs at the end ends with the job, in `close`: `ray.cancel` of a task that is
        just finishing aborts the driver (a failed check in Ray 2.60's task_manager.cc).
        """
        if self._work is None or self._work[0] is not work:
            self._work = work, ray.put(work)
        future: Future[PartRecord] = Future()
        result = self._run.remote(self._work[1], task).future()
        result.add_done_callback(
            lambda done: _settle(future, done, f"{work.segment} {task.part.name}")
        )
        return future

    def close(self) -> None:
        """Stop the Ray that `__init__` started, or leave the cluster."""
        ray.shutdown()


def _settle(future: Future[PartRecord], done: Future[PartRecord], name: str) -> None:
    """Hand on what a Ray task returned or raised, as ours."""
    error = done.exception()
    if error is None:
        future.set_result(done.result())
    elif isinstance(error, ray.exceptions.RayTaskError):
        cause = error.cause
        future.set_exception(cause if isinstance(cause, CurateError) else CurateError(str(error)))
    else:
        complaint = CurateError(
            f"{name}: lost its worker {WORKER_DEATHS} times ({type(error).__name__}). "
            f"The same command resumes."
        )
        complaint.__cause__ = error
        future.set_exception(complaint)


def _leave_out_monitors() -> None:
    """Let Ray start without its autoscaler and its reader of logs.

    Here they do nothing, for 0.7 s of CPU, and `shutdown` waits for the former for a second.
    """
    with contextlib.suppress(AttributeError):  # nothing promises that they stay there
        parameters = ray._private.parameter
        without: dict[str, Any] = {"no_monitor": True, "include_log_monitor": False}
        parameters.RayParams = partial(parameters.RayParams, **without)  # type: ignore[misc, assignment]


def _init(options: dict[str, Any]) -> None:
    """Start or join Ray, and take back SIGTERM.

    Ray's own handlers exit where it starts in the main thread, and print a stack elsewhere, where
    only the C library can take them back.
    """
    handler, libc = signal.getsignal(signal.SIGTERM), ctypes.CDLL(None)
    action = ctypes.create_string_buffer(1024)  # room for any system's struct sigaction
    libc.sigaction(signal.SIGTERM, None, action)
    try:
        ray.init(**options)
    except SystemExit:  # its handler, while it starts
        raise Interrupted(signal.SIGTERM) from None
    except CurateError:  # by our handler, while it starts
        raise
    except Exception as error:
        raise _explain(error, options["address"]) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
        elif signal.getsignal(signal.SIGTERM) == handler:  # else a second signal is to kill
            libc.sigaction(signal.SIGTERM, action, None)


def _explain(error: Exception, address: str) -> CurateError:
    told = f"{type(error).__name__}: {error}"
    if address == "local":
        return CurateError(
            f"Ray does not start here ({told}). The same command with --engine local goes on "
            f"without it, to the same bytes."
        )
    return ConfigError(
        f"--address {address}: cannot join the Ray cluster ({told}). If it has "
        f"token authentication, set RAY_AUTH_MODE=token, and its token in RAY_AUTH_TOKEN or in "
        f"~/.ray/auth_token. Its Ray must be version {ray.__version__}, as here."
    )


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
