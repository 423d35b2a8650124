"""A run of one's own opens no port that another machine could reach."""

import subprocess
import sys

SCRIPT = """
import sys
from pathlib import Path
from curate.engine.workers import Options, Workers

LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}

def listening():
    rows = [line.split() for name in ("tcp", "tcp6")
            for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A"}

before = listening()
with Workers(Options(num_workers=1)) as workers:
    workers.start().result()
    opened = listening() - before
    from ray._common.usage.usage_lib import usage_stats_enabled
    assert not usage_stats_enabled()
assert len(opened) >= 4, opened
assert {address.split(":")[0] for address in opened} <= LOOPBACK, opened
"""


def test_ray_listens_on_loopback_only():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
