"""The word table: every word of a batch of texts, with its place and its hash, as flat arrays.

What a word is: `curate.text.segmentation`. What stands around words: `curate.text.layout`.

The hash of a word is that of its folded characters (see `characters.fold_table`), silent ones left
out: `Café`, `CAFE` and `cafe` + U+0301 are one word to the hash; so are `1984` and `2024`. It
depends on nothing else, so equal words have equal hashes in any batch and position.

Cost: linear, about 30 ns a character; peak memory about 20 times the UTF-8 text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.text import characters
from curate.text.characters import SILENT, UNSPACED
from curate.text.hashing import ngram_hashes, position_weights
from curate.text.layout import Layout, layout
from curate.text.segmentation import Bools, Ints, word_bounds

Hashes = NDArray[np.uint64]

SLICE_CHARS = 1 << 18  # documents are read in slices of this size, or one at a time
HASH_SLICE_CHARS = 1 << 15  # 256 KiB of 64-bit numbers: stays in the second-level cache


@dataclass(frozen=True)
class WordTable:
    """The words of d documents of n characters together, w words in all.

    Positions count characters (code points) from the beginning of the first document.
    """

    code_points: NDArray[np.uint32]  # (n,)
    flags: NDArray[np.uint8]  # (n,), of `characters`
    char_offsets: Ints  # (d + 1,): document i is [char_offsets[i], char_offsets[i + 1])
    starts: Ints  # (w,): first character of each word
    ends: Ints  # (w,): one past its last
    word_offsets: Ints  # (d + 1,): the words of document i
    hashes: Hashes  # (w,)

    @property
    def num_documents(self) -> int:
        """Return d."""
        return self.char_offsets.size - 1

    @cached_property
    def num_chars(self) -> Ints:
        """Return the characters of each document: (d,) int64."""
        return np.diff(self.char_offsets)

    @cached_property
    def num_words(self) -> Ints:
        """Return the words of each document: (d,) int64."""
        return np.diff(self.word_offsets)

    @cached_property
    def word_chars(self) -> Ints:
        """Return the characters of each word, joiners and accents included: (w,) int64."""
        return self.ends - self.starts

    @cached_property
    def unspaced_words(self) -> Bools:
        """Tell the words of scripts without spaces: (w,) bool."""
        unspaced: Bools = (self.flags[self.starts] & UNSPACED) != 0
        return unspaced

    @cached_property
    def layout(self) -> Layout:
        """Return the lines, and the runs of characters between white space."""
        return layout(self.code_points, self.flags, self.char_offsets)

    def document_sums(self, values: Ints | Bools) -> Ints:
        """Add up one number per word into one per document: (w,) -> (d,) int64."""
        return sums_between(values, self.word_offsets)

    def count_chars(self, positions: Ints) -> Ints:
        """Count sorted character positions in each document: (d,) int64."""
        return np.diff(np.searchsorted(positions, self.char_offsets)).astype(np.int64)

    def positions(self, char: str) -> Ints:
        """Return where a character stands, in order: int64."""
        return np.flatnonzero(self.code_points == ord(char))

    def text_between(self, start: int, end: int) -> str:
        """Return the characters from `start` to before `end`."""
        return self.code_points[start:end].astype("<u4").tobytes().decode("utf-32-le")


def word_table(text: pa.LargeStringArray | pa.ChunkedArray) -> WordTable:
    """Build the word table of a batch of texts; a null is an empty text."""
    texts = _without_nulls(text)
    char_offsets = _offsets(pc.utf8_length(texts).to_numpy(zero_copy_only=False))
    pieces = [_scan(piece) for piece in _slices(texts)]
    first_char = 0
    for piece in pieces:
        piece[2][:] += first_char
        piece[3][:] += first_char
        first_char += piece[0].size
    code_points, flags, starts, ends, hashes = (
        np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
        for arrays in zip(*pieces, strict=True)
    )
    word_offsets = np.searchsorted(starts, char_offsets).astype(np.int64)
    return WordTable(code_points, flags, char_offsets, starts, ends, word_offsets, hashes)


def word_hashes(words: Sequence[str]) -> Hashes:
    """Return the hash of each string as it would have in a text: (n,) uint64.

    Raises:
        ValueError: A string is not exactly one word.
    """
    table = word_table(pa.array(words, pa.large_string()))
    for index in np.flatnonzero(table.num_words != 1).tolist():
        raise ValueError(f"{words[index][:60]!r} is {table.num_words[index]} words, not one")
    return table.hashes


def shingle_hashes(table: WordTable, ngram_words: int) -> tuple[Hashes, Ints]:
    """Return a hash per run of `ngram_words` words of one document, in order, and their offsets.

    Returns:
        (s,) uint64, and (d + 1,) int64 where document i is [offsets[i], offsets[i + 1]). A document
        of fewer words has none.
    """
    counts = np.maximum(table.num_words - ngram_words + 1, 0)
    rolled = ngram_hashes(table.hashes, ngram_words)
    inside = np.zeros(rolled.size + 1, np.int8)  # +1 where a document's run begins, -1 at its end
    begins = table.word_offsets[:-1][counts > 0]
    inside[begins] += 1
    inside[begins + counts[counts > 0]] -= 1
    return rolled[np.cumsum(inside[:-1], dtype=np.int8).view(np.bool_)], _offsets(counts)


def sums_between(values: Ints | Bools, offsets: Ints) -> Ints:
    """Add up the values in each [offsets[i], offsets[i + 1]): (d,) int64."""
    totals = np.concatenate((np.zeros(1, np.int64), np.cumsum(values, dtype=np.int64)))
    sums: Ints = np.diff(totals[offsets])
    return sums


def _offsets(sizes: NDArray[np.integer]) -> Ints:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)))


def _without_nulls(text: pa.LargeStringArray | pa.ChunkedArray) -> pa.LargeStringArray:
    flat = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    return pc.fill_null(pc.cast(flat, pa.large_string()), "")


def _slices(texts: pa.LargeStringArray) -> Iterator[pa.LargeStringArray]:
    """Cut the batch between documents, at about SLICE_CHARS bytes; at least one slice."""
    if not len(texts):
        yield texts
        return
    num_bytes = np.cumsum(pc.binary_length(texts).to_numpy(zero_copy_only=False))
    first = 0
    while first < len(texts):
        done = int(num_bytes[first - 1]) if first else 0
        end = max(first + 1, int(np.searchsorted(num_bytes, done + SLICE_CHARS, "right")))
        yield texts.slice(first, end - first)
        first = end


def _scan(
    texts: pa.LargeStringArray,
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], Ints, Ints, Hashes]:
    """Return code points, flags, word starts, word ends and hashes of a slice."""
    code_points = _code_points(texts)
    flags = characters.flag_table()[code_points]
    char_offsets = _offsets(pc.utf8_length(texts).to_numpy(zero_copy_only=False))
    starts, ends = word_bounds(code_points, flags, char_offsets)
    return code_points, flags, starts, ends, _hash(code_points, flags, starts, ends)


def _code_points(texts: pa.LargeStringArray) -> NDArray[np.uint32]:
    """Return the characters of all texts in a row: (n,) uint32."""
    _, offsets_buffer, values = texts.buffers()
    if not len(texts) or values is None:
        return np.zeros(0, np.uint32)
    offsets = np.frombuffer(offsets_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    utf8 = memoryview(values)[offsets[0] : offsets[-1]]
    utf32 = str(utf8, "utf-8").encode("utf-32-le")
    return np.frombuffer(utf32, "<u4").astype(np.uint32, copy=False)


def _hash(
    code_points: NDArray[np.uint32], flags: NDArray[np.uint8], starts: Ints, ends: Ints
) -> Hashes:
    """Return the hash of each word, a slice of words at a time: (w,) uint64."""
    hashes = np.zeros(starts.size, np.uint64)
    first = 0
    while first < starts.size:
        limit = starts[first] + HASH_SLICE_CHARS
        end = int(np.searchsorted(ends, limit, "right"))
        if end == first:
            word = slice(starts[first], ends[first])
            hashes[first] = _hash_long(code_points[word], flags[word])
            first += 1
            continue
        begin, stop = starts[first], ends[end - 1]
        hashes[first:end] = _hash_slice(
            code_points[begin:stop],
            flags[begin:stop],
            starts[first:end] - begin,
            ends[first:end] - begin,
        )
        first = end
    return hashes


def _hash_slice(
    code_points: NDArray[np.uint32], flags: NDArray[np.uint8], starts: Ints, ends: Ints
) -> Hashes:
    """Hash words as the sum of mixed character times weight of its place in the word."""
    mixed = characters.mixed_table()[code_points]
    places = np.arange(code_points.size)
    silent = (flags & SILENT) != 0
    if silent.any():
        places -= np.cumsum(silent) - silent  # it takes no place, and its mixed value is 0
    bounds = np.stack((starts, ends), axis=1).ravel()[:-1]  # word, gap, word, ..., word
    gaps = np.diff(bounds, append=code_points.size)
    places -= np.repeat(places[starts], gaps[::2] + np.append(gaps[1::2], 0))
    mixed *= position_weights(0, int(places.max()) + 1)[places]
    # reduceat gives an empty gap (two words in a row) the value at its place; gaps are not used.
    return np.asarray(np.add.reduceat(mixed, bounds)[::2], np.uint64)


def _hash_long(code_points: NDArray[np.uint32], flags: NDArray[np.uint8]) -> int:
    """Hash one word of any length as `_hash_slice` does, a piece at a time."""
    place = total = 0
    for begin in range(0, code_points.size, HASH_SLICE_CHARS):
        piece = slice(begin, begin + HASH_SLICE_CHARS)
        loud = code_points[piece][(flags[piece] & SILENT) == 0]
        mixed = characters.mixed_table()[loud] * position_weights(place, loud.size)
        total += int(np.sum(mixed, dtype=np.uint64))
        place += loud.size
    return total % (1 << 64)
