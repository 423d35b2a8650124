"""Hash the characters of many words at once: folded or exact.

A word of ASCII characters is read eight bytes at a time, so that most words cost one step; any
other is hashed character by character (`hashing.span_sums`). No word is of both kinds, so which
way it goes depends on nothing but its (folded) characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from curate.text import characters
from curate.text.characters import SILENT
from curate.text.hashing import mix, span_sums, splitmix64
from curate.text.runs import Chars, Positions, search

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

SLICE_CHARS = 1 << 18  # with what is made of it 2 MB, which stays in the second-level cache
_WIDE = 0x80  # stands for a character that is not ASCII
_WIDE_BITS = np.uint64(0x8080808080808080)
_SIZE_MULTIPLIER = np.uint64(0xA54FF53A5F1D36F1)  # odd, fraction of the square root of 7
_PLACE_MULTIPLIER = np.uint64(0x510E527FADE682D1)  # odd, fraction of the square root of 11


def folded_hashes(code_points: Chars, starts: Positions, ends: Positions) -> Hashes:
    """Return the hash of each word without case, accents and silent characters: (w,) uint64.

    Args:
        code_points: (n,), the characters of the batch.
        starts: (w,), ascending: first character of each word.
        ends: (w,), ascending: one past its last.
    """
    hashes = np.empty(starts.size, np.uint64)
    for words, chars in _slices(starts, ends):
        piece = code_points[chars]
        bounds = _inside(starts[words], chars.start), _inside(ends[words], chars.start)
        hashes[words], wide = _packed_hashes(_folded_bytes(piece), *bounds)
        if wide.size:
            hashes[words][wide] = _folded_wide(piece, bounds[0][wide], bounds[1][wide])
    return hashes


def exact_hashes(code_points: Chars, starts: Positions, ends: Positions) -> Hashes:
    """Return the hash of the characters of each word as they are: (w,) uint64."""
    hashes = np.empty(starts.size, np.uint64)
    for words, chars in _slices(starts, ends):
        piece = code_points[chars]
        bounds = _inside(starts[words], chars.start), _inside(ends[words], chars.start)
        narrow = _room(piece.size)
        np.minimum(piece, _WIDE, out=narrow[: piece.size], casting="unsafe")
        hashes[words], wide = _packed_hashes(narrow, *bounds)
        if wide.size:
            gathered = _gather(piece, bounds[0][wide], bounds[1][wide])
            hashes[words][wide] = exact_span_hashes(*gathered)
    return hashes


def exact_span_hashes(code_points: Chars, starts: Positions, ends: Positions) -> Hashes:
    """Return the hash of spans of characters, of any length and overlap: (s,) uint64.

    Not the hash that `exact_hashes` gives the same characters as a word.
    """

    def read(piece: slice) -> Hashes:
        # One more than the character, or U+0000 at the end of a span would not count.
        return np.add(code_points[piece], 1, dtype=np.uint64)

    return mix(span_sums(read, code_points.size, starts, ends))


def _folded_wide(code_points: Chars, starts: Positions, ends: Positions) -> Hashes:
    """Hash words that hold silent characters, or others that are not ASCII even when folded."""
    code_points, starts, ends = _gather(code_points, starts, ends)
    silent = (characters.flag_table()[code_points] & SILENT) != 0
    if silent.any():
        loud_before = np.concatenate((np.zeros(1, np.int64), np.cumsum(~silent)))
        code_points, starts, ends = code_points[~silent], loud_before[starts], loud_before[ends]
    mixed = characters.mixed_table()
    sums = span_sums(lambda piece: mixed[code_points[piece]], code_points.size, starts, ends)
    narrow = _folded_bytes(code_points)
    hashes, wide = _packed_hashes(narrow, _inside(starts, 0), _inside(ends, 0))
    hashes[wide] = splitmix64(sums[wide])
    return hashes


def _packed_hashes(narrow: NDArray[np.uint8], starts: Ints, ends: Ints) -> tuple[Hashes, Ints]:
    """Return the hash of each word from its bytes, and which words have no such hash.

    Args:
        narrow: A `_room` with the ASCII code of each character, `_WIDE` for others.
        starts: (w,), first character of each word.
        ends: (w,), one past its last.
    """
    sizes = ends - starts
    eights = _eight_bytes(narrow, starts, sizes)
    wide = (eights & _WIDE_BITS) != 0
    eights += sizes.view(np.uint64) * _SIZE_MULTIPLIER
    hashes = splitmix64(eights)
    longer = np.flatnonzero(sizes > 8)
    if longer.size:
        steps = (sizes[longer] - 1) >> 3  # after the first
        first_steps = np.cumsum(steps) - steps
        done = 8 * (np.arange(1, steps.sum() + 1) - np.repeat(first_steps, steps))
        begins, left = np.repeat(starts[longer], steps) + done, np.repeat(sizes[longer], steps)
        eights = _eight_bytes(narrow, begins, left - done)
        wide[longer] |= np.logical_or.reduceat((eights & _WIDE_BITS) != 0, first_steps)
        eights += done.view(np.uint64) * _PLACE_MULTIPLIER
        hashes[longer] += np.add.reduceat(splitmix64(eights), first_steps)
    return hashes, np.flatnonzero(wide)


def _eight_bytes(narrow: NDArray[np.uint8], starts: Ints, sizes: Ints) -> Hashes:
    """Return the up to eight bytes at each start as one number, little-endian: (s,) uint64."""
    aligned = narrow.view("<u8")
    places = starts >> 3
    shifts = ((starts & 7) << 3).view(np.uint64)
    eights = aligned.take(places, mode="clip") >> shifts
    # Two steps, as shifting by 64 is undefined.
    eights |= (aligned.take(places + 1, mode="clip") << np.uint64(1)) << (np.uint64(63) - shifts)
    eights &= _masks().take(sizes, mode="clip")
    return np.asarray(eights, np.uint64)


def _folded_bytes(code_points: Chars) -> NDArray[np.uint8]:
    narrow = _room(code_points.size)
    _folded_byte_table().take(code_points, out=narrow[: code_points.size], mode="clip")
    return narrow


def _room(num_chars: int) -> NDArray[np.uint8]:
    """Return a byte per character, and so many more that eight can be read from any."""
    narrow = np.empty((num_chars // 8 + 2) * 8, np.uint8)
    narrow[num_chars:] = 0
    return narrow


def _gather(code_points: Chars, starts: Positions, ends: Positions) -> tuple[Chars, Ints, Ints]:
    """Return the characters of the words in a row, and where each begins and ends in it."""
    sizes = ends - starts
    new_ends = np.cumsum(sizes)
    new_starts = new_ends - sizes
    places = np.repeat(starts - new_starts, sizes)
    places += np.arange(places.size)
    return code_points[places], new_starts, new_ends


def _slices(starts: Positions, ends: Positions) -> Iterator[tuple[slice, slice]]:
    """Yield words, and the characters they are in: SLICE_CHARS at most, or one longer word."""
    first = 0
    while first < starts.size:
        begin = int(starts[first])
        end = max(first + 1, int(search(ends, [begin + SLICE_CHARS], "right")[0]))
        yield slice(first, end), slice(begin, int(ends[end - 1]))
        first = end


@cache
def _masks() -> Hashes:
    return np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


@cache
def _folded_byte_table() -> NDArray[np.uint8]:
    """Return the ASCII code that a character folds to, else `_WIDE`: (0x110000,) uint8."""
    silent = (characters.flag_table() & SILENT) != 0
    table = np.minimum(characters.fold_table(), _WIDE).astype(np.uint8)
    table[silent] = _WIDE
    return table


def _inside(places: Positions, begin: int) -> Ints:
    inside: Ints = np.subtract(places, begin, dtype=np.int64)
    return inside
