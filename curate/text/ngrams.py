"""Find the word n-grams that repeat within their document, in a whole batch at once.

An n-gram can only repeat where the (n-1)-grams at its first and its second word do. So all word
pairs are sorted once, and every longer order is looked for among the few places that the order
before it left. Pairs are equal where 64 bits of a hash are; everything longer is exact given them,
as the number of an n-gram is that of a pair of numbers. Documents never mix: a pair's number is
that of (document, pair).

Cost: one sort of all words, and one of the repeated ones per order; a loop over the repeated
n-grams of each duplicate order. Documents are taken in slices of SLICE_WORDS, or one at a time; a
document of w words needs about 27 w bytes besides its word table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.text.hashing import ngram_hashes
from curate.text.repeated import Numbers, find_repeated
from curate.text.runs import Places, search
from curate.text.words import WordTable, sums_between

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

SLICE_WORDS = 1 << 17  # 1 MiB of hashes: sorts stay in the second-level cache


@dataclass
class Repeats:
    """The n-grams of d documents that occur at least twice in their document, c occurrences."""

    num_words: int  # n
    places: Places  # (c,): the first word of each occurrence, ascending
    numbers: Numbers  # (c,): which n-gram it is, dense from 0, ascending from document to document

    def lengthen(self) -> None:
        """Go on to the n-grams of one more word that repeat in their document."""
        again, self.numbers = find_repeated(self._join())
        self.places = self.places[again]
        self.num_words += 1

    def _join(self) -> Hashes:
        """Keep the places that the next one follows, and give up their numbers: two as one key."""
        follows = np.diff(self.places) == 1
        self.places = self.places[:-1][follows]
        keys: Hashes = self.numbers[:-1][follows].astype(np.uint64)
        keys <<= np.uint64(32)
        keys |= self.numbers[1:][follows]
        del self.numbers
        return keys


def top_and_duplicate_chars(
    words: WordTable, top_orders: range, duplicate_orders: range
) -> tuple[dict[int, Ints], dict[int, Ints]]:
    """Return the characters of the most frequent n-gram, and of duplicate ones, per document.

    Top: occurrences (overlapping ones too) times characters, single spaces between words included;
    of equally frequent n-grams the first to occur; one that occurs once counts. Duplicate: words
    are read from left to right; an n-gram that was read before is a duplicate: the characters of
    its words count, and reading goes on after it, so that none counts twice; otherwise reading goes
    on at the next word. 0 for documents of fewer than n words.

    Returns:
        For each n of `top_orders` and of `duplicate_orders` (both from 2): (d,) int64.
    """
    top = {n: np.zeros(words.num_documents, np.int64) for n in top_orders}
    duplicate = {n: np.zeros(words.num_documents, np.int64) for n in duplicate_orders}
    for documents in _slices(words.word_offsets):
        first, end = words.word_offsets[documents.start], words.word_offsets[documents.stop]
        offsets = words.word_offsets[documents.start : documents.stop + 1] - first
        repeats = _pairs(_pair_hashes(words, first, end), offsets)
        chars_before = np.zeros(end - first + 1, np.uint32)
        chars = (words.ends[first:end] - words.starts[first:end]).view(np.uint32)
        np.cumsum(chars, dtype=np.uint32, out=chars_before[1:])
        del chars
        for n in range(2, max(*top_orders, *duplicate_orders) + 1):
            if n > 2:
                repeats.lengthen()
            if n in top:
                top[n][documents] = _top_chars(repeats, chars_before, offsets)
            if n in duplicate:
                duplicate[n][documents] = _duplicate_chars(repeats, chars_before, offsets)
    return top, duplicate


def _slices(word_offsets: Ints) -> Iterator[slice]:
    """Cut the batch between documents, at about SLICE_WORDS words."""
    first = 0
    while first < word_offsets.size - 1:
        limit = word_offsets[first] + SLICE_WORDS
        end = max(first + 1, int(np.searchsorted(word_offsets, limit, "right")) - 1)
        yield slice(first, end)
        first = end


def _pair_hashes(words: WordTable, first: int, end: int) -> Hashes:
    """Return the hash of each two words in a row among words `first` to before `end`."""
    pairs = np.empty(max(0, end - first - 1), np.uint64)
    for begin in range(0, pairs.size, SLICE_WORDS):
        stop = min(begin + SLICE_WORDS, pairs.size)
        hashes = words.exact_hashes(first + begin, first + stop + 1)
        pairs[begin:stop] = ngram_hashes(hashes, 2)
    return pairs


def _pairs(keys: Hashes, offsets: Ints) -> Repeats:
    """Return the pairs of words that repeat in their document."""
    places, numbers = find_repeated(keys)
    if offsets.size > 2:  # they may have repeated in other documents, or reach into the next
        documents = np.repeat(np.arange(offsets.size - 1, dtype=np.uint64), np.diff(offsets))
        inside = documents[places] == documents[places + 1]
        places, numbers = places[inside], numbers[inside]
        again, numbers = find_repeated((documents[places] << np.uint64(32)) | numbers)
        places = places[again]
    return Repeats(2, places, numbers)


def _top_chars(repeats: Repeats, chars_before: Ints, offsets: Ints) -> Ints:
    """Return occurrences times characters of each document's most frequent n-gram: (d,) int64."""
    n, places = repeats.num_words, repeats.places
    counts = np.where(np.diff(offsets) >= n, 1, 0)
    firsts = np.where(counts, offsets[:-1], 0)
    if places.size:
        size = chars_before.size
        occurrences = np.bincount(repeats.numbers)
        first = np.empty(occurrences.size, np.int64)
        first[repeats.numbers[::-1]] = places[::-1]  # of several values the last one stays
        documents = search(offsets, first, "right") - 1
        begins = np.flatnonzero(np.diff(documents, prepend=-1))
        # Most occurrences, then the earliest: below 2**63 for two thousand million words.
        best = np.maximum.reduceat(occurrences * size - first, begins) + size - 1
        counts[documents[begins]] = best // size
        firsts[documents[begins]] = size - 1 - best % size
    chars = chars_before[np.minimum(firsts + n, chars_before.size - 1)] - chars_before[firsts]
    top: Ints = counts * (chars + n - 1)
    return top


def _duplicate_chars(repeats: Repeats, chars_before: Ints, offsets: Ints) -> Ints:
    """Return the characters of each document's duplicate n-grams, read greedily: (d,) int64."""
    n, places = repeats.num_words, repeats.places
    # The loop reads Python integers from memory views: lists would take 36 bytes a place.
    after = search(places, places + np.int32(n)).data
    numbers = repeats.numbers.data
    seen = bytearray(places.size)
    duplicates = []
    place = 0
    while place < places.size:
        number = numbers[place]
        if seen[number]:
            duplicates.append(place)
            place = after[place]
        else:
            seen[number] = 1
            place += 1
    found = places[duplicates]
    chars = chars_before[found + n] - chars_before[found]
    return sums_between(chars, search(found, offsets).astype(np.int64))
