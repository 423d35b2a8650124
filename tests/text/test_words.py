"""The word table against a reader that goes character by character, and its laws."""

from __future__ import annotations

import random
import re

import numpy as np
import pyarrow as pa
import pytest
from icu4py.breakers import WordBreaker

from curate.text import characters
from curate.text.characters import DICTIONARY, DIGIT, JOINER, UNSPACED, WORD
from curate.text.segmentation import MAX_RUN_CHARS
from curate.text.word_hashing import SLICE_CHARS
from curate.text.words import (
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
    place = 0
    while place < len(text):
        end = place + 1
        kind = flags[place] & (WORD | UNSPACED | DICTIONARY)
        while end < len(text) and flags[end] & (WORD | UNSPACED | DICTIONARY) == kind:
            end += 1
        if kind & DICTIONARY:
            for first in range(place, end, MAX_RUN_CHARS):
                words += WordBreaker(text[first : min(end, first + MAX_RUN_CHARS)], "ja")
        elif kind & UNSPACED:  # Tibetan to the next tsheg; every Tai Le letter begins a word
            words += filter(None, re.split("(?=[\u1950-\u1974])", text[place:end]))
        elif kind:
            while end < len(text) and joins(text, flags, end):
                end += 1
            words.append(text[place:end])
        place = end
    return words


def joins(text: str, flags: list[int], place: int) -> bool:
    """Tell whether a word goes on at `place`, which is not its first character."""
    if flags[place] & (WORD | UNSPACED) == WORD:
        return True
    if not flags[place] & JOINER or place + 1 == len(text):
        return False
    before, after = flags[place - 1], flags[place + 1]
    if text[place] in characters.NUMBER_JOINERS and not before & after & DIGIT:
        return False
    return bool(before & after & WORD) and not (before | after) & UNSPACED


def test_words_of_a_sentence() -> None:
    table = table_of(
        ["Don't pay 3.14 or 1,000: well-known, ex\u00adact -- a.b 東京都2024年に กินข้าว"]
    )
    expected = "Don't pay 3.14 or 1,000 well-known ex\u00adact a b 東京 都 2024 年 に กิน ข้าว"
    assert words_of(table, 0) == expected.split()


def test_words_equal_those_read_one_character_at_a_time() -> None:
    table = table_of([*TEXTS])
    for document, text in enumerate(TEXTS):
        assert words_of(table, document) == read_words(text)


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


def test_words_of_all_kinds_and_lengths_have_different_hashes() -> None:
    """Packed and long ASCII words, with and without others: a swap anywhere must show."""
    source = random.Random(8)
    words = {"".join(source.choices("ab", k=size)) for size in (7, 8, 9, 15, 16, 17, 63, 64, 65)}
    for word in sorted(words):
        for place in range(len(word) - 1):
            words.add(word[:place] + "xy" + word[place + 2 :])
            words.add(word[:place] + "yx" + word[place + 2 :])
            words.add(word[:place] + "東x" + word[place + 2 :] if len(word) < 20 else word + "ж")
    spaced = sorted(word for word in words if "東" not in word)
    spaced += ["ж" * size for size in range(1, 40)] + ["a" * size for size in range(1, 40)]
    table = table_of([" ".join(spaced)])
    assert table.hashes.size == len(spaced)
    assert len(set(table.hashes.tolist())) == len(set(spaced))
    assert len(set(table.exact_hashes().tolist())) == len(set(spaced))


def test_exact_hashes_are_equal_exactly_where_words_are() -> None:
    table = table_of([*TEXTS, "Don't don't DON\u2019T 1984 2024 ex\u00adact exact Straße strasse"])
    words = [word for document in range(len(TEXTS) + 1) for word in words_of(table, document)]
    pairs = set(zip(words, table.exact_hashes().tolist(), strict=True))
    assert len(pairs) == len(set(words)) == len(set(table.exact_hashes().tolist()))


def test_given_bounds_are_taken_as_words() -> None:
    texts = ["Hello, World!", "", "東京 is big", "x" * SLICE_CHARS + " y"]
    whole = table_of([*texts])
    starts = np.array([0, 5, 7, 13, 15, whole.char_offsets[-1] - 1])
    ends = np.array([5, 6, 13, 15, 18, whole.char_offsets[-1]])
    table = word_table(pa.array(texts, pa.large_string()), (starts, ends))
    assert [words_of(table, document) for document in range(4)] == [
        ["Hello", ",", "World!"[:6]],
        [],
        ["東京", " is"],
        ["y"],
    ]
    assert starts.tolist()[0] == 0
    assert starts[-1] == whole.char_offsets[-1] - 1  # not changed in place
    same = word_table(pa.array(texts, pa.large_string()), (whole.starts, whole.ends))
    assert np.array_equal(same.hashes, whole.hashes)
    assert np.array_equal(same.word_offsets, whole.word_offsets)


@pytest.mark.parametrize("num_documents", [1, 2, 7, 100])
def test_batch_split_and_position_change_nothing(num_documents: int) -> None:
    whole = table_of([*TEXTS])
    pieces = [
        table_of([*TEXTS[first : first + num_documents]])
        for first in range(0, len(TEXTS), num_documents)
    ]
    for name in (
        "hashes",
        "code_points",
        "flags",
        "word_chars",
        "num_words",
        "num_chars",
    ):
        parts = np.concatenate([getattr(piece, name) for piece in pieces])
        assert np.array_equal(parts, getattr(whole, name)), name
    exact = np.concatenate([piece.exact_hashes() for piece in pieces])
    assert np.array_equal(exact, whole.exact_hashes())
    assert np.array_equal(exact[3:90], whole.exact_hashes(3, 90))


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
