"""Find what stands around the words: lines, and the runs of characters between white space.

A run is a maximal sequence of characters that are not white space: what `str.split` gives, except
that control characters and the zero-width space separate too. A line is what `str.splitlines`
gives, without the white space at its ends; lines of white space alone are not counted, so that a
blank line between paragraphs, or a carriage return before every line feed, changes no measure.
A paragraph is a maximal sequence of lines without a blank one between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from curate.text.characters import SPACE
from curate.text.runs import Chars, Places, find_runs, places_of, search

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # as str.splitlines


@dataclass(frozen=True)
class Layout:
    """The r runs and l lines of d documents; positions count characters of the batch."""

    run_starts: Places  # (r,): first character of each run
    run_ends: Places  # (r,): one past its last
    run_offsets: Ints  # (d + 1,): the runs of document i
    line_starts: Places  # (l,): first visible character of each line
    line_ends: Places  # (l,): one past its last visible character
    line_offsets: Ints  # (d + 1,): the lines of document i
    breaks: Places  # (b,): where the lines break; carriage return and line feed are one break

    @property
    def paragraph_starts(self) -> Places:
        """Return the first visible character of each paragraph: (p,) int32."""
        return self.line_starts[self._first_lines]

    @property
    def paragraph_ends(self) -> Places:
        """Return one past the last visible character of each paragraph: (p,) int32."""
        first_lines = self._first_lines
        last_lines = _last_before(first_lines, self.line_starts.size)
        ends: Places = self.line_ends[last_lines]
        return ends

    @property
    def paragraph_offsets(self) -> Ints:
        """Return where the paragraphs of document i begin and end: (d + 1,) int64."""
        return search(self._first_lines, self.line_offsets).astype(np.int64)

    @cached_property
    def _first_lines(self) -> Places:
        """Return the lines after a blank one, and the first of each document: (p,) int32."""
        breaks_before = search(self.breaks, self.line_starts)
        begins = np.zeros(self.line_starts.size + 1, np.bool_)
        begins[1:-1] = np.diff(breaks_before) > 1
        begins[self.line_offsets] = True
        return places_of(begins[:-1])


def layout(code_points: Chars, flags: NDArray[np.uint8], char_offsets: Ints) -> Layout:
    """Return the runs and lines of documents in a row, from (n,), (n,) and (d + 1,)."""
    visible = (flags & SPACE) == 0
    run_starts, run_ends = find_runs(visible, char_offsets)
    run_offsets = search(run_starts, char_offsets).astype(np.int64)
    breaks = _line_breaks(code_points, ~visible, char_offsets)
    begins_line = np.zeros(run_starts.size + 1, np.bool_)
    begins_line[run_offsets] = True
    begins_line[search(run_starts, breaks)] = True
    first_runs = places_of(begins_line[:-1])
    last_runs = _last_before(first_runs, run_starts.size)
    line_starts, line_ends = run_starts, run_ends
    if first_runs.size < run_starts.size:  # else every line is one run, and nothing is kept twice
        line_starts, line_ends = run_starts[first_runs], run_ends[last_runs]
    line_offsets = search(line_starts, char_offsets).astype(np.int64)
    return Layout(run_starts, run_ends, run_offsets, line_starts, line_ends, line_offsets, breaks)


def _line_breaks(code_points: Chars, spaces: Bools, char_offsets: Ints) -> Places:
    """Return where lines break, a carriage return and its line feed being one break."""
    places = places_of(spaces & (code_points != ord(" ")))
    chars = code_points[places]
    breaks = np.isin(chars, [ord(char) for char in LINE_BREAKS], kind="sort")
    second = (chars[1:] == ord("\n")) & (chars[:-1] == ord("\r")) & (np.diff(places) == 1)
    feeds = np.flatnonzero(second) + 1
    # A line feed that begins a document belongs to no carriage return: that is another document's.
    inside = char_offsets[search(char_offsets, places[feeds])] != places[feeds]
    breaks[feeds[inside]] = False
    return places[breaks]


def _last_before(firsts: Places, size: int) -> Places:
    """Return the last of each group of `size` things in a row, from the first of each."""
    lasts = np.empty_like(firsts)
    lasts[:-1] = firsts[1:]
    lasts[-1:] = size
    lasts -= 1
    return lasts
