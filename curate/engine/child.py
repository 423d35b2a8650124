"""The process that meets untrusted bytes: `python -m curate.engine.child JOB`.

It limits its own memory, asks to die with its parent, and restarts a CPU timer at every record.
The timer counts CPU time of this process (ITIMER_PROF), never wall time, so a busy machine drops
nothing; SIGPROF ends the process even inside a C loop.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

from curate.engine.position import Position
from curate.engine.supervisor import OUT_OF_MEMORY
from curate.engine.work import Work, attempt
from curate.errors import CurateError
from curate.storage import files
from curate.storage.artifact import Part

PR_SET_PDEATHSIG = 1


def main(job_path: str) -> int:
    """Run the job's part; leave result.json or error.json in its scratch directory."""
    _die_with_parent()
    faulthandler.enable()
    job = json.loads(Path(job_path).read_bytes())
    work, part = Work(**job["work"]), Part(**job["part"])
    resource.setrlimit(resource.RLIMIT_AS, (work.memory_bytes, work.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    scratch = job["scratch"]
    position = Position(scratch)

    def watch(place: str) -> None:
        position.enter(place)
        signal.setitimer(signal.ITIMER_PROF, work.cpu_seconds)

    verdicts = {place: (reason, detail) for place, (reason, detail) in job["verdicts"].items()}
    try:
        result = attempt(work, part, scratch, verdicts, frozenset(job["narrow"]), watch)
    except MemoryError:
        return OUT_OF_MEMORY
    except CurateError as error:
        return _fail(scratch, type(error).__name__, str(error))
    except Exception as error:  # a bug of ours: told once, with its traceback, and never blamed
        place = f"{work.segment} {part.name}"
        return _fail(scratch, "CurateError", f"{place}: {error!r}\n{traceback.format_exc()}")
    signal.setitimer(signal.ITIMER_PROF, 0)
    Path(scratch, "result.json").write_bytes(files.canonical_json(result))
    return 0


def _fail(scratch: str, kind: str, message: str) -> int:
    value = {"kind": kind, "message": message}
    Path(scratch, "error.json").write_bytes(files.canonical_json(value))
    return 1


def _die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent dies; Linux only, elsewhere nothing is asked."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
