"""Find the words in arrays of code points.

A word is a maximal run of letters, marks and digits. One joiner between two such characters
belongs to the word: apostrophes and hyphens (`don't`, `well-known`), the Catalan middle dot, `.`
and `,` between digits (`3.14`), and what is not seen (soft hyphen, zero-width joiners). So
`www.example.org` is three words and `--` none. Scripts that write no spaces (Han, kana, Thai, Lao,
Khmer, Myanmar, Tibetan) give one word per base character: `_word_starts` is where a segmenter for
them would say otherwise.

Source: Unicode Standard Annex 29, word boundaries, rules WB4 to WB12.
Deviation: `_` separates; a joiner is one character, never two in a row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curate.text import characters
from curate.text.characters import DIGIT, JOINER, STARTS, UNSPACED, WORD

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def word_bounds(
    code_points: NDArray[np.uint32], flags: NDArray[np.uint8], char_offsets: Ints
) -> tuple[Ints, Ints]:
    """Return the first character of every word and one past its last: (w,) and (w,) int64.

    Args:
        code_points: (n,), the characters of d documents in a row.
        flags: (n,), theirs in `characters.flag_table`.
        char_offsets: (d + 1,), where documents begin and the last one ends.
    """
    first_chars = np.zeros(code_points.size + 1, np.bool_)
    first_chars[char_offsets] = True
    inside = (flags & WORD) != 0
    inside[_joiners(code_points, flags, first_chars)] = True
    begins = inside.copy()
    begins[1:] &= ~inside[:-1] | _word_starts(flags)
    begins |= inside & first_chars[:-1]
    lasts = inside.copy()
    lasts[:-1] &= ~inside[1:] | begins[1:]
    return np.flatnonzero(begins), np.flatnonzero(lasts) + 1


def _word_starts(flags: NDArray[np.uint8]) -> Bools:
    """Tell where a word starts right after another: (n - 1,) bool, for all characters but one."""
    starts: Bools = (flags[1:] & STARTS) != 0
    unspaced = (flags & UNSPACED) != 0
    starts |= unspaced[:-1] & ~unspaced[1:]
    return starts


def _joiners(
    code_points: NDArray[np.uint32], flags: NDArray[np.uint8], first_chars: Bools
) -> NDArray[np.intp]:
    """Return where a joiner stands between two word characters of spaced scripts."""
    places = np.flatnonzero(flags & JOINER)
    places = places[~(first_chars[places] | first_chars[places + 1])]
    around = flags[places - 1] & flags[places + 1]
    unspaced = (flags[places - 1] | flags[places + 1]) & UNSPACED
    joins = (around & WORD != 0) & (unspaced == 0)
    for char in characters.NUMBER_JOINERS:
        joins &= (code_points[places] != ord(char)) | (around & DIGIT != 0)
    joining: NDArray[np.intp] = places[joins]
    return joining
