"""The documents that go into shards, with the cluster each belongs to."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import IntegrityError
from curate.storage.artifact import Artifact
from curate.storage.parquet import read_table

ArtifactFn = Callable[[str], Artifact]


def read_encoded(artifact: ArtifactFn, index: int, dedup: bool) -> pa.Table:
    """Return doc_id, num_tokens, cluster_id of a part's token rows, errored ones (null) included.

    In the order of the tokens file. Without dedup every document is its own cluster.

    Raises: IntegrityError when `tokens` and the survivors in `duplicates` differ.
    """
    name = f"part-{index:05d}.parquet"
    tokens = read_table(artifact("tokens").path(name), ["doc_id", "num_tokens"])
    if not dedup:
        return tokens.append_column("cluster_id", tokens["doc_id"])
    columns = ["doc_id", "survivor_id", "cluster_id"]
    duplicates = read_table(artifact("duplicates").path(name), columns)
    survivors = duplicates.filter(pc.is_null(duplicates["survivor_id"]))
    if not survivors["doc_id"].equals(tokens["doc_id"]):
        raise IntegrityError(
            f"part {index}: tokens does not hold the documents that survive in duplicates. One of "
            f"them was replaced; run again with --restart tokens."
        )
    return tokens.append_column("cluster_id", survivors["cluster_id"])
