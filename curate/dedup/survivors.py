"""Decide who survives: the definition, component by component, in survivor order.

*A document is dropped if and only if an already kept document that shares a band bucket with it has
true shingle Jaccard >= threshold; its survivor is the best such.* Ranks are survivor order, so one
sweep over them decides. A second sweep compares dropped documents with those kept later: it finds
the other verified pairs (for clusters), and the survivors of copies: a copy that comes after a
better match than its leader's belongs to that match.

In memory: the shingle sets of what is kept, not of what is dropped; so a component of a million
near-duplicates is small. A component whose documents are nearly all kept must fit as a whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.dedup import keys
from curate.dedup.components import COMPONENTS, I64, roots, unite
from curate.dedup.verify import SHINGLES
from curate.segment import RunFiles
from curate.storage.artifact import JSON, Part, PartIO
from curate.storage.exchange import GROUP_ROWS, SortedFiles, write_sorted

SURVIVORS = "duplicates/.survivors"
BLOCK = 1024  # kept documents compared at once: 4 MB of shingles

VERDICT = pa.schema(
    [
        pa.field("doc", pa.uint64()),
        pa.field("survivor_id", pa.large_string()),
        pa.field("jaccard", pa.float64()),
        pa.field("exact", pa.bool_()),
        pa.field("cluster_id", pa.large_string()),
        pa.field("cluster_size", pa.int64()),
    ]
)
Sets = tuple[int, list[int], keys.U64]  # member, bucket keys, shingles ascending


class KeptDocuments:
    """The kept documents of a range: their shingle sets, and which buckets they are in."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.num_comparisons = 0
        self._sets: dict[int, keys.U64] = {}
        self._buckets: dict[int, list[int]] = {}  # members ascending

    def add(self, member: int, buckets: list[int], shingles: keys.U64) -> None:
        """Add a document; members are added in ascending order."""
        self._sets[member] = shingles.copy()
        for bucket in buckets:
            self._buckets.setdefault(bucket, []).append(member)

    def matches(
        self, buckets: list[int], shingles: keys.U64, after: int = -1
    ) -> tuple[I64, NDArray[np.float64]]:
        """Return the members > after that share a bucket and are similar enough, ascending.

        Returns members (m,) int64 and their Jaccard (m,) float64, all >= threshold.
        """
        sharing: set[int] = set()
        for bucket in buckets:
            members = self._buckets.get(bucket)
            if members:
                sharing.update(members[bisect_right(members, after) :])
        size = len(shingles)
        # |A and B| / |A or B| <= min / max, and rounding is monotone: nothing is lost here.
        close = [
            member
            for member in sorted(sharing)
            if min(size, other := len(self._sets[member])) / max(size, other) >= self.threshold
        ]
        self.num_comparisons += len(close)
        found = [
            self._compare(close[start : start + BLOCK], shingles)
            for start in range(0, len(close), BLOCK)
        ]
        jaccard = np.concatenate([np.zeros(0), *found])
        similar = jaccard >= self.threshold
        return np.array(close, np.int64)[similar], jaccard[similar]

    def _compare(self, members: list[int], shingles: keys.U64) -> NDArray[np.float64]:
        sets = [self._sets[member] for member in members]
        sizes = np.array([len(each) for each in sets])
        flat = np.concatenate(sets)
        places = np.minimum(np.searchsorted(shingles, flat), len(shingles) - 1)
        common = np.add.reduceat(shingles[places] == flat, np.cumsum(sizes) - sizes, dtype=np.int64)
        ratio: NDArray[np.float64] = common / (sizes + len(shingles) - common)
        return ratio


@dataclass
class Decisions:
    """What was decided on n members in survivor order."""

    survivor: I64  # (n,) the member that replaces it, -1 where it is kept
    jaccard: NDArray[np.float64]  # (n,) with the survivor
    pairs: list[tuple[int, I64]] = field(default_factory=list)  # a dropped leader, kept members
    num_comparisons: int = 0


def decide(leader: I64, stream: Callable[[], Iterator[Sets]], threshold: float) -> Decisions:
    """Apply the definition to members 0..n-1 in survivor order.

    `leader` (n,) int64 is the first member with the same text. `stream` gives the leaders that may
    resemble another, in order; it is called twice.
    """
    kept = KeptDocuments(threshold)
    made = Decisions(np.full(len(leader), -1), np.full(len(leader), np.nan))
    for member, buckets, shingles in stream():
        found, jaccard = kept.matches(buckets, shingles)
        if not len(found):
            kept.add(member, buckets, shingles)
            continue
        best = int(np.argmax(jaccard))  # the first of equals is first in survivor order
        made.survivor[member], made.jaccard[member] = found[best], jaccard[best]
        made.pairs.append((member, found))
    later: dict[int, tuple[I64, NDArray[np.float64]]] = {}
    for member, buckets, shingles in stream():
        if made.survivor[member] >= 0:
            found, jaccard = kept.matches(buckets, shingles, after=member)
            if len(found):
                later[member] = (found, jaccard)
                made.pairs.append((member, found))
    _follow(leader, made, later)
    made.num_comparisons = kept.num_comparisons
    return made


def _follow(
    leader: I64, made: Decisions, later: dict[int, tuple[I64, NDArray[np.float64]]]
) -> None:
    """Decide on the members that have another's text: never kept, for their leader precedes."""
    copies = np.flatnonzero(leader != np.arange(len(leader)))
    leaders = leader[copies]
    replaced = made.survivor[leaders] >= 0
    made.survivor[copies] = np.where(replaced, made.survivor[leaders], leaders)
    made.jaccard[copies] = np.where(replaced, made.jaccard[leaders], 1.0)
    contested = np.isin(leaders, np.array(sorted(later), np.int64))
    for copy in copies[contested].tolist():
        found, jaccard = later[int(leader[copy])]
        known = int(np.searchsorted(found, copy))
        if known and jaccard[:known].max() > made.jaccard[copy]:
            best = int(np.argmax(jaccard[:known]))
            made.survivor[copy], made.jaccard[copy] = found[best], jaccard[best]


def clusters(leader: I64, made: Decisions) -> I64:
    """Return for each member the first of its cluster: (n,) int64.

    A cluster is a connected component over verified pairs, of a dropped and a kept document. Two
    dropped documents are not compared (a bucket of n would cost n * n / 2).
    """
    parent = np.arange(len(leader))
    unite(parent, parent.copy(), leader)
    if made.pairs:
        dropped = [np.full(len(found), member) for member, found in made.pairs]
        unite(parent, np.concatenate(dropped), np.concatenate([pair[1] for pair in made.pairs]))
    return roots(parent, np.arange(len(leader)))


def plan_survivors(run: RunFiles) -> list[Part]:
    """Plan the ranges of ranks that `.components` cut."""
    (record,) = run.artifact(COMPONENTS).records()
    manifest = run.manifest(SHINGLES)
    reads = run.manifest(COMPONENTS)["content"] + manifest["content"]
    ranges = record.facts["ranges"]
    num_bytes = manifest["num_bytes"] // len(ranges)
    return [Part(i, num_bytes, spec=each, reads=reads) for i, each in enumerate(ranges)]


def write_survivors(io: PartIO, settings: JSON) -> None:
    """Decide on a range of components; write a row per document that is not alone."""
    lo, hi, cuts = io.part.spec["lo"], io.part.spec["hi"], io.part.spec["cuts"]
    members = SortedFiles(io.artifact(COMPONENTS).part_files(), "rank").read(lo, hi)
    leader = members.column("leader").to_numpy().astype(np.int64) - lo
    made = decide(leader, _stream(io, lo, [lo, *cuts, hi]), settings["jaccard"])
    first = clusters(leader, made)
    sizes = np.bincount(first, minlength=len(first))
    copies = int((leader != np.arange(len(leader))).sum())
    io.counters["comparisons"] += made.num_comparisons
    io.counters["verified_pairs"] += copies + sum(len(found) for _, found in made.pairs)
    io.counters["clusters"] += int((sizes > 1).sum())
    io.facts["largest_cluster"] = int(sizes.max(initial=0))
    rows = np.flatnonzero(sizes[first] > 1)
    halves = np.stack([members.column(name).to_numpy() for name in ("id_high", "id_low")], axis=1)
    dropped = made.survivor[rows] >= 0
    ids = pa.array(keys.id_strings(halves[np.where(dropped, made.survivor[rows], 0)]))
    jaccard = pa.array(made.jaccard[rows], from_pandas=True)
    columns = {
        "doc": members.column("doc").take(pa.array(rows)),
        "survivor_id": pc.if_else(pa.array(dropped), ids, None),
        "jaccard": jaccard,
        "exact": pa.array(dropped & (made.survivor[rows] == leader[rows])),
        "cluster_id": pa.array(keys.id_strings(halves[first[rows]])),
        "cluster_size": pa.array(sizes[first[rows]]),
    }
    writer = io.parquet(VERDICT, max_rows=GROUP_ROWS)
    write_sorted(writer, pa.table(columns), ("doc",))


def _stream(io: PartIO, lo: int, cuts: list[int]) -> Callable[[], Iterator[Sets]]:
    """Return a function that reads the range's shingle sets in order of rank."""
    paths = io.artifact(SHINGLES).part_files()
    files = SortedFiles(paths, "rank") if paths else None

    @lru_cache(maxsize=1)  # a range without cuts is read once for both sweeps
    def read(start: int, end: int) -> pa.Table:
        assert files is not None
        return files.read(start, end).combine_chunks()

    def stream() -> Iterator[Sets]:
        for start, end in pairwise(cuts) if files else ():
            table = read(start, end)
            if table.num_rows:
                yield from _unpack(table, lo)

    return stream


def _unpack(table: pa.Table, lo: int) -> Iterator[Sets]:
    ranks = table.column("rank").to_numpy().astype(np.int64) - lo
    buckets, shingles = table.column("buckets").chunk(0), table.column("shingles").chunk(0)
    bucket_values, set_values = buckets.values.to_numpy(), shingles.values.to_numpy()
    bucket_offsets, set_offsets = buckets.offsets.to_numpy(), shingles.offsets.to_numpy()
    for row, member in enumerate(ranks.tolist()):
        keys_of_row = bucket_values[bucket_offsets[row] : bucket_offsets[row + 1]].tolist()
        yield member, keys_of_row, set_values[set_offsets[row] : set_offsets[row + 1]]
