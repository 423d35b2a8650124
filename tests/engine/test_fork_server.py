"""Where the children come from: one clean process per worker, that nothing around it disturbs."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from pathlib import Path

import pytest

from tests.crawl import make_page, write_warc
from tests.engine.runs import Command, children, contents, parent_of, run, write_pipeline


@pytest.fixture
def tiny(tmp_path):
    """A pipeline over a single page."""
    write_warc(tmp_path / "crawl/a.warc.gz", [make_page(1)])
    return write_pipeline(tmp_path / "pipeline.yaml", tmp_path / "crawl")


def test_a_worker_keeps_its_server_which_has_one_thread(baseline, tmp_path):
    output = tmp_path / "run"
    command = Command(baseline.pipeline, output)
    servers: dict[str, set[int]] = {}
    while command.process.poll() is None:
        for child, scratch in children(output).items():
            try:
                server = parent_of(child)
                threads = len(os.listdir(f"/proc/{server}/task"))
            except OSError:
                continue  # it has just ended
            assert threads == 1
            servers.setdefault(scratch.parent.parent.name, set()).add(server)
        time.sleep(0.002)
    assert command.finish() == 0, command.text
    assert set.union(*servers.values()) == servers["documents"]  # two workers, two servers
    assert len(servers["documents"]) == 2
    assert contents(output) == baseline.contents


def test_what_prints_at_import_or_lies_in_the_working_directory_does_nothing(tiny, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text("print(7)\n")
    (tmp_path / "here").mkdir()
    for name in ("trafilatura", "vl_convert", "lxml"):
        (tmp_path / f"here/{name}.py").write_text("open('executed', 'w')\n")
    root = str(Path(__file__).parents[2])  # `curate`, the script, does not look into the directory
    command = Command(
        tiny,
        tmp_path / "run",
        environment={"PYTHONPATH": f"{tmp_path}/site:{root}", "PYTHONSAFEPATH": "1"},
        before=lambda: os.chdir(tmp_path / "here"),
    )
    # Without PYTHONSAFEPATH the driver itself, started by `python -m`, would look there.
    assert command.finish() == 0, command.text
    assert not (tmp_path / "here/executed").exists()
    assert (tmp_path / "run/report.html").exists()


def test_sigchld_ignored_by_who_starts_it(tiny, tmp_path):
    def ignore() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    command = Command(tiny, tmp_path / "run", before=ignore)
    assert command.finish() == 0, command.text


def test_a_lower_limit_of_the_shell_holds(tiny, tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

    eight = ("--set", f"limits.memory_bytes={8 << 30}")
    command = Command(tiny, tmp_path / "run", *eight, before=limit)
    assert command.finish() == 0, command.text


def test_a_directory_with_a_newline_in_its_name(tiny, tmp_path):
    code, text = run(tiny, tmp_path / "two\nlines")
    assert code == 0, text


def test_a_page_that_fails_does_not_fail_the_run(tiny, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/vl_convert.py").write_text("raise ImportError('no V8 here')\n")
    root = str(Path(__file__).parents[2])
    paths = {"PYTHONPATH": f"{tmp_path}/site:{root}"}
    command = Command(tiny, tmp_path / "run", environment=paths)
    assert command.finish() == 0, command.text
    assert "warning: report.html was not written" in command.text
    assert "no V8 here" in command.text
    assert "curate report" in command.text
    assert not (tmp_path / "run/report.html").exists()
    code, text = run(tiny, tmp_path / "run")
    assert code == 0, text
    assert (tmp_path / "run/report.html").exists()


@pytest.mark.slow
def test_repeating_a_finished_run_keeps_what_is_told_of_its_making(tiny, tmp_path):
    def told():
        report = json.loads((tmp_path / "run/report.json").read_bytes())
        info = json.loads((tmp_path / "run/run.json").read_bytes())
        seconds = {each["name"]: each["seconds"] for each in report["segments"]}
        when = {key: info[key] for key in ("started", "ended", "command")}
        return report["seconds"], report["num_workers"], seconds, when

    assert run(tiny, tmp_path / "run")[0] == 0
    first = told()
    assert "duplicates/.bands" in first[2]
    assert run(tiny, tmp_path / "run", "--workers", "1")[0] == 0
    assert told() == first
    code, text = run(tiny, tmp_path / "run", "--restart", "tokens")
    assert code == 0, text
    again = told()
    assert again[2].keys() == first[2].keys()
    assert again[2]["documents"] == first[2]["documents"]
    assert again[2]["tokens"] != first[2]["tokens"]
    assert again[0] != first[0]

    more = ("--reuse", str(tmp_path / "run"))
    assert run(tiny, tmp_path / "b", *more)[0] == 0
    report = json.loads((tmp_path / "b/report.json").read_bytes())
    assert {each["name"]: each["seconds"] for each in report["segments"]} == again[2]
