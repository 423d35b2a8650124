"""Dedup is linear where crawls are worst, and finds what the S-curve promises. No clock here."""

from __future__ import annotations

import math
import random

import pytest

from curate.dedup.dedup import Dedup
from tests.dedup.driver import Document, RunDedup, make_id
from tests.dedup.test_definition import edit, shingles


def prose(rng: random.Random, num_words: int) -> list[str]:
    return [f"w{rng.getrandbits(32):x}" for _ in range(num_words)]


def test_equal_documents_cost_no_comparison(run_dedup: RunDedup) -> None:
    text = " ".join(prose(random.Random(1), 30))
    documents = [Document(make_id(i), text) for i in range(20_000)]
    run = run_dedup([documents[:5000], documents[5000:]], Dedup())
    assert run.facts == {
        "buckets": 14,
        "candidates": 20_000,
        "comparisons": 0,
        "verified_pairs": 19_999,
        "clusters": 1,
        "largest_cluster": 20_000,
    }
    assert run.survivors == {min(run.rows)}
    assert run.counters["exact"] == 19_999
    assert run.counters.get("shingled", 0) == 0


def test_nearly_equal_documents_cost_one_comparison_each(run_dedup: RunDedup) -> None:
    rng = random.Random(2)
    words = prose(rng, 300)
    documents = [Document(make_id(i), " ".join(edit(words, 1, rng))) for i in range(2000)]
    run = run_dedup([documents], Dedup(), bytes_per_range=1_000_000)  # several reads per sweep
    assert run.facts["largest_cluster"] == 2000
    assert run.facts["comparisons"] <= 2000
    assert len(run.survivors) == 1


def test_different_documents_cost_nothing(run_dedup: RunDedup) -> None:
    rng = random.Random(3)
    documents = [Document(make_id(i), " ".join(prose(rng, 40))) for i in range(2000)]
    run = run_dedup([documents], Dedup())
    assert run.facts["buckets"] == run.facts["comparisons"] == 0
    assert len(run.survivors) == 2000


@pytest.mark.parametrize(("num_edits", "num_words"), [(3, 150), (5, 150), (8, 150)])
def test_recall_of_planted_pairs_is_on_the_curve(
    run_dedup: RunDedup, num_edits: int, num_words: int
) -> None:
    rng = random.Random(num_edits)
    spec = Dedup(jaccard=0.2)
    documents, expected = [], []
    for pair in range(600):
        words = prose(rng, num_words)
        texts = [" ".join(words), " ".join(edit(words, num_edits, rng))]
        a, b = (shingles(text, spec.ngram_words) for text in texts)
        expected.append(spec.recall(len(a & b) / len(a | b)))
        documents += [Document(make_id(2 * pair + i), text) for i, text in enumerate(texts)]
    run = run_dedup([documents], spec)
    found = len(documents) - len(run.survivors)
    deviation = math.sqrt(sum(p * (1 - p) for p in expected))
    assert abs(found - sum(expected)) <= 4 * deviation + 1


def test_the_curve_is_the_published_one() -> None:
    curve = Dedup().recall_curve()
    assert curve["0.80"] == 0.9235
    assert curve["0.75"] == 0.7716
    assert curve["1.00"] == 1.0
    assert Dedup(bands=9, rows=13).recall(0.8) == pytest.approx(0.399, abs=0.001)
