"""Find the keys that occur more than once among many, in little memory and linear time.

Many keys are sorted in blocks of their highest bits: a block stays in the second-level cache, so
that ten times the keys take ten times as long. Besides the keys it takes 6 bytes for each of them,
and 30 for those of a block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Places = NDArray[np.int32]  # of a key: 32 bits, as a document may be one word, very often
Numbers = NDArray[np.uint32]

BLOCK_KEYS = 1 << 17  # 1 MiB
MAX_BLOCK_BITS = 8


def find_repeated(keys: Keys) -> tuple[Places, Numbers]:
    """Return where the keys stand that occur more than once, ascending, and which key it is.

    Args:
        keys: (k,), fewer than 2**31.

    Returns:
        (c,) and (c,): keys are numbered from 0 in their own order.
    """
    numbers = np.zeros(keys.size, np.uint32)  # from 1; 0: not repeated
    count = 0
    for places in _blocks(keys):
        count += _number(keys, places, numbers, count)
    found: Places = np.flatnonzero(numbers).astype(np.int32)
    return found, numbers[found] - np.uint32(1)


def _blocks(keys: Keys) -> Iterator[NDArray[np.int64] | None]:
    """Yield the places of keys of equal highest bits, in their order; None is all of them."""
    bits = min(MAX_BLOCK_BITS, int(keys.size // BLOCK_KEYS).bit_length())
    if not bits:
        yield None
        return
    shift = max(0, int(keys.max()).bit_length() - bits)
    blocks = np.empty(keys.size, np.uint8)
    np.right_shift(keys, np.uint64(shift), out=blocks, casting="unsafe")
    for block in range(1 << bits):
        places = np.flatnonzero(blocks == block)
        yield None if places.size == keys.size else places  # where all keys are nearly equal


def _number(keys: Keys, places: NDArray[np.int64] | None, numbers: Numbers, count: int) -> int:
    """Number the repeated keys among those at the places, from `count` + 1; return how many."""
    keys = keys if places is None else keys[places]
    order = np.argsort(keys)
    keys = keys[order]
    begins = np.ones(keys.size, np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=begins[1:])
    del keys
    alone = begins.copy()
    alone[:-1] &= begins[1:]
    ranks = np.cumsum(begins & ~alone, dtype=np.uint32)
    found = int(ranks[-1]) if ranks.size else 0
    ranks += np.uint32(count)
    ranks[alone] = 0
    numbers[order if places is None else places[order]] = ranks
    return found
