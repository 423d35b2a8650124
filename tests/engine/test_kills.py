"""kill -9 of the driver and of children: the same command finishes, with the same bytes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.engine.runs import (
    Command,
    children,
    committed,
    contents,
    has_no_children,
    leftovers,
    parent_of,
    position_of,
    read_ledger,
    run,
    send_at,
)

KILL_WHEN = (  # as soon as one of these exists, in this order
    "documents/.tmp/*/job.json",
    "documents/.part-00000.json",
    "documents/.part-00001.json",
    "measures/.plan.json",
    "measures/.part-*.json",
    "verdicts/_manifest.json",
    "duplicates/.buckets/.plan.json",
    "tokens/.part-*.json",
    "shards/.split/_manifest.json",
    "shards/index.json",
)


def test_killed_driver_resumes_to_the_same_bytes(baseline, tmp_path):
    output = tmp_path / "run"
    known: dict[str, tuple[int, int]] = {}
    num_kills = 0
    for pattern in KILL_WHEN:
        command = Command(baseline.pipeline, output)
        if command.wait_for(lambda pattern=pattern: any(output.glob(pattern))):
            command.kill()
            num_kills += 1
        else:
            command.finish()
        assert has_no_children(output)
        now = committed(output)
        assert {name: now[name] for name in known} == known  # nothing was made twice
        known = now
    assert num_kills >= len(KILL_WHEN) - 2  # the last ones may be over too soon
    code, text = run(baseline.pipeline, output)
    assert code == 0, text
    now = committed(output)
    assert {name: now[name] for name in known} == known
    assert contents(output) == baseline.contents
    assert not leftovers(output)


def test_killed_children_are_replaced_and_nobody_is_blamed(baseline, tmp_path):
    output = tmp_path / "run"
    command = Command(baseline.pipeline, output)
    assert command.wait_for(lambda: children(output))
    for pid in children(output):  # while they start
        os.kill(pid, signal.SIGKILL)
    assert send_at(command, "documents", "", signal.SIGKILL, 2, past=True) == 2
    slow = baseline.offsets["crawl-00.warc.gz"]["https://example.org/slow0"]
    assert send_at(command, "documents", f"{slow}:0", signal.SIGKILL, 3) == 3
    for segment in ("measures", "tokens"):
        assert command.wait_for(lambda s=segment: _at_work(output, s))
        for pid in _at_work(output, segment):
            os.kill(pid, signal.SIGKILL)
    assert command.finish() == 0, command.text
    assert contents(output) == baseline.contents
    assert not list(output.glob("*/.verdict-*"))


def test_killed_fork_server_takes_its_child_along_and_is_replaced(baseline, tmp_path):
    output = tmp_path / "run"
    command = Command(baseline.pipeline, output)
    slow = baseline.offsets["crawl-00.warc.gz"]["https://example.org/slow0"]

    at_slow = []

    def find_child():
        found = children(output).items()
        at_slow[:] = [pid for pid, scratch in found if position_of(scratch) == f"{slow}:0"]
        return at_slow

    assert command.wait_for(find_child)
    (child,) = at_slow
    os.kill(parent_of(child), signal.SIGKILL)
    assert command.wait_for(lambda: not Path(f"/proc/{child}").exists())
    assert command.finish() == 0, command.text
    assert contents(output) == baseline.contents
    assert has_no_children(output)


def _at_work(output, segment):
    """Return the children of a segment that have begun to work, or more."""
    found = children(output)
    return [pid for pid, scratch in found.items() if scratch.parent.parent.name == segment]


def test_record_that_crashes_every_time_is_the_only_one_lost(baseline, tmp_path):
    output = tmp_path / "a"
    slow = "https://example.org/slow1"
    position = f"{baseline.offsets['crawl-01.warc.gz'][slow]}:0"
    command = Command(baseline.pipeline, output, "--set", "limits.max_error_ratio=0.5")
    assert send_at(command, "documents", position, signal.SIGSEGV, 2) == 2
    assert command.finish() == 3, command.text
    expected = read_ledger(baseline.output)
    expected[slow] = ("errored", "crashed")
    assert read_ledger(output) == expected
    verdicts = (output / "documents/cpu_verdicts.jsonl").read_text()
    assert position in verdicts
    assert "SIGSEGV" in verdicts

    # A later run takes the word of the earlier one. Its parts are damaged, so they are made again.
    for path in sorted((output / "documents").glob("part-*.parquet")):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[:-20] + bytes(20))
    options = ("--reuse", str(output), "--set", "limits.max_error_ratio=0.5")
    code, text = run(baseline.pipeline, tmp_path / "b", *options)
    assert code == 3, text
    made = {k: v for k, v in contents(output).items() if not k.startswith("documents/part-")}
    again = contents(tmp_path / "b")
    assert made.items() <= again.items()
    assert read_ledger(tmp_path / "b") == expected


def test_position_is_empty_between_records(tmp_path):
    (tmp_path / "position").write_bytes(bytes(512))
    assert position_of(tmp_path) == ""
