"""Megatron-LM's own reader is the oracle for `.idx`."""

from __future__ import annotations

import numpy as np
import pytest
from megatron.core.datasets.indexed_dataset import IndexedDataset

from curate.shards.formats import CODES, DTYPES, pack_index
from curate.shards.read import ShardReader
from tests.corpus import MakeShards


def test_megatron_reads_the_same_documents(make_shards: MakeShards) -> None:
    prefix = str(make_shards() / "shards" / "train-00000")
    ours, theirs = ShardReader(prefix), IndexedDataset(prefix)
    assert len(theirs) == len(ours) > 50
    assert theirs.document_indices.tolist() == list(range(len(ours) + 1))
    for document in range(len(ours)):
        assert np.array_equal(theirs[document], ours[document])


@pytest.mark.parametrize("dtype", sorted(CODES))
def test_megatron_reads_both_types(tmp_path: object, dtype: str) -> None:
    tokens = np.arange(10, dtype=DTYPES[dtype])
    with open(f"{tmp_path}/x.bin", "wb") as file:
        file.write(tokens.tobytes())
    with open(f"{tmp_path}/x.idx", "wb") as file:
        file.write(pack_index(dtype, np.array([1, 6, 3])))
    dataset = IndexedDataset(f"{tmp_path}/x")
    assert [dataset[i].tolist() for i in range(3)] == [[0], [1, 2, 3, 4, 5, 6], [7, 8, 9]]
    assert dataset[0].dtype == DTYPES[dtype]
