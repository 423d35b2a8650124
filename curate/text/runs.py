"""Find runs: maximal sequences of characters of one kind, in the documents of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Chars = NDArray[np.unsignedinteger]  # code points, of 8, 16 or 32 bits
Places = NDArray[np.int32]  # of characters, words, keys: no batch has 2**31 (see `words`)
Positions = NDArray[np.integer]  # the same in any type
SLICE_CHARS = 1 << 18


def places_of(mask: NDArray[np.bool_]) -> Places:
    """Return where a mask is true, ascending: int32, and no more memory than that."""
    places = np.empty(np.count_nonzero(mask), np.int32)
    done = 0
    for begin in range(0, mask.size, SLICE_CHARS):
        found = np.flatnonzero(mask[begin : begin + SLICE_CHARS])
        np.add(found, begin, out=places[done : done + found.size], casting="unsafe")
        done += found.size
    return places


def search(
    places: NDArray[Any],
    values: NDArray[Any] | Sequence[int],
    side: Literal["left", "right"] = "left",
) -> Places:
    """Return `np.searchsorted` as int32, without copying all places in the type of the values."""
    values = np.asarray(values)
    found = np.empty(values.size, np.int32)
    for begin in range(0, values.size, SLICE_CHARS):
        piece = values[begin : begin + SLICE_CHARS].astype(places.dtype, copy=False)
        found[begin : begin + SLICE_CHARS] = np.searchsorted(places, piece, side)
    return found


def find_runs(inside: NDArray[np.bool_], cuts: NDArray[np.int64]) -> tuple[Places, Places]:
    """Return the first character of every run and one past its last: (r,) and (r,) int32.

    Args:
        inside: (n,), the characters that runs are made of.
        cuts: Positions from 0 to n, in any order, repeated or not: no run goes over one.
    """
    padded = np.zeros(inside.size + 2, np.bool_)
    padded[1:-1] = inside
    bounds = places_of(padded[1:] != padded[:-1])  # of one run after the other
    within = np.sort(cuts[padded[cuts] & padded[cuts + 1]])
    within = within[np.diff(within, prepend=-1) > 0]  # np.unique takes 20 times as long
    if within.size:  # where one run ends, another begins
        bounds = np.concatenate((bounds, np.repeat(within, 2).astype(np.int32)))
        bounds.sort(kind="stable")  # merges what is sorted
    return bounds[::2].copy(), bounds[1::2].copy()
