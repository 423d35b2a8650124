"""Propose a language's thresholds and stop words from reference text, as FineWeb-2 found its own.

Source: Penedo et al. 2025, FineWeb2, arXiv 2506.20920, sections 4.2 and 4.4, appendix A.7.
Deviation: one reference serves all methods, where FineWeb-2 took Wikipedia for two and a crawl for
the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from curate.calibration.measured import COUNTERPARTS, Named, calibrated_rules
from curate.calibration.methods import (
    DEFAULTS,
    METHODS,
    WITHOUT_ENGLISH,
    Method,
    propose,
    share_dropped,
)
from curate.calibration.reference import (
    ENGLISH,
    ENGLISH_SCORE,
    MIN_DOCUMENTS,
    Reference,
    read_reference,
)
from curate.decide import Rule
from curate.errors import ConfigError
from curate.fineweb2 import KEYS, thresholds
from curate.language.labels import DEFAULT_LABELS, check_labels
from curate.stages import STAGES

STOP_WORDS_RULE: Named = ("gopher_quality", "min_stop_words")


@dataclass(frozen=True)
class Proposal:
    """One threshold; shares are of the reference documents."""

    stage: str
    key: str
    method: str  # one of METHODS, or 'fixed'
    default: float | None  # the stage's own, for English
    proposed: float | None  # None: off, no value could fail
    published: float | None  # FineWeb-2's; None where it has none, or is off
    default_drops: float
    proposed_drops: float


@dataclass(frozen=True)
class Calibration:
    """What was found for a language."""

    language: str
    documents: int  # measured
    words: int
    left_out: dict[str, int]  # why -> documents read and not measured
    min_score: float
    default_score_drops: float  # shares of the texts sampled in the language, of any length,
    min_score_drops: float  # that English's least score and this one drop
    stop_words: list[str]
    proposals: list[Proposal]
    english_documents: int | None


def calibrate(
    language: str, paths: Sequence[str], english: Sequence[str] = (), method: str | None = None
) -> Calibration:
    """Propose thresholds for a language.

    Args:
        language: A label of the default language model.
        paths: Files, folders or runs with text in it; other languages in them are left out.
        english: The same of English, which all methods but 10tail compare with.
        method: One of METHODS for every threshold; by default each rule set's own, see `methods`,
            and none for those that need English where there is none.

    Raises: ConfigError for a label or method that is none; InputError for text that is missing,
    too little or in a script without words.
    """
    methods = _methods(language, method, bool(english))
    reference = read_reference(language, paths, find_words=True)
    compared = read_reference(ENGLISH, english, find_words=False) if english else None
    return Calibration(
        language,
        reference.documents,
        reference.words,
        reference.left_out,
        reference.min_score,
        float(np.mean(reference.scores < ENGLISH_SCORE)),
        float(np.mean(reference.scores < reference.min_score)),
        reference.stop_words,
        _proposals(language, reference, compared, methods),
        compared.documents if compared else None,
    )


def _methods(language: str, method: str | None, has_english: bool) -> dict[str, Method]:
    """Return the method of each rule set that has one."""
    try:
        check_labels("--language", [language], DEFAULT_LABELS)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if language == ENGLISH:
        raise ConfigError("--language en: the stages' own thresholds are those for English")
    chosen: Method | None = next((known for known in METHODS if known == method), None)
    if method is not None and chosen is None:
        raise ConfigError(f"--method {method}: allowed are {', '.join(METHODS)}")
    if chosen not in (None, WITHOUT_ENGLISH) and not has_english:
        raise ConfigError(
            f"--method {method} compares with English text: add --english FILES, "
            f"or use --method {WITHOUT_ENGLISH}"
        )
    methods = {stage: chosen or DEFAULTS[stage] for stage in KEYS}
    return {s: found for s, found in methods.items() if has_english or found == WITHOUT_ENGLISH}


def _proposals(
    language: str, reference: Reference, compared: Reference | None, methods: dict[str, Method]
) -> list[Proposal]:
    """Return a proposal for every rule that applies to enough documents, and has a method."""
    found = []
    rules = calibrated_rules()
    for (stage, key), rule in rules.items():
        if stage not in methods:
            continue
        values = reference.applied((stage, key))
        counterpart = (stage, COUNTERPARTS.get(key, key))
        english = compared.applied(counterpart) if compared else None
        # A rule that applies to less than half is for scripts of another kind.
        enough = max(MIN_DOCUMENTS, reference.documents // 2)
        if values.size < enough or (english is not None and english.size < MIN_DOCUMENTS):
            continue
        value = propose(methods[stage], rules[counterpart], values, english)
        if value is None:
            continue
        proposed = _possible(stage, rule, value)
        default = _default(rule)
        found.append(
            Proposal(
                stage,
                key,
                methods[stage],
                default,
                proposed,
                thresholds(stage).get(language, {}).get(key),
                share_dropped(rule, values, default),
                share_dropped(rule, values, proposed),
            )
        )
    lacking = float(np.mean(reference.applied(STOP_WORDS_RULE) < 2))
    return [*found, Proposal(*STOP_WORDS_RULE, "fixed", 2, 2, 2, lacking, lacking)]


def _default(rule: Rule) -> float | None:
    return rule.minimum if rule.minimum is not None else rule.maximum


def _possible(stage: str, rule: Rule, value: float) -> float | None:
    """Return the threshold, or None where no document could fail it, or the stage refuses it."""
    if rule.minimum is not None and value <= 0:
        return None
    try:
        STAGES[stage].model_validate({rule.key: value})
    except ValidationError:
        return None
    return value
