"""Find which lines C4 drops, and what is left: the tests of a line, citations, sentences.

What they are, and why: `curate.quality.c4`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.quality.line_edits import (
    Pieces,
    count_line_words,
    edit_texts,
    find_phrases,
    lines_with,
    no_pieces,
    pieces_in_lines,
    remaining_ends,
    tidy,
    unspaced_lines,
)
from curate.text.characters import DIGIT
from curate.text.runs import Places, Positions, search
from curate.text.segmentation import Bools, Ints
from curate.text.sentences import sentence_ends
from curate.text.terminals import is_terminal
from curate.text.words import WordTable, sums_between, word_table

if TYPE_CHECKING:
    from curate.quality.c4 import C4

ASCII_TERMINALS = ".?!\"'"
QUOTES = "\"'”’“‘»«›‹」』＂＇"  # noqa: RUF001 - they are meant
CITATION_MARKS = ("[edit]", "[citation needed]")
POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
SentenceEnds = Callable[[WordTable], Positions]  # one past each sentence's end, ascending


def edit_lines(
    text: pa.LargeStringArray,
    words: WordTable,
    settings: C4,
    find_sentence_ends: SentenceEnds = sentence_ends,
) -> tuple[pa.LargeStringArray, dict[str, Ints]]:
    """Return d edited texts, and by column what was found in them, (d,) int64 each."""
    layout = words.layout
    marks = _citations(words) if settings.cut_citations else no_pieces()
    visible_ends = remaining_ends(layout, marks)
    kept = np.ones(layout.line_starts.size, np.bool_)
    counts = {"c4_chars": words.num_chars, "c4_lines": np.diff(layout.line_offsets)}
    for what, faulty, goes in _tests(words, settings, visible_ends):
        found = kept & faulty
        counts[f"c4_{what}_lines"] = sums_between(found, layout.line_offsets)
        if goes:
            kept &= ~found
    marks = marks.where(kept[marks.lines])
    counts["c4_citations"] = words.count_chars(marks.starts)
    counts["c4_sentences"] = _count_sentences(text, words, kept, marks, find_sentence_ends)
    inner = tidy(words, marks.where(marks.ends < visible_ends[marks.lines]))
    line_chars = visible_ends - layout.line_starts
    np.subtract.at(line_chars, inner.lines, inner.ends - inner.starts)
    paragraphs = kept & (line_chars >= settings.min_paragraph_chars)
    counts["c4_paragraphs"] = sums_between(paragraphs, layout.line_offsets)
    return edit_texts(text, words, kept, marks), counts


def _tests(words: WordTable, settings: C4, ends: Places) -> list[tuple[str, Bools, bool]]:
    """Return what is wrong with lines, in order: its name, the lines, whether they go."""
    layout = words.layout
    long = unterminated = np.zeros(layout.line_starts.size, np.bool_)
    unspaced = unspaced_lines(words)
    few = count_line_words(words, unspaced) < settings.min_line_words
    if settings.max_word_chars is not None:
        long = _long_word_lines(words, settings.max_word_chars) & ~unspaced
    if settings.terminal_punctuation:
        unterminated = ~_terminated_lines(words, ends, settings.terminals == "unicode")
    phrases = find_phrases(words, ["lorem ipsum", "javascript", *POLICY_PHRASES])
    javascript = lines_with(layout, phrases[1]) & settings.drop_javascript
    policy = lines_with(layout, *phrases[2:]) & settings.drop_policy
    brackets = words.positions("{")
    curly = lines_with(layout, pieces_in_lines(layout, brackets, brackets + 1))
    return [
        ("long_word", long, True),
        ("no_terminal", unterminated, True),
        ("few_word", few, True),
        ("lorem_ipsum", lines_with(layout, phrases[0]), False),
        ("javascript", javascript, True),
        ("curly_bracket", curly, False),
        ("policy", policy, True),
    ]


def _long_word_lines(words: WordTable, max_chars: int) -> Bools:
    """Tell the lines with a longer run between white space: (l,) bool."""
    layout = words.layout
    runs = layout.run_ends - layout.run_starts > max_chars
    starts, ends = layout.run_starts[runs], layout.run_ends[runs]
    return lines_with(layout, pieces_in_lines(layout, starts, ends))


def _terminated_lines(words: WordTable, ends: Places, any_script: bool) -> Bools:
    """Tell the lines that end, where `ends` says, in terminal punctuation but no ellipsis: (l,)."""
    starts, chars = words.layout.line_starts, words.code_points
    last_chars = chars[ends - 1]
    if any_script:
        terminated = is_terminal(last_chars) | np.isin(last_chars, _codes(QUOTES))
    else:
        terminated = np.isin(last_chars, _codes(ASCII_TERMINALS), kind="sort")
    dots = ends - starts >= 3
    for back in (1, 2, 3):
        dots &= chars[np.maximum(ends - back, 0)] == ord(".")  # a batch may be one character
    ended: Bools = terminated & ~dots & (ends > starts)
    return ended


def _citations(words: WordTable) -> Pieces:
    """Return the citation marks: `[` digits `]`, and `CITATION_MARKS`."""
    chars = words.code_points
    opens, closes = words.positions("["), words.positions("]")
    nearest = search(closes, opens)
    opens, nearest = opens[nearest < closes.size], nearest[nearest < closes.size]
    innermost = np.append(np.diff(nearest) > 0, True)[: opens.size]
    starts, ends = opens[innermost], closes[nearest[innermost]] + 1
    sizes = ends - starts
    marks = _holds_digits(words, starts, ends)
    for mark in CITATION_MARKS:
        same = sizes == len(mark)
        for place, code in enumerate(_codes(mark).tolist()):
            same &= chars[np.minimum(starts + place, chars.size - 1)] == code
        marks |= same
    return pieces_in_lines(words.layout, starts[marks], ends[marks])


def _holds_digits(words: WordTable, starts: Places, ends: Places) -> Bools:
    """Tell the spans that hold nothing but digits between first and last character: (p,) bool."""
    if not starts.size:
        return np.zeros(0, np.bool_)
    bounds = np.stack((starts + 1, ends - 1), axis=1).ravel()
    flags = np.bitwise_and.reduceat(words.flags, bounds)[::2]
    digits: Bools = ((flags & DIGIT) != 0) | (ends - starts == 2)
    return digits


def _count_sentences(
    text: pa.LargeStringArray, words: WordTable, kept: Bools, marks: Pieces, find: SentenceEnds
) -> Ints:
    """Count the sentences of the lines that stay, without their citation marks: (d,) int64."""
    layout, ends = words.layout, find(words)
    line_counts = search(ends, layout.line_ends, "right")
    line_counts -= search(ends, layout.line_starts, "right")
    marked = lines_with(layout, marks)
    counts = sums_between(line_counts * (kept & ~marked), layout.line_offsets)
    if marked.any():
        # A mark may hide where a sentence ends (`end.[1] Next`), so these lines are read again.
        edited = word_table(edit_texts(text, words, marked, marks))
        counts += edited.count_chars(find(edited) - 1)
    return counts


def _codes(chars: str) -> NDArray[np.uint32]:
    return np.array([ord(char) for char in chars], np.uint32)
