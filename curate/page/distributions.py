"""The distribution of every number that rules compare, with thresholds, and of document length."""

from __future__ import annotations

from math import isfinite

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.config import Config
from curate.decide import Judged, Rule, judge
from curate.page.bins import histogram
from curate.page.scan import Columns
from curate.storage.artifact import JSON

MAX_CHARTS = 80
MAX_OWN = 3  # bounds of languages that a rule's chart names and draws; 95 may have their own
MAX_NAMES = 2  # languages named at one bound


def draw_rules(config: Config, columns: Columns, documents: pa.Table) -> list[JSON]:
    """Return a chart per number, in the order of the rules; those on one number share a chart.

    `documents` holds every measured document, also those that an earlier rule dropped.
    """
    numbers: dict[tuple[str, str | None], list[tuple[str, Rule]]] = {}
    for stage, rule in columns.rules:
        if rule.allowed is None:
            numbers.setdefault((rule.numerator, rule.denominator), []).append((stage, rule))
    described = {
        (stage.name, name): field.description
        for stage in config.stages
        for name, field in type(stage).model_fields.items()
    }
    charts = []
    for (numerator, denominator), rules in list(numbers.items())[:MAX_CHARTS]:
        judged = [judge(rule, documents) for _, rule in rules]
        whole = denominator is None and pa.types.is_integer(documents.schema.field(numerator).type)
        fails = np.logical_or.reduce([each.fails for each in judged])
        stage, first = rules[0]
        described_bounds = [_thresholds(each) for each in judged]
        values = judged[0].values
        if first.shown is not float:
            values = np.array([first.shown(value) for value in values.tolist()], np.float64)
        chart = histogram(values, fails, _edges(judged, whole), whole)
        applies = np.isfinite(judged[0].values)
        chart |= {
            "title": _title(first.key),
            "stage": stage,
            "axis": _axis(described.get((stage, first.key)) or numerator),
            "documents": int(applies.sum()),
            "thresholds": [line for lines, _ in described_bounds for line in lines],
            "others": [others for _, others in described_bounds if others],
            "rules": [
                {
                    "reason": rule.reason,
                    "stage": stage,
                    "fails": int(each.fails.sum()),
                    "off": rule.off,
                }
                for (stage, rule), each in zip(rules, judged, strict=True)
            ],
        }
        charts.append(chart)
    return charts


def draw_lengths(documents: pa.Table) -> list[JSON]:
    """Return the lengths of all documents in characters, and of kept ones in tokens."""
    charts = []
    kept = documents.filter(pc.equal(documents["outcome"], "kept"))
    for table, column, title, axis in (
        (documents, "num_chars", "Length of all documents", "characters"),
        (kept, "num_tokens", "Length of kept documents", "tokens"),
    ):
        values = pc.cast(table[column], pa.float64()).to_numpy()
        values = np.where(pc.is_null(table[column]).to_numpy(), np.nan, values)
        chart = histogram(values, np.zeros(values.size, np.bool_), (), True)
        count = int(np.isfinite(values).sum())
        chart |= {"title": title, "axis": axis, "documents": count, "rules": []}
        chart |= {"thresholds": [], "others": []}
        charts.append(chart)
    return charts


def _edges(judged: list[Judged], whole: bool) -> list[float]:
    """Return where another outcome begins: a maximum still passes, so after it."""
    edges = set()
    for each in judged:
        after = 1.0 if whole and each.rule.maximum is not None else 0.0
        edges |= {value + after for value in _bounds(each.rule)}
    return sorted(edges)


def _bounds(rule: Rule) -> list[float]:
    """Return the distinct bounds of a rule; an infinite one is a rule that is off."""
    bounds = {rule.bound, *rule.by_language.values()}
    return sorted(rule.shown(bound) for bound in bounds if isfinite(bound))


def _thresholds(judged: Judged) -> tuple[list[JSON], str | None]:
    """Return the lines to draw, value and label, and the range of the bounds that have no line.

    After the general bound come those of languages, by the documents that meet them.
    """
    rule = judged.rule
    sign = "≥" if rule.minimum is not None else "≤"
    sizes = _count_languages(judged)
    own: dict[float, list[str]] = {}
    for name in sorted(rule.by_language, key=lambda name: (-sizes.get(name, 0), name)):
        bound = float(rule.by_language[name])
        if isfinite(bound) and bound != rule.bound:
            own.setdefault(bound, []).append(name)
    most = {bound: sum(sizes.get(name, 0) for name in names) for bound, names in own.items()}
    order = sorted(own, key=lambda bound: (-most[bound], bound))
    lines = [("kept", rule.bound)] if isfinite(rule.bound) else []
    for bound in order[:MAX_OWN]:
        names = own[bound]
        lines.append((", ".join(names[:MAX_NAMES]) + ", …" * (len(names) > MAX_NAMES), bound))
    drawn = [
        {"value": rule.shown(bound), "label": f"{who} {sign} {rule.shown(bound):,g}"}
        for who, bound in lines
    ]
    rest = order[MAX_OWN:]
    if not rest:
        return drawn, None
    low, high = sorted((rule.shown(min(rest)), rule.shown(max(rest))))
    count = sum(len(own[bound]) for bound in rest)
    span = f"{low:,g}" if low == high else f"{low:,g} to {high:,g}"
    return drawn, f"{count} more {'languages' if count > 1 else 'language'} {sign} {span}"


def _count_languages(judged: Judged) -> dict[str, int]:
    """Return the documents of each language, where bounds differ by language."""
    if judged.languages is None:
        return {}
    counts = pc.value_counts(judged.languages)
    names, sizes = counts.field("values").to_pylist(), counts.field("counts").to_pylist()
    return dict(zip(names, sizes, strict=True))


def _axis(description: str) -> str:
    """Return what is measured, from the words about a threshold on it."""
    return description.removeprefix("least ").removeprefix("most ").split(" (", 1)[0]


def _title(key: str) -> str:
    name = key.removeprefix("min_").removeprefix("max_").removesuffix("_ratio")
    return name.replace("_to_", " / ").replace("_", " ").capitalize()
