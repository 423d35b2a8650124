"""Hash arrays of integers: 64 bits in, 64 bits out, the same on every machine and in every run.

Not cryptographic: a person who wants two words to collide can make them. Texts are compared for
equality with BLAKE2b instead (see `curate.dedup.sketch`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

# Any odd 64-bit number would do; this one is drawn from the fraction of the square root of 5.
NGRAM_MULTIPLIER = 0x3C6EF372FE94F82B
_WEIGHT_SEED = 0x6A09E667F3BCC908  # fraction of the square root of 2
_CACHED_WEIGHTS = 4096  # longer words are base64 and the like, about one document in 10,000


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix every value so that each input bit moves half the output bits: (n,) -> (n,) uint64.

    A bijection, so different values stay different.

    Source: Steele, Lea and Flood 2014, Fast Splittable Pseudorandom Number Generators, figure 16.
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def position_weights(first: int, count: int) -> NDArray[np.uint64]:
    """Return an odd random weight for each of `count` positions in a word: (count,) uint64."""
    if first + count <= _CACHED_WEIGHTS:
        return _cached_weights()[first : first + count]
    return _weights(first, count)


def ngram_hashes(hashes: NDArray[np.uint64], ngram: int, seed: int = 0) -> NDArray[np.uint64]:
    """Return a hash per window of `ngram` consecutive values: (n,) -> (max(0, n-ngram+1),) uint64.

    Order counts. Windows of different seeds never meet on purpose.
    """
    size = max(0, hashes.size - ngram + 1)
    rolled = np.full(size, seed, np.uint64)
    for shift in range(ngram if size else 0):
        rolled *= np.uint64(NGRAM_MULTIPLIER)
        rolled += hashes[shift : shift + size]
    return splitmix64(rolled)


@cache
def _cached_weights() -> NDArray[np.uint64]:
    return _weights(0, _CACHED_WEIGHTS)


def _weights(first: int, count: int) -> NDArray[np.uint64]:
    positions = np.arange(first, first + count, dtype=np.uint64) + np.uint64(_WEIGHT_SEED)
    return splitmix64(positions) | np.uint64(1)
