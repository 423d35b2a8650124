"""Golden texts: every rule with one text just inside its threshold and one just outside.

A file per stage. An entry of `pairs` is one text in two versions: what stands in <in: ...> only the
first has, what stands in <out: ...> only the other. They differ by one word, one line or a piece of
a word; the first is kept, the other is dropped for `reason`, and is what the name says it is: just
outside. An entry of `edits` is a text and what the stage makes of it.

All texts were written for this test.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from curate.decide import first_failures, judge
from curate.stage import Batch, EditSpec, MeasureSpec, StageSpec
from curate.stages import STAGES

HERE = Path(__file__).parent
MARKER = re.compile(r"<(in|out): (.*?)>", re.DOTALL)
FILES = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in HERE.glob("*.yaml")}
PAIRS = [(name, entry) for name, file in FILES.items() for entry in file.get("pairs", ())]
EDITS = [(name, entry) for name, file in FILES.items() for entry in file.get("edits", ())]
# Their rules compare the score of a model that the user gives: there is no text to write.
NEED_A_MODEL = {"classifier", "perplexity"}
# Keys that a pair may give though they have a default; beside each stands why.
FITTED = {"gopher_quality": {"max_words"}}
FULL: dict[str, dict[str, Any]] = {"language": {"keep": ["en"]}}


def version(text: str, which: str) -> str:
    return MARKER.sub(lambda found: found[2] if found[1] == which else "", text)


def stage_of(name: str, entry: dict[str, Any], folder: Path) -> StageSpec:
    """Return the stage with the settings of an entry, and the files it needs."""
    settings = dict(entry.get("settings", {}))
    for key, content in entry.get("files", {}).items():
        path = folder / key
        path.write_text(content, "utf-8")
        settings[key] = str(path)
    return STAGES[name].model_validate(settings)


def apply(stage: StageSpec, text: str, language: str | None) -> tuple[str, dict[str, pa.Array]]:
    """Return the text after the stage, and its columns."""
    columns = {"text": pa.array([text], pa.large_string())}
    if language is not None:
        columns["language"] = pa.array([language], pa.large_string())
    batch = Batch(pa.RecordBatch.from_pydict(columns))
    if isinstance(stage, EditSpec):
        texts, added = stage.open()(batch)
        return texts[0].as_py(), {**columns, **added}
    assert isinstance(stage, MeasureSpec)
    return text, {**columns, **stage.open()(batch)}


def first_reason(stage: StageSpec, columns: dict[str, pa.Array]) -> str | None:
    rules = [rule for rule in stage.rules() if rule.can_fail]
    table = pa.RecordBatch.from_pydict(columns)
    first = int(first_failures([judge(rule, table) for rule in rules], 1)[0])
    return None if first < 0 else rules[first].reason


def name_of(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("reason") or value.get("title"))
    return str(value)


@pytest.mark.parametrize(("name", "entry"), PAIRS, ids=name_of)
def test_inside_and_outside(name: str, entry: dict[str, Any], tmp_path: Path) -> None:
    stage = stage_of(name, entry, tmp_path)
    found = [
        first_reason(stage, apply(stage, version(entry["text"], which), entry.get("language"))[1])
        for which in ("in", "out")
    ]
    assert found == [None, entry["reason"]]


@pytest.mark.parametrize(("name", "entry"), PAIRS, ids=name_of)
def test_the_bounds_are_the_published_ones(name: str, entry: dict[str, Any]) -> None:
    given = set(entry.get("settings", {})) - FITTED.get(name, set())
    assert {key for key in given if STAGES[name].model_fields[key].default is not None} == set()


@pytest.mark.parametrize(("name", "entry"), PAIRS, ids=name_of)
def test_the_two_differ_by_the_minimum(name: str, entry: dict[str, Any]) -> None:
    """At most one piece each: a word or less, or a line."""
    pieces = MARKER.findall(entry["text"])
    assert 1 <= len(pieces) == len({which for which, _ in pieces}) <= 2
    for _, piece in pieces:
        assert len(piece.split()) <= 1 or piece.strip("\n").count("\n") == 0
        assert len(piece.split()) <= 1 or piece.endswith("\n"), "more than a word, but no line"


@pytest.mark.parametrize(("name", "entry"), EDITS, ids=name_of)
def test_edits(name: str, entry: dict[str, Any], tmp_path: Path) -> None:
    stage = stage_of(name, entry, tmp_path)
    text, columns = apply(stage, entry["text"], entry.get("language"))
    assert text == entry["becomes"]
    counted = {name: values[0].as_py() for name, values in columns.items()}
    expected = entry.get("counts", {})
    assert {name: counted[name] for name in expected} == expected
    again, _ = apply(stage, text, entry.get("language"))
    assert again == text, "a second pass changes it again"


@pytest.mark.parametrize("name", STAGES)
def test_every_rule_has_a_pair_and_every_edit_a_text(name: str) -> None:
    if name in NEED_A_MODEL:
        return
    stage = STAGES[name].model_validate(FULL.get(name, {}))
    file = FILES.get(name, {})
    paired = {entry["reason"] for entry in file.get("pairs", ())}
    assert {rule.reason for rule in stage.rules()} == paired
    if isinstance(stage, EditSpec):
        assert file.get("edits")
        counted = {column for entry in file["edits"] for column in entry.get("counts", {})}
        assert counted <= {column.name for column in stage.adds}


def test_there_are_at_least_sixty_texts() -> None:
    texts = {version(entry["text"], which) for _, entry in PAIRS for which in ("in", "out")}
    texts |= {entry["text"] for _, entry in EDITS}
    assert len(texts) >= 60
