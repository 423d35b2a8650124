"""`curate explain` for every way a page can end, in a process of its own, as a user types it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console

from curate.funnel import print_funnel
from tests.pages import PROSE, html
from tests.runs import PIPELINE, rows, run_cli
from tests.test_accounting import warc

NEAR = "https://potters-newsletter.example.org/reprints/cones.html"
ORIGINAL = "https://claybody.example/firing/cones"


@pytest.fixture(scope="module")
def ledger(sample_run):
    return rows(sample_run, "ledger")


def explain(run, page, code=0):
    done = run_cli("explain", run, page, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def words(text):
    return " ".join(text.split())


def test_a_kept_page(sample_run, ledger):
    url = "https://secanos.example.net/agua/atrapanieblas"
    row = next(row for row in ledger if row["url"] == url)
    shown = words(explain(sample_run, url))
    assert shown.startswith(f"{url} kept")
    assert f"{row['source']} at byte {row['offset']:,}" in shown
    assert row["doc_id"] in shown
    assert "passes too_few_words" in shown
    assert ">= min_words 50" in shown
    assert ">= min_score 0.65" in shown
    assert "es in keep" in shown
    assert "fails" not in shown


def test_what_is_not_known_is_not_said(sample_run, ledger):
    documents = {row["doc_id"]: row for row in rows(sample_run, "documents")}
    kept = [row["doc_id"] for row in ledger if row["outcome"] == "kept"]
    without = next(doc_id for doc_id in kept if documents[doc_id]["published"] is None)
    shown = explain(sample_run, without)
    assert "published None" not in shown
    assert "\n  published " not in shown
    known = next(doc_id for doc_id in kept if documents[doc_id]["published"])
    assert f"published {documents[known]['published']}" in explain(sample_run, known)


def test_a_page_dropped_by_a_rule(sample_run):
    shown = words(explain(sample_run, "https://pixhearth.example/p/morning-at-the-harbour"))
    assert "dropped by gopher_quality: too_many_hashes" in shown
    assert "fails too_many_hashes" in shown
    assert shown.count("> max_hash_to_word_ratio 0.1") == 2
    assert "passes low_language_score" in shown


def test_a_page_of_another_language(sample_run):
    shown = words(explain(sample_run, "https://pianoterra.example/storie/la-campana"))
    assert "dropped by language: language_not_kept it not in keep [de, en, es, fr, id]" in shown


def test_a_near_duplicate_names_its_survivor(sample_run, ledger):
    by_url = {row["url"]: row for row in ledger if row["url"] in (NEAR, ORIGINAL)}
    dropped = next(row for row in by_url.values() if row["outcome"] == "dropped")
    survivor = next(row for row in by_url.values() if row["outcome"] == "kept")
    duplicates = {row["doc_id"]: row for row in rows(sample_run, "duplicates")}
    jaccard = duplicates[dropped["doc_id"]]["jaccard"]
    shown = words(explain(sample_run, dropped["url"]))
    assert "dropped by dedup: near_duplicate" in shown
    assert f"{jaccard:.6g} >= jaccard 0.8" in shown
    assert f"{survivor['url']} survived ({survivor['doc_id']})" in shown
    assert "survivor of a cluster of 2" in words(explain(sample_run, survivor["url"]))


def test_an_exact_duplicate(sample_run):
    shown = words(explain(sample_run, "https://amp.almanac.example.net/calendar/leap-rule"))
    assert "dropped by dedup: exact_duplicate 1 >= jaccard 0.8" in shown
    assert "https://almanac.example.net/calendar/leap-rule survived" in shown


def test_an_errored_record(sample_run):
    shown = words(explain(sample_run, "https://rivers.example/animals/lampreys"))
    assert "errored by input: gzip_corrupt" in shown
    assert "crawl-01.warc.gz at byte" in shown


def test_a_span_that_is_no_record(sample_run, ledger):
    row = next(row for row in ledger if row["reason"] == "garbage")
    shown = words(explain(sample_run, row["doc_id"]))
    assert "errored by input: garbage" in shown
    assert f"{row['length']:,} bytes" in shown


def test_a_gate(sample_run):
    shown = words(explain(sample_run, "https://nightsky.example/img/light-curve.png"))
    assert "dropped by http: mime_type image/png" in shown


def test_every_doc_id_is_found(sample_run, ledger):
    row = next(row for row in ledger if row["outcome"] == "kept")
    assert words(explain(sample_run, row["doc_id"])) == words(explain(sample_run, row["url"]))


def test_a_url_with_several_records(sample_run):
    shown = explain(sample_run, "https://spoon.example.org/puddings/baked-custard")
    assert shown.count("https://spoon.example.org/puddings/baked-custard\n") == 2
    assert "  kept" in shown
    assert "dropped by input: revisit" in shown


def test_an_unknown_url_gets_suggestions(sample_run):
    shown = explain(sample_run, "http://rivers.example/animals/", code=2)
    assert "no record with the URL or doc_id http://rivers.example/animals/" in shown
    assert "https://rivers.example/animals/lampreys" in shown
    nothing = explain(sample_run, "https://nowhere.invalid/", code=2)
    assert "Similar" not in nothing
    explain(sample_run, "0" * 32, code=2)


def test_no_run_there(tmp_path):
    assert "no finished run there" in explain(tmp_path / "nothing", "https://a.example/", code=2)


HOSTILE = "https://a.example/\x1b]0;owned\x07\x1b[2J[bold]x[/bold]\x9b31m\u202e"


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory):
    """A crawl whose URLs, titles and text would like to talk to the terminal."""
    folder = tmp_path_factory.mktemp("hostile")
    body = html(f"<p>[red]markup[/red]\x9b2J</p>{PROSE}", "<title>[bold]T\x9b[/]\u202e</title>")
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{body}".encode()
    records = [warc(block, HOSTILE), warc(block[:30], HOSTILE + "2", "\x1b[2Jkind")]
    (folder / "a.warc.gz").write_bytes(b"".join(map(gzip.compress, records)))
    run_cli(
        "run", PIPELINE, "--engine", "local", "--workers", 2, "--output", folder / "run",
        "--set", f"input.paths=['{folder}/a.warc.gz']", "--set", "tokens.train.vocab_size=300",
        "--set", "gopher_quality.by_language={en: {max_words: null}, de: {min_words: null}}",
    )  # fmt: skip
    return folder / "run"


def test_control_characters_of_a_crawl_are_escaped(hostile_run):
    ledger = rows(hostile_run, "ledger")
    assert ledger[0]["url"] == HOSTILE
    for row in ledger:
        shown = explain(hostile_run, row["doc_id"])
        assert all(c.isprintable() or c in "\n" for c in shown), ascii(shown)
        assert "[bold]x[/bold]" in shown
        assert "\\x1b]0;owned\\x07" in shown
    assert "[red]markup[/red]" in explain(hostile_run, ledger[0]["doc_id"])


def test_a_rule_that_is_off_for_the_language_of_the_page_says_so(hostile_run):
    shown = words(explain(hostile_run, HOSTILE))
    assert "- too_many_words max_words is off for en" in shown
    assert ">= min_words 50" in shown  # which is off for another language
    assert "min_mean_unspaced_word_chars does not apply" in shown


@pytest.mark.parametrize("command", ["explain", "whatif", "stats"])
def test_a_closed_pipe_ends_it_quietly(sample_run, command):
    page = ["https://secanos.example.net/agua/atrapanieblas"] if command == "explain" else []
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "curate.cli", command, str(sample_run), *page],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_funnel_does_not_blame_the_last_edit(sample_run):
    report = json.loads((sample_run / "report.json").read_text())
    reason = {"outcome": "dropped", "stage": "pii", "reason": "no_text_left", "count": 1}
    out = StringIO()
    print_funnel(Console(file=out, width=80), report | {"reasons": [reason]}, "runs/x")
    assert "no_text_left (after all edits)" in out.getvalue()


def test_control_characters_in_suggestions_are_escaped(hostile_run):
    shown = explain(hostile_run, "https://a.example/", code=2)
    assert all(c.isprintable() or c in "\n" for c in shown), ascii(shown)
