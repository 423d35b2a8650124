"""The `shards/.split` segment: which clusters are held out for validation.

Clusters are taken in the order of their hash until their tokens reach the fraction: at least one,
and never all where there are two. The answer is one number, the largest hash that is held out, and
it is in the manifest. Three passes over three narrow columns; memory does not grow with the corpus,
save for the clusters in 1/65,536 of the hash range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.shards.keys import split_keys
from curate.shards.rows import ArtifactFn, read_encoded
from curate.storage.artifact import JSON, PartIO

Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]
PassFn = Callable[[], Iterator[tuple[Keys, Counts]]]  # a pass over (hashes, tokens), part by part

BUCKET_SHIFT = 48  # 65,536 buckets


def find_split(io: PartIO, settings: JSON) -> None:
    """Find the hash up to which clusters are held out; count both splits."""

    def one_pass() -> Iterator[tuple[Keys, Counts]]:
        return _hashes(io.artifact, settings["dedup"], settings["seed"])

    last = find_last_held_out(one_pass, settings["val_fraction"])
    counts = {split: {"documents": 0, "tokens": 0} for split in ("train", "val")}
    for keys, tokens in one_pass():
        held_out = in_val(keys, last)
        for split, chosen in (("train", ~held_out), ("val", held_out)):
            counts[split]["documents"] += int(chosen.sum())
            counts[split]["tokens"] += int(tokens[chosen].sum())
    io.facts.update(counts)
    io.facts["val_last_hash"] = last


def in_val(keys: Keys, last: int | None) -> NDArray[np.bool_]:
    """Return which cluster hashes are held out: (n,) bool."""
    return np.zeros(keys.shape, bool) if last is None else keys <= np.uint64(last)


def find_last_held_out(one_pass: PassFn, val_fraction: float) -> int | None:
    """Return the largest hash that is held out, or None for no validation split."""
    buckets = np.zeros(1 << (64 - BUCKET_SHIFT), np.int64)
    largest = np.zeros(0, np.uint64)  # the two largest hashes
    for keys, tokens in one_pass():
        np.add.at(buckets, (keys >> np.uint64(BUCKET_SHIFT)).astype(np.int64), tokens)
        largest = np.unique(np.concatenate([largest, keys]))[-2:]
    sums = np.cumsum(buckets)
    target = val_fraction * float(sums[-1])
    if target <= 0 or largest.size < 2:
        return None  # a single cluster is for training: a model needs that before it is measured
    bucket = int(np.searchsorted(sums, target))
    inside = [
        (keys[chosen], tokens[chosen])
        for keys, tokens in one_pass()
        for chosen in [(keys >> np.uint64(BUCKET_SHIFT)) == np.uint64(bucket)]
    ]
    keys = np.concatenate([keys for keys, _ in inside])
    order = np.argsort(keys, kind="stable")
    ordered = np.concatenate([tokens for _, tokens in inside])[order]
    reached = np.cumsum(ordered) + (sums[bucket] - buckets[bucket])
    last = int(keys[order[np.searchsorted(reached, target)]])
    return min(last, int(largest[0]))


def _hashes(artifact: ArtifactFn, dedup: bool, seed: int) -> Iterator[tuple[Keys, Counts]]:
    for index in range(len(artifact("tokens").part_files())):
        table = read_encoded(artifact, index, dedup)
        table = table.filter(pc.is_valid(table["num_tokens"]))
        yield split_keys(table["cluster_id"], seed), table["num_tokens"].to_numpy()
