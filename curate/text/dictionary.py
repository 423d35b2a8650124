"""Split text of scripts without spaces into words, by the dictionaries of ICU.

Chinese and Japanese share one dictionary; Thai, Lao, Khmer and Burmese have one each. ICU chooses
by the script of a character: seven locales gave the same words on pages of all six. Other languages
of these scripts (Shan, Mon) have no dictionary and come out in shorter pieces, near syllables.

Cost: linear, about 5 million characters a second.
"""

from __future__ import annotations

import numpy as np
from icu4py.breakers import WordBreaker
from numpy.typing import NDArray

from curate.text.runs import Chars, Positions, search

Ints = NDArray[np.int64]

LOCALE = "en"  # any: ICU asks for one
PIECE_CHARS = 4096  # a call on 1 million characters is half as fast per character


def word_starts(code_points: Chars, starts: Positions, ends: Positions) -> Ints:
    """Return where words begin, the beginnings of runs among them: ascending int64.

    Args:
        code_points: (n,), the characters of the batch.
        starts: (r,), ascending: first character of each run; each is split as if it stood alone.
        ends: (r,): one past its last.
    """
    chars_upto = np.cumsum(ends - starts)
    found = [np.zeros(0, np.int64)]
    first = done = 0
    while first < starts.size:
        end = max(first + 1, int(np.searchsorted(chars_upto, done + PIECE_CHARS, "right")))
        found.append(_split(code_points, starts[first:end], ends[first:end]))
        first, done = end, int(chars_upto[end - 1])
    return np.concatenate(found)


def _split(code_points: Chars, starts: Positions, ends: Positions) -> Ints:
    """Split some runs at once, a line feed behind each: always a boundary, never a word."""
    sizes = ends - starts + 1
    line_ends = np.cumsum(sizes)
    places = np.arange(line_ends[-1]) + np.repeat(starts - line_ends + sizes, sizes)
    lines = code_points.take(places, mode="clip")
    lines[line_ends - 1] = ord("\n")
    text = lines.astype("<u4").tobytes().decode("utf-32-le")
    begins: Positions = np.fromiter(
        (begin for begin, _ in WordBreaker(text, LOCALE).segments()), np.int64
    )
    wide = lines > 0xFFFF
    if wide.any():  # ICU counts these as two
        begins = search(np.cumsum(1 + wide), begins, "right")
    word_begins: Ints = places[begins[lines[begins] != ord("\n")]]
    return word_begins
