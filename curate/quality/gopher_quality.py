"""Measure what the quality rules of Gopher count, and give the rules.

Source: Rae et al. 2021, Scaling Language Models: Methods, Analysis & Insights from Training Gopher,
arXiv 2112.11446, appendix A.1.1. The paper does not define its terms; here they mean:

word                a word of the word table (`curate.text.segmentation`); symbols alone are none,
                    as in datatrove
word characters     joiners inside (`don't`) included
ellipsis            `...` (non-overlapping, as `str.count`) or `…`
line                a line that is not blank, without the white space around it
bullet line         a line that begins with one of `BULLETS`; dashes of dialogue are none
ellipsis line       a line that ends with `...` or `…`
token               a run of characters between white space: symbols alone included, or the share
                    of tokens with a letter would always be near 1
stop words          DISTINCT words of the list, of the language in the `language` column, without
                    case and accents; English where no language was measured

Deviation: in scripts that write no spaces a word is one character for now. So the mean length is
that of the words of other scripts, and where those hold less than half of the word characters, the
length and the stop words are null and their rules do not apply. Stop words are also null where the
language has no list.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from curate.decide import Rule
from curate.errors import ConfigError
from curate.stage import Batch, Columns, MeasureFn, MeasureSpec
from curate.text.characters import LETTER
from curate.text.stop_words import STOP_WORDS, StopWords
from curate.text.words import WordTable, sums_between

BULLETS = "•‣\u2043◦●○▪▫■□·∙*-"
ELLIPSIS = "…"
SOURCE = "Rae et al. 2021, arXiv 2112.11446, A.1.1"
Count = Annotated[int, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(ge=0)]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class GopherQuality(MeasureSpec):
    """Count words, symbols, lines and stop words; drop by the thresholds of Gopher."""

    name: ClassVar[str] = "gopher_quality"
    deciding: ClassVar[frozenset[str]] = frozenset(
        {
            "min_words",
            "max_words",
            "min_mean_word_chars",
            "max_mean_word_chars",
            "max_hash_to_word_ratio",
            "max_ellipsis_to_word_ratio",
            "max_bullet_line_ratio",
            "max_ellipsis_line_ratio",
            "min_alphabetic_word_ratio",
            "min_stop_words",
        }
    )
    adds: ClassVar[tuple[pa.Field, ...]] = (
        pa.field("gopher_words", pa.int64()),
        pa.field("gopher_spaced_words", pa.int64()),  # of scripts with spaces; null: see above
        pa.field("gopher_word_chars", pa.int64()),  # of those words; null: as they are
        pa.field("gopher_hashes", pa.int64()),
        pa.field("gopher_ellipses", pa.int64()),
        pa.field("gopher_lines", pa.int64()),
        pa.field("gopher_bullet_lines", pa.int64()),
        pa.field("gopher_ellipsis_lines", pa.int64()),
        pa.field("gopher_tokens", pa.int64()),
        pa.field("gopher_alphabetic_words", pa.int64()),  # tokens with a letter
        pa.field("gopher_stop_words", pa.int64()),  # null: no list, or scripts without spaces
    )

    # All from Rae et al. 2021, arXiv 2112.11446, appendix A.1.1.
    min_words: Count = Field(50, description="words (symbols alone are none)")
    max_words: Count = Field(100_000, description="words")
    min_mean_word_chars: Positive = Field(3.0, description="mean characters of a word")
    max_mean_word_chars: Positive = Field(10.0, description="mean characters of a word")
    max_hash_to_word_ratio: Positive = Field(0.1, description="# / words")
    max_ellipsis_to_word_ratio: Positive = Field(0.1, description="... and \u2026 / words")
    max_bullet_line_ratio: Ratio = Field(0.9, description="lines that begin with a bullet / lines")
    max_ellipsis_line_ratio: Ratio = Field(0.3, description="lines that end with ... / lines")
    min_alphabetic_word_ratio: Ratio = Field(0.8, description="tokens with a letter / tokens")
    min_stop_words: Count = Field(2, description="distinct stop words of the language")
    stop_words: dict[str, list[str]] = Field(
        {}, description="lists by language label, each in place of the built-in one"
    )

    def open(self) -> MeasureFn:
        """Return the function that counts.

        Raises:
            ConfigError: An entry of `stop_words` is not exactly one word.
        """
        try:
            lists = StopWords({**STOP_WORDS, **self.stop_words})
        except ValueError as error:
            raise ConfigError(
                f"gopher_quality.stop_words: {error}; list single words, as they stand in a text"
            ) from None

        def measure(batch: Batch) -> Columns:
            names = batch.table.schema.names
            languages = batch.table.column("language") if "language" in names else None
            return gopher_columns(batch.words, languages, lists)

        return measure

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules in the order of the paper."""
        words, spaced = "gopher_words", "gopher_spaced_words"
        lines, tokens = "gopher_lines", "gopher_tokens"

        def least(reason: str, key: str, column: str, over: str | None = None) -> Rule:
            return Rule(reason, key, column, over, minimum=getattr(self, key), source=SOURCE)

        def most(reason: str, key: str, column: str, over: str | None = None) -> Rule:
            return Rule(reason, key, column, over, maximum=getattr(self, key), source=SOURCE)

        return (
            least("too_few_words", "min_words", words),
            most("too_many_words", "max_words", words),
            least("words_too_short", "min_mean_word_chars", "gopher_word_chars", spaced),
            most("words_too_long", "max_mean_word_chars", "gopher_word_chars", spaced),
            most("too_many_hashes", "max_hash_to_word_ratio", "gopher_hashes", words),
            most("too_many_ellipses", "max_ellipsis_to_word_ratio", "gopher_ellipses", words),
            most("too_many_bullet_lines", "max_bullet_line_ratio", "gopher_bullet_lines", lines),
            most(
                "too_many_ellipsis_lines",
                "max_ellipsis_line_ratio",
                "gopher_ellipsis_lines",
                lines,
            ),
            least(
                "too_few_alphabetic_words",
                "min_alphabetic_word_ratio",
                "gopher_alphabetic_words",
                tokens,
            ),
            least("too_few_stop_words", "min_stop_words", "gopher_stop_words"),
        )


def gopher_columns(words: WordTable, languages: pa.Array | None, lists: StopWords) -> Columns:
    """Return the counts of every document; `languages` holds top labels, None means English."""
    layout = words.layout
    spaced = ~words.unspaced_words
    spaced_chars = words.document_sums(words.word_chars * spaced)
    stop_words = lists.count_distinct(words, _list_rows(words, languages, lists))
    counts = {
        "gopher_words": words.num_words,
        "gopher_spaced_words": words.document_sums(spaced),
        "gopher_word_chars": spaced_chars,
        "gopher_hashes": words.count_chars(words.positions("#")),
        "gopher_ellipses": _ellipses(words),
        "gopher_lines": np.diff(layout.line_offsets),
        "gopher_bullet_lines": sums_between(_bullet_lines(words), layout.line_offsets),
        "gopher_ellipsis_lines": sums_between(_ellipsis_lines(words), layout.line_offsets),
        "gopher_tokens": np.diff(layout.run_offsets),
        "gopher_alphabetic_words": sums_between(_alphabetic_runs(words), layout.run_offsets),
        "gopher_stop_words": np.maximum(stop_words, 0),
    }
    unspaced = 2 * spaced_chars < words.document_sums(words.word_chars)
    unknown = {
        "gopher_spaced_words": unspaced,
        "gopher_word_chars": unspaced,
        "gopher_stop_words": unspaced | (stop_words < 0),
    }
    return {
        name: pa.array(values, pa.int64(), mask=unknown.get(name))
        for name, values in counts.items()
    }


def _list_rows(words: WordTable, languages: pa.Array | None, lists: StopWords) -> Ints:
    """Return the number of each document's stop word list, -1 for none: (d,) int64."""
    if languages is None:
        return np.full(words.num_documents, lists.languages.index("en"))
    known = pa.array(lists.languages, pa.large_string())
    rows = pc.index_in(pc.cast(languages, pa.large_string()), known)
    return np.asarray(pc.fill_null(rows, -1).to_numpy(zero_copy_only=False), np.int64)


def _ellipses(words: WordTable) -> Ints:
    """Count `...`, not overlapping, and `…` in each document: (d,) int64."""
    dots = words.positions(".")
    documents = np.searchsorted(words.char_offsets, dots, "right")
    begins = np.ones(dots.size, np.bool_)
    begins[1:] = (np.diff(dots) != 1) | (np.diff(documents) != 0)
    firsts = np.flatnonzero(begins)
    threes = np.zeros(dots.size, np.int64)
    threes[firsts] = np.diff(firsts, append=dots.size) // 3
    of_dots = sums_between(threes, np.searchsorted(dots, words.char_offsets))
    return of_dots + words.count_chars(words.positions(ELLIPSIS))


def _bullet_lines(words: WordTable) -> Bools:
    """Tell the lines that begin with a bullet: (l,) bool."""
    first_chars = words.code_points[words.layout.line_starts]
    return np.isin(first_chars, [ord(bullet) for bullet in BULLETS])


def _ellipsis_lines(words: WordTable) -> Bools:
    """Tell the lines that end with an ellipsis: (l,) bool."""
    starts, ends = words.layout.line_starts, words.layout.line_ends
    dots: Bools = ends - starts >= 3
    for back in (1, 2, 3):
        # A line of fewer than three characters looks before its start; `dots` is False there.
        dots &= words.code_points[np.maximum(ends - back, 0)] == ord(".")
    dots |= words.code_points[ends - 1] == ord(ELLIPSIS)
    return dots


def _alphabetic_runs(words: WordTable) -> Bools:
    """Tell the runs between white space that hold a letter: (r,) bool."""
    starts = words.layout.run_starts
    if not starts.size:
        return np.zeros(0, np.bool_)
    # Each run is reduced with the white space after it, which has no letter.
    has_letter: Bools = (np.bitwise_or.reduceat(words.flags, starts) & LETTER) != 0
    return has_letter
