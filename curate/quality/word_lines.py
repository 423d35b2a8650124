"""The lines of a text as words in lower case with a space after each: what n-gram models read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from curate.text.characters import SPACE
from curate.text.layout import LINE_BREAKS
from curate.text.runs import search
from curate.text.words import WordTable

BREAKS = np.array([ord(char) for char in LINE_BREAKS], np.uint32)


def word_lines(words: WordTable, max_chars: int) -> Iterator[list[str]]:
    """Yield for each document its lines that have words; at most `max_chars` of it are read.

    What is between words (punctuation, symbols) is left out. So is a word that `max_chars` cuts.
    A document at a time: memory is that of one. Cost: 35 ns a character.
    """
    for document, (first, last) in enumerate(pairwise(words.char_offsets.tolist())):
        begin, end = words.word_offsets[document : document + 2]
        stop = min(last, first + max_chars)
        end = begin + search(words.ends[begin:end], [stop], "right")[0]
        starts, ends = words.starts[begin:end] - first, words.ends[begin:end] - first
        chars = words.code_points[first:stop]
        edges = np.zeros(chars.size + 1, np.int8)
        edges[starts] += 1
        edges[ends] -= 1
        kept = np.cumsum(edges[:-1], dtype=np.int8).view(np.bool_)  # inside a word
        spaces = np.flatnonzero((words.flags[first:stop] & SPACE) != 0)
        breaks = spaces[np.isin(chars[spaces], BREAKS)]
        kept[breaks] = True
        places = np.cumsum(kept) - 1  # among the kept characters
        line_feeds = places[breaks]
        chars = chars[kept].astype("<u4")
        chars[line_feeds] = ord("\n")
        spaced = np.insert(chars, places[ends - 1] + 1, ord(" "))
        text = spaced.tobytes().decode("utf-32-le").lower()
        yield [line for line in text.split("\n") if line]
