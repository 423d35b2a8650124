"""What goes on in a process while Ray starts in its background, and what it leaves as it was."""

from __future__ import annotations

import os
import subprocess
import sys

TAKES_OVER = """
import os, signal, sys
from curate.engine.fork_server import borrow, give_back
from curate.engine.workers import Options, Workers

signal.signal(signal.SIGTERM, lambda *_: print("told to stop"))
with Workers(Options(num_workers=1)) as workers:
    server = borrow(os.devnull)
    give_back(server)
    ray = workers.start()
    workers._engine()
    assert server.alive
    ray.result()
    assert workers._engine() is ray.result()
    assert not server.alive
    os.kill(os.getpid(), signal.SIGTERM)
"""
CLOSES_HERE_FIRST = """
from curate.engine.workers import Options, Workers

with Workers(Options(num_workers=1)) as workers:
    ray = workers.start()
    here = workers._engine()
    workers.begin_close()
    assert not ray.done()
    assert here._stop.is_set()
"""
CANNOT_START = """
from curate.engine.workers import Options, Workers
from curate.errors import CurateError

with Workers(Options(num_workers=1)) as workers:
    error = workers.start().exception()
    assert isinstance(error, CurateError), error
    assert "--engine local" in str(error)
"""


def _run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "SIGTERM" not in done.stderr
    return done.stdout


def test_ray_takes_over_from_the_servers_here_but_leaves_sigterm_alone():
    assert _run(TAKES_OVER) == "told to stop\n"


def test_what_runs_here_ends_without_waiting_for_ray():
    _run(CLOSES_HERE_FIRST)


def test_ray_that_cannot_start_says_what_to_type():
    _run(CANNOT_START, RAY_TMPDIR="/proc/nowhere")
