"""The survivors are those of DESIGN.md section 6, by a brute-force reading of its sentence."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from curate.dedup.dedup import Dedup
from curate.text.words import word_table
from tests.dedup.driver import Document, Run, RunDedup, make_id

VOCABULARY = [f"{a}{b}{c}" for a in "bdgklm" for b in ("ra", "no", "ti", "se") for c in "nrstu"]


def shingles(text: str, ngram_words: int) -> set[tuple[Any, ...]]:
    """Return the word n-grams of a text as a Python set, from the word hashes alone.

    A text of fewer words is one shingle, a text without words one of its characters.
    """
    hashes = word_table(pa.array([text], pa.large_string())).hashes.tolist()
    if not hashes:
        return {("characters", text)}
    if len(hashes) < ngram_words:
        return {("words", *hashes)}
    return {tuple(hashes[i : i + ngram_words]) for i in range(len(hashes) - ngram_words + 1)}


def preference(document: Document, keep: str) -> tuple[Any, ...]:
    """Return what survivor order sorts by."""
    if keep == "longest":
        return (-len(document.text), document.doc_id)
    if document.date is None:
        return (1, 0, document.doc_id)
    seconds = int("".join(filter(str.isdigit, document.date)))
    return (0, seconds if keep == "earliest" else -seconds, document.doc_id)


def brute_force(documents: Sequence[Document], spec: Dedup, signatures: dict[str, bytes]) -> Any:
    """Return doc_id -> (survivor, jaccard, exact, cluster, size), comparing all with all."""
    order = sorted(
        (each for each in documents if each.outcome == "kept"),
        key=lambda each: preference(each, spec.keep),
    )
    sets = [shingles(each.text, spec.ngram_words) for each in order]
    buckets = []
    for each in order:
        signature, width = signatures[each.doc_id], 4 * spec.rows
        bands = {(b, signature[b * width : (b + 1) * width]) for b in range(spec.bands)}
        buckets.append({("text", each.text)} if spec.method == "exact" else bands)

    def jaccard(a: int, b: int) -> float:
        if order[a].text == order[b].text:
            return 1.0
        return len(sets[a] & sets[b]) / len(sets[a] | sets[b])

    kept: list[int] = []
    replaced: dict[int, tuple[int, float]] = {}
    for this in range(len(order)):
        best: tuple[int, float] | None = None
        for other in kept:
            if not buckets[this].isdisjoint(buckets[other]):
                similarity = jaccard(this, other)
                if similarity >= spec.jaccard and (best is None or similarity > best[1]):
                    best = (other, similarity)
        if best is None:
            kept.append(this)
        else:
            replaced[this] = best
    first = list(range(len(order)))
    for this in replaced:
        for other in kept:
            if not buckets[this].isdisjoint(buckets[other]):
                a, b = first[this], first[other]
                if a != b and jaccard(this, other) >= spec.jaccard:
                    first = [min(a, b) if each in (a, b) else each for each in first]
    sizes = Counter(first)
    return {
        each.doc_id: (
            order[replaced[this][0]].doc_id if this in replaced else None,
            replaced[this][1] if this in replaced else None,
            this in replaced and order[replaced[this][0]].text == each.text,
            order[first[this]].doc_id,
            sizes[first[this]],
        )
        for this, each in enumerate(order)
    }


def decisions(run: Run) -> Any:
    """Return what the run says in the form of `brute_force`."""
    names = ("survivor_id", "jaccard", "exact", "cluster_id", "cluster_size")
    return {doc_id: tuple(row[name] for name in names) for doc_id, row in run.rows.items()}


def edit(words: list[str], count: int, rng: random.Random) -> list[str]:
    """Replace some words."""
    changed = list(words)
    for place in rng.sample(range(len(words)), count):
        changed[place] = rng.choice(VOCABULARY) + "x"
    return changed


def family(rng: random.Random) -> list[str]:
    """Return texts that have something to do with each other."""
    words = rng.choices(VOCABULARY, k=rng.randint(40, 120))
    kind = rng.choice(["alone", "alone", "near", "chain", "copies", "short", "mixed"])
    texts = [" ".join(words)]
    if kind == "near":
        texts += [" ".join(edit(words, rng.randint(0, 4), rng)) for _ in range(rng.randint(1, 6))]
    elif kind == "chain":
        for _ in range(rng.randint(5, 25)):
            words = edit(words, 1, rng)
            texts.append(" ".join(words))
    elif kind == "copies":
        texts += [rng.choice([texts[0], texts[0].upper(), texts[0] + " ."]) for _ in range(6)]
    elif kind == "short":
        texts = [" ".join(words[: rng.randint(0, 4)]) for _ in range(4)]
        texts += [rng.choice([text, text.title(), "... ", "!"]) for text in rng.choices(texts, k=3)]
    elif kind == "mixed":
        texts += [" ".join(edit(words, rng.randint(1, 4), rng)) for _ in range(12)]
        texts += rng.choices(texts, k=12)
    return texts


def corpus(size: int, seed: int) -> list[Document]:
    """Return documents with families of duplicates, shuffled."""
    rng = random.Random(seed)
    texts: list[str] = []
    while len(texts) < size:
        texts += family(rng)
    rng.shuffle(texts)
    days = [None, *(f"2024-0{month}-{day}T00:00:00Z" for month in range(1, 7) for day in (11, 27))]
    return [
        Document(make_id(i), text, rng.choice(days), rng.choice(["kept"] * 19 + ["dropped"]))
        for i, text in enumerate(texts[:size])
    ]


def split(documents: list[Document], sizes: Sequence[int]) -> list[list[Document]]:
    """Split documents into parts of given sizes; the last takes the rest."""
    parts, start = [], 0
    for size in sizes:
        parts.append(documents[start : start + size])
        start += size
    return [*parts, documents[start:]]


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    """Return 2,000 documents."""
    return corpus(2000, 1)


@pytest.mark.parametrize("keep", ["longest", "earliest", "latest"])
def test_decisions_equal_brute_force(
    run_dedup: RunDedup, documents: list[Document], keep: Any
) -> None:
    spec = Dedup(keep=keep)
    run = run_dedup(split(documents, [700, 600]), spec)
    expected = brute_force(documents, spec, run.signatures)
    assert decisions(run) == expected
    assert 200 < len(run.survivors) < len(run.rows) - 200
    sizes = Counter(row[3] for row in expected.values())
    assert run.facts["clusters"] == sum(size > 1 for size in sizes.values())
    assert run.facts["largest_cluster"] == max(sizes.values())
    assert run.counters["dropped"] == len(run.rows) - len(run.survivors)


@pytest.mark.parametrize(
    ("sizes", "bounds"),
    [
        ([], {}),
        ([0, 1, 0, 999, 500], {"rows_per_range": 300, "bytes_per_range": 5_000}),
        ([400] * 4, {"rows_per_range": 5_000, "bytes_per_range": 40_000}),
    ],
)
def test_neither_order_nor_parts_nor_ranges_change_a_decision(
    run_dedup: RunDedup, documents: list[Document], sizes: list[int], bounds: dict[str, int]
) -> None:
    spec = Dedup()
    base = run_dedup([documents], spec)
    shuffled = list(documents)
    random.Random(len(sizes)).shuffle(shuffled)
    run = run_dedup(split(shuffled, sizes), spec, **bounds)
    assert decisions(run) == decisions(base)
    assert run.facts == base.facts
    assert run.order == [each.doc_id for each in shuffled if each.outcome == "kept"]


def test_a_second_pass_drops_nothing(run_dedup: RunDedup, documents: list[Document]) -> None:
    first = run_dedup([documents], Dedup())
    left = [each for each in documents if each.doc_id in first.survivors]
    second = run_dedup([left], Dedup())
    assert second.survivors == first.survivors


def test_an_unrelated_document_changes_nothing(
    run_dedup: RunDedup, documents: list[Document]
) -> None:
    some = documents[:500]
    stranger = Document("f" * 32, " ".join(f"{word}q" for word in VOCABULARY))
    with_stranger = decisions(run_dedup([[stranger], some], Dedup()))
    assert with_stranger.pop(stranger.doc_id) == (None, None, False, stranger.doc_id, 1)
    assert with_stranger == decisions(run_dedup([some], Dedup()))


@pytest.mark.parametrize(
    "spec",
    [
        Dedup(method="exact"),
        Dedup(jaccard=1.0),
        Dedup(jaccard=0.3, bands=40, rows=2),
        Dedup(ngram_words=1, bands=7, rows=5, keep="earliest"),
    ],
)
def test_other_settings_equal_brute_force(run_dedup: RunDedup, spec: Dedup) -> None:
    documents = corpus(600, 2)
    run = run_dedup(split(documents, [250]), spec, bytes_per_range=20_000)
    assert decisions(run) == brute_force(documents, spec, run.signatures)


def test_a_long_chain_is_thinned_and_not_swallowed(run_dedup: RunDedup) -> None:
    rng = random.Random(5)
    words = [f"w{rng.getrandbits(40):x}" for _ in range(3 * 1500 + 60)]
    documents = [Document(make_id(i), " ".join(words[3 * i : 3 * i + 60])) for i in range(1500)]
    spec = Dedup(bands=20, rows=4)
    run = run_dedup(split(documents, [500]), spec, bytes_per_range=50_000)
    assert decisions(run) == brute_force(documents, spec, run.signatures)
    assert 300 < len(run.survivors) < 1200


@pytest.mark.parametrize("parts", [[], [[]], [[], [Document(make_id(1), "alone")], []]])
def test_little_or_nothing_to_do(run_dedup: RunDedup, parts: list[list[Document]]) -> None:
    run = run_dedup(parts, Dedup())
    assert len(run.survivors) == sum(map(len, parts))
    assert run.facts["candidates"] == 0


def test_verdicts_decide_who_takes_part(run_dedup: RunDedup) -> None:
    text = " ".join(VOCABULARY[:50])
    documents = [
        Document(make_id(1), text + " and more of it", outcome="dropped"),
        Document(make_id(2), text),
        Document(make_id(3), text, outcome="errored"),
    ]
    run = run_dedup([documents], Dedup())
    assert list(run.rows) == run.order == [make_id(2)]
    assert run.survivors == {make_id(2)}
