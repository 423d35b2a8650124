"""Read and measure the reference documents of a language.

They are those whose top label is the language, that its own least language score keeps (0.65 for
English), of at least `MIN_WORDS` words: gopher_quality drops shorter ones first.

Source of the least score: Penedo et al. 2025, FineWeb2, arXiv 2506.20920, section 4.2: a standard
deviation below the median, from 0.3 to 0.9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curate.calibration.measured import (
    Named,
    Values,
    find_stop_words,
    measure,
    unsegmented_script,
)
from curate.calibration.sample import sample_texts
from curate.errors import InputError
from curate.sources.texts import list_files, read_texts

ENGLISH = "en"
MIN_WORDS = 50  # of a document: gopher_quality.min_words
MIN_DOCUMENTS = 300  # a tenth of 300 is known to 3.4 percentage points (95 %)
MIN_TOTAL_WORDS = 50_000  # a word of 0.3 % stands 150 times in them
SCORE_RANGE = (0.3, 0.9)
ENGLISH_SCORE = 0.65
WORDS_RULE: Named = ("gopher_quality", "min_words")


@dataclass(frozen=True)
class Reference:
    """The documents of one language, measured."""

    values: dict[Named, Values]  # (documents,) each, NaN where a rule does not apply
    documents: int
    words: int
    left_out: dict[str, int]  # why -> documents read and not measured
    min_score: float
    scores: Values  # of every distinct text sampled in the language, of any length
    stop_words: list[str]

    def applied(self, named: Named) -> Values:
        """Return the values of the documents that the rule applies to."""
        values = self.values[named]
        return values[~np.isnan(values)]


def read_reference(language: str, paths: Sequence[str], find_words: bool) -> Reference:
    """Sample and measure the documents of one language.

    Raises: InputError for text that is missing, too little or in a script without words.
    """
    counts: Counter[str] = Counter()
    texts = (text for path in list_files([*paths]) for text in read_texts(path, "text"))
    sampled, scores = sample_texts(texts, language, counts).rows()
    read, _ = counts.pop("documents"), counts.setdefault("in another language", 0)
    min_score = ENGLISH_SCORE if language == ENGLISH else _least_score(scores)
    sure = [text for text, score in zip(sampled, scores, strict=True) if score >= min_score]
    counts["uncertain language"] = len(sampled) - len(sure)
    script = unsegmented_script(sure, language)
    if script is not None:
        raise InputError(
            f"{script}: curate cannot find words in this script, which writes no spaces, and every "
            f"threshold counts words. Leave the language to the stages' defaults, or switch rules "
            f"off for it: by_language: {{{language}: {{min_mean_word_chars: null}}}}"
        )
    words = find_stop_words(sure, language) if find_words else []
    options = {"gopher_quality": {"stop_words": {language: words}}} if words else {}
    values = measure(sure, language, options) if sure else {}
    num_words = values.get(WORDS_RULE, np.zeros(0))
    long = num_words >= MIN_WORDS
    counts[f"under {MIN_WORDS} words"] = int(np.count_nonzero(~long))
    documents, total = int(np.count_nonzero(long)), int(np.sum(num_words[long]))
    if documents < MIN_DOCUMENTS or total < MIN_TOTAL_WORDS:
        raise InputError(_too_little(language, documents, total, read, counts))
    counts["duplicate, or not sampled"] = read - documents - sum(counts.values())
    kept = {named: column[long] for named, column in values.items()}
    found_scores = np.array(scores, np.float64)
    return Reference(kept, documents, total, dict(counts), min_score, found_scores, words)


def _least_score(scores: Sequence[float]) -> float:
    """Return the median less a standard deviation, within SCORE_RANGE."""
    if not scores:
        return SCORE_RANGE[0]
    below = float(np.median(scores) - np.std(scores))
    return round(min(max(below, SCORE_RANGE[0]), SCORE_RANGE[1]), 3)


def _too_little(language: str, documents: int, words: int, read: int, counts: Counter[str]) -> str:
    why = ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()) if count)
    return (
        f"{language}: {documents:,} documents with {words:,} words are too little to calibrate: "
        f"at least {MIN_DOCUMENTS} distinct documents of {MIN_WORDS} words or more are needed, "
        f"{MIN_TOTAL_WORDS:,} words in all. {read:,} texts were read"
        + (f"; left out: {why}." if why else ".")
        + " A text file is one document; put many into JSONL or a folder."
    )
