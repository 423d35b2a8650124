"""Every token is a target once per epoch, in an order that the step alone decides."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from curate.errors import ConfigError, InputError
from curate.training.loader import NO_TARGET, Loader, windows
from curate.training.permutation import permute
from tests.training.token_files import make_split

FIRST = 7
WINDOW = 4
# Around every boundary: one token, a window and one less and more, many windows.
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 63, 64, 65, 400, 403]


def ids_of(size: int) -> list[int]:
    """Return distinct ids, none of which is FIRST."""
    return list(range(1000, 1000 + size))


def make_loader(directory: Path, size: int, **settings: int) -> Loader:
    split = make_split(directory, ids_of(size), cuts=[size // 3, size // 3, size // 2])
    defaults = {"window_tokens": WINDOW, "batch_windows": 2, "seed": 0, "first_token": FIRST}
    return Loader(split, **{**defaults, **settings})


def pairs(inputs: np.ndarray, targets: np.ndarray) -> list[tuple[int, int]]:
    """Return (input, target) wherever there is a target."""
    there = targets != NO_TARGET
    return list(zip(inputs[there].tolist(), targets[there].tolist(), strict=True))


def all_pairs(size: int) -> list[tuple[int, int]]:
    """Return each token with the one before it: what an epoch has to hold."""
    ids = ids_of(size)
    return list(zip([FIRST, *ids[:-1]], ids, strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_in_order_every_token_is_a_target_once(tmp_path: Path, size: int) -> None:
    split = make_split(tmp_path, ids_of(size), cuts=[size // 2])
    found = list(windows(split, WINDOW, FIRST))
    assert len(found) == -(-size // WINDOW)
    assert all(
        part.shape == (WINDOW,) and part.dtype == np.int64 for pair in found for part in pair
    )
    assert [pair for window in found for pair in pairs(*window)] == all_pairs(size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("batch_windows", [1, 3, 8])
def test_an_epoch_has_every_token_as_a_target_once(
    tmp_path: Path, size: int, batch_windows: int
) -> None:
    loader = make_loader(tmp_path, size, batch_windows=batch_windows)
    assert loader.num_windows == -(-size // WINDOW)
    assert loader.steps_per_epoch == -(-loader.num_windows // batch_windows)
    num_epochs = 3
    found: list[list[tuple[int, int]]] = [[] for _ in range(num_epochs)]
    for step in range(-(-loader.num_windows * num_epochs // batch_windows)):
        inputs, targets = loader.batch(step)
        assert inputs.shape == targets.shape == (batch_windows, WINDOW)
        assert inputs.dtype == targets.dtype == np.int64
        for row in range(batch_windows):
            epoch = (step * batch_windows + row) // loader.num_windows
            if epoch < num_epochs:
                found[epoch] += pairs(inputs[row], targets[row])
    for epoch in found:
        assert sorted(epoch) == sorted(all_pairs(size))


def test_inputs_without_target_are_ids_too(tmp_path: Path) -> None:
    inputs, targets = make_loader(tmp_path, 1, batch_windows=1).batch(0)
    assert inputs.tolist() == [[FIRST, 1000, FIRST, FIRST]]
    assert targets.tolist() == [[1000, NO_TARGET, NO_TARGET, NO_TARGET]]


@pytest.mark.parametrize("num_ranks", [1, 2, 3, 4, 6, 12])
def test_all_ranks_together_read_the_same_batch(tmp_path: Path, num_ranks: int) -> None:
    whole = make_loader(tmp_path, 77, batch_windows=12)
    ranks = [
        make_loader(tmp_path, 77, batch_windows=12, rank=rank, num_ranks=num_ranks)
        for rank in range(num_ranks)
    ]
    for step in (0, 1, 5):
        expected = whole.batch(step)
        for rank, loader in enumerate(ranks):
            for part, total in zip(loader.batch(step), expected, strict=True):
                assert np.array_equal(part, total[rank::num_ranks])


@pytest.mark.parametrize(("batch_windows", "advice"), [(10, "take 8"), (3, "take 4")])
def test_ranks_must_divide_the_batch(tmp_path: Path, batch_windows: int, advice: str) -> None:
    with pytest.raises(ConfigError, match=advice):
        make_loader(tmp_path, 77, batch_windows=batch_windows, num_ranks=4)


def test_a_batch_depends_on_its_step_alone(tmp_path: Path) -> None:
    one, other = (make_loader(tmp_path, 403) for _ in range(2))
    forward = [one.batch(step) for step in range(60)]
    for step in reversed(range(60)):
        for a, b in zip(forward[step], other.batch(step), strict=True):
            assert np.array_equal(a, b)


def test_a_batch_is_the_callers_to_change(tmp_path: Path) -> None:
    loader = make_loader(tmp_path, 40)
    first = loader.batch(0)
    kept = [part.copy() for part in first]
    for part in first:
        part[:] = -1
    assert all(np.array_equal(a, b) for a, b in zip(loader.batch(0), kept, strict=True))


def test_seeds_and_epochs_have_orders_of_their_own(tmp_path: Path) -> None:
    orders = set()
    for seed in (0, 1, 2):
        loader = make_loader(tmp_path, 400, batch_windows=100, seed=seed)
        orders |= {tuple(loader.batch(epoch)[0][:, 0].tolist()) for epoch in (0, 1, 2)}
    assert len(orders) == 9


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 256, 257, 1000, 4097])
@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (0, 1), (1, 0), (2**62 - 1, 10**6)])
def test_an_order_has_everything_once(size: int, seed: int, epoch: int) -> None:
    order = permute(np.arange(size), size, seed, np.full(size, epoch))
    assert sorted(order.tolist()) == list(range(size))


def test_places_do_not_depend_on_each_other() -> None:
    order = permute(np.arange(1000), 1000, 3, np.zeros(1000, np.int64))
    alone = [int(permute(np.array([p]), 1000, 3, np.array([0]))[0]) for p in range(0, 1000, 50)]
    assert alone == order[::50].tolist()


def test_the_largest_corpora_need_no_array() -> None:
    size = 10**14  # windows
    places = np.array([0, 1, 2, size // 2, size - 1])
    order = permute(places, size, 0, np.zeros(5, np.int64))
    assert len(set(order.tolist())) == 5
    assert ((order >= 0) & (order < size)).all()


def test_all_orders_of_four_are_about_as_frequent() -> None:
    num_seeds = 2400
    places, epochs = np.arange(4), np.zeros(4, np.int64)
    counts = Counter(tuple(permute(places, 4, s, epochs).tolist()) for s in range(num_seeds))
    expected = num_seeds / 24
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert len(counts) == 24
    assert chi_square < 49.7  # 23 degrees of freedom: 0.1 % of fair shuffles exceed it


def test_neighbors_in_an_order_are_no_neighbors_in_the_corpus() -> None:
    size = 20_000
    order = permute(np.arange(size), size, 0, np.zeros(size, np.int64))
    assert np.sum(np.abs(np.diff(order)) == 1) < 12  # 2 expected of a fair shuffle
    assert abs(np.corrcoef(np.arange(size), order)[0, 1]) < 0.03  # 4 standard deviations


def test_a_split_without_tokens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"shards\.val_fraction"):
        make_loader(tmp_path, 0)
    with pytest.raises(InputError, match="no tokens"):
        list(windows(make_split(tmp_path, []), WINDOW, FIRST))
