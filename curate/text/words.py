"""The word table: every word of a batch of texts, with its place and its hashes, as flat arrays.

What a word is: `curate.text.segmentation`. What stands around words: `curate.text.layout`; spans of
any kind: `curate.text.spans`; sentences: `curate.text.sentences`.

The hash of a word is that of its folded characters (see `characters.fold_table`), silent ones left
out: `Café`, `CAFE` and `cafe` + U+0301 are one word to the hash; so are `1984` and `2024`. It
depends on nothing else, so equal words have equal hashes in any batch and position. Exact hashes
tell all of these apart.

Cost: linear. A character takes 12 ns in English, 30 ns in other scripts, and 250 ns (Chinese,
Japanese) or 130 ns (Thai, Khmer) where words come from a dictionary; exact hashes and layout 8 ns
more in English. Peak memory, with both: 10 (Russian) to 19 (English) times the UTF-8 text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.text import characters
from curate.text.characters import UNSPACED
from curate.text.hashing import ngram_hashes
from curate.text.layout import Layout, layout
from curate.text.runs import Chars, Places, Positions, places_of, search
from curate.text.segmentation import Bools, Ints, word_bounds
from curate.text.word_hashing import SLICE_CHARS, Hashes, exact_hashes, folded_hashes

SLICE_RUNS = 1 << 16
LONG_SUM = 1 << 16


@dataclass(frozen=True)
class WordTable:
    """The words of d documents of n characters together, w words in all.

    Positions count characters (code points) from the beginning of the first document.
    """

    code_points: Chars  # (n,): of 8, 16 or 32 bits, as the widest character needs
    flags: NDArray[np.uint8]  # (n,), of `characters`
    char_offsets: Ints  # (d + 1,): document i is [char_offsets[i], char_offsets[i + 1])
    starts: Places  # (w,): first character of each word
    ends: Places  # (w,): one past its last
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

    @property
    def word_chars(self) -> Places:
        """Return the characters of each word, joiners and accents included: (w,) int32."""
        return self.ends - self.starts

    @cached_property
    def unspaced_words(self) -> Bools:
        """Tell the words of scripts without spaces: (w,) bool."""
        unspaced: Bools = (self.flags[self.starts] & UNSPACED) != 0
        return unspaced

    def exact_hashes(self, first: int = 0, end: int | None = None) -> Hashes:
        """Return the hash of the exact characters of each word, silent ones too: (w,) uint64.

        Of words `first` to before `end`. Not kept: one measure alone reads them, a slice at a time.
        """
        return exact_hashes(self.code_points, self.starts[first:end], self.ends[first:end])

    @cached_property
    def layout(self) -> Layout:
        """Return the lines, and the runs of characters between white space."""
        return layout(self.code_points, self.flags, self.char_offsets)

    def run_flags(self) -> NDArray[np.uint8]:
        """Return the flags of all characters of each run together: (r,)."""
        starts = self.layout.run_starts
        flags = np.empty(starts.size, np.uint8)
        for begin in range(0, starts.size, SLICE_RUNS):  # reduceat copies places as 64 bits
            end = begin + SLICE_RUNS
            piece = starts[begin:end]
            stop = starts[end] if end < starts.size else self.flags.size
            # Each run is reduced with the white space after it, which adds no word character.
            inside = self.flags[piece[0] : stop]
            flags[begin:end] = np.bitwise_or.reduceat(inside, piece - piece[0])
        return flags

    def document_sums(self, values: NDArray[np.integer | np.bool_]) -> Ints:
        """Add up one number per word into one per document: (w,) -> (d,) int64."""
        return sums_between(values, self.word_offsets)

    def count_chars(self, positions: NDArray[np.integer]) -> Ints:
        """Count sorted character positions in each document: (d,) int64."""
        return np.diff(search(positions, self.char_offsets)).astype(np.int64)

    def positions(self, char: str) -> Places:
        """Return where a character stands, in order: int32."""
        return places_of(self.code_points == ord(char))

    def text_between(self, start: int, end: int) -> str:
        """Return the characters from `start` to before `end`."""
        return decode(self.code_points[start:end])


def word_table(
    text: pa.LargeStringArray | pa.ChunkedArray, bounds: tuple[Positions, Positions] | None = None
) -> WordTable:
    """Build the word table of a batch of texts; a null is an empty text.

    Args:
        text: (d,), the documents.
        bounds: The words of another tokenizer in place of ours: first characters and one past the
            last ones, (w,) and (w,), ascending, none across two documents.
    """
    texts = _without_nulls(text)
    char_offsets = _offsets(pc.utf8_length(texts).to_numpy(zero_copy_only=False))
    pieces = []
    for documents in _slices(texts):
        offsets = char_offsets[documents.start : documents.stop + 1]
        first_char = int(offsets[0])
        code_points = _code_points(texts[documents])
        flags = characters.flag_table().take(code_points, mode="clip")  # 2x as fast as [...]
        if bounds is None:
            starts, ends = word_bounds(code_points, flags, offsets - first_char)
        else:
            inside = slice(*np.searchsorted(bounds[0], (first_char, offsets[-1])))
            starts, ends = (places[inside].astype(np.int32) - first_char for places in bounds)
        hashes = folded_hashes(code_points, starts, ends)
        starts += first_char
        ends += first_char
        pieces.append((code_points, flags, starts, ends, hashes))
    code_points, flags, starts, ends, hashes = (
        np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
        for arrays in zip(*pieces, strict=True)
    )
    word_offsets = search(starts, char_offsets).astype(np.int64)
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


def decode(code_points: Chars) -> str:
    """Return characters as a string."""
    bits = 8 * code_points.itemsize
    data = code_points.astype(code_points.dtype.newbyteorder("<"), copy=False).tobytes()
    return data.decode("latin-1" if bits == 8 else f"utf-{bits}-le")


def sums_between(values: NDArray[np.integer | np.bool_], offsets: Positions) -> Ints:
    """Add up the values in each [offsets[i], offsets[i + 1]): (d,) int64."""
    sums = np.zeros(offsets.size - 1, np.int64)
    if values.size > LONG_SUM * sums.size:  # reduceat would copy all values as 64 bits
        for index, (begin, end) in enumerate(pairwise(offsets)):
            sums[index] = np.sum(values[begin:end], dtype=np.int64)
        return sums
    some = np.diff(offsets) > 0  # reduceat gives the value at the place for others
    if some.any():
        inside = values[: offsets[-1]]
        sums[some] = np.add.reduceat(inside, offsets[:-1][some], dtype=np.int64)
    return sums


def _offsets(sizes: NDArray[np.integer]) -> Ints:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)))


def _without_nulls(text: pa.LargeStringArray | pa.ChunkedArray) -> pa.LargeStringArray:
    flat = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    return pc.fill_null(pc.cast(flat, pa.large_string()), "")


def _slices(texts: pa.LargeStringArray) -> Iterator[slice]:
    """Cut the batch between documents, at about SLICE_CHARS bytes; at least one slice."""
    num_bytes = np.cumsum(pc.binary_length(texts).to_numpy(zero_copy_only=False))
    first = done = 0
    while first < len(texts) or not first:
        end = max(first + 1, int(np.searchsorted(num_bytes, done + SLICE_CHARS, "right")))
        yield slice(first, end)
        done = int(num_bytes[end - 1]) if len(texts) else 0
        first = end


def _code_points(texts: pa.LargeStringArray) -> Chars:
    """Return the characters of all texts in a row, in the narrowest type that holds them: (n,)."""
    _, offsets_buffer, values = texts.buffers()
    if not len(texts) or values is None:
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(offsets_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    utf8 = memoryview(values)[offsets[0] : offsets[-1]]
    text = str(utf8, "utf-8")
    if text.isascii():
        return np.frombuffer(utf8, np.uint8)
    utf16 = text.encode("utf-16-le")
    if len(utf16) == 2 * len(text):
        return np.frombuffer(utf16, "<u2").astype(np.uint16, copy=False)
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.uint32, copy=False)
