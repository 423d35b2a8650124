"""Split the candidates into problems that have nothing to do with each other.

Two documents are in one component if a chain of shared buckets leads from one to the other. What
survives in one component is independent of all others. `.components` is one part, the only
step that sees all candidates at once: about 250 bytes per candidate at its peak, so 4 million
candidates per GB. It numbers them by rank: component by component, within one in survivor order.

    part-00000.parquet   by rank: which document, the rank of its leader, its doc_id
    docs-00000.parquet   by document: the leaders whose shingles have to be compared, with ranks

Documents with equal texts have one leader, the first of them in survivor order; only leaders are
compared. A leader alone in its component needs no comparison at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.dedup import keys
from curate.dedup.candidates import BANDS, BUCKETS, run_starts
from curate.segment import RunFiles
from curate.storage.artifact import JSON, Part, PartIO
from curate.storage.exchange import GROUP_ROWS
from curate.storage.parquet import read_batches, read_table

COMPONENTS = "duplicates/.components"
BATCH_ROWS = 1 << 18
MEMBER_BYTES = 200  # what one candidate costs in `.survivors`, without its shingles
LEADER_BYTES = 2000  # bucket lists of a document that is compared; 14 bands

I64 = NDArray[np.int64]

MEMBERS = pa.schema(
    [
        pa.field("rank", pa.uint64()),
        pa.field("doc", pa.uint64()),
        pa.field("leader", pa.uint64()),
        pa.field("id_high", pa.uint64()),
        pa.field("id_low", pa.uint64()),
    ]
)
COMPARED = pa.schema([pa.field("doc", pa.uint64()), pa.field("rank", pa.uint64())])


@dataclass(frozen=True)
class Candidates:
    """The candidates by document number, all arrays (n,): uint64, but num_shingles int64."""

    doc: keys.U64
    policy: keys.U64
    id_high: keys.U64
    id_low: keys.U64
    text: keys.U64  # (n, 2)
    num_shingles: I64


def plan_components(run: RunFiles) -> list[Part]:
    """Plan the single part."""
    reads = run.manifest(BANDS)["content"] + run.manifest(BUCKETS)["content"]
    return [Part(0, run.manifest(BUCKETS)["num_bytes"], reads=reads)]


def write_components(io: PartIO, settings: JSON) -> None:
    """Number all candidates by component and survivor order, and cut the ranks into ranges."""
    documents = _documents(io)
    parent = np.arange(len(documents))
    for doc, first in _edges(io):
        unite(parent, np.searchsorted(documents, doc), np.searchsorted(documents, first))
    component = roots(parent, np.arange(len(documents)))
    found = _load(io, documents)
    order = np.lexsort((found.id_low, found.id_high, found.policy, component))
    leader = _leaders(found.text[order])
    component = component[order]
    compared = leader == np.arange(len(leader))
    compared &= np.bincount(component[compared], minlength=len(order))[component] > 1
    compared &= settings["method"] != "exact"
    _write(io, found, order, leader, compared)
    weight = MEMBER_BYTES + compared * (LEADER_BYTES + 8 * found.num_shingles[order])
    io.facts["ranges"] = cut_ranges(component, weight, settings["bytes_per_range"])
    io.counters["candidates"] += len(order)
    io.counters["components"] += len(np.unique(component))
    io.counters["compared"] += int(compared.sum())


def unite(parent: I64, left: I64, right: I64) -> None:
    """Join the sets of left[i] and right[i], for all i, in the forest `parent` (changed).

    The root of a set is its smallest member. In every round each root that has a smaller neighbor
    hooks onto the smallest, and the new paths are halved until flat: O(log n) rounds, no recursion.
    """
    while True:
        left, right = roots(parent, left), roots(parent, right)
        differ = left != right
        if not differ.any():
            return
        left, right = left[differ], right[differ]
        hooked = np.maximum(left, right)
        np.minimum.at(parent, hooked, np.minimum(left, right))
        hooked = np.unique(hooked)
        while True:
            above = parent[parent[hooked]]
            if np.array_equal(above, parent[hooked]):
                break
            parent[hooked] = above


def roots(parent: I64, members: I64) -> I64:
    """Return the smallest member of each one's set, and let them point to it: (n,) int64."""
    found = parent[members]
    while True:
        above = parent[found]
        if np.array_equal(above, found):
            break
        found = above
    parent[members] = found
    return found


def cut_ranges(component: I64, weight: I64, bytes_per_range: int) -> list[JSON]:
    """Cut the ranks into ranges of whole components: [{lo, hi, cuts}], cuts within giants.

    A range weighs less than `bytes_per_range` and one component. Where that is over twice as much,
    `cuts` say where to pause, so that only what is kept stays in memory. At least one range.
    """
    if not len(component):
        return [{"lo": 0, "hi": 0, "cuts": []}]
    before = np.cumsum(weight) - weight
    starts = run_starts(component.astype(np.uint64))
    lows = starts[run_starts((before[starts] // bytes_per_range).astype(np.uint64))].tolist()
    ranges = []
    for lo, hi in zip(lows, [*lows[1:], len(component)], strict=True):
        steps = (before[lo:hi] - before[lo]) // (2 * bytes_per_range)
        cuts = (lo + run_starts(steps.astype(np.uint64)))[1:].tolist()
        ranges.append({"lo": lo, "hi": hi, "cuts": cuts})
    return ranges


def _documents(io: PartIO) -> keys.U64:
    """Return the numbers of all candidates, ascending and distinct."""
    found = np.zeros(0, np.uint64)
    pending: list[keys.U64] = []
    size = 0
    for path in io.artifact(BUCKETS).part_files():
        for batch in read_batches(path, ["doc"], BATCH_ROWS):
            pending.append(np.unique(batch.column("doc").to_numpy()))
            size += len(pending[-1])
            if size > len(found) + BATCH_ROWS:
                found = np.unique(np.concatenate([found, *pending]))
                pending, size = [], 0
    return np.unique(np.concatenate([found, *pending]))


def _edges(io: PartIO) -> Iterator[tuple[keys.U64, keys.U64]]:
    """Yield batches of (document, first document of the bucket)."""
    for path in io.artifact(BUCKETS).part_files():
        last: tuple[np.uint64, np.uint64] | None = None  # key and first document, carried over
        for batch in read_batches(path, ["key", "doc"], BATCH_ROWS):
            key, doc = batch.column("key").to_numpy(), batch.column("doc").to_numpy()
            starts = run_starts(key)
            first = doc[starts]
            if last is not None and last[0] == key[0]:
                first[0] = last[1]
            last = (key[-1], first[-1])
            yield doc, np.repeat(first, np.diff(np.append(starts, len(key))))


def _load(io: PartIO, documents: keys.U64) -> Candidates:
    """Return what `.bands` says of the candidates."""
    tables = []
    bands = io.artifact(BANDS)
    for index in range(len(bands.part_files("docs"))):
        lo, hi = np.searchsorted(documents, np.array(keys.document_range(index), np.uint64))
        if lo == hi:
            continue
        table = read_table(bands.path(f"docs-{index:05d}.parquet"))
        tables.append(table.take(np.searchsorted(table.column("doc").to_numpy(), documents[lo:hi])))
    if not tables:
        none = np.zeros(0, np.uint64)
        return Candidates(none, none, none, none, none.reshape(0, 2), np.zeros(0, np.int64))
    table = pa.concat_tables(tables)
    policy, high, low = (table.column(name).to_numpy() for name in ("policy", "id_high", "id_low"))
    num_shingles = table.column("num_shingles").to_numpy().astype(np.int64)
    text = keys.hash_halves(table.column("text_hash"))
    return Candidates(documents, policy, high, low, text, num_shingles)


def _leaders(text: keys.U64) -> I64:
    """Return for each row the first row of equal text: (n,) int64. Costs a sort."""
    order = np.lexsort((text[:, 1], text[:, 0]))  # stable: the first of equals stays first
    ordered = text[order]
    new = np.ones(len(order), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    leader = np.zeros(len(order), np.int64)
    leader[order] = order[new][np.cumsum(new) - 1]
    return leader


def _write(
    io: PartIO, found: Candidates, order: I64, leader: I64, compared: NDArray[np.bool_]
) -> None:
    members = io.parquet(MEMBERS, max_rows=GROUP_ROWS)
    for start in range(0, len(order), BATCH_ROWS):
        rows = order[start : start + BATCH_ROWS]
        ranks = np.arange(start, start + len(rows), dtype=np.uint64)
        leaders = leader[start : start + len(rows)].astype(np.uint64)
        columns = [ranks, found.doc[rows], leaders, found.id_high[rows], found.id_low[rows]]
        members.write(pa.table([pa.array(column) for column in columns], schema=MEMBERS))
    ranks = np.flatnonzero(compared).astype(np.uint64)
    by_doc = np.argsort(found.doc[order][compared])
    columns = [found.doc[order][compared][by_doc], ranks[by_doc]]
    table = pa.table([pa.array(column) for column in columns], schema=COMPARED)
    io.parquet(COMPARED, stem="docs", max_rows=GROUP_ROWS).write(table)
