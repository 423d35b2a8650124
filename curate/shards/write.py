"""The `shards` segment: pack one key range of the shuffle into `.bin`, `.idx` and `.parquet`.

A split without documents has no shards, and a shard that got no document (which happens where
documents are few) has no files: every pair of files that exists can be memory-mapped.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.errors import IntegrityError
from curate.segment import RunFiles
from curate.shards.formats import DTYPES, dtype_name, pack_index
from curate.shards.sort import ORDER, SIDECAR
from curate.storage.artifact import JSON, Part, PartIO
from curate.storage.exchange import KEY_END, Range, SortedFiles
from curate.storage.parquet import ParquetWriter

SPLITS = ("train", "val")
RANGE_TOKENS = 4 << 20  # read at once; a shard of 100 M tokens then peaks at 410 MB (8 Mi: 600)


def plan_shards(tokens_per_shard: int, run: RunFiles) -> list[Part]:
    """Return one part per shard, train before val; none for a split without documents."""
    counts = run.manifest("shards/.split")["facts"]
    content = run.manifest("shards/.sorted")["content"]
    parts: list[Part] = []
    for split in SPLITS:
        num_shards = count_shards(counts[split], tokens_per_shard)
        tokens = counts[split]["tokens"] // max(1, num_shards)
        for shard in range(num_shards):
            spec = {"split": split, "shard": shard, "num_shards": num_shards, "tokens": tokens}
            parts.append(Part(len(parts), 4 * tokens, spec, reads=content))
    return parts


def count_shards(counts: JSON, tokens_per_shard: int) -> int:
    """Return the number of shards of a split: by tokens, but never more than documents."""
    by_tokens = -(-int(counts["tokens"]) // tokens_per_shard)
    return min(by_tokens, int(counts["documents"]))


def write_shard(io: PartIO, settings: JSON) -> None:
    """Write one shard, reading the shuffle in pieces of about 4 Mi tokens."""
    spec = io.part.spec
    manifest = io.artifact("tokenizer").manifest()
    assert manifest is not None, "tokenizer is not complete"
    files = SortedFiles(io.artifact("shards/.sorted").part_files(spec["split"]), ORDER[0])
    name = f"{spec['split']}-{spec['shard']:05d}"
    writer: ShardWriter | None = None
    for lo, hi in shard_ranges(spec["shard"], spec["num_shards"], spec["tokens"]):
        table = files.read(lo, hi, [*SIDECAR.names, "ids"], by=ORDER)
        if table.num_rows:
            writer = writer or ShardWriter(io, name, manifest["facts"])
            writer.write(table)
    lengths = writer.close() if writer is not None else np.zeros(0, np.int64)
    io.facts.update(
        name=name, split=spec["split"], documents=lengths.size, tokens=int(lengths.sum())
    )
    io.counters[f"{spec['split']}_documents"] += lengths.size
    io.counters[f"{spec['split']}_tokens"] += int(lengths.sum())


def shard_ranges(shard: int, num_shards: int, tokens: int) -> list[Range]:
    """Return the keys u with floor(u x num_shards / 2**64) = shard, in pieces, in order."""
    pieces = max(1, -(-tokens // RANGE_TOKENS))
    first, count = shard * pieces, num_shards * pieces
    # The bound of the last piece is the bound of the shard: ceil(k p 2**64 / (n p)).
    bounds = [-(-(first + piece) * KEY_END // count) for piece in range(pieces + 1)]
    ends = [bound if bound < KEY_END else None for bound in bounds[1:]]
    return list(zip(bounds[:-1], ends, strict=True))


class ShardWriter:
    """Append documents to the three files of a shard."""

    def __init__(self, io: PartIO, name: str, tokenizer: JSON) -> None:
        self.io = io
        self.name = name
        self.dtype = dtype_name(tokenizer["max_id"])
        self._max_id: int = tokenizer["max_id"]
        self._eod_id: int = tokenizer["eod_id"]
        self._lengths: list[NDArray[np.int64]] = []
        self._bin: BinaryIO = open(io.file(f"{name}.bin"), "wb")  # noqa: SIM115
        self._sidecar = ParquetWriter(io.file(f"{name}.parquet"), SIDECAR)

    def write(self, table: pa.Table) -> None:
        """Append documents in their order, each with its end-of-document token.

        Raises: IntegrityError for ids that are no text of this tokenizer, or miscounted ones.
        """
        ids = table["ids"].combine_chunks()
        lengths: NDArray[np.int64] = table["num_tokens"].to_numpy()
        values: NDArray[np.int32] = ids.flatten().to_numpy()
        counted = np.diff(ids.offsets.to_numpy()) + 1
        if not np.array_equal(counted, lengths):
            raise IntegrityError(f"{self.name}: num_tokens is not the number of ids")
        if values.size and (int(values.min()) < 0 or int(values.max()) > self._max_id):
            raise IntegrityError(f"{self.name}: a token id is not in 0..{self._max_id}")
        if (values == self._eod_id).any():
            raise IntegrityError(f"{self.name}: the end-of-document token is inside a document")
        ends = np.cumsum(lengths)
        is_text = np.ones(int(ends[-1]), bool)
        is_text[ends - 1] = False
        packed = np.full(is_text.size, self._eod_id, DTYPES[self.dtype])
        packed[is_text] = values
        self._bin.write(packed.data)
        self._sidecar.write(table.select(SIDECAR.names))
        self._lengths.append(lengths)

    def close(self) -> NDArray[np.int64]:
        """Close the files, write the index, and return the lengths: (documents,) int64."""
        lengths = np.concatenate(self._lengths)
        self._bin.close()
        self._sidecar.close()
        with open(self.io.file(f"{self.name}.idx"), "wb") as file:
            file.write(pack_index(self.dtype, lengths))
        for suffix in ("bin", "idx", "parquet"):
            self.io.file(f"{self.name}.{suffix}", rows=lengths.size)
        return lengths
