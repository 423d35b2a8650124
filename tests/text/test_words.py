"""The word table against a reader that goes character by character, and its laws."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from curate.text import characters
from curate.text.characters import DIGIT, JOINER, SILENT, STARTS, UNSPACED, WORD
from curate.text.hashing import position_weights
from curate.text.words import (
    HASH_SLICE_CHARS,
    SLICE_CHARS,
    WordTable,
    shingle_hashes,
    word_hashes,
    word_table,
)
from tests.text.texts import ODD_TEXTS, random_texts

TEXTS = ODD_TEXTS + random_texts(300, 60, seed=7)


def table_of(texts: list[str | None]) -> WordTable:
    return word_table(pa.array(texts, pa.large_string()))


def words_of(table: WordTable, document: int) -> list[str]:
    first, end = table.word_offsets[document : document + 2]
    bounds = zip(table.starts[first:end].tolist(), table.ends[first:end].tolist(), strict=True)
    return [table.text_between(start, stop) for start, stop in bounds]


def read_words(text: str) -> list[str]:
    """Split by the rules of curate.text.segmentation, one character at a time."""
    flags = [int(characters.flag_table()[ord(char)]) for char in text]
    words: list[str] = []
    open_word = False
    for place, char in enumerate(text):
        flag = flags[place]
        if flag & JOINER and open_word and place + 1 < len(text):
            before, after = flags[place - 1], flags[place + 1]
            joins = bool(before & after & WORD) and not (before | after) & UNSPACED
            if char in characters.NUMBER_JOINERS:
                joins = joins and bool(before & after & DIGIT)
            if joins:
                words[-1] += char
                continue
        if not flag & WORD:
            open_word = False
            continue
        leaves_unspaced = open_word and flags[place - 1] & UNSPACED and not flag & UNSPACED
        if not open_word or flag & STARTS or leaves_unspaced:
            words.append("")
        words[-1] += char
        open_word = True
    return words


def test_words_of_a_sentence() -> None:
    table = table_of(["Don't pay 3.14 or 1,000: well-known, ex\u00adact -- a.b 東京2024年 กิน"])
    expected = "Don't pay 3.14 or 1,000 well-known ex\u00adact a b 東 京 2024 年 กิ น"
    assert words_of(table, 0) == expected.split()


def test_words_equal_those_read_one_character_at_a_time() -> None:
    table = table_of([*TEXTS])
    for document, text in enumerate(TEXTS):
        assert words_of(table, document) == read_words(text)


def test_hash_equals_the_sum_it_stands_for() -> None:
    word = "Zoë\u0301-7\u00ad" + "xyz" * HASH_SLICE_CHARS
    loud = [ord(char) for char in word if not characters.flag_table()[ord(char)] & SILENT]
    mixed = characters.mixed_table()[loud].tolist()
    weights = position_weights(0, len(loud)).tolist()
    total = sum(value * weight for value, weight in zip(mixed, weights, strict=True))
    assert int(word_hashes([word])[0]) == total % 2**64
    short = sum(a * b for a, b in zip(mixed[:1998], weights[:1998], strict=True))
    assert int(word_hashes([word[:2000]])[0]) == short % 2**64


@pytest.mark.parametrize(
    "same",
    [
        ["Café", "CAFE", "cafe\u0301", "ca\u00adfe"],
        ["1984", "2024", "٢٠٢٤"],
        ["don't", "Don\u2019t"],
        ["Σίσυφος", "ΣΙΣΥΦΟΣ"],
        ["\u0301x", "x"],
        ["x" * 70_000, "x" * 69_999 + "\u00adX"],
    ],
)
def test_equal_words_have_equal_hashes(same: list[str]) -> None:
    assert len(set(word_hashes(same).tolist())) == 1


def test_different_words_have_different_hashes() -> None:
    source = random.Random(3)
    words = sorted({"".join(source.choices("abc", k=source.randint(1, 12))) for _ in range(50_000)})
    words += ["東", "京", "한국", "한글", "ß", "ss", "don't", "dont", "well-known", "wellknown"]
    assert len(set(word_hashes(words).tolist())) == len(words)


@pytest.mark.parametrize("num_documents", [1, 2, 7, 100])
def test_batch_split_and_position_change_nothing(num_documents: int) -> None:
    whole = table_of([*TEXTS])
    pieces = [
        table_of([*TEXTS[first : first + num_documents]])
        for first in range(0, len(TEXTS), num_documents)
    ]
    for name in ("hashes", "code_points", "flags", "word_chars", "num_words", "num_chars"):
        parts = np.concatenate([getattr(piece, name) for piece in pieces])
        assert np.array_equal(parts, getattr(whole, name)), name


def test_a_batch_of_many_slices_equals_its_documents() -> None:
    texts = [f"{letter}b c-d 1.5 東京\n" * (SLICE_CHARS // 40) for letter in "xyz"] + ["tail", ""]
    table = table_of([*texts])
    for document, text in enumerate(texts):
        first, end = table.word_offsets[document : document + 2]
        assert np.array_equal(table.hashes[first:end], table_of([text]).hashes)
    assert words_of(table, 3) == ["tail"]


def test_null_is_empty_and_arrow_shapes_are_read() -> None:
    array = pa.array(["skip me", "one two", None, "", "three"], pa.large_string())
    expected = table_of(["one two", "", "", "three"])
    for shape in (array.slice(1), pa.chunked_array([array.slice(1, 2), array.slice(3)])):
        table = word_table(shape)
        assert table.num_words.tolist() == [2, 0, 0, 1]
        assert np.array_equal(table.hashes, expected.hashes)
    for nothing in ([], [None], ["", ""]):
        assert table_of(nothing).hashes.size == 0
        assert table_of(nothing).num_documents == len(nothing)


def test_word_hashes_refuses_what_is_no_word() -> None:
    with pytest.raises(ValueError, match="'two words' is 2 words"):
        word_hashes(["one", "two words"])


@pytest.mark.parametrize("ngram", [1, 2, 5])
def test_shingles_never_cross_documents(ngram: int) -> None:
    table = table_of([*TEXTS])
    shingles, offsets = shingle_hashes(table, ngram)
    assert offsets[-1] == shingles.size
    for document, text in enumerate(TEXTS):
        alone, ends = shingle_hashes(table_of([text]), ngram)
        first, end = offsets[document : document + 2]
        assert ends[-1] == max(0, int(table.num_words[document]) - ngram + 1)
        assert np.array_equal(shingles[first:end], alone)


def test_shingles_are_equal_exactly_where_words_are() -> None:
    source = random.Random(5)
    words = source.choices("abcd", k=5000)
    shingles, _ = shingle_hashes(table_of([" ".join(words)]), 3)
    runs = list(zip(words, words[1:], words[2:], strict=False))
    assert len(set(zip(runs, shingles.tolist(), strict=True))) == len(set(runs))
    assert len(set(shingles.tolist())) == len(set(runs))
