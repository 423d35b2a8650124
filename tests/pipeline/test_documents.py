"""Whole runs over inputs that are hard to cut: nested WARCs, wide parts, folders of pages."""

import json
import os
from dataclasses import replace

import pyarrow as pa
import pytest

from curate.engine.driver import Run
from curate.engine.observer import Observer
from curate.engine.work import Task, part_key
from curate.errors import InputError
from curate.storage.artifact import Artifact, PartRecord, digest
from curate.storage.parquet import ParquetWriter, read_batches
from tests.crawl import make_prose
from tests.runs import (
    PIPELINE,
    REPOSITORY,
    DirectWorkers,
    hashes,
    load,
    rows,
    run_cli,
    run_directly,
    samples_paths,
)
from tests.sources.warc_files import make_page, make_record, make_records, stored


@pytest.fixture
def nested(tmp_path):
    """A .warc.gz whose middle record carries 40 records of another, stored verbatim."""
    inner = b"".join(stored(record) for record in make_records(40, seed=7))
    outer = [make_record(make_page(i, 300), f"http://a.example/{i}") for i in range(6)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\n\r\n"
    outer.insert(3, make_record(head + inner, "http://a.example/archive"))
    path = tmp_path / "nested.warc.gz"
    path.write_bytes(b"".join(stored(record) for record in outer))
    return path


def config_for(path, output, part_bytes):
    return load(
        output,
        f"input.paths=[{path}]",
        f"input.part_bytes={part_bytes}",
        "limits.max_error_ratio=1.0",
    )


def identities(directory):
    found = [*rows(directory, "documents"), *rows(directory, "documents", "outcomes")]
    return sorted((row["offset"], row["inner"], str(row["url"])) for row in found)


def test_a_warc_inside_a_warc_is_one_record(nested, tmp_path):
    whole = run_directly(config_for(nested, tmp_path / "whole", 1 << 24), "documents")
    assert len(identities(whole)) == 7
    for part_bytes in (1500, 4000, 9000, 20_000):
        parts = run_directly(
            config_for(nested, tmp_path / str(part_bytes), part_bytes), "documents"
        )
        assert identities(parts) == identities(whole)


def test_a_run_that_died_before_the_chain_was_checked_is_repaired(nested, tmp_path):
    """All parts are committed, some from the wrong place, and the driver dies: the worst moment."""
    clean = run_directly(config_for(nested, tmp_path / "clean", 4000), "documents")
    config = config_for(nested, tmp_path / "run", 4000)
    os.makedirs(tmp_path / "run")
    run = Run(config, str(tmp_path / "run"), DirectWorkers(), Observer(), None)
    run.segments = run.segments[:1]
    (documents,) = run.segments
    never = replace(documents, redo=lambda parts, records: 1 / 0)
    run.segments = [never]
    with pytest.raises(ZeroDivisionError):
        run.execute()
    fooled = [
        json.loads(path.read_text()) for path in (tmp_path / "run" / "documents").glob(".part-*")
    ]
    assert sum(record["counters"].get("records", 0) for record in fooled) > 7
    run_directly(config, "documents")
    assert hashes(tmp_path / "run", ["documents"]) == hashes(clean, ["documents"])


def test_part_keys_name_all_that_decides(nested, tmp_path):
    config = config_for(nested, tmp_path / "run", 4000)
    os.makedirs(tmp_path / "run")
    run = Run(config, str(tmp_path / "run"), DirectWorkers(), Observer(), None)
    segment = run.segments[0]
    parts = segment.plan(run.files)
    keys = {part_key(segment, part, digest(segment.settings), {}) for part in parts}
    assert len(keys) == len(parts) > 10
    moved = replace(parts[3], index=9, given={"path": "elsewhere"})
    assert Task(moved, part_key(segment, moved, digest(segment.settings), {})).key in keys


def test_parts_wider_than_a_row_group(tmp_path):
    """17 MB of text in one part: row groups end elsewhere than batches of 1,024 rows do."""
    path = tmp_path / "wide.jsonl"
    with path.open("w") as file:
        for i in range(2100):
            text = "\n".join(make_prose(i, 14)) + " " + f"word{i} " * 1100
            file.write(json.dumps({"text": text, "url": f"http://a.example/{i}"}) + "\n")
    assert path.stat().st_size > 17e6
    config = load(
        tmp_path / "run", f"input.paths=[{path}]", "input.format=jsonl",
        "input.part_bytes=50_000_000", "tokens.train.sample_bytes=100000",
    )  # fmt: skip
    directory = run_directly(config)
    kept = {row["doc_id"] for row in rows(directory, "ledger") if row["outcome"] == "kept"}
    assert {row["doc_id"] for row in rows(directory, "curated")} == kept
    assert len(kept) > 100


def test_a_heavy_page_of_a_folder_costs_itself(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    for i in range(8):
        body = "".join(f"<p>{sentence}</p>" for sentence in make_prose(i, 14))
        (folder / f"{i}.html").write_text(f"<html><body>{body}</body></html>")
    (folder / "3-heavy.html").write_text("<html><body>" + "<p>a b c <b>d</b></p>" * 60_000)
    output = tmp_path / "run"
    done = run_cli(
        "run", "pipelines/web.yaml", "--engine", "local", "--output", output,
        "--set", f"input.paths=[{folder}]", "--set", "input.format=html",
        "--set", "limits.max_tags=10000000", "--set", "limits.cpu_seconds=0.7",
        "--set", "limits.max_error_ratio=0.5", check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    outcomes = {row["url"]: (row["outcome"], row["reason"]) for row in rows(output, "ledger")}
    assert outcomes.pop("pages/3-heavy.html") == ("errored", "cpu_budget")
    assert len(outcomes) == 8
    assert all(outcome != "errored" for outcome, _ in outcomes.values())


def test_a_file_that_cannot_be_opened_is_no_outcome(nested, tmp_path):
    (tmp_path / "gone.warc.gz").symlink_to(tmp_path / "nowhere")
    config = config_for(tmp_path / "gone.warc.gz", tmp_path / "run", 4000)
    with pytest.raises(InputError, match=r"gone\.warc\.gz"):
        run_directly(config)


@pytest.fixture
def edited(tmp_path):
    """A run of a small JSONL file, which is then edited in place: equal name and size."""
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": "\n".join(make_prose(i)), "url": f"u{i}"}) for i in range(9)]
    path.write_text("\n".join(lines) + "\n")
    keys = (f"input.paths=[{path}]", "input.format=jsonl", "input.part_bytes=4096")
    run_directly(load(tmp_path / "before", *keys))

    def edit():
        path.write_text("\n".join(lines).replace('"u2"', '"v2"') + "\n")

    return keys, edit


def urls_of(directory, name):
    return {row["url"] for row in rows(directory, name)}


def run_again(directory, keys, until=None, reuse=None):
    directory.mkdir(exist_ok=True)
    run = Run(
        load(directory, *keys), str(directory), DirectWorkers(), Observer(), reuse and str(reuse)
    )
    if until is not None:
        run.segments = run.segments[: [s.name for s in run.segments].index(until) + 1]
    run.execute()
    return {report.name: report for report in run.reports}


def test_an_edited_input_is_not_taken_over_and_nothing_made_of_it(edited, tmp_path):
    keys, edit = edited
    edit()
    reports = run_again(tmp_path / "after", keys, reuse=tmp_path / "before")
    for name in ("documents", "curated"):
        assert urls_of(tmp_path / "after", name) == {"v2", *(f"u{i}" for i in range(9))} - {"u2"}
    fresh = run_directly(load(tmp_path / "fresh", *keys))
    assert hashes(tmp_path / "after") == hashes(fresh)
    parts = reports["documents"]
    assert 0 < parts.num_parts_reused < parts.num_parts  # only what the edit touched is made again


def test_an_unedited_input_is_taken_over_whole(edited, tmp_path):
    keys, _ = edited
    reports = run_again(tmp_path / "after", keys, reuse=tmp_path / "before")
    assert all(report.reused for report in reports.values())
    assert hashes(tmp_path / "after") == hashes(tmp_path / "before")


def test_a_resumed_run_does_not_mix_old_and_new_input(edited, tmp_path):
    keys, edit = edited
    (tmp_path / "before" / "documents" / "_manifest.json").unlink()  # as if killed right then
    edit()
    run_again(tmp_path / "before", keys, until="documents")
    fresh = run_directly(load(tmp_path / "fresh", *keys), "documents")
    assert hashes(tmp_path / "before", ["documents"]) == hashes(fresh, ["documents"])


def test_an_edited_page_of_a_folder_is_read_again(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    body = "".join(f"<p>{sentence}</p>" for sentence in make_prose(1, 20))
    (folder / "a.html").write_text(f"<html><head><title>AAAA</title></head><body>{body}</body>")
    keys = (f"input.paths=[{folder}]", "input.format=html")
    run_directly(load(tmp_path / "before", *keys), "documents")
    page = (folder / "a.html").read_text()
    (folder / "a.html").write_text(page.replace("AAAA", "BBBB"))
    run_again(tmp_path / "after", keys, until="documents", reuse=tmp_path / "before")
    assert [row["title"] for row in rows(tmp_path / "after", "documents")] == ["BBBB"]


def test_artifacts_of_a_stage_that_is_gone_are_removed(tmp_path):
    keys = (samples_paths(),)
    run_directly(load(tmp_path / "run", *keys))
    lines = (REPOSITORY / PIPELINE).read_text().splitlines()
    (tmp_path / "web.yaml").write_text("\n".join(x for x in lines if "dedup" not in x))
    without = load(tmp_path / "run", *keys, pipeline=str(tmp_path / "web.yaml"))
    run = Run(without, str(tmp_path / "run"), DirectWorkers(), Observer(), None)
    run.prepare("measures")
    run.execute()
    assert not (tmp_path / "run" / "duplicates").exists()


def test_documents_of_megabytes_are_read_one_at_a_time(tmp_path):
    path = str(tmp_path / "wide.parquet")
    with ParquetWriter(path, pa.schema([pa.field("text", pa.large_string())])) as writer:
        for i in range(12):
            writer.write(pa.table({"text": pa.array([f"{i} " * (3 << 20)], pa.large_string())}))
    batches = list(read_batches(path))
    assert sum(batch.num_rows for batch in batches) == 12
    assert max(batch.nbytes for batch in batches) < 20 << 20


def test_the_hundred_thousandth_part_comes_last(tmp_path):
    artifact = Artifact(str(tmp_path))
    for index in (99_998, 99_999, 100_000):
        record = PartRecord(index, "key", {}, {}, {})
        (tmp_path / f".part-{index:05d}.json").write_text(json.dumps(record.to_json()))
        (tmp_path / f"part-{index:05d}.parquet").touch()
    assert [record.index for record in artifact.records()] == [99_998, 99_999, 100_000]
    assert [path[-14:-8] for path in artifact.part_files()] == ["-99998", "-99999", "100000"]


def test_a_fifo_is_a_ledger_row_and_never_opened(nested, tmp_path):
    os.mkfifo(tmp_path / "pipe.warc.gz")
    directory = run_directly(
        config_for(tmp_path / "*.warc.gz", tmp_path / "run", 1 << 24), "documents"
    )
    outcomes = rows(directory, "documents", "outcomes")
    assert [row["source"] for row in outcomes if row["reason"] == "unreadable_file"] == [
        "pipe.warc.gz"
    ]
    assert len(identities(directory)) == 8
