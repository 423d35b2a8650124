"""Every rule of repetition from both sides of its threshold; three oracles; laws; worst cases."""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from datatrove.pipeline.filters.gopher_repetition_filter import (
    find_all_duplicate,
    find_duplicates,
    find_top_duplicate,
    get_n_grams,
)

from curate.decide import judge
from curate.quality.gopher_repetition import (
    COLUMNS,
    DUPLICATE_ORDERS,
    TOP_ORDERS,
    GopherRepetition,
)
from curate.text import ngrams
from curate.text.characters import SPACE, flag_table
from curate.text.words import word_table
from tests.laws.texts import batch_of, prose, texts
from tests.text.texts import ODD_TEXTS, random_texts

SPACES = "".join(map(chr, np.flatnonzero(flag_table() & SPACE)))


def counts_of(values: list[str | None]) -> list[dict[str, int]]:
    columns = GopherRepetition().open()(batch_of(values))
    assert list(columns) == list(COLUMNS) == [field.name for field in GopherRepetition.adds]
    rows = pa.RecordBatch.from_pydict(columns).to_pylist()
    return [{key.removeprefix("repetition_"): row[key] for key in row} for row in rows]


def failures(text: str, **settings: object) -> list[str]:
    """Return the reasons of all rules that a text fails, in order."""
    spec = GopherRepetition(**settings)
    table = pa.RecordBatch.from_pydict(spec.open()(batch_of([text])))
    return [rule.reason for rule in spec.rules() if judge(rule, table).fails[0]]


def repetitive_texts(count: int, seed: int) -> list[str]:
    """Return texts of few words and lines, so that everything repeats, with odd line breaks."""
    source = random.Random(seed)
    found = []
    for _ in range(count):
        vocabulary = ["a", "bc", "ab", "c", "the", "don't", "3.14", "東京に", "x" * 40, "é"]
        words = source.sample(vocabulary, source.randint(1, 5))
        lines = [
            " ".join(source.choices(words, k=source.randint(0, 12))) for _ in range(8)
        ] + ["", " ", "- a bc."]  # fmt: skip
        breaks = ["\n", "\n", "\n\n", "\r\n", " \n", "\n \n", "\u2028"]
        chosen = source.choices(lines, k=source.randint(0, 30))
        found.append("".join(line + source.choice(breaks) for line in chosen))
    return found


TEXTS = [*texts(), *ODD_TEXTS, *random_texts(60, 200, seed=5), *repetitive_texts(150, seed=7)]


def words_of(values: list[str]) -> list[list[str]]:
    table = word_table(pa.array(values, pa.large_string()))
    words = [
        table.text_between(*pair)
        for pair in zip(table.starts.tolist(), table.ends.tolist(), strict=True)
    ]
    return [words[begin:end] for begin, end in pairwise(table.word_offsets.tolist())]


def lines_and_paragraphs(text: str) -> tuple[list[str], list[list[str]]]:
    """Return the visible lines, and the paragraphs as lists of their lines with what is between."""
    lines, paragraphs, fresh = [], [], True
    for line in text.splitlines(keepends=True):
        visible = line.strip(SPACES)
        if not visible:
            fresh = True
            continue
        lines.append(visible)
        if fresh:
            paragraphs.append([])
        paragraphs[-1].append(line)
        fresh = False
    return lines, paragraphs


def oracle(text: str, words: list[str]) -> dict[str, int]:
    """Count everything the slow way, by the definitions in the module's docstring."""
    lines, paragraphs = lines_and_paragraphs(text)
    counts = {"chars": len(text), "lines": len(lines), "paragraphs": len(paragraphs)}
    seen: set[object] = set()
    found = Counter()
    for kind, spans in (("line", [[line] for line in lines]), ("paragraph", paragraphs)):
        for span in spans:
            key = (kind, *(line.strip(SPACES) for line in span))
            if key in seen:
                found[f"duplicate_{kind}s"] += 1
                found[f"duplicate_{kind}_chars"] += len("".join(span).strip(SPACES))
            seen.add(key)
    for kind in ("line", "paragraph"):
        for key in (f"duplicate_{kind}s", f"duplicate_{kind}_chars"):
            counts[key] = found[key]
    for n in TOP_ORDERS:
        grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        best = max(grams, key=grams.__getitem__, default=())  # of equal ones the first to occur
        counts[f"top_{n}_gram_chars"] = grams[best] * len(" ".join(best))
    for n in DUPLICATE_ORDERS:
        counts[f"duplicate_{n}_gram_chars"] = greedy(words, n)
    return counts


def greedy(words: list[str], n: int) -> int:
    seen: set[tuple[str, ...]] = set()
    place = chars = 0
    while place + n <= len(words):
        gram = tuple(words[place : place + n])
        if gram in seen:
            chars += len("".join(gram))
            place += n
        else:
            seen.add(gram)
            place += 1
    return chars


def test_counts_equal_the_oracle() -> None:
    assert counts_of(TEXTS) == [
        oracle(text, words) for text, words in zip(TEXTS, words_of(TEXTS), strict=True)
    ]


def test_counts_equal_datatrove_given_the_words() -> None:
    """Where lines end without white space, and no words run together, nothing differs."""
    repetitive = [text.replace("bc", "BCD") for text in repetitive_texts(50, seed=9)]
    clean = [re.sub(r"\s*[\n\r\u2028]\s*", "\n", text).strip() for text in texts() + repetitive]
    clean += [text.replace("\n", "\n\n") for text in clean]
    clean = [text for text in clean if lines_and_paragraphs(text)[0] == re.split("\n+", text)]
    assert len(clean) > 120
    for text, words, found in zip(clean, words_of(clean), counts_of(clean), strict=True):
        lines, paragraphs = re.split(r"\n+", text), re.split(r"\n{2,}", text.strip())
        expected = {"chars": len(text), "lines": len(lines), "paragraphs": len(paragraphs)}
        pairs = (("line", lines), ("paragraph", paragraphs))
        for kind, spans in pairs:
            number, chars = find_duplicates(spans)
            expected |= {f"duplicate_{kind}s": number, f"duplicate_{kind}_chars": chars}
        for n in TOP_ORDERS:
            grams = get_n_grams(words, n)
            expected[f"top_{n}_gram_chars"] = find_top_duplicate(grams) if grams else 0
        for n in DUPLICATE_ORDERS:
            expected[f"duplicate_{n}_gram_chars"] = find_all_duplicate(words, n)
        assert found == expected, text[:100]


def test_words_that_run_together_are_two_n_grams_here() -> None:
    words = ["ab", "c", "x", "y", "z", "a", "bc", "x", "y", "z"]
    assert find_all_duplicate(words, 5) == 6
    assert counts_of([" ".join(words)])[0]["duplicate_5_gram_chars"] == 0


def test_of_equally_frequent_n_grams_the_first_counts() -> None:
    assert counts_of(["a a bbb bbb a a bbb bbb"])[0]["top_2_gram_chars"] == 2 * 3
    assert counts_of(["bbb bbb a a bbb bbb a a"])[0]["top_2_gram_chars"] == 2 * 7
    assert counts_of(["longer word, then some"])[0]["top_2_gram_chars"] == len("longer word")
    assert counts_of(["one"])[0]["top_2_gram_chars"] == 0


def test_case_and_accents_count() -> None:
    found = counts_of(["One line\none line\nOné line\nOne line "])[0]
    assert found["duplicate_lines"] == 1
    assert found["top_2_gram_chars"] == 2 * len("One line")


# Boundary pairs: texts of exactly as many characters as make the ratio equal its threshold.


def unique(number: int, chars: int = 9, seed: int = 0) -> list[str]:
    """Return distinct words of so many characters, in an order that repeats no pair."""
    source = random.Random(seed)
    return [f"{index:0{chars - 4}x}{source.randrange(1 << 16):04x}" for index in range(number)]


def lines_text(total: int, duplicates: int, joint: str) -> str:
    """Return a text of long lines, of which so many short ones repeat the first."""
    long = [" ".join(unique(30, seed=row)) for row in range(total - duplicates - 1)]
    return joint.join([*["aaa bbb"] * (duplicates + 1), *long])


def filled(repeated: str, chars: int) -> str:
    """Return the repeated part with as many distinct words after it as make up the characters."""
    rest = chars - len(repeated)
    words = unique(rest // 10 + 2, seed=chars)
    tail = "".join(" " + word for word in words)[: rest - 1] + "z"
    return repeated + tail


def char_pair(repeated: str, numerator: int, ratio: str) -> tuple[str, str]:
    """Return texts of numerator / ratio characters, and of one fewer."""
    hundredths = round(100 * float(ratio))
    assert numerator * 100 % hundredths == 0
    chars = numerator * 100 // hundredths
    return filled(repeated, chars), filled(repeated, chars - 1)


def duplicate_pair(n: int, ratio: str) -> tuple[str, str]:
    """Return texts around the threshold of duplicate n-grams: one of n words occurs twice."""
    words = unique(n, chars=8, seed=n)
    hundredths = round(100 * float(ratio))
    while sum(map(len, words)) * 100 % hundredths:
        words[-1] += "q"
    one = " ".join(words)
    return char_pair(f"{one} between {one}", sum(map(len, words)), ratio)


def top_pair(n: int, ratio: str) -> tuple[str, str]:
    """Return texts around the threshold of the top n-gram: 12 of them, each after another word."""
    hundredths = round(100 * float(ratio))
    words = unique(n, chars=8, seed=n)
    while 12 * len(" ".join(words)) * 100 % hundredths:
        words[-1] += "q"
    gram = " ".join(words)
    repeated = " ".join(f"{word} {gram}" for word in unique(12, seed=n + 50))
    return char_pair(repeated, 12 * len(gram), ratio)


LINE = "these are forty characters of one line.."
PARAGRAPH = f"{LINE}\n{LINE[::-1]}"
PAIRS = {
    "too_many_duplicate_lines": (lines_text(40, 12, "\n"), lines_text(40, 13, "\n")),
    "too_many_duplicate_paragraphs": (lines_text(40, 12, "\n\n"), lines_text(40, 13, "\n\n")),
    "too_many_duplicate_line_chars": char_pair(f"{LINE}\n{LINE}\n", 40, "0.20"),
    "too_many_duplicate_paragraph_chars": char_pair(f"{PARAGRAPH}\n\n{PARAGRAPH}\n\n", 81, "0.20"),
    **{f"top_{n}_gram_too_frequent": top_pair(n, ratio)
       for n, ratio in ((2, "0.20"), (3, "0.18"), (4, "0.16"))},
    **{f"too_many_duplicate_{n}_grams": duplicate_pair(n, f"{20 - n}e-2") for n in range(5, 11)},
}  # fmt: skip


def test_every_rule_has_a_pair() -> None:
    assert list(PAIRS) == [rule.reason for rule in GopherRepetition().rules()]


@pytest.mark.parametrize("reason", PAIRS)
def test_just_inside_and_just_outside(reason: str) -> None:
    inside, outside = PAIRS[reason]
    assert reason not in failures(inside)
    assert reason in failures(outside)
    key = next(rule.key for rule in GopherRepetition().rules() if rule.reason == reason)
    alone = dict.fromkeys(GopherRepetition.thresholds) | {key: GopherRepetition().__dict__[key]}
    assert failures(inside, **alone) == []
    assert failures(outside, **alone) == [reason]
    assert failures(outside, **alone | {key: None}) == []


def test_every_key_is_a_threshold() -> None:
    spec = GopherRepetition(by_language={"de": {"max_top_2_gram_char_ratio": None}})
    assert spec.measuring_settings() == {}
    assert [rule.key for rule in spec.rules()] == list(GopherRepetition.thresholds)


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_batch_split_changes_nothing(rows: int) -> None:
    pieces = [counts_of(TEXTS[first : first + rows]) for first in range(0, len(TEXTS), rows)]
    assert [row for piece in pieces for row in piece] == counts_of(TEXTS)


def test_slices_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = counts_of(TEXTS)
    for slice_words in (1, 100, 1 << 40):
        monkeypatch.setattr(ngrams, "SLICE_WORDS", slice_words)
        assert counts_of(TEXTS) == whole


def test_documents_never_mix() -> None:
    text = " ".join(unique(200))
    assert counts_of([text] * 3 + ["", text]) == counts_of([text]) * 3 + counts_of(["", text])


def test_null_empty_and_no_text() -> None:
    assert counts_of([]) == []
    assert counts_of([None]) == counts_of([""]) == [dict.fromkeys(counts_of([""])[0], 0)]
    assert failures("") == []


WORST = {
    "one word": "spam ",
    "two lines": "the quick brown fox jumps over it\nthe lazy dog sleeps\n",
    "pairs": "a b ",
    "one line": "x" * 60 + "\n",
}


def operations(text: str) -> tuple[int, int, int]:
    """Return the words, the Python lines run and the keys sorted to measure a text's n-grams."""
    table = word_table(pa.array([text], pa.large_string()))
    lines = sorted_keys = 0

    def trace(frame, event, argument):
        nonlocal lines, sorted_keys
        if frame.f_code.co_filename != ngrams.__file__:
            return None
        if event == "line":
            lines += 1
        elif event == "call" and frame.f_code.co_name == "_repeated":
            sorted_keys += frame.f_locals["keys"].size
        return trace

    sys.settrace(trace)
    try:
        ngrams.top_and_duplicate_chars(table, TOP_ORDERS, DUPLICATE_ORDERS)
    finally:
        sys.settrace(None)
    return int(table.num_words[0]), lines, sorted_keys


@pytest.mark.parametrize("kind", [*WORST, "twice"])
def test_the_worst_texts_cost_what_they_are_long(kind: str) -> None:
    for size in (5_000, 10_000):
        half = " ".join(unique(size // 20))
        text = f"{half} {half}" if kind == "twice" else WORST[kind] * (size // len(WORST[kind]))
        num_words, lines, sorted_keys = operations(text)
        assert sorted_keys <= 9 * num_words  # one sort an order, from 2 to 10
        assert lines <= 2_000 + 25 * num_words  # four a place and order, where all are read


def test_prose_sorts_its_words_little_more_than_once() -> None:
    num_words, _, sorted_keys = operations("\n".join(prose()))
    assert sorted_keys < 1.1 * num_words
