"""Decide from stored columns: rules, verdicts and the words that explain them.

A rule compares one column, or the ratio of two integer columns, with a threshold. Rules never see
text, so a changed threshold costs seconds. Every document gets the first rule it fails, in list
order; which others it fails can be computed from the same columns at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rule:
    """One threshold: the reason it gives, the YAML key that holds it, where it comes from.

    Exactly one of `minimum`, `maximum` (both inclusive: the bound itself is kept), `allowed` and
    `top_ratio` is set. With `top_ratio` the bound depends on the whole corpus, and is filled in
    when it is known (see `curate.pipeline.thresholds`). A null measurement means that the rule does
    not apply to the document, which passes.
    """

    reason: str
    key: str
    numerator: str
    denominator: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    allowed: frozenset[str] | None = None
    by_language: Mapping[str, float] = field(default_factory=dict)  # overrides, by top label
    source: str = ""
    top_ratio: float | None = None  # keep this share, the best, of what earlier rules keep
    top_by_language: bool = False  # ... of each language apart
    lowest: bool = False  # the best are those of lowest value
    shown: Callable[[float], float] = float  # from what is stored to the unit of the key

    @property
    def can_fail(self) -> bool:
        """Tell whether there is a bound at all: an infinite one switches a rule off."""
        bounds = [self.minimum, self.maximum, *self.by_language.values()]
        finite = any(bound is not None and isfinite(bound) for bound in bounds)
        return finite or self.allowed is not None or self.top_ratio is not None

    @property
    def bound(self) -> float:
        """Return the general threshold, a minimum or a maximum; infinite where it is off."""
        bound = self.minimum if self.minimum is not None else self.maximum
        assert bound is not None, f"{self.reason} has no threshold yet"
        return bound

    @property
    def off(self) -> str | None:
        """Tell in words for how many languages the rule is off; None where for none."""
        if self.allowed is not None or self.top_ratio is not None:  # of each language seen
            return None
        lax = sorted(name for name, bound in self.by_language.items() if not isfinite(bound))
        if not isfinite(self.bound):
            return f"off but for {_languages(sorted({*self.by_language} - {*lax}))}"
        return f"off for {_languages(lax)}" if lax else None

    def columns(self) -> tuple[str, ...]:
        """Return the columns the rule reads."""
        language = ("language",) if self.by_language or self.top_by_language else ()
        return (self.numerator, *((self.denominator,) if self.denominator else ()), *language)


@dataclass(frozen=True)
class Judged:
    """A rule applied to n documents: float64 values and thresholds, and which fail."""

    rule: Rule
    values: NDArray[np.float64]  # (n,), NaN where the rule does not apply
    thresholds: NDArray[np.float64]  # (n,)
    fails: NDArray[np.bool_]  # (n,)
    labels: pa.Array | None = None  # the column itself, for `allowed`
    languages: pa.Array | None = None  # (n,) where bounds differ by language

    def detail(self, row: int) -> str:
        """Return the number and the threshold it met, as a person reads it."""
        if self.labels is not None:
            allowed = ", ".join(sorted(self.rule.allowed or ()))
            return f"{self.labels[row].as_py()} not in {self.rule.key} [{allowed}]"
        if np.isnan(self.values[row]):
            return f"{self.rule.key} does not apply"
        if not isfinite(self.thresholds[row]):
            language = self.languages[row].as_py() if self.languages is not None else None
            return f"{self.rule.key} is off" + (f" for {language}" if language else "")
        below = self.rule.minimum is not None
        sign = ("<" if below else ">") if self.fails[row] else (">=" if below else "<=")
        value = self.rule.shown(float(self.values[row]))
        threshold = self.rule.shown(float(self.thresholds[row]))
        return f"{_number(value, threshold)} {sign} {self.rule.key} {_number(threshold)}"


def judge(rule: Rule, table: pa.Table | pa.RecordBatch) -> Judged:
    """Apply one rule to every row of a table that has the rule's columns."""
    size = table.num_rows
    if rule.allowed is not None:
        labels = _flat(table.column(rule.numerator))
        allowed = pa.array(sorted(rule.allowed), labels.type)
        passes = pc.or_(pc.is_in(labels, allowed), pc.is_null(labels))
        fails = ~np.asarray(passes.to_numpy(zero_copy_only=False), bool)
        empty = np.full(size, np.nan)
        return Judged(rule, empty, empty, fails, labels)
    values = numbers(rule, table)
    thresholds = np.full(size, float(rule.bound))
    languages = None
    if rule.by_language:
        languages = _flat(table.column("language"))
        for language, threshold in rule.by_language.items():
            equal = pc.fill_null(pc.equal(languages, language), False)
            thresholds[np.asarray(equal.to_numpy(zero_copy_only=False), bool)] = threshold
    fails = values < thresholds if rule.minimum is not None else values > thresholds
    return Judged(rule, values, thresholds, fails, languages=languages)


def numbers(rule: Rule, table: pa.Table | pa.RecordBatch) -> NDArray[np.float64]:
    """Return what the rule compares: (n,) float64, NaN where it does not apply; x / 0 is 0."""
    values = _floats(table.column(rule.numerator))
    if rule.denominator is None:
        return values
    below = _floats(table.column(rule.denominator))
    ratios: NDArray[np.float64] = np.divide(
        values, below, out=np.zeros(values.size), where=below != 0
    )
    return ratios + values * 0


def first_failures(judged: Sequence[Judged], size: int) -> NDArray[np.int32]:
    """Return for every row the index of the first failing rule, or -1: (size,) int32."""
    first = np.full(size, -1, np.int32)
    for index in range(len(judged) - 1, -1, -1):
        first[judged[index].fails] = index
    return first


def tell_reason(reason: str) -> str:
    """Return a reason as a person reads it below its stage.

    The length of a text is measured once, after the last edit, whose stage has this rule: which of
    the edits emptied it is not stored.
    """
    return f"{reason} (after all edits)" if reason == "no_text_left" else reason


def _languages(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} languages"


def _number(value: float, other: float | None = None) -> str:
    """Return a count in full, a ratio to six digits, or to as many as tell it from the other."""
    if value.is_integer():
        return str(int(value))
    short = f"{value:.6g}"
    return repr(value) if other is not None and value != other == float(short) else short


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _floats(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
    """Return the numbers as float64 with NaN for null (exact up to 2**53)."""
    array = pc.fill_null(pc.cast(_flat(column), pa.float64()), float("nan"))
    values: NDArray[np.float64] = np.array(array.to_numpy(zero_copy_only=False), np.float64)
    return values
