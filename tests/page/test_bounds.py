"""Thresholds by language in a chart: few are named, the others counted; what is off is said."""

from __future__ import annotations

import json
import shutil
from math import inf

import pyarrow as pa

from curate.config import check_resolved
from curate.decide import Rule, judge
from curate.page.distributions import MAX_OWN, draw_rules
from curate.page.page import write_page
from curate.page.samples import _describe_numbers
from curate.page.scan import Columns
from tests.page.browsing import open_page


def draw(sample_run, rule):
    """Draw one rule on 60 documents: 30 in l07, 20 in l03, 10 in l05."""
    config = check_resolved(json.loads((sample_run / "run.json").read_bytes())["config"])
    languages = ["l07"] * 30 + ["l03"] * 20 + ["l05"] * 10
    documents = pa.table({"score": [n / 60 for n in range(60)], "language": languages})
    columns = Columns([("language", rule)], (), None, config)
    (chart,) = draw_rules(config, columns, documents)
    return chart


def test_of_95_languages_those_of_most_documents_are_named(sample_run):
    bounds = {f"l{n:02d}": (n + 1) / 100 for n in range(95)}
    chart = draw(sample_run, Rule("low", "min_score", "score", minimum=0.65, by_language=bounds))
    assert [line["label"] for line in chart["thresholds"]] == [
        "kept ≥ 0.65", "l07 ≥ 0.08", "l03 ≥ 0.04", "l05 ≥ 0.06",
    ]  # fmt: skip
    assert len(chart["thresholds"]) == 1 + MAX_OWN
    # One of the 95 has the general bound.
    assert chart["others"] == ["91 more languages ≥ 0.01 to 0.95"]
    assert chart["rules"][0]["off"] is None


def test_languages_with_one_bound_share_a_short_label(sample_run):
    bounds = dict.fromkeys(("l01", "l02", "l03", "l04", "l07"), 0.5)
    chart = draw(sample_run, Rule("high", "max_score", "score", maximum=0.9, by_language=bounds))
    assert [line["label"] for line in chart["thresholds"]] == ["kept ≤ 0.9", "l07, l03, … ≤ 0.5"]
    assert chart["others"] == []


def test_in_how_many_languages_a_rule_is_off(sample_run):
    off = dict.fromkeys((f"l{n:02d}" for n in range(95)), inf)
    for by_language, told in (
        (off, "off for 95 languages"),
        ({"l03": inf}, "off for l03"),
        ({"l03": 0.5}, None),
    ):
        rule = Rule("high", "max_score", "score", maximum=0.9, by_language=by_language)
        assert draw(sample_run, rule)["rules"][0]["off"] == told
    rule = Rule("high", "max_score", "score", maximum=inf, by_language={"l03": 0.5, "l05": 0.4})
    chart = draw(sample_run, rule)
    assert chart["rules"][0]["off"] == "off but for 2 languages"
    assert [line["label"] for line in chart["thresholds"]] == ["l03 ≤ 0.5", "l05 ≤ 0.4"]


def test_a_sample_says_what_is_off_for_its_language(browser, sample_page):
    rule = Rule("high", "max_score", "score", maximum=0.9, by_language={"de": inf, "fr": 0.5})
    table = pa.table({"score": [0.7, 0.7, 0.7], "language": ["de", "fr", "en"]})
    numbers = [_describe_numbers([judge(rule, table)], row) for row in range(3)]
    assert [each["m"] for each in numbers] == [{0: None}, {0: 0.5}, {0: 0.9}]
    open_page(browser, sample_page)
    rows = browser.execute_script(
        "page.rule_names = [{ stage: 's', reason: 'high', key: 'max_score', max: 0.9 }];"
        "return arguments[0].map((each, at) => "
        "[...ruleTable({ ...each, l: ['de', 'fr', 'en'][at] }).lastChild.children]"
        ".slice(1).map((cell) => cell.textContent))",
        json.loads(json.dumps(numbers)),
    )
    assert rows == [
        ["0.7", "off for de", ""],
        ["0.7", "≤ 0.5", "fails"],
        ["0.7", "≤ 0.9", "passes"],
    ]


def test_the_page_does_not_blame_the_last_edit(sample_run, bundle, tmp_path):
    directory = tmp_path / "run"
    shutil.copytree(sample_run, directory)
    path = directory / "report.json"
    path.write_text(path.read_text().replace('"too_few_words"', '"no_text_left"'))
    write_page(str(directory), bundle)
    page = (directory / "report.html").read_text()
    assert "no_text_left (after all edits)" in page
