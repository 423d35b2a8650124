"""Find the documents nearest to a threshold: whose verdict a small step decides.

With a change: of the documents that it gains and loses, those nearest to the threshold asked for.
Without: kept documents nearest to failing, and dropped ones that fail one rule only, nearest to
passing it. Nearness is relative, |value - threshold| / max of both, so that rules compare. Where
there is no number (a label that is not allowed) the smallest doc_ids stand for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.decide import Judged
from curate.whatif.scan import KEPT, Judgment

NUM_CASES = 20
HALF = NUM_CASES // 2
AT_ONCE = 3  # cases of one rule before those of another, however near
GAINED, LOST, NEARLY_DROPPED, NEARLY_KEPT = "gained", "lost", "nearly_dropped", "nearly_kept"
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What a rule compared: a number with a threshold, or a label; and in words."""

    value: float | str | None
    threshold: float | None  # None: of a label, or off for the document's language
    detail: str

    @staticmethod
    def of(judged: Judged | None, row: int) -> Measured | None:
        """Return what a rule said of a row; None where there is no such rule."""
        if judged is None:
            return None
        if judged.labels is not None:
            label = judged.labels[row].as_py()
            passed = f"{label} in {judged.rule.key}"
            return Measured(label, None, judged.detail(row) if judged.fails[row] else passed)
        value, threshold = float(judged.values[row]), float(judged.thresholds[row])
        if not np.isfinite(value):
            return None
        shown = judged.rule.shown  # a perplexity is stored as its logarithm
        known = shown(threshold) if np.isfinite(threshold) else None
        return Measured(shown(value), known, judged.detail(row))


@dataclass(frozen=True, order=True)
class Case:
    """A document near a threshold, and the rule it is near to."""

    distance: float  # 0 at the threshold, 1 at most
    doc_id: str
    part: int
    row: int
    kind: str
    rule: int  # its number in the scan
    language: str | None = field(compare=False)
    before: Measured | None = field(compare=False)  # by the rule as the run has it
    after: Measured | None = field(compare=False)  # as asked; None where it is off


class BorderCases:
    """The nearest documents of each kind and rule; at most 20 of each."""

    def __init__(self, changed: bool) -> None:
        self._changed = changed
        self._nearest: dict[tuple[str, int], list[Case]] = {}

    def add(self, judgment: Judgment) -> None:
        """Look at some documents."""
        find = _find_changed if self._changed else _find_near
        for kind, rule, rows, distances in find(judgment):
            self._offer(judgment, kind, rule, rows, distances)

    def choose(self) -> list[Case]:
        """Return twenty cases, half of each kind if there are enough."""
        kinds = (GAINED, LOST) if self._changed else (NEARLY_DROPPED, NEARLY_KEPT)
        first, second = (list(self._in_order(kind)) for kind in kinds)
        room = max(HALF, NUM_CASES - len(second))
        chosen = first[:room]
        return chosen + second[: NUM_CASES - len(chosen)]

    def _in_order(self, kind: str) -> Iterator[Case]:
        """Yield the nearest documents once each, but after the first three of every rule."""
        placed = [
            (place // AT_ONCE, case)
            for (each, _), cases in self._nearest.items()
            if each == kind
            for place, case in enumerate(cases)
        ]
        seen = set()
        for _, case in sorted(placed):
            if case.doc_id not in seen:
                seen.add(case.doc_id)
                yield case

    def _offer(
        self, judgment: Judgment, kind: str, rule: int, rows: NDArray[np.int64], distances: Floats
    ) -> None:
        known = self._nearest.setdefault((kind, rule), [])
        if len(known) == NUM_CASES:
            near = distances <= known[-1].distance
            rows, distances = rows[near], distances[near]
        if not rows.size:
            return
        ids = judgment.ids.take(pa.array(rows))
        table = pa.table({"distance": distances, "doc_id": ids, "row": rows})
        keys = [("distance", "ascending"), ("doc_id", "ascending")]
        nearest = table.take(pc.select_k_unstable(table, NUM_CASES, keys)).to_pylist()
        found = [_describe(judgment, kind, rule, **each) for each in nearest]
        self._nearest[kind, rule] = sorted([*known, *found])[:NUM_CASES]


def _describe(
    judgment: Judgment, kind: str, rule: int, distance: float, doc_id: str, row: int
) -> Case:
    return Case(
        distance,
        doc_id,
        int(judgment.parts[row]),
        int(judgment.rows[row]),
        kind,
        rule,
        judgment.languages[row].as_py(),
        Measured.of(judgment.judged.get(rule), row),
        Measured.of(judgment.judged_after.get(rule), row),
    )


Found = Iterator[tuple[str, int, NDArray[np.int64], Floats]]


def _find_changed(judgment: Judgment) -> Found:
    """Yield what the change gains and loses, by the rule that dropped or drops it."""
    gained = (judgment.before >= 0) & (judgment.after == KEPT)
    lost = (judgment.before == KEPT) & (judgment.after >= 0)
    for kind, chosen, states in ((GAINED, gained, judgment.before), (LOST, lost, judgment.after)):
        for rule in np.unique(states[chosen]).tolist():
            rows = np.flatnonzero(chosen & (states == rule))
            then, now = judgment.judged_after.get(rule), judgment.judged.get(rule)
            distances = _distances(then or now, rows)
            if now is not None:  # a threshold that is off is at no distance: take the run's
                distances = np.where(np.isnan(distances), _distances(now, rows), distances)
            yield kind, rule, rows, np.where(np.isnan(distances), 0.0, distances)


def _find_near(judgment: Judgment) -> Found:
    """Yield what is kept by every rule, and what fails but one, by that rule."""
    num_failed = np.zeros(len(judgment.ids), np.int64)
    for judged in judgment.judged.values():
        num_failed += judged.fails
    kept = np.flatnonzero(judgment.before == KEPT)
    for rule, judged in judgment.judged.items():
        distances = _distances(judged, kept)
        known = ~np.isnan(distances)
        if known.any():
            yield NEARLY_DROPPED, rule, kept[known], distances[known]
        alone = np.flatnonzero(judged.fails & (num_failed == 1))
        distances = _distances(judged, alone)
        if alone.size:
            yield NEARLY_KEPT, rule, alone, np.where(np.isnan(distances), 0.0, distances)


def _distances(judged: Judged | None, rows: NDArray[np.int64]) -> Floats:
    """Return relative distances of some rows from their threshold.

    NaN where there is none, and where both are 0: most documents have none of what is counted.
    """
    if judged is None:
        return np.full(len(rows), np.nan)
    values, thresholds = judged.values[rows], judged.thresholds[rows]
    largest = np.maximum(np.abs(values), np.abs(thresholds))
    with np.errstate(invalid="ignore"):  # an infinite threshold is off
        apart = np.abs(values - thresholds)
        found: Floats = np.divide(
            apart, largest, out=np.full(len(rows), np.nan), where=largest != 0
        )
    found[~np.isfinite(values) | ~np.isfinite(thresholds)] = np.nan
    return found
