"""Every rule of Gopher from both sides of its threshold, and the laws of a measure."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curate.decide import first_failures, judge
from curate.errors import ConfigError
from curate.quality.gopher_quality import GopherQuality
from curate.stage import Batch
from tests.text.texts import ODD_TEXTS, random_texts

TEXTS = ODD_TEXTS + random_texts(200, 200, seed=13)


def batch_of(texts: list[str | None], languages: list[str | None] | None = None) -> Batch:
    columns = {"text": pa.array(texts, pa.large_string())}
    if languages is not None:
        columns["language"] = pa.array(languages, pa.large_string())
    return Batch(pa.RecordBatch.from_pydict(columns))


def count(texts: list[str | None], **columns: list[str | None]) -> dict[str, list[int | None]]:
    measured = GopherQuality().open()(batch_of(texts, columns.get("languages")))
    return {name.removeprefix("gopher_"): array.to_pylist() for name, array in measured.items()}


def failures(text: str, **settings: object) -> list[str]:
    """Return the reasons of all rules that a text fails, in order."""
    spec = GopherQuality(**settings)
    table = pa.RecordBatch.from_pydict(spec.open()(batch_of([text])))
    return [rule.reason for rule in spec.rules() if judge(rule, table).fails[0]]


def words(number: int) -> str:
    return " ".join(["the", "of", *["lorem"] * (number - 2)])


def lines(number: int, pattern: dict[int, str], usual: str = "the of lorem ipsum dolor") -> str:
    """Return lines, the first ones as the pattern says: how many of each."""
    special = [line for line, times in [(v, k) for k, v in pattern.items()] for _ in range(times)]
    return "\n".join(special + [usual] * (number - len(special)))


PAIRS = {
    "too_few_words": (words(50), words(49)),
    "too_many_words": (words(100_000), words(100_001)),
    "words_too_short": ("the and " + "cat " * 98, "the and " + "cat " * 97 + "at"),
    "words_too_long": (
        "the and " + "telephones " * 84 + "temptations " * 14,
        "the and " + "telephones " * 83 + "temptations " * 15,
    ),
    "too_many_hashes": (words(100) + " #" * 10, words(100) + " #" * 11),
    "too_many_ellipses": (
        words(90) + " so... on\u2026" * 5 + " x",
        words(89) + " so... on\u2026" * 5 + " so... x y",
    ),
    "too_many_bullet_lines": (
        lines(20, {18: "\u2022 of the lorem ipsum dolor"}),
        lines(20, {19: "- of the lorem ipsum dolor"}),
    ),
    "too_many_ellipsis_lines": (
        lines(20, {6: "of the lorem ipsum dolor ...  "}),
        lines(20, {7: "of the lorem ipsum dolor\u2026"}),
    ),
    "too_few_alphabetic_words": (words(80) + " 12345" * 20, words(79) + " 12345 == " + "77 " * 19),
    "too_few_stop_words": ("The OF " + "lorem " * 60, "the THE The " + "lorem " * 60),
}


def test_every_rule_has_a_pair() -> None:
    assert list(PAIRS) == [rule.reason for rule in GopherQuality().rules()]


@pytest.mark.parametrize("reason", PAIRS)
def test_just_inside_and_just_outside(reason: str) -> None:
    inside, outside = PAIRS[reason]
    assert failures(inside) == []
    assert failures(outside) == [reason]


def test_counts_of_a_small_text() -> None:
    text = "# The End...\n\n  * Wait \u2026 for it......\n\u2022 don't -- stop 3.5\n  12 ==\n"
    assert count([text]) == {
        "words": [9],
        "spaced_words": [9],
        "word_chars": [3 + 3 + 4 + 3 + 2 + 5 + 4 + 3 + 2],
        "hashes": [1],
        "ellipses": [4],
        "lines": [4],
        "bullet_lines": [2],
        "ellipsis_lines": [2],
        "tokens": [15],
        "alphabetic_words": [7],
        "stop_words": [1],
    }


def test_ellipses_equal_str_count() -> None:
    expected = [text.count("...") + text.count("\u2026") for text in TEXTS]
    assert count([*TEXTS])["ellipses"] == expected
    dots = ["a..", ".b", "...", "", "....", ".......\u2026"]
    assert count([*dots])["ellipses"] == [0, 0, 1, 0, 1, 3]


def test_line_ends_equal_str_methods() -> None:
    stripped = [[line.strip() for line in text.splitlines()] for text in TEXTS]
    visible = [[line.strip("\u200b\0 ") for line in lines if line] for lines in stripped]
    ends = [sum(line.endswith(("...", "\u2026")) for line in lines) for lines in visible]
    assert count([*TEXTS])["ellipsis_lines"] == ends


def test_empty_text_fails_only_where_a_minimum_can() -> None:
    reasons = ["too_few_words", "words_too_short", "too_few_alphabetic_words", "too_few_stop_words"]
    for text in ("", " \n\t ", "\0"):
        assert failures(text) == reasons
    assert [values[0] for values in count([None]).values()] == [0] * 11


def test_empty_batch() -> None:
    spec = GopherQuality()
    measured = spec.open()(batch_of([]))
    assert [(name, len(array)) for name, array in measured.items()] == [
        (field.name, 0) for field in spec.adds
    ]


def test_stop_words_follow_the_language() -> None:
    text = "der Hund und die Katze of the"
    labels = ["de", "en", "zh", "tlh", None]
    assert count([text] * 5, languages=labels)["stop_words"] == [3, 2, None, None, None]
    assert count([text])["stop_words"] == [2]


def test_own_stop_words_replace_a_list() -> None:
    spec = GopherQuality(stop_words={"en": ["Hund", "Katze"], "tlh": ["der"], "de": []})
    batch = batch_of(["der Hund und die KATZE"] * 3, ["en", "tlh", "de"])
    assert spec.open()(batch)["gopher_stop_words"].to_pylist() == [2, 1, None]
    with pytest.raises(ConfigError, match=r"gopher_quality\.stop_words: 'of the' is 2 words"):
        GopherQuality(stop_words={"en": ["of the"]}).open()


def test_scripts_without_spaces_are_not_judged_by_word_length_or_stop_words() -> None:
    chinese = "人人生而自由\uff0c在尊严和权利上一律平等。" * 5
    counts = count([chinese, chinese + " with some Latin", "Tokyo (東京) is large " * 9])
    assert counts["word_chars"] == [None, None, 9 * 12]
    assert counts["spaced_words"] == [None, None, 9 * 3]
    assert counts["stop_words"] == [None, None, 0]
    assert counts["words"][0] == 85
    assert failures(chinese) == []


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_batch_split_changes_nothing(rows: int) -> None:
    measure = GopherQuality().open()
    labels = [["en", "de", None, "zh"][row % 4] for row in range(len(TEXTS))]
    whole = measure(batch_of([*TEXTS], [*labels]))
    pieces = [
        measure(batch_of([*TEXTS[first : first + rows]], [*labels[first : first + rows]]))
        for first in range(0, len(TEXTS), rows)
    ]
    for field in GopherQuality.adds:
        assert whole[field.name].type == field.type
        joined = pa.concat_arrays([piece[field.name] for piece in pieces])
        assert joined.equals(whole[field.name]), field.name


def test_settings_that_decide_do_not_measure() -> None:
    spec = GopherQuality(min_words=10, stop_words={"en": ["the"]})
    assert spec.measuring_settings() == {"stop_words": {"en": ["the"]}}
    assert set(GopherQuality.model_fields) == GopherQuality.deciding | {"stop_words"}


def test_first_reason_is_the_first_in_the_order_of_the_paper() -> None:
    spec = GopherQuality()
    table = pa.RecordBatch.from_pydict(spec.open()(batch_of(["# # a", words(60)])))
    first = first_failures([judge(rule, table) for rule in spec.rules()], 2)
    assert np.array_equal(first, [0, -1])
