"""Find the words in arrays of code points.

A word is a maximal run of letters, marks and digits. One joiner between two such characters
belongs to the word: apostrophes and hyphens (`don't`, `well-known`), the Catalan middle dot, `.`
and `,` between digits (`3.14`), and what is not seen (soft hyphen, zero-width joiners). So
`www.example.org` is three words and `--` none.

Scripts that write no spaces between words:

Han, kana, Thai, Lao, Khmer, Myanmar    words of a dictionary (`curate.text.dictionary`)
Tibetan                                 syllables: it writes a tsheg between them
Tai Le, New Tai Lue, Tai Tham           base characters, with the marks on them

Each unbroken run of such a script is split alone, so that words depend on nothing around it; one
longer than `MAX_RUN_CHARS` in pieces of that length, so that ten megabytes of it take ten times as
long as one. What counts or compares words counts and compares dictionary words there: five of them,
a shingle of MinHash, are some eight characters of Chinese. They depend on the version of ICU.

Source: Unicode Standard Annex 29, word boundaries, rules WB4 to WB12.
Deviation: `_` separates; a joiner is one character, never two in a row; scripts without spaces
never join others, digits included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curate.text.characters import DICTIONARY, DIGIT, JOINER, LETTER, NUMBER_JOINERS, UNSPACED, WORD
from curate.text.dictionary import word_starts
from curate.text.runs import Chars, Places, find_runs, search

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

MAX_RUN_CHARS = 1000  # text has punctuation long before; what has none is no text
TIBETAN = (0x0F00, 0x1000)
_NUMBER_JOINERS = [ord(char) for char in NUMBER_JOINERS]


def word_bounds(
    code_points: Chars, flags: NDArray[np.uint8], char_offsets: Ints
) -> tuple[Places, Places]:
    """Return the first character of every word and one past its last: (w,) and (w,) int32.

    Args:
        code_points: (n,), the characters of d documents in a row.
        flags: (n,), theirs in `characters.flag_table`.
        char_offsets: (d + 1,), where documents begin and the last one ends.
    """
    inside = (flags & WORD) != 0
    inside[_joiners(code_points, flags, inside, char_offsets)] = True
    cuts = char_offsets
    unspaced = (flags & UNSPACED) != 0
    if unspaced.any():
        cuts = np.concatenate((cuts, _unspaced_cuts(code_points, flags, unspaced, char_offsets)))
    return find_runs(inside, cuts)


def _joiners(
    code_points: Chars, flags: NDArray[np.uint8], inside: Bools, char_offsets: Ints
) -> Ints:
    """Return where a joiner stands between two word characters of spaced scripts."""
    between = (flags & JOINER) != 0
    between[1:] &= inside[:-1]
    between[:-1] &= inside[1:]
    firsts = char_offsets[:-1][np.diff(char_offsets) > 0]
    between[firsts] = False
    between[firsts - 1] = False  # the last of the document before, or of the batch
    places = np.flatnonzero(between)
    before, after = flags[places - 1], flags[places + 1]
    joins = ((before | after) & UNSPACED) == 0
    chars = code_points[places]
    joins &= ~np.isin(chars, _NUMBER_JOINERS) | ((before & after & DIGIT) != 0)
    joining: Ints = places[joins]
    return joining


def _unspaced_cuts(
    code_points: Chars, flags: NDArray[np.uint8], unspaced: Bools, char_offsets: Ints
) -> Ints:
    """Return where a word of a script without spaces begins or ends: int64, in any order."""
    known = (flags & DICTIONARY) != 0
    others = np.flatnonzero(unspaced & ~known & ((flags & LETTER) != 0))
    chars = code_points[others]
    syllables = others[(chars < TIBETAN[0]) | (chars >= TIBETAN[1])]
    firsts, lasts = find_runs(unspaced, char_offsets)
    starts, ends = find_runs(known, char_offsets)
    pieces = (ends - starts + MAX_RUN_CHARS - 1) // MAX_RUN_CHARS
    starts, ends = np.repeat(starts, pieces), np.repeat(ends, pieces)
    starts += MAX_RUN_CHARS * (np.arange(starts.size) - search(starts, starts))
    ends = np.minimum(ends, starts + MAX_RUN_CHARS)
    return np.concatenate((firsts, lasts, syllables, ends, word_starts(code_points, starts, ends)))
