"""The numbers that dedup sorts and joins by: bucket keys, documents, survivor order.

Survivor order is (policy, id_high, id_low), three uint64: what the policy prefers is smaller, and
the 128-bit doc_id makes the order total. A document's number is its part and its row, packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.errors import IntegrityError
from curate.text.hashing import splitmix64

ROW_BITS = 32  # a document's number is part << 32 | row
FIRST_DAY = datetime(1, 1, 1, tzinfo=UTC)
LAST = np.uint64(2**64 - 1)

U64 = NDArray[np.uint64]


def document_numbers(part: int, rows: NDArray[np.int64]) -> U64:
    """Return the numbers of rows of a part: (n,) uint64."""
    return np.uint64(part << ROW_BITS) | rows.astype(np.uint64)


def document_range(part: int) -> tuple[int, int]:
    """Return the range of numbers that a part's documents have."""
    return part << ROW_BITS, (part + 1) << ROW_BITS


def row_numbers(documents: U64) -> NDArray[np.int64]:
    """Return the rows within their part: (n,) int64."""
    return (documents & np.uint64((1 << ROW_BITS) - 1)).astype(np.int64)


def fixed_bytes(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Return a fixed_size_binary column without nulls as a matrix: (n, width) uint8."""
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    width = column.type.byte_width
    flat = np.frombuffer(array.buffers()[1] or b"", np.uint8)
    matrix: NDArray[np.uint8] = flat[array.offset * width :][: len(array) * width]
    return matrix.reshape(-1, width)


def band_keys(signature: pa.ChunkedArray, bands: int, rows: int) -> U64:
    """Return the bucket key of every band of every signature: (n, bands) uint64.

    Two bands share a bucket if the 64-bit hashes of (band index, row values) are equal. An accident
    among 1e9 keys has probability 0.03 and costs one comparison, since candidates are verified.

    Raises: IntegrityError when the signatures are not of bands x rows values.
    """
    if signature.type.byte_width != 4 * bands * rows:
        raise IntegrityError(
            f"signatures have {signature.type.byte_width // 4} values, dedup needs "
            f"{bands} bands x {rows} rows = {bands * rows}. Measure again: --restart measures"
        )
    values = np.ascontiguousarray(fixed_bytes(signature)).view("<u4").reshape(-1, bands, rows)
    keys = np.broadcast_to(splitmix64(np.arange(1, bands + 1, dtype=np.uint64)), values.shape[:2])
    for row in range(rows):
        keys = splitmix64(keys ^ values[:, :, row])
    return keys


def text_keys(text_hash: pa.ChunkedArray) -> U64:
    """Return the bucket key of every whole text: (n,) uint64."""
    halves = hash_halves(text_hash)
    return splitmix64(splitmix64(halves[:, 0]) ^ halves[:, 1])


def hash_halves(text_hash: pa.ChunkedArray) -> U64:
    """Return 128-bit hashes as two numbers each: (n, 2) uint64."""
    return np.ascontiguousarray(fixed_bytes(text_hash)).view("<u8").astype(np.uint64)


def id_halves(doc_ids: pa.ChunkedArray) -> U64:
    """Return doc_ids as two numbers each, in the order of the strings: (n, 2) uint64."""
    joined = bytes.fromhex("".join(doc_ids.to_pylist()))
    return np.frombuffer(joined, ">u8").astype(np.uint64).reshape(-1, 2)


def id_strings(halves: U64) -> Sequence[str]:
    """Return the doc_ids that `id_halves` took apart."""
    digits = halves.astype(">u8").tobytes().hex()
    return [digits[start : start + 32] for start in range(0, len(digits), 32)]


def policy_order(keep: str, preferred: pa.ChunkedArray) -> U64:
    """Return what survivor order compares first, smaller for the better: (n,) uint64.

    `preferred` is the number of characters for 'longest', the crawl date (ISO 8601; UTC where no
    offset is given) for 'earliest' and 'latest'. Documents without one come last.
    """
    if keep == "longest":
        chars = pc.cast(pc.fill_null(preferred, 0), pa.uint64())
        longest: U64 = LAST - chars.to_numpy()
        return longest
    moments = [_milliseconds(text) for text in preferred.to_pylist()]
    dates = np.array([LAST if moment is None else moment for moment in moments], np.uint64)
    if keep == "earliest":
        return np.array(dates, np.uint64)
    latest: U64 = np.where(dates == LAST, LAST, LAST - np.uint64(1) - dates)
    return latest


def _milliseconds(text: str | None) -> int | None:
    """Return an ISO 8601 date as milliseconds since the year 1, or None if it is none."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, (moment - FIRST_DAY) // timedelta(milliseconds=1))
