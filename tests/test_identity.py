"""The same bytes for any engine, any number of workers, any hash seed and time zone.

And for any size of parts: the same rows, the same tokenizer, the same shards.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import (
    ARTIFACTS,
    PIPELINE,
    REPOSITORY,
    hashes,
    load,
    rows,
    run_cli,
    run_directly,
    run_on_ray,
    samples_paths,
)

HERE = {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
ON_RAY = {"PYTHONHASHSEED": "4242", "TZ": "America/Anchorage", "LC_ALL": "C.UTF-8"}
# Parts are numbered and described here; the rows and the bytes of all else do not depend on them.
ROWS = (
    ("documents", "part"), ("documents", "outcomes"), ("measures", "part"), ("verdicts", "part"),
    ("duplicates", "part"), ("curated", "part"), ("tokens", "part"), ("ledger", "part"),
)  # fmt: skip
DATA = (".bin", ".idx", ".parquet", "index.json", "tokenizer.json")
PART_BYTES = (20_000, 100_000)


def assert_equal(left: dict[str, str], right: dict[str, str]) -> None:
    assert len(left) > 10
    assert sorted(n for n in left.keys() | right.keys() if left.get(n) != right.get(n)) == []


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_engines_workers_and_environment_leave_the_same_bytes(engine, sample_run, tmp_path):
    directory = tmp_path / "elsewhere" / "run"
    if engine == "local":
        arguments = ("--engine", "local", "--workers", 1, "--output", directory)
        run_cli("run", PIPELINE, *arguments, env=HERE)
    else:
        run_on_ray(directory, PIPELINE, 2, env=ON_RAY)
    before = hashes(sample_run)
    assert {path.split("/")[0] for path in before} == set(ARTIFACTS)
    assert_equal(before, hashes(directory))


@pytest.fixture(scope="module")
def direct_run(tmp_path_factory):
    """The run again, in this process: parts of 16 MiB, so one per file."""
    return run_directly(load(tmp_path_factory.mktemp("direct") / "run", samples_paths()))


def test_children_and_this_process_leave_the_same_bytes(sample_run, direct_run):
    assert_equal(hashes(sample_run), hashes(direct_run))


def data_of(run: Path) -> dict[str, str]:
    found = hashes(run, ["shards", "tokenizer"])
    return {name: sha256 for name, sha256 in found.items() if name.endswith(DATA)}


@pytest.mark.parametrize("part_bytes", PART_BYTES)
def test_any_size_of_parts_gives_the_same_rows_and_shards(part_bytes, direct_run, tmp_path):
    overrides = (samples_paths(), f"input.part_bytes={part_bytes}")
    run = run_directly(load(tmp_path / "run", *overrides))
    num_parts = len(list((run / "documents").glob("part-*.parquet")))
    assert num_parts >= 450_000 // part_bytes
    assert num_parts > len(list((direct_run / "documents").glob("part-*.parquet")))
    for name, stem in ROWS:
        before = sorted(rows(direct_run, name, stem), key=lambda row: row["doc_id"])
        after = sorted(rows(run, name, stem), key=lambda row: row["doc_id"])
        assert before == after, name
    assert [r["doc_id"] for r in rows(run, "ledger")] == [
        r["doc_id"] for r in rows(direct_run, "ledger")
    ]
    before, after = data_of(direct_run), data_of(run)
    assert len(before) == 8
    assert before == after


def test_a_file_more_leaves_the_rows_of_the_others(direct_run, tmp_path):
    """What is made of a file is a function of the file and the settings, not of its neighbors."""
    one = f"input.paths=['{REPOSITORY}/samples/crawl-02.warc']"
    all_errors = "limits.max_error_ratio=1"  # 3 of its 20 records are damaged
    run = run_directly(load(tmp_path / "run", one, all_errors), until="measures")
    for name in ("documents", "measures"):
        alone = rows(run, name)
        ids = {row["doc_id"] for row in alone}
        assert alone == [row for row in rows(direct_run, name) if row["doc_id"] in ids]
        assert len(alone) > 10
