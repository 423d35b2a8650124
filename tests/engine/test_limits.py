"""What a record may cost: CPU time and memory. The record that costs more is lost, and only it."""

from __future__ import annotations

import json

from tests.crawl import make_page, make_prose, make_slow_page, write_warc
from tests.engine.runs import contents, read_ledger, run, write_pipeline

DOCUMENTS = ["documents"]


def test_cpu_budget_and_its_replay(tmp_path):
    slow = make_slow_page("slow", 60_000)  # 2 s here; the others take 2 ms
    write_warc(tmp_path / "crawl/a.warc.gz", [make_page(1), make_page(2), slow, make_page(3)])
    pipeline = write_pipeline(tmp_path / "pipeline.yaml", tmp_path / "crawl")
    output = tmp_path / "run"
    limits = ("--set", "limits.cpu_seconds=1.0", "--set", "input.part_bytes=10000000")
    code, text = run(pipeline, output, *limits)
    assert code == 1, text  # 1 of 4 is more than limits.max_error_ratio: nothing is built on it
    assert "1 of 4 records" in text
    first = contents(output, DOCUMENTS)
    verdict = json.loads((output / "documents/cpu_verdicts.jsonl").read_bytes())
    assert verdict["reason"] == "cpu_budget"
    assert verdict["detail"] == "> limits.cpu_seconds 1"
    assert not (output / "measures").exists()

    # Made again by --restart from a damaged file: the verdict is replayed, not found once more.
    part = output / "documents/part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    limits += ("--set", "limits.max_error_ratio=0.25")
    code, text = run(pipeline, output, *limits, "--restart", "documents")
    assert code == 3, text
    assert contents(output, DOCUMENTS) == first
    assert not list((output / "documents").glob(".verdict-*"))
    ledger = read_ledger(output)
    assert ledger[slow.url] == ("errored", "cpu_budget")
    assert [ledger[make_page(seed).url] for seed in (1, 2, 3)] == [("kept", None)] * 3


def test_text_too_large_to_measure_in_memory(tmp_path):
    """25 MB of text are read with a limit of 1.55 GB, and measured with one of 1.8 GB."""
    huge = " ".join([" ".join(make_prose(seed, 40)) for seed in range(200)] * 44)
    texts = [" ".join(make_prose(seed)) for seed in (1, 2)]
    lines = [{"url": f"u{n}", "text": t} for n, t in enumerate([texts[0], huge, texts[1]])]
    for line in lines:
        (tmp_path / f"{line['url']}.jsonl").write_text(json.dumps(line) + "\n")
    pipeline = write_pipeline(tmp_path / "pipeline.yaml", tmp_path)
    options = ("--set", "input.format=jsonl", "--set", f"input.paths=[{tmp_path}/*.jsonl]")
    options += ("--set", "input.part_bytes=100000000", "--set", "limits.memory_bytes=1650000000")
    options += ("--set", "limits.max_error_ratio=0.5")
    code, text = run(pipeline, tmp_path / "run", *options)
    assert code == 3, text
    assert read_ledger(tmp_path / "run") == {
        "u0": ("kept", None),
        "u1": ("errored", "memory_limit"),
        "u2": ("kept", None),
    }


def test_limit_too_small_for_the_program_says_so(tmp_path):
    write_warc(tmp_path / "crawl/a.warc.gz", [make_page(1)])
    pipeline = write_pipeline(tmp_path / "pipeline.yaml", tmp_path / "crawl")
    code, text = run(pipeline, tmp_path / "run", "--set", "limits.memory_bytes=268435456")
    assert code == 2
    assert "limits.memory_bytes: 268,435,456 bytes are less than the program" in text
