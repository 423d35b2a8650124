"""The Arrow schemas of the artifacts: the contract with every reader outside this repository.

A record's identity is (source, offset, inner): the input's name relative to `input.root`, the byte
offset of its member, frame, row group or line in that file, and the offset or row within that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

string = pa.large_string()

IDENTITY = [
    pa.field("doc_id", string),
    pa.field("url", string),
    pa.field("source", string),
    pa.field("offset", pa.int64()),
    pa.field("inner", pa.int64()),
    pa.field("length", pa.int64()),  # bytes of the record, decompressed; of the file, for a span
]
DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", string),
        pa.field("url", string),
        pa.field("date", string),  # of the crawl, ISO 8601
        pa.field("title", string),
        pa.field("published", string),  # publication date, ISO 8601, where the page tells
        pa.field("text", string),
        pa.field("charset", string),
        pa.field("num_replaced_chars", pa.int32()),
        pa.field("truncated", string),
        pa.field("payload_digest", string),  # 'ok', 'mismatch', 'unknown'
        *IDENTITY[2:],
    ]
)
OUTCOME = [
    pa.field("outcome", string),  # 'kept', 'dropped', 'errored'
    pa.field("stage", string),
    pa.field("reason", string),
    pa.field("detail", string),  # the number and the threshold it met
]
OUTCOMES = pa.schema([*IDENTITY, *OUTCOME])
LEDGER = OUTCOMES
VERDICTS = pa.schema([IDENTITY[0], *OUTCOME])
DUPLICATES = pa.schema(
    [
        pa.field("doc_id", string),
        pa.field("survivor_id", string),  # null for a survivor
        pa.field("jaccard", pa.float64()),  # with the survivor; null for a survivor
        pa.field("exact", pa.bool_()),  # the texts are equal, byte for byte
        pa.field("cluster_id", string),  # doc_id of the cluster's first in survivor order
        pa.field("cluster_size", pa.int64()),
    ]
)
TOKENS = pa.schema(
    [
        pa.field("doc_id", string),
        pa.field("num_tokens", pa.int64()),  # with the end-of-document token; null if errored
        pa.field("error", string),  # why the text has no tokens, a reason
        pa.field("detail", string),
        pa.field("ids", pa.large_list(pa.int32())),  # without the end-of-document token
    ]
)


def doc_id(source: str, offset: int, inner: int) -> str:
    """Return the 128-bit id of a record: 32 hex digits of BLAKE2b over its identity."""
    identity = f"{source}\0{offset}\0{inner}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(identity, digest_size=16).hexdigest()


def id_bits(doc_ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> NDArray[np.uint64]:
    """Return the first 64 bits of each id, which are uniform: (n,) uint64."""
    values = doc_ids.to_pylist() if isinstance(doc_ids, pa.Array | pa.ChunkedArray) else doc_ids
    joined = bytes.fromhex("".join([value[:16] for value in values]))
    return np.frombuffer(joined, ">u8").astype(np.uint64)
