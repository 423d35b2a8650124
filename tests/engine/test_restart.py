"""--restart and --reuse: what fits is kept, what differs is named, nothing is made twice."""

from __future__ import annotations

import os
import shutil

from tests.crawl import make_page, write_warc
from tests.engine.runs import committed, contents, leftovers, parts_reused, run

THRESHOLD = ("--set", "gopher_quality.min_words=120")


def _copy(baseline, output):
    """Return a copy of the undisturbed run, to be changed."""
    shutil.copytree(baseline.output, output)
    return output


def test_changed_threshold_is_refused_then_decided_again(baseline, tmp_path):
    output = _copy(baseline, tmp_path / "run")
    code, text = run(baseline.pipeline, output, *THRESHOLD)
    assert code == 2
    assert "gopher_quality.min_words was 50, is 120" in text
    assert "--restart verdicts" in text
    assert contents(output) == baseline.contents
    upstream = committed(output, ["documents", "measures"])
    code, text = run(baseline.pipeline, output, *THRESHOLD, "--restart", "verdicts")
    assert code == 0, text
    assert committed(output, ["documents", "measures"]) == upstream
    assert contents(output, ["verdicts"]) != contents(baseline.output, ["verdicts"])
    assert not leftovers(output)


def test_restart_of_what_fits_takes_every_part_back(baseline, tmp_path):
    output = _copy(baseline, tmp_path / "run")
    before = {name: inode for name, (inode, _) in committed(output).items() if name[-5:] != ".json"}
    code, text = run(baseline.pipeline, output, "--restart", "documents")
    assert code == 0, text
    after = committed(output)
    assert {name: after[name][0] for name in before} == before  # hard links
    assert contents(output) == baseline.contents
    assert not leftovers(output)
    code, text = run(baseline.pipeline, output, "--restart", "nothing")
    assert code == 2
    assert "Allowed: documents, measures" in text


def test_reuse_takes_over_whole_artifacts(baseline, tmp_path):
    output = tmp_path / "b"
    code, text = run(baseline.pipeline, output, *THRESHOLD, "--reuse", str(baseline.output))
    assert code == 0, text
    reused = parts_reused(output)
    assert reused["documents"] == (True, 2, 2)
    assert reused["measures"] == (True, 2, 2)
    assert not reused["verdicts"][0]
    for name in ("documents/part-00000.parquet", "measures/part-00001.parquet"):
        assert os.path.samefile(output / name, baseline.output / name)
    code, text = run(baseline.pipeline, tmp_path / "c", "--reuse", str(tmp_path / "none"))
    assert code == 2
    assert "no run there" in text


def test_damaged_file_is_noticed_and_made_again(baseline, tmp_path):
    damaged = _copy(baseline, tmp_path / "a")
    path = damaged / "measures/part-00001.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    code, text = run(baseline.pipeline, tmp_path / "b", "--reuse", str(damaged))
    assert code == 0, text
    assert contents(tmp_path / "b") == baseline.contents
    reused = parts_reused(tmp_path / "b")
    assert reused["measures"] == (False, 2, 1)
    assert {name for name, (whole, _, _) in reused.items() if not whole} == {"measures"}


def test_longer_list_of_inputs_reuses_the_parts_of_the_others(baseline, tmp_path):
    output = _copy(baseline, tmp_path / "run")
    crawl = tmp_path / "crawl"
    shutil.copytree(baseline.crawl, crawl)
    pages = [make_page(seed) for seed in range(5000, 5004)]
    write_warc(crawl / "crawl-00b.warc.gz", pages)  # sorted between the two
    options = ("--set", f"input.paths=[{crawl}/*.warc.gz]", "--set", f"input.root={crawl}")
    code, text = run(baseline.pipeline, output, *options)
    assert code == 2
    assert "inputs.num_files was 2, is 3" in text
    code, text = run(baseline.pipeline, output, *options, "--restart", "documents")
    assert code == 0, text
    reused = parts_reused(output)
    assert reused["documents"] == (False, 3, 2)
    assert reused["measures"] == (False, 3, 2)
    before = contents(baseline.output, ["documents", "measures"])
    after = contents(output, ["documents", "measures"])
    for name in ("documents/part", "documents/outcomes", "measures/part"):
        assert after[f"{name}-00002.parquet"] == before[f"{name}-00001.parquet"]
