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
from types import TracebackType

from curate.errors import StateError
from curate.storage import files

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
            files.remove(self.path)

    def _lock_local(self) -> None:
        descriptor = os.open(files.local_path(self.path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(descriptor, 200, 0).decode("utf-8", "replace")
            os.close(descriptor)
            raise self._held(owner) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _owner().encode(), 0)
        self._descriptor = descriptor

    def _lock_remote(self) -> None:
        current = files.read_json(self.path)
        if current is not None:
            if time.time() - current["refreshed"] < STALE_SECONDS:
                raise self._held(current["owner"])
            files.remove(self.path)
        try:
            files.publish_bytes(self._claim(), self.path)
        except Exception as error:
            raise self._held("another driver, just now") from error
        threading.Thread(target=self._refresh, daemon=True).start()

    def _refresh(self) -> None:
        while not self._stop.wait(REFRESH_SECONDS):
            files.replace_bytes(self._claim(), self.path)

    def _claim(self) -> bytes:
        return json.dumps({"owner": _owner(), "refreshed": time.time()}).encode()

    def _held(self, owner: str) -> StateError:
        directory = self.path.removesuffix("/.lock")
        return StateError(
            f"{directory} is in use by {owner.strip() or 'another driver'}. Wait for it, stop it, "
            f"or give this run another --output."
        )


def _owner() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
