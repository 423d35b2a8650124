"""Sketches against datasketch and against Python sets."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash

from curate.dedup import sketch
from curate.dedup.sketch import jaccard, permutations, shingle_sets, signatures, sketch_columns
from curate.text.words import word_table
from tests.text.texts import ODD_TEXTS, random_texts

NGRAM_WORDS = 5
NUM_PERMUTATIONS = 112
LONG = " ".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{'x' * (i % 7)}" for i in range(3000))
TEXTS = [*ODD_TEXTS, *random_texts(100, 300, seed=17), LONG, LONG.upper(), LONG + " more"]


def sketched(texts: list[str | None]) -> dict[str, pa.Array]:
    array = pa.array(texts, pa.large_string())
    return sketch_columns(word_table(array), array, NGRAM_WORDS, permutations(NUM_PERMUTATIONS, 1))


def sets_of(texts: list[str | None], ngram_words: int = NGRAM_WORDS) -> list[list[int]]:
    flat, offsets = shingle_sets(word_table(pa.array(texts, pa.large_string())), ngram_words)
    return [piece.tolist() for piece in np.split(flat, offsets[1:-1])][: len(texts)]


@pytest.mark.parametrize("slice_shingles", [1, 13, 1000, sketch.SLICE_SHINGLES])
def test_signatures_equal_datasketch(slice_shingles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "SLICE_SHINGLES", slice_shingles)
    texts = [*TEXTS[:60], " ".join(LONG.split()[:200])]
    flat, offsets = shingle_sets(word_table(pa.array(texts, pa.large_string())), NGRAM_WORDS)
    ours = signatures(flat, offsets, permutations(NUM_PERMUTATIONS, 1))
    for document in range(len(texts)):
        theirs = MinHash(NUM_PERMUTATIONS, 1, scheme="affine32", hashfunc=int)
        theirs.update_batch((flat[offsets[document] : offsets[document + 1]] >> 32).tolist())
        assert np.array_equal(ours[document], theirs.hashvalues), document


def test_columns_hold_what_they_say() -> None:
    columns = sketched([*TEXTS, None])
    assert [str(array.type) for array in columns.values()] == [
        "int32",
        "fixed_size_binary[16]",
        f"fixed_size_binary[{4 * NUM_PERMUTATIONS}]",
    ]
    sizes = [len(shingles) for shingles in sets_of([*TEXTS, None])]
    assert columns["num_shingles"].to_pylist() == sizes
    assert min(sizes) == 1
    for digest, text in zip(columns["text_hash"].to_pylist(), [*TEXTS, ""], strict=True):
        assert digest == hashlib.blake2b(text.encode(), digest_size=16).digest()
    flat, offsets = shingle_sets(word_table(pa.array(TEXTS, pa.large_string())), NGRAM_WORDS)
    expected = signatures(flat, offsets, permutations(NUM_PERMUTATIONS, 1))
    for row, packed in enumerate(columns["signature"].to_pylist()[: len(TEXTS)]):
        assert np.array_equal(np.frombuffer(packed, "<u4"), expected[row])


@pytest.mark.parametrize("rows", [1, 4, 50])
def test_batch_split_changes_nothing(rows: int) -> None:
    whole = sketched([*TEXTS])
    pieces = [sketched([*TEXTS[first : first + rows]]) for first in range(0, len(TEXTS), rows)]
    for name, array in whole.items():
        assert pa.concat_arrays([piece[name] for piece in pieces]).equals(array), name


def test_empty_batch() -> None:
    assert [len(array) for array in sketched([]).values()] == [0, 0, 0]


def test_jaccard_equals_that_of_word_tuples() -> None:
    left = LONG.split()[:400]
    right = [*left[:150], "new", *left[152:], *left[20:60]]
    tuples = [
        {tuple(words[i : i + NGRAM_WORDS]) for i in range(len(words) - NGRAM_WORDS + 1)}
        for words in (left, right)
    ]
    expected = len(tuples[0] & tuples[1]) / len(tuples[0] | tuples[1])
    first, second = (np.array(s, np.uint64) for s in sets_of([" ".join(left), " ".join(right)]))
    assert 0.8 < expected < 1
    assert jaccard(first, second) == expected
    assert jaccard(second, first) == expected
    assert jaccard(first, first) == 1.0


def test_sets_are_ascending_and_distinct() -> None:
    for shingles in sets_of(["a b c d e " * 50, *TEXTS]):
        assert shingles == sorted(set(shingles))
    assert [len(shingles) for shingles in sets_of(["a b c d e " * 50])] == [5]


def test_short_documents_are_alike_exactly_when_their_characters_are() -> None:
    texts = ["one", "One!", "two", "one one", "one two", "3 + 6 = 9", "3 + 5 = 9", "a b c d"]
    texts += ["A, b, c. D", "a b c d e", "a b c d", "one"]
    shingles = [tuple(found) for found in sets_of([*texts])]
    assert all(len(found) == 1 for found in shingles)
    for left in range(len(texts)):
        for right in range(left + 1, len(texts)):
            assert (shingles[left] == shingles[right]) == (texts[left] == texts[right])


def test_documents_without_words_are_alike_exactly_when_their_characters_are() -> None:
    found = [tuple(shingles) for shingles in sets_of(["", None, "...", "...", "..", " ", "?!"])]
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert len(set(found)) == 5


def test_signatures_estimate_jaccard() -> None:
    words = LONG.split()
    texts = [" ".join(words), " ".join(words[300:] + [f"z{word}" for word in words[:300]])]
    first, second = (np.array(shingles, np.uint64) for shingles in sets_of([*texts]))
    packed = sketched([*texts])["signature"].to_pylist()
    left, right = (np.frombuffer(signature, "<u4") for signature in packed)
    # The standard error of 112 permutations is 0.04 here; 4 of them.
    assert abs(float(np.mean(left == right)) - jaccard(first, second)) < 0.16
