"""Find the keys that occur more than once among many, in little memory and linear time.

Many keys are sorted in blocks of their highest bits: a block stays in the second-level cache, so
that ten times the keys take ten times as long. Besides the keys it takes 7 bytes for each of them,
and 30 for those of a block; keys that nobody else holds are freed before the numbers are returned.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from curate.text.runs import Places, places_of

Keys = NDArray[np.uint64]
Numbers = NDArray[np.uint32]

BLOCK_KEYS = 1 << 17  # 1 MiB
MAX_BLOCK_BITS = 8
NEAR_BLOCKS = 16


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
    del keys  # where nobody else has them, they make room
    repeated = numbers != 0
    numbers = numbers[repeated]
    numbers -= np.uint32(1)
    return places_of(repeated), numbers


def find_later(keys: Keys) -> NDArray[np.bool_]:
    """Tell the keys that occurred before: (k,) bool."""
    later = np.zeros(keys.size, np.bool_)
    for places in _blocks(keys):
        block = keys if places is None else keys[places]
        if _is_one_key(block):
            later[... if places is None else places] = True
            later[0 if places is None else places[0]] = False
            continue
        order = np.argsort(block, kind="stable")
        block = block[order]
        order = order[1:][block[1:] == block[:-1]]
        later[order if places is None else places[order]] = True
    return later


def _blocks(keys: Keys) -> Iterator[Places | None]:
    """Yield the places of keys of equal highest bits, in their order; None is all of them."""
    bits = min(MAX_BLOCK_BITS, int(keys.size // BLOCK_KEYS).bit_length())
    if not bits:
        yield None
        return
    shift = max(0, int(keys.max()).bit_length() - bits)
    blocks = np.empty(keys.size, np.uint8)
    np.right_shift(keys, np.uint64(shift), out=blocks, casting="unsafe")
    for first in range(0, 1 << bits, NEAR_BLOCKS):  # so that few passes read all keys
        near = places_of(blocks - np.uint8(first) < NEAR_BLOCKS)
        within = blocks[near]
        for block in range(first, min(first + NEAR_BLOCKS, 1 << bits)):
            places = near[within == block]
            yield None if places.size == keys.size else places  # where all keys are nearly equal


def _number(keys: Keys, places: Places | None, numbers: Numbers, count: int) -> int:
    """Number the repeated keys among those at the places, from `count` + 1; return how many."""
    keys = keys if places is None else keys[places]
    if _is_one_key(keys):
        numbers[... if places is None else places] = count + 1
        return 1
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


def _is_one_key(keys: Keys) -> bool:
    """Tell a large block of one word, very often: nothing is to be sorted."""
    return keys.size > BLOCK_KEYS and bool(keys.min() == keys.max())
