"""The files of a shard: `.bin` and Megatron-LM's `.idx`, little-endian on every machine.

`.bin` holds token ids and nothing else. `.idx`, version 1:

    offset  type        field
    0       9 bytes     MMIDIDX and two zero bytes
    9       uint64      1, the version
    17      uint8       8 for uint16 ids, 4 for int32
    18      uint64      number of sequences S; here one per document
    26      uint64      S + 1
    34      int32 x S   tokens of each sequence
            int64 x S   its offset in `.bin`, in bytes
            int64 x S+1 0, 1, ..., S: the first sequence of each document, and the end
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = struct.Struct("<9sQBQQ")
MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
DTYPES: dict[str, np.dtype[Any]] = {"uint16": np.dtype("<u2"), "int32": np.dtype("<i4")}
CODES = {"uint16": 8, "int32": 4}


def dtype_name(max_id: int) -> str:
    """Return the type that holds every id up to `max_id`, added tokens included.

    >>> dtype_name(65_535), dtype_name(65_536)
    ('uint16', 'int32')
    """
    return "uint16" if max_id < 1 << 16 else "int32"


def pack_index(dtype: str, lengths: NDArray[np.int64]) -> bytes:
    """Return the bytes of an `.idx` for sequences of these lengths: 42 + 20 n bytes.

    Raises: ValueError for a sequence of 2**31 tokens or more, which the format cannot hold.
    """
    count = lengths.size
    if count and int(lengths.max()) >= 1 << 31:
        raise ValueError(f"a document of {int(lengths.max())} tokens does not fit into an .idx")
    ends = np.cumsum(lengths, dtype=np.int64)
    pointers = (ends - lengths) * DTYPES[dtype].itemsize
    return b"".join(
        [
            HEADER.pack(MAGIC, VERSION, CODES[dtype], count, count + 1),
            lengths.astype("<i4").tobytes(),
            pointers.astype("<i8").tobytes(),
            np.arange(count + 1, dtype="<i8").tobytes(),
        ]
    )


def unpack_index(data: bytes) -> tuple[str, NDArray[np.int64]]:
    """Return dtype name and sequence lengths of an `.idx` that `pack_index` could have made.

    Raises: ValueError naming what is wrong with it.
    """
    if len(data) < HEADER.size:
        raise ValueError(f"{len(data)} bytes are too few for the header")
    magic, version, code, count, count_with_end = HEADER.unpack_from(data)
    names = {code: name for name, code in CODES.items()}
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"header {magic!r}, version {version} is not Megatron-LM's index")
    if code not in names:
        raise ValueError(f"dtype code {code} is neither 8 (uint16) nor 4 (int32)")
    if count_with_end != count + 1:
        raise ValueError(f"{count} sequences but {count_with_end} document bounds")
    if len(data) != 42 + 20 * count:
        raise ValueError(f"{len(data)} bytes, {42 + 20 * count} expected for {count} sequences")
    lengths = np.frombuffer(data, "<i4", count, HEADER.size).astype(np.int64)
    if (lengths < 1).any():
        raise ValueError("a sequence without its end-of-document token")
    if pack_index(names[code], lengths) != data:
        raise ValueError("offsets or document bounds do not follow from the lengths")
    return names[code], lengths
