"""Measure what the repetition rules of Gopher count, and give the rules.

Source: Rae et al. 2021, Scaling Language Models: Methods, Analysis & Insights from Training Gopher,
arXiv 2112.11446, appendix A.1.1, table A1. What the table leaves open is as in datatrove 0.10:

line                      a line that is not blank, without the white space around it
paragraph                 lines without a blank one between them, line breaks inside included
duplicate                 equals an earlier one of its document: of lines every character, of
                          paragraphs every line
characters of the text    all of them, white space included: what every character ratio is over
n-gram                    n words of the word table in a row (symbols alone are none), across lines
top n-gram characters     occurrences of the most frequent n-gram times its characters, those of
                          single spaces between its words included; of equally frequent ones the
                          first counts, also where none occurs twice
duplicate n-gram          one that was read before, when words are read from left to right and a
                          duplicate is skipped as a whole; n-grams that begin inside a skipped one
                          are not remembered; its characters are those of its words

Deviation: a line is compared without the white space at its ends, and any line break of
`str.splitlines` ends it; datatrove splits at line feeds only, counts an empty line before a leading
and after a trailing line feed, and keeps white space: pages that indent blank lines are dropped
there for lines that nobody sees (5 of 503 English documents).
Deviation: n-grams are equal when their words are; datatrove joins the words of duplicate n-grams
without a space, so that `a bc` and `ab c` are one there.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from curate.decide import Rule
from curate.rule_set import RuleSet
from curate.stage import Batch, Columns, MeasureFn, MeasureSpec
from curate.text.hashing import span_sums
from curate.text.ngrams import top_and_duplicate_chars
from curate.text.runs import search
from curate.text.spans import duplicate_spans, span_hashes
from curate.text.words import WordTable, sums_between

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Bound = Annotated[float, Field(ge=0, le=1)] | None  # null: the rule is off
TOP_ORDERS = range(2, 5)
DUPLICATE_ORDERS = range(5, 11)
COLUMNS = (
    "repetition_chars",
    "repetition_lines",
    "repetition_duplicate_lines",
    "repetition_duplicate_line_chars",
    "repetition_paragraphs",
    "repetition_duplicate_paragraphs",
    "repetition_duplicate_paragraph_chars",
    *(f"repetition_top_{n}_gram_chars" for n in TOP_ORDERS),
    *(f"repetition_duplicate_{n}_gram_chars" for n in DUPLICATE_ORDERS),
)


class GopherRepetition(RuleSet, MeasureSpec):
    """Count repeated lines, paragraphs and n-grams; drop by the thresholds of Gopher."""

    name: ClassVar[str] = "gopher_repetition"
    source: ClassVar[str] = "Rae et al. 2021, arXiv 2112.11446, A.1.1, table A1"
    adds: ClassVar[tuple[pa.Field, ...]] = tuple(pa.field(name, pa.int64()) for name in COLUMNS)
    thresholds: ClassVar[tuple[str, ...]] = (
        "max_duplicate_line_ratio",
        "max_duplicate_paragraph_ratio",
        "max_duplicate_line_char_ratio",
        "max_duplicate_paragraph_char_ratio",
        *(f"max_top_{n}_gram_char_ratio" for n in TOP_ORDERS),
        *(f"max_duplicate_{n}_gram_char_ratio" for n in DUPLICATE_ORDERS),
    )

    # All from Rae et al. 2021, arXiv 2112.11446, appendix A.1.1, table A1.
    max_duplicate_line_ratio: Bound = Field(0.30, description="duplicate lines / lines")
    max_duplicate_paragraph_ratio: Bound = Field(0.30, description="the same of paragraphs")
    max_duplicate_line_char_ratio: Bound = Field(0.20, description="their characters / text's")
    max_duplicate_paragraph_char_ratio: Bound = Field(0.20, description="the same of paragraphs")
    max_top_2_gram_char_ratio: Bound = Field(0.20, description="its characters / text's")
    max_top_3_gram_char_ratio: Bound = Field(0.18, description="its characters / text's")
    max_top_4_gram_char_ratio: Bound = Field(0.16, description="its characters / text's")
    max_duplicate_5_gram_char_ratio: Bound = Field(0.15, description="their characters / text's")
    max_duplicate_6_gram_char_ratio: Bound = Field(0.14, description="their characters / text's")
    max_duplicate_7_gram_char_ratio: Bound = Field(0.13, description="their characters / text's")
    max_duplicate_8_gram_char_ratio: Bound = Field(0.12, description="their characters / text's")
    max_duplicate_9_gram_char_ratio: Bound = Field(0.11, description="their characters / text's")
    max_duplicate_10_gram_char_ratio: Bound = Field(0.10, description="their characters / text's")

    def open(self) -> MeasureFn:
        """Return the function that counts."""

        def measure(batch: Batch) -> Columns:
            return repetition_columns(batch.words)

        return measure

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules in the order of the table."""

        def most(reason: str, key: str, what: str, over: str) -> Rule:
            return self.most(reason, f"max_{key}_ratio", f"repetition_{what}", f"repetition_{over}")

        def most_chars(reason: str, what: str) -> Rule:
            return most(reason, what, f"{what}s", "chars")

        return (
            most("too_many_duplicate_lines", "duplicate_line", "duplicate_lines", "lines"),
            most(
                "too_many_duplicate_paragraphs",
                "duplicate_paragraph",
                "duplicate_paragraphs",
                "paragraphs",
            ),
            most_chars("too_many_duplicate_line_chars", "duplicate_line_char"),
            most_chars("too_many_duplicate_paragraph_chars", "duplicate_paragraph_char"),
            *(most_chars(f"top_{n}_gram_too_frequent", f"top_{n}_gram_char") for n in TOP_ORDERS),
            *(
                most_chars(f"too_many_duplicate_{n}_grams", f"duplicate_{n}_gram_char")
                for n in DUPLICATE_ORDERS
            ),
        )


def repetition_columns(words: WordTable) -> Columns:
    """Return the counts of every document of a batch."""
    lines_and_paragraphs = _repeated_lines(words)
    top, duplicate = top_and_duplicate_chars(words, TOP_ORDERS, DUPLICATE_ORDERS)
    counts = (words.num_chars, *lines_and_paragraphs, *top.values(), *duplicate.values())
    return {
        name: pa.array(values, pa.int64()) for name, values in zip(COLUMNS, counts, strict=True)
    }


def _repeated_lines(words: WordTable) -> tuple[Ints, ...]:
    """Return what `_duplicates` does of lines, and then of paragraphs: 2 x 3 of (d,) int64."""
    layout = words.layout
    line_starts, line_ends = layout.line_starts, layout.line_ends
    line_hashes = span_hashes(words, line_starts, line_ends)
    first_lines = search(line_starts, layout.paragraph_starts)
    next_lines = search(line_starts, layout.paragraph_ends)
    of_lines = _duplicates(line_hashes, line_ends - line_starts, layout.line_offsets)
    hashes = span_sums(line_hashes.__getitem__, line_hashes.size, first_lines, next_lines)
    del line_hashes, first_lines, next_lines
    chars = layout.paragraph_ends - layout.paragraph_starts
    return (*of_lines, *_duplicates(hashes, chars, layout.paragraph_offsets))


def _duplicates(hashes: Hashes, chars: Ints, offsets: Ints) -> tuple[Ints, Ints, Ints]:
    """Count the spans, the duplicate ones and their characters in each document: (d,) int64."""
    duplicate = duplicate_spans(hashes, offsets)
    duplicate_chars = sums_between(chars * duplicate, offsets)
    return np.diff(offsets), sums_between(duplicate, offsets), duplicate_chars
