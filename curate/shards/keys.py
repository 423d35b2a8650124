"""The two hashes that place a document: where in the shuffle, and in which split.

Both are functions of an id and the seed alone, so they depend neither on how the input was cut
nor on what else is in it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.schema import id_bits
from curate.text.hashing import splitmix64

_SHUFFLE_SALT, _SPLIT_SALT = 1, 2


def shuffle_keys(doc_ids: pa.Array | pa.ChunkedArray, seed: int) -> NDArray[np.uint64]:
    """Return each document's place in the shuffle, u x 2**64: (n,) uint64."""
    return _mix(doc_ids, seed, _SHUFFLE_SALT)


def split_keys(cluster_ids: pa.Array | pa.ChunkedArray, seed: int) -> NDArray[np.uint64]:
    """Return the hash of each cluster; the smallest are held out: (n,) uint64."""
    return _mix(cluster_ids, seed, _SPLIT_SALT)


def _mix(ids: pa.Array | pa.ChunkedArray, seed: int, salt: int) -> NDArray[np.uint64]:
    # The seed is mixed before it meets the ids; otherwise seeds 0 and 1 would swap neighbors only.
    return splitmix64(id_bits(ids) ^ splitmix64(np.array([seed << 2 | salt], np.uint64)))
