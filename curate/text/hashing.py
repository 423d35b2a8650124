"""Hash arrays of integers: 64 bits in, 64 bits out, the same on every machine and in every run.

Not cryptographic: a person who wants two words to collide can make them. Texts are compared for
equality with BLAKE2b instead (see `curate.dedup.sketch`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from curate.text.runs import Positions, search

# Any odd 64-bit numbers would do; these are drawn from the fractions of square roots of 5 and 2.
NGRAM_MULTIPLIER = 0x3C6EF372FE94F82B
_SPAN_MULTIPLIER = 0x6A09E667F3BCC909
_INVERSE = pow(_SPAN_MULTIPLIER, -1, 1 << 64)
_MASK = (1 << 64) - 1
SLICE_VALUES = 1 << 15  # 256 KiB of 64-bit numbers: stays in the second-level cache


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix every value so that each input bit moves half the output bits: (n,) -> (n,) uint64.

    A bijection, so different values stay different.

    Source: Steele, Lea and Flood 2014, Fast Splittable Pseudorandom Number Generators, figure 16.
    """
    return mix(values.copy())


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Do what `splitmix64` does in place, and return the values."""
    flat = values.reshape(-1)
    for begin in range(0, flat.size, SLICE_VALUES):
        mixed = flat[begin : begin + SLICE_VALUES]
        mixed += np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(30)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(27)
        mixed *= np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return values


def ngram_hashes(hashes: NDArray[np.uint64], ngram: int, seed: int = 0) -> NDArray[np.uint64]:
    """Return a hash per window of `ngram` consecutive values: (n,) -> (max(0, n-ngram+1),) uint64.

    Order counts. Windows of different seeds never meet on purpose.
    """
    size = max(0, hashes.size - ngram + 1)
    rolled = np.full(size, seed, np.uint64)
    for begin in range(0, size, SLICE_VALUES):
        piece = rolled[begin : begin + SLICE_VALUES]
        for shift in range(begin, begin + ngram):
            piece *= np.uint64(NGRAM_MULTIPLIER)
            piece += hashes[shift : shift + piece.size]
        mix(piece)
    return rolled


def span_sums(
    read: Callable[[slice], NDArray[np.uint64]],
    num_values: int,
    starts: Positions,
    ends: Positions,
) -> NDArray[np.uint64]:
    """Return the polynomial of each span of a sequence: sum of value times multiplier**place.

    The place counts from the beginning of the span, so that equal spans are equal anywhere. Any
    span costs the same: two prefix sums are subtracted, and the power of its start divided out.

    Args:
        read: Gives the values of a slice of the sequence; it is called on each slice once.
        num_values: Length of the sequence.
        starts: (s,), ascending: first value of each span; spans may overlap.
        ends: (s,), ascending: one past its last.
    """
    before = np.zeros(starts.size, np.uint64)  # the prefix sum at each start
    upto = np.zeros(starts.size, np.uint64)  # and at each end
    begun_spans = []
    total, scale, unscale = 0, 1, 1
    for begin in range(0, num_values, SLICE_VALUES):
        stop = min(begin + SLICE_VALUES, num_values)
        values = read(slice(begin, stop)) * _powers(_SPAN_MULTIPLIER)[: stop - begin]
        begun = slice(*search(starts, (begin, stop), "right"))
        ended = slice(*search(ends, (begin, stop), "right"))
        sums = _prefix_sums(values, starts[begun] - begin, ends[ended] - begin)
        before[begun] = sums[0] * np.uint64(scale) + np.uint64(total)
        upto[ended] = sums[1] * np.uint64(scale) + np.uint64(total)
        begun_spans.append((begun, begin, unscale))
        total = (total + scale * int(np.sum(values))) & _MASK
        scale = (scale * pow(_SPAN_MULTIPLIER, stop - begin, 1 << 64)) & _MASK
        unscale = (unscale * pow(_INVERSE, stop - begin, 1 << 64)) & _MASK
    upto -= before
    for spans, begin, unscale in begun_spans:
        upto[spans] *= _powers(_INVERSE)[starts[spans] - begin] * np.uint64(unscale)
    return upto


def _prefix_sums(values: NDArray[np.uint64], *places: Positions) -> list[NDArray[np.uint64]]:
    """Return the sum of the values before each place; places ascend and begin at 1."""
    if values.size < 32 * max(map(len, places)):
        sums = np.cumsum(values)  # the dearest step where spans are few
        return [sums[place - 1] for place in places]
    return [_few_prefix_sums(values, place) for place in places]


def _few_prefix_sums(values: NDArray[np.uint64], places: Positions) -> NDArray[np.uint64]:
    if not places.size:
        return np.zeros(0, np.uint64)
    firsts = np.append(0, places[:-1])
    empty = firsts == places  # reduceat gives the value at the place for these
    sums = np.add.reduceat(values, np.minimum(firsts, values.size - 1))
    sums[empty] = 0
    sums[-1] = np.sum(values[firsts[-1] : places[-1]])
    return np.cumsum(sums, out=sums)


@cache
def _powers(base: int) -> NDArray[np.uint64]:
    powers = np.full(SLICE_VALUES + 1, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers)
