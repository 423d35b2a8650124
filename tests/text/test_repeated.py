"""Repeated keys: against NumPy's counting, in one block and in many, however keys are spread."""

from __future__ import annotations

import numpy as np
import pytest

from curate.text.repeated import BLOCK_KEYS, find_repeated

SIZES = (0, 1, 2, 1000, BLOCK_KEYS - 1, BLOCK_KEYS, 3 * BLOCK_KEYS)
KEYS = {
    "hashes": lambda rng, size: rng.integers(0, 1 << 64, max(1, size // 3), np.uint64),
    "small numbers": lambda rng, size: np.arange(max(1, size // 2), dtype=np.uint64),
    "pairs of numbers": lambda rng, size: rng.integers(0, 50, size + 1, np.uint64) << np.uint64(32),
    "one key": lambda rng, size: np.full(1, (1 << 64) - 1, np.uint64),
    "zero and the highest": lambda rng, size: np.array([0, (1 << 64) - 1], np.uint64),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", KEYS)
def test_places_and_numbers_are_those_of_sorting_all(name, size):
    rng = np.random.default_rng(size)
    keys = rng.choice(KEYS[name](rng, size), size)
    keys[::7] = rng.integers(0, 1 << 64, keys[::7].size, np.uint64)  # most of them alone
    values, ranks, counts = np.unique(keys, return_inverse=True, return_counts=True)
    expected = np.flatnonzero(counts[ranks] > 1)
    dense = np.cumsum(counts > 1) - 1
    places, numbers = find_repeated(keys)
    assert (places.dtype, numbers.dtype) == (np.int32, np.uint32)
    assert np.array_equal(places, expected)
    assert np.array_equal(numbers, dense[ranks[expected]])
    assert values.size >= numbers.max(initial=0)
