"""A run with edits and a bound that the whole corpus gives, over the samples and some pages more.

The edited text is the text: nothing after `measures/` has what an edit took out. And all promises
hold as without edits: the same bytes for any engine, the same rows for any size of parts, every
record once, and nothing measured again for a threshold.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml

from curate.config import Config, load_config
from curate.engine.driver import Run
from curate.engine.observer import Observer
from tests.crawl import Page, make_prose, write_warc
from tests.models import arpa_keys, classifier_keys
from tests.runs import (
    REPOSITORY,
    DirectWorkers,
    hashes,
    rows,
    run_cli,
    run_directly,
    table,
)
from tests.test_accounting import check_books
from tests.test_identity import ROWS, assert_equal, data_of

PERSONAL = ("ferry.office@island-harbour.example", "+44 20 7946 0958", "4111 1111 1111 1111")
FOUND = ("pii_email", "pii_phone", "pii_credit_card")
TOP = 0.6


def personal_page(seed: int, num_sentences: int = 14) -> Page:
    """Return a page whose title and first sentence are personal; its URL is not."""
    mail, phone, card = PERSONAL
    first = f"<p>Write to {mail} or call {phone}, and pay with the card {card} before noon.</p>"
    others = "".join(f"<p>{text}</p>" for text in make_prose(seed, num_sentences))
    return Page(
        f"https://example.org/{seed}",
        f"<html><head><title>Story {seed} by {mail}</title></head>"
        f"<body><article>{first}{others}</article></body></html>",
    )


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """The samples, and a file of personal pages: kept, dropped by a rule, and repeated."""
    directory = tmp_path_factory.mktemp("crawl")
    for path in (REPOSITORY / "samples").glob("*.warc*"):
        shutil.copy(path, directory)
    pages = [personal_page(seed) for seed in range(12)] + [personal_page(3), personal_page(20, 1)]
    write_warc(directory / "personal.warc.gz", pages)
    return directory


@pytest.fixture(scope="module")
def pipeline(crawl, tmp_path_factory):
    """A pipeline whose classifier, dedup and tokens come after edits, and before one."""
    directory = tmp_path_factory.mktemp("pipeline")
    keys = {"min_score": None, "top_fraction": TOP, "expected_drop": [0.1, 0.9]}
    classifier = classifier_keys(directory / "model.bin", **keys)
    value = {
        "input": {"format": "warc", "paths": [f"{crawl}/*.warc*"]},
        "output": "elsewhere",
        "stages": [
            {"http": {"status": [200]}},
            {"extraction": {"engine": "resiliparse"}},
            {"unicode": {}},
            {"language": {}},
            {"c4": {"min_sentences": 3, "by_language": {"en": {"min_sentences": 4}}}},
            {"lines": {}},
            {"classifier": classifier},
            {"perplexity": {"models": {"en": arpa_keys(directory / "model.arpa")}}},
            {"pii": {}},
            {"dedup": {}},
        ],
        "tokens": {"train": {"vocab_size": 600}},
        "limits": {"max_error_ratio": 0.1},
    }
    path = directory / "edited.yaml"
    path.write_text(yaml.safe_dump(value))
    return path


def configure(pipeline: Path, output: Path, *overrides: str) -> Config:
    return load_config(str(pipeline), overrides, str(output))


@pytest.fixture(scope="module")
def edited_run(pipeline, tmp_path_factory):
    """The run in this process: a part per file."""
    return run_directly(configure(pipeline, tmp_path_factory.mktemp("edited") / "run"))


ENGINES = {
    "local": ("--engine", "local", "--workers", 1),
    "ray": ("--engine", "ray", "--workers", 2),
}


@pytest.fixture(scope="module", params=["local", pytest.param("ray", marks=pytest.mark.slow)])
def command_run(request, pipeline, tmp_path_factory):
    """The run as a user starts it."""
    directory = tmp_path_factory.mktemp(request.param) / "run"
    run_cli("run", pipeline, *ENGINES[request.param], "--output", directory)
    return directory


def test_engines_leave_the_same_bytes_and_nothing_personal(edited_run, command_run):
    assert_equal(hashes(edited_run), hashes(command_run))
    counted = json.loads((command_run / "report.json").read_bytes())["edits"]
    assert [counted[name] for name in FOUND] == [14, 14, 14]
    read = [path for path in command_run.rglob("*") if path.is_file()]
    read = [path for path in read if "documents" not in path.relative_to(command_run).parts]
    assert {"report.html", "report.json", "run.json", "tokenizer.json"} <= {p.name for p in read}
    assert sum(len(words_in(path)) for path in read) > 100_000
    leaks = {path.name for path in read if any(it in words_in(path) for it in PERSONAL)}
    assert not leaks
    assert all(it in words_in(command_run / "documents/part-00005.parquet") for it in PERSONAL)


def words_in(path: Path) -> str:
    """Return what a file says, of Parquet the values."""
    if path.suffix != ".parquet":
        return path.read_bytes().decode("utf-8", "replace")
    return "\n".join(str(row) for row in pq.read_table(path).to_pylist())


def test_every_record_is_counted_once(edited_run, crawl):
    check_books(edited_run, {path.name: path for path in crawl.iterdir()})
    outcomes = {(row["stage"], row["reason"]) for row in rows(edited_run, "ledger")}
    assert {
        ("c4", "too_few_sentences"),
        ("classifier", "low_classifier_score"),
        ("dedup", "exact_duplicate"),
    } <= outcomes


def test_all_that_follows_reads_the_edited_text(edited_run):
    measures = {row["doc_id"]: row for row in rows(edited_run, "measures")}
    before = {row["doc_id"]: row["text"] for row in rows(edited_run, "documents")}
    personal = [row for row in measures.values() if row["pii_email"]]
    assert len(personal) == 14
    assert all(row[name] == 1 for row in personal for name in FOUND)
    assert sum(row["text"] != before[doc_id] for doc_id, row in measures.items()) > 50
    curated = rows(edited_run, "curated")
    assert sum("[email]" in row["text"] for row in curated) >= 5
    for row in curated:
        measured = measures[row["doc_id"]]
        assert row["text"] == measured["text"]
        assert row["title"] == measured["title"]
        assert row["num_chars"] == measured["num_chars"] == len(row["text"])
        assert row["num_bytes"] == measured["num_bytes"] == len(row["text"].encode())
    sidecars = (edited_run / "shards").glob("*-*.parquet")
    shards = [row for path in sidecars for row in pq.read_table(path).to_pylist()]
    sizes = {row["doc_id"]: row["num_bytes"] for row in shards}
    assert sizes == {row["doc_id"]: row["num_bytes"] for row in curated}


def test_curated_has_the_scores_as_measured(edited_run, sample_run):
    measures = {row["doc_id"]: row for row in rows(edited_run, "measures")}
    curated = rows(edited_run, "curated")
    for row in curated:
        measured = measures[row["doc_id"]]
        assert row["classifier_score"] == measured["classifier_score"]
        log10, tokens = measured["perplexity_log10"], measured["perplexity_tokens"]
        assert (log10 is None) == (row["language"] != "en")
        expected = None if log10 is None else 10 ** (log10 / 1e6 / tokens)
        assert row["perplexity"] == pytest.approx(expected, abs=0.0006)
    assert {row["language"] for row in curated} > {"en"}
    assert {"classifier_score", "perplexity"}.isdisjoint(rows(sample_run, "curated")[0])
    query = "select count(perplexity), min(classifier_score) from read_parquet(?)"
    with duckdb.connect() as connection:
        found = connection.execute(query, [f"{edited_run}/curated/part-*.parquet"]).fetchone()
    scored = [row for row in curated if row["perplexity"] is not None]
    assert found == (len(scored), min(row["classifier_score"] for row in curated))


def test_the_best_share_of_what_earlier_rules_keep_is_kept(edited_run):
    scores = {row["doc_id"]: row["classifier_score"] for row in rows(edited_run, "measures")}
    ledger = [row for row in rows(edited_run, "verdicts") if row["stage"] in (None, "classifier")]
    kept = [row["doc_id"] for row in ledger if row["outcome"] == "kept"]
    bound = thresholds(edited_run)["classifier.top_fraction"][""]
    assert bound == min(scores[doc_id] for doc_id in kept)
    assert sum(scores[row["doc_id"]] > bound for row in ledger) < TOP * len(ledger) <= len(kept)
    assert len(kept) < len(ledger)


def thresholds(run: Path) -> dict[str, dict[str, float]]:
    return json.loads((run / "verdicts/_manifest.json").read_bytes())["facts"]["thresholds"]


def test_any_size_of_parts_gives_the_same_rows_and_shards(edited_run, pipeline, tmp_path):
    run = run_directly(configure(pipeline, tmp_path / "run", "input.part_bytes=40_000"))
    assert len(list((run / "documents").glob("part-*.parquet"))) > 10
    for name, stem in ROWS:
        before, after = (
            table(each, name, stem).sort_by("doc_id").to_pylist() for each in (edited_run, run)
        )
        assert before == after, name
    assert thresholds(run) == thresholds(edited_run)
    assert data_of(run) == data_of(edited_run)


def reused(pipeline: Path, output: Path, edited_run: Path, *overrides: str) -> dict[str, bool]:
    """Run with `--reuse`; return which segments took their artifact over."""
    config = configure(pipeline, output, *overrides)
    run = Run(config, str(output), DirectWorkers(), Observer(), str(edited_run))
    run.execute()
    return {report.name: report.reused for report in run.reports}


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("classifier.expected_drop=[0, 1]", None),
        ("classifier.top_fraction=0.5", "verdicts/.thresholds"),
        ("c4.by_language={en: {min_sentences: 5}}", "verdicts/.thresholds"),
        ("pii.placeholders={email: <mail>}", "measures"),
        ("lines.cut_lines_with=[all rights reserved]", "measures"),
    ],
)
def test_only_what_a_key_decides_is_made_again(change, again, pipeline, edited_run, tmp_path):
    found = reused(pipeline, tmp_path / "run", edited_run, change)
    names = list(found)
    last = len(names) if again is None else names.index(again)
    assert [name for name in names[:last] if not found[name]] == []
    assert [name for name in names[last : last + 2] if found[name]] == []


def test_deciding_again_from_the_same_measures_gives_the_same_bytes(pipeline, edited_run, tmp_path):
    output = tmp_path / "run"
    shutil.copytree(edited_run, output)
    run = Run(configure(pipeline, output), str(output), DirectWorkers(), Observer())
    run.prepare("verdicts")
    run.execute()
    assert_equal(hashes(edited_run), hashes(output))
