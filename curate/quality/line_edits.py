"""Edit texts line by line: drop lines, cut pieces out of lines, leave the rest byte for byte.

A line is one of the layout (`curate.text.layout`): not blank, without the white space around it.
What stands between two lines (line breaks, blank lines, indentation) is their gap. Where lines are
dropped, one gap remains between the lines on either side: the last, or the last that separates
paragraphs if there is one. White space at the beginning and the end of a text stays.

A piece is cut together with the white space after it, where white space or nothing stood before,
and the white space that it leaves at the end of its line goes too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.text.characters import SPACE, fold_table
from curate.text.layout import Layout
from curate.text.runs import Chars, Places, Positions, places_of, search
from curate.text.segmentation import Bools, Ints
from curate.text.words import WordTable, decode, sums_between


@dataclass(frozen=True)
class Pieces:
    """Spans of characters of a batch, each inside one line."""

    starts: Positions  # (p,): first character of each
    ends: Positions  # (p,): one past its last
    lines: Positions  # (p,): its line

    def where(self, chosen: Bools) -> Pieces:
        """Return some of the pieces."""
        return Pieces(self.starts[chosen], self.ends[chosen], self.lines[chosen])


def no_pieces() -> Pieces:
    """Return nothing to cut."""
    return Pieces(*np.zeros((3, 0), np.int64))


def pieces_in_lines(layout: Layout, starts: Positions, ends: Positions) -> Pieces:
    """Return those of p spans that lie inside one line."""
    if not layout.line_ends.size:
        return no_pieces()
    lines = lines_at(layout, starts)
    pieces = Pieces(starts, ends, lines)
    return pieces.where((lines >= 0) & (ends <= layout.line_ends[lines]))


def lines_at(layout: Layout, positions: Positions) -> Places:
    """Return the line that begins at or last before each position, -1 for none: (p,) int32."""
    return search(layout.line_starts, positions, "right") - 1


def lines_with(layout: Layout, *found: Pieces) -> Bools:
    """Tell the lines that hold a piece: (l,) bool."""
    holding = np.zeros(layout.line_starts.size, np.bool_)
    for pieces in found:
        holding[pieces.lines] = True
    return holding


def unspaced_lines(words: WordTable) -> Bools:
    """Tell the lines in a script without spaces, by half of the word characters: (l,) bool."""
    unspaced = words.unspaced_words
    if not unspaced.any():
        return np.zeros(words.layout.line_starts.size, np.bool_)
    offsets = line_words(words)
    of_all = sums_between(words.word_chars, offsets)
    return (of_all > 0) & (2 * sums_between(words.word_chars * unspaced, offsets) >= of_all)


def count_line_words(words: WordTable, unspaced: Bools) -> Places:
    """Count the words of each line as white space separates them: (l,) int32.

    In `unspaced` lines, (l,) bool, the words of the word table are counted.
    """
    layout = words.layout
    first_runs = search(layout.run_starts, layout.line_starts)
    counts: Places = np.diff(first_runs, append=np.int32(layout.run_starts.size))
    if unspaced.any():
        counts = np.where(unspaced, np.diff(line_words(words)), counts)
    return counts


def line_words(words: WordTable) -> Places:
    """Return the first word of each line, and the number of words: (l + 1,) int32."""
    firsts = search(words.starts, words.layout.line_starts)
    return np.append(firsts, np.int32(words.starts.size))


def find_phrases(words: WordTable, phrases: Sequence[str]) -> list[Pieces]:
    """Find each phrase inside lines, without regard to case and accents; digits are alike.

    Cost: 1 ns a character (5 where it is not ASCII), and 0.4 ns for every phrase.
    """
    low = _folded_bytes(words.code_points)
    found = []
    for phrase in phrases:
        codes = fold_table()[[ord(char) for char in phrase]]
        starts = np.fromiter(_find(low, codes.astype(np.uint8).tobytes()), np.int64)
        for place, code in enumerate(codes.tolist()):
            starts = starts[fold_table()[words.code_points[starts + place]] == code]
        found.append(pieces_in_lines(words.layout, starts, starts + len(phrase)))
    return found


def _folded_bytes(code_points: Chars) -> bytearray:
    """Return the lowest byte of every folded character, to be searched at the speed of memory."""
    ascii_folds = fold_table()[:128].astype(np.uint8).tobytes()
    low = bytearray(code_points.astype(np.uint8)).translate(ascii_folds * 2)
    others = places_of(code_points >= 128)
    np.frombuffer(low, np.uint8)[others] = fold_table()[code_points[others]].astype(np.uint8)
    return low


def _find(low: bytearray, needle: bytes) -> Iterator[int]:
    """Yield where the needle stands."""
    place = low.find(needle)
    while place >= 0:
        yield place
        place = low.find(needle, place + 1)


def remaining_ends(layout: Layout, pieces: Pieces) -> Places:
    """Return one past the last visible character that cutting leaves of each line: (l,) int32.

    It is the start of the line where nothing visible is left.
    """
    left = layout.line_ends.copy()
    if not pieces.starts.size:
        return left
    pieces = merge(pieces)
    same_line = np.diff(pieces.lines) == 0
    follows = np.zeros(pieces.starts.size, np.bool_)  # with nothing but space since the last one
    follows[1:] = same_line & _is_blank(layout, pieces.ends[:-1], pieces.starts[1:])
    firsts = np.maximum.accumulate(np.where(follows, 0, np.arange(follows.size)))
    final = np.append(~same_line, True) & (pieces.ends >= layout.line_ends[pieces.lines])
    begins, lines = pieces.starts[firsts[final]], pieces.lines[final]
    runs = search(layout.run_starts, begins) - 1  # a run of the line before, or -1: none
    visible = np.minimum(layout.run_ends[runs], begins)
    left[lines] = np.maximum(visible, layout.line_starts[lines])
    return left


def edit_texts(
    text: pa.LargeStringArray, words: WordTable, kept_lines: Bools, pieces: Pieces
) -> pa.LargeStringArray:
    """Return d texts without the lines that are not kept, and without the pieces of the others.

    A line of which nothing is left is dropped. A text that loses nothing is the same text.

    Args:
        text: (d,), nulls allowed.
        words: Their word table.
        kept_lines: (l,), which lines stay.
        pieces: What is cut out of lines; they may overlap.
    """
    layout = words.layout
    pieces = pieces.where(kept_lines[pieces.lines])
    left = remaining_ends(layout, pieces)
    kept_lines = kept_lines & (left > layout.line_starts)
    pieces = tidy(words, pieces.where(kept_lines[pieces.lines]))
    starts, ends = _dropped_spans(words, kept_lines)
    cut_ends = np.flatnonzero(kept_lines & (left < layout.line_ends))
    starts = np.concatenate((starts, pieces.starts, left[cut_ends]))
    ends = np.concatenate((ends, pieces.ends, layout.line_ends[cut_ends]))
    order = np.argsort(starts)
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    starts[1:] = np.maximum(starts[1:], ends[:-1])
    starts, ends = starts[starts < ends], ends[starts < ends]
    if not starts.size:
        return text
    bounds = np.stack((starts, ends), axis=1).ravel()
    lengths = np.diff(bounds, prepend=0, append=words.code_points.size)
    remains = np.repeat(np.arange(lengths.size) % 2 == 0, lengths)
    changed = np.zeros(words.num_documents, np.bool_)
    changed[search(words.char_offsets, starts, "right") - 1] = True
    edited = []
    for document in np.flatnonzero(changed).tolist():
        chars = slice(words.char_offsets[document], words.char_offsets[document + 1])
        edited.append(decode(words.code_points[chars][remains[chars]]))
    return pc.replace_with_mask(text, pa.array(changed), pa.array(edited, pa.large_string()))


def merge(pieces: Pieces) -> Pieces:
    """Return the pieces in order, those of a line that overlap or touch as one."""
    order = np.argsort(pieces.starts, kind="stable")
    lines = pieces.lines[order]
    starts, ends = pieces.starts[order], np.maximum.accumulate(pieces.ends[order])
    firsts = np.ones(starts.size, np.bool_)
    firsts[1:] = (starts[1:] > ends[:-1]) | (lines[1:] != lines[:-1])
    lasts = np.append(firsts[1:], True)[: starts.size]
    return Pieces(starts[firsts], ends[lasts], lines[firsts])


def tidy(words: WordTable, pieces: Pieces) -> Pieces:
    """Return the pieces in order, with the white space after them that would stand double."""
    layout, pieces = words.layout, merge(pieces)
    after = np.minimum(pieces.ends, words.flags.size - 1)
    space_before = (words.flags[pieces.starts - 1] & SPACE) != 0
    space_before |= pieces.starts == layout.line_starts[pieces.lines]
    space_after = (words.flags[after] & SPACE) != 0
    space_after &= pieces.ends < layout.line_ends[pieces.lines]
    next_runs = search(layout.run_starts, pieces.ends)
    ends = np.append(layout.run_starts, np.int32(0))[next_runs]
    ends = np.where(space_before & space_after, ends, pieces.ends)
    return Pieces(pieces.starts, ends, pieces.lines)


def _is_blank(layout: Layout, starts: Positions, ends: Positions) -> Bools:
    """Tell the spans that hold nothing visible: (p,) bool."""
    next_runs = search(layout.run_ends, starts, "right")
    return ends <= np.append(layout.run_starts, np.int32(np.iinfo(np.int32).max))[next_runs]


def _dropped_spans(words: WordTable, kept_lines: Bools) -> tuple[Ints, Ints]:
    """Return what goes with the lines that are not kept: starts and ends, some of them empty."""
    layout = words.layout
    starts, ends, offsets = layout.line_starts, layout.line_ends, layout.line_offsets
    kept = np.flatnonzero(kept_lines)
    documents = search(offsets, kept, "right") - 1
    if kept.size == kept_lines.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    kept_before = search(kept, offsets)
    some = np.diff(kept_before) > 0
    none = ~some & (np.diff(offsets) > 0)
    first, last = kept[kept_before[:-1][some]], kept[kept_before[1:][some] - 1]
    same = documents[1:] == documents[:-1]
    gaps = _remaining_gaps(layout, kept)[:-1][same]
    spans = [
        (words.char_offsets[:-1][none], words.char_offsets[1:][none]),  # whole texts
        (starts[offsets[:-1][some]], starts[first]),
        (ends[last], ends[offsets[1:][some] - 1]),
        (ends[kept[:-1][same]], ends[gaps]),
        (starts[gaps + 1], starts[kept[1:][same]]),
    ]
    begins, stops = (np.concatenate(bounds) for bounds in zip(*spans, strict=True))
    return begins, stops


def _remaining_gaps(layout: Layout, kept: Ints) -> Ints:
    """Return the line whose gap remains after each kept line, up to the next: (k,) int64."""
    if not kept.size:
        return kept
    size = layout.line_starts.size
    ranks = np.arange(size, dtype=np.int32)
    separates = np.isin(layout.line_starts[1:], layout.paragraph_starts)
    ranks[:-1][separates] += size
    return np.maximum.reduceat(ranks, kept) % size
