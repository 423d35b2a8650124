"""The pieces: union-find, ranges, order, keys and the sweep, each against a plain reading."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.dedup import keys
from curate.dedup.components import cut_ranges, roots, unite
from curate.dedup.dedup import Dedup
from curate.dedup.survivors import Sets, clusters, decide
from curate.errors import IntegrityError


def plain_components(size: int, edges: list[tuple[int, int]]) -> list[int]:
    first = list(range(size))
    changed = True
    while changed:
        changed = False
        for a, b in edges:
            low = min(first[a], first[b])
            changed |= first[a] != low or first[b] != low
            first[a] = first[b] = low
    return first


@pytest.mark.parametrize("shape", ["path", "backwards", "zigzag", "star", "random", "none"])
def test_unite_finds_the_components(shape: str) -> None:
    size = 400
    rng = random.Random(shape)
    edges = {
        "path": [(i, i + 1) for i in range(size - 1)],
        "backwards": [(i + 1, i) for i in reversed(range(size - 1))],
        "zigzag": [(i, size - 1 - i) for i in range(size)] + [(i, size - i) for i in range(1, 200)],
        "star": [(size - 1, i) for i in range(size)],
        "random": [(rng.randrange(size), rng.randrange(size)) for _ in range(300)],
        "none": [],
    }[shape]
    for batches in (1, 7):
        parent = np.arange(size)
        pairs = np.array(edges, np.int64).reshape(-1, 2)
        for batch in np.array_split(pairs, batches):
            unite(parent, batch[:, 0], batch[:, 1])
        assert roots(parent, np.arange(size)).tolist() == plain_components(size, edges)


def test_a_path_of_a_million_needs_no_recursion() -> None:
    parent = np.arange(1_000_000)
    unite(parent, np.arange(1, 1_000_000), np.arange(999_999))
    assert not parent.any()


def test_ranges_hold_whole_components_and_cut_only_giants() -> None:
    component = np.array([0] * 3 + [3] * 2 + [5] * 40 + [45] * 5 + [50])
    weight = np.full(len(component), 100)
    ranges = cut_ranges(component, weight, 500)
    assert [each["lo"] for each in ranges][1:] == [each["hi"] for each in ranges][:-1]
    assert (ranges[0]["lo"], ranges[-1]["hi"]) == (0, len(component))
    for each in ranges:
        lo, hi = each["lo"], each["hi"]
        assert lo == 0 or component[lo] != component[lo - 1]
        steps = np.diff([lo, *each["cuts"], hi])
        assert (steps > 0).all()
        assert (steps <= 10).all()
    assert cut_ranges(component[:0], weight[:0], 500) == [{"lo": 0, "hi": 0, "cuts": []}]


def test_the_sweeps_equal_the_definition_on_random_sets() -> None:
    for seed in range(60):
        rng = random.Random(seed)
        texts = [sorted(rng.sample(range(12), rng.randint(3, 10))) for _ in range(12)]
        sets = [rng.choice(texts) for _ in range(60)]
        buckets = {tuple(text): rng.sample(range(6), 2) for text in texts}
        leader = np.array([sets.index(each) for each in sets])
        threshold = rng.choice([0.5, 0.6, 0.8])

        def stream() -> Iterator[Sets]:
            for member, each in enumerate(sets):  # noqa: B023
                if leader[member] == member:  # noqa: B023
                    yield member, buckets[tuple(each)], np.array(each, np.uint64)  # noqa: B023

        made = decide(leader, stream, threshold)
        survivor, jaccard, first = plain_sweep(sets, buckets, threshold)
        assert made.survivor.tolist() == survivor
        assert [j for j in made.jaccard.tolist() if j == j] == [j for j in jaccard if j]
        assert clusters(leader, made).tolist() == first


def plain_sweep(
    sets: list[list[int]], buckets: dict[tuple[int, ...], list[int]], threshold: float
) -> tuple[list[int], list[float], list[int]]:
    def similar(a: int, b: int) -> float:
        if set(buckets[tuple(sets[a])]).isdisjoint(buckets[tuple(sets[b])]):
            return 0.0
        one, two = set(sets[a]), set(sets[b])
        jaccard = len(one & two) / len(one | two)
        return jaccard if jaccard >= threshold else 0.0

    survivor, jaccard = [-1] * len(sets), [0.0] * len(sets)
    kept: list[int] = []
    for this in range(len(sets)):
        best = max(kept, key=lambda other: (similar(this, other), -other), default=None)
        if best is None or not similar(this, best):
            kept.append(this)
        else:
            survivor[this], jaccard[this] = best, similar(this, best)
    edges = [
        (this, other)
        for this in range(len(sets))
        if survivor[this] >= 0
        for other in kept
        if similar(this, other)
    ]
    return survivor, jaccard, plain_components(len(sets), edges)


def test_survivor_order() -> None:
    chars = pa.chunked_array([pa.array([5, 0, 2**40, None], pa.int64())])
    assert np.argsort(keys.policy_order("longest", chars), stable=True).tolist() == [2, 0, 1, 3]
    dates = ["2024-05-01T10:00:00Z", None, "2023-01-01T00:00:00Z", "2024-05-01T10:00:00.5Z", ""]
    column = pa.chunked_array([pa.array(dates, pa.large_string())])
    early, late = (keys.policy_order(keep, column) for keep in ("earliest", "latest"))
    assert np.argsort(early, stable=True).tolist() == [2, 0, 3, 1, 4]
    assert np.argsort(late, stable=True).tolist() == [3, 0, 2, 1, 4]


def test_ids_keep_their_order_as_numbers() -> None:
    ids = sorted(f"{random.Random(i).getrandbits(128):032x}" for i in range(50))
    halves = keys.id_halves(pa.chunked_array([ids[:20], ids[20:]], pa.large_string()))
    assert keys.id_strings(halves) == ids
    assert np.lexsort((halves[:, 1], halves[:, 0])).tolist() == list(range(50))


def test_bucket_keys_depend_on_the_band_and_all_its_rows() -> None:
    values = np.arange(24, dtype="<u4").reshape(4, 6)
    values[1] = values[0]
    values[1, 5] += 1  # differs in the last row of the last band
    values[2] = np.tile(values[0, :2], 3)  # the first band three times
    column = pa.chunked_array([pa.array([row.tobytes() for row in values], pa.binary(24))])
    found = keys.band_keys(column.slice(0, 3), bands=3, rows=2)
    assert found.shape == (3, 3)
    assert (found[0] == found[1]).tolist() == [True, True, False]
    assert found[0, 0] == found[2, 0]
    assert len(set(found[2].tolist())) == 3
    assert (found == keys.band_keys(column, bands=3, rows=2)[:3]).all()
    with pytest.raises(IntegrityError, match="--restart measures"):
        keys.band_keys(column, bands=3, rows=4)


@pytest.mark.parametrize(
    "wrong",
    [{"jaccard": 0.0}, {"jaccard": 1.1}, {"bands": 0}, {"rows": 65}, {"keep": "best"}, {"band": 1}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Dedup.model_validate(wrong)


def test_deciding_keys_do_not_touch_the_sketch() -> None:
    assert set(Dedup().deciding_settings()) == {"jaccard", "keep", "method"}
    changed = Dedup(jaccard=0.7, keep="latest", method="exact")
    assert changed.measuring_settings() == Dedup().measuring_settings()
