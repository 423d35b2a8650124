"""What a person sees, and what a machine reads."""

from __future__ import annotations

import json
import shutil
from io import StringIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate.decide import Rule, judge
from curate.whatif.border import Measured
from curate.whatif.collect import collect
from curate.whatif.show import show_whatif
from tests.whatif.conftest import rerun


def shown(run, *assignments, ablate=(), exact=False, as_json=False, width=80):
    out = StringIO()
    console = Console(file=out, width=width, highlight=False, emoji=False)
    show_whatif(str(run), assignments, ablate, exact, as_json, console)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("assignments", [(), ("gopher_quality.min_words=300",)])
def test_it_fits_where_it_is_shown(sample_run, assignments, width):
    """Only sentences and addresses are longer, which a terminal wraps."""
    text = shown(sample_run, *assignments, width=width)
    tables = text.split("nearest to")[0]
    assert max(map(len, tables.splitlines())) <= width
    assert "\x1b" not in text


def test_what_changes_is_said(sample_run):
    text = shown(sample_run, "gopher_quality.min_words=51", "language.keep=[en, it]")
    assert "gopher_quality.min_words: 50 -> 51" in text
    assert 'language.keep: ["en", "de", "fr", "es", "id"] -> ["en", "it"]' in text
    assert "gained before dedup (now dropped by)" in text
    assert "lost (then dropped by)" in text
    assert text.count("language: language_not_kept") == 2
    assert "With --exact it is done again" in text
    assert "--set gopher_quality.min_words=51 --set 'language.keep=[en, it]'" in text
    assert f"--output NEW --reuse {sample_run}" in text
    assert text.count("https://") + text.count("http://") >= 20


def test_exact_has_no_estimate_of_documents(sample_run):
    text = shown(sample_run, "language.keep=[en, it]", exact=True)
    assert "documents kept" in text
    assert "~ documents" not in text
    assert "--exact" not in text


def test_without_a_change_the_rules_are_compared(sample_run):
    text = shown(sample_run)
    for words in ("fails", "alone", "Of what a stage fails", "1 language", "--ablate"):
        assert words in text


def test_an_edit_that_stays_is_told(made):
    text = shown(made, ablate=["trimmed"])
    assert "trimmed: its rules are off; its edit of the text stays" in text
    assert "To make it so, give the thresholds of trimmed the value null" in text


def test_several_stages_may_follow_ablate(made):
    text = shown(made, "sized", "scored.top_fraction=1", ablate=["trimmed"])
    assert "trimmed: its rules are off" in text
    assert "sized: its rules are off" in text
    assert "scored.top_fraction: 0.7 -> 1" in text


def test_what_is_off_for_a_language_is_told(sample_run, tmp_path):
    bounds = {"en": {"min_words": None}, "de": {"min_words": None, "max_words": 9}}
    off = rerun(sample_run, tmp_path / "off", {("gopher_quality", "by_language"): bounds})
    assert "Off for 2 languages: too_few_words.\n" in shown(off)
    assert "Off for" not in shown(sample_run)
    rules = collect(str(off))["overlap"]["rules"]
    told = {rule["reason"]: rule["off"] for rule in rules}
    assert (told["too_few_words"], told["too_many_words"]) == ("off for 2 languages", None)


def test_a_case_says_that_the_rule_is_off_for_its_language(sample_run):
    text = shown(sample_run, "gopher_quality.by_language={en: {min_words: null}}")
    assert "< min_words 50; then min_words is off for en" in text
    back = shown(sample_run, "gopher_quality.by_language={en: {min_words: 10000}}")
    assert "min_words 50 -> 10000" in back


def test_no_edit_is_blamed_for_what_another_may_have_done(made):
    assert "  no_text_left (after all edits)" in shown(made, "sized.min_words=9")


def test_nothing_changes(made):
    text = shown(made, "sized.min_words=8")
    assert "Nothing changes" in text
    assert "gained" not in text


def test_tokens_of_a_tokenizer_that_a_run_trains_are_told(made, tmp_path):
    """Run again with what is asked, and it makes another tokenizer: other tokens."""
    said = "Tokens are of the tokenizer that this run trained"
    assert said in shown(made, "sized.min_words=15")
    copy = shutil.copytree(made, tmp_path / "copy")
    info = json.loads((copy / "run.json").read_text())
    info["config"]["tokens"] = {"file": str(copy / "tokenizer" / "tokenizer.json")}
    (copy / "run.json").write_text(json.dumps(info))
    assert said not in shown(copy, "sized.min_words=15")


def test_json_is_one_object_with_the_same_numbers(made):
    found = json.loads(shown(made, "sized.min_words=3", as_json=True))
    assert found["changes"] == [{"key": "sized.min_words", "before": 8, "after": 3}]
    assert found["gained"]["documents"] > 0
    assert len(found["cases"]) == 20
    overlap = json.loads(shown(made, as_json=True))["overlap"]
    assert {rule["stage"] for rule in overlap["rules"]} == {"trimmed", "sized", "scored"}


def test_text_of_pages_cannot_act_on_a_terminal(made, tmp_path):
    copy = shutil.copytree(made, tmp_path / "copy")
    hostile = "\x1b[2J\x07[bold]not markup[/bold]\u202e end"
    for path in (copy / "documents").glob("part-*.parquet"):
        pages = pq.read_table(path)
        index = pages.column_names.index("url")
        urls = pa.array([hostile] * len(pages), pa.large_string())
        pq.write_table(pages.set_column(index, "url", urls), path)
    for path in (copy / "measures").glob("part-*.parquet"):
        measures = pq.read_table(path)
        index = measures.column_names.index("text")
        texts = pa.array([hostile] * len(measures), pa.large_string())
        pq.write_table(measures.set_column(index, "text", texts), path)
    text = shown(copy)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert text.count("[bold]not markup[/bold]") >= 20


def test_a_run_that_kept_nothing_and_one_without_dedup(tmp_path):
    from tests.runs import load
    from tests.whatif.conftest import finish

    source = tmp_path / "few.jsonl"
    source.write_text('{"text": "one two three", "url": null}\n')
    pipeline = tmp_path / "few.yaml"
    pipeline.write_text(
        f"input: {{format: jsonl, paths: [{source}]}}\noutput: runs/x\nstages: [sized: {{}}]\n"
        f"tokens: {{train: {{vocab_size: 400}}}}\n"
    )
    run = finish(load(tmp_path / "run", pipeline=str(pipeline)), str(pipeline))
    assert "too_few_words" in shown(run)
    text = shown(run, "sized.min_words=3")
    assert "documents kept" in text
    found = json.loads(shown(run, "sized.min_words=3", as_json=True))
    assert found["exact"]
    assert found["after"]["documents"] == 1
    assert found["cases"][0]["url"] is None


def test_a_case_has_the_unit_of_its_key():
    """A perplexity is stored as its logarithm; a person reads and sets the perplexity."""
    rule = Rule("too_high", "max_perplexity", "log", maximum=3.0, shown=lambda log: 10.0**log)
    judged = judge(rule, pa.table({"log": pa.array([2.0, None, 4.0])}))
    cases = [Measured.of(judged, row) for row in range(3)]
    assert cases[1] is None
    assert (cases[0].value, cases[0].threshold) == (100, 1000)
    assert (cases[2].value, cases[2].threshold) == (10_000, 1000)
    assert "1000" in cases[2].detail.replace(",", "")
