"""One driver per run directory: a second one leaves at once.

Locally it is a kernel lock, which dies with its owner. On an object store it is an object created
exclusively and refreshed every few seconds; one that has not been refreshed for a minute is taken
over. It only spares two drivers the double work: what they publish is exclusive anyway.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from curate.errors import StateError
from curate.storage import files

FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
REFRESH_SECONDS = 10.0
STALE_SECONDS = 60.0


class RunLock:
    """Hold a run directory for one driver, as a context manager.

    Raises: StateError at once when another driver holds it.
    """

    def __init__(self, directory: str) -> None:
        self.path = files.join(directory, ".lock")
        self._descriptor: int | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> RunLock:
        if files.is_local(self.path):
            self._lock_local()
        else:
            self._lock_remote()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        else:
            self._stop.set()
            if self._thread is not None:
                self._thread.join()  # or it might write the lock once more
            files.remove(self.path)

    def _lock_local(self) -> None:
        descriptor = os.open(files.local_path(self.path), FLAGS, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 200, 0).decode("utf-8", "replace")
            os.close(descriptor)
            raise self._held(owner) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _owner().encode(), 0)
        self._descriptor = descriptor

    def _lock_remote(self) -> None:
        current = files.read_json(self.path)
        if current is not None:
            if time.time() - current["refreshed"] < STALE_SECONDS and not _is_dead(current):
                raise self._held(current["owner"])
            files.remove(self.path)
        try:
            files.publish_bytes(self._claim(), self.path)
        except Exception as error:
            raise self._held("another driver, just now") from error
        self._thread = threading.Thread(target=self._refresh, daemon=True)
        self._thread.start()

    def _refresh(self) -> None:
        while not self._stop.wait(REFRESH_SECONDS):
            with suppress(Exception):  # the store is out of reach: tried again, and again
                files.replace_bytes(self._claim(), self.path)

    def _claim(self) -> bytes:
        claim = {"owner": _owner(), "refreshed": time.time(), "pid": os.getpid()}
        return json.dumps({**claim, "machine": _machine()}).encode()

    def _held(self, owner: str) -> StateError:
        directory = self.path.removesuffix("/.lock")
        return StateError(
            f"{directory} is in use by {owner.strip() or 'another driver'}. Wait for it, stop it, "
            f"or give this run another --output."
        )


def _is_dead(claim: dict[str, Any]) -> bool:
    """Return whether the owner was a process of this machine that is gone."""
    if not _machine() or claim.get("machine") != _machine():
        return False
    try:
        os.kill(claim["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _machine() -> str:
    """Return what numbers processes here: this boot and container; "" where none can tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _owner() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
