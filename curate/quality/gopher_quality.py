"""Measure what the quality rules of Gopher count, and give the rules.

Source: Rae et al. 2021, Scaling Language Models: Methods, Analysis & Insights from Training Gopher,
arXiv 2112.11446, appendix A.1.1. The paper does not define its terms; here they mean:

word                a word of the word table (`curate.text.segmentation`); symbols alone are none
word characters     joiners inside (`don't`) included
ellipsis            `...` (non-overlapping, as `str.count`) or `…`
line                a line that is not blank, without the white space around it
bullet line         a line that begins with one of `BULLETS`; dashes of dialogue are none
ellipsis line       a line that ends with `...` or `…`
token               a run of characters between white space, symbols alone included; but a word,
                    in runs that hold words of scripts without spaces
markup              the tokens that extraction writes: `|` and `|---|` of tables, and a bullet alone
                    at the beginning of a line; not counted unless `count_markup`
stop words          DISTINCT words of the list, of the language in the `language` column, without
                    case and accents; English where no language was measured; null where the
                    language has no list

In scripts without spaces a dictionary makes the words. They are as many as in other languages, so
the counts of words and the ratios to them have the same bounds. Their length has bounds of its own,
in the keys named `unspaced`, and so has that of Korean, which writes spaces: there too a character
is a syllable. Measured means: Chinese 1.5 to 1.9, Japanese 1.6 to 1.8, Korean 2.8, Tibetan 2.9,
Thai, Lao, Khmer and Burmese 3.7 to 5.1; Chinese characters shuffled 1.1, Thai ones 11. Each of the
two lengths is null where the other kind of script has more of the word characters.

The bounds of the paper are for English. Of the Universal Declaration in 532 languages these fall
whole, and need `by_language` or stop words of their own: longer words than 10 (Malayalam 11.6,
Greenlandic 15, Caquinte 10.3), shorter than 3 (Adangme and Tai Dam 2.7, Fon and Ojitlán Chinantec
2.9, Vai 1.8), words that nothing here separates (Yi, Javanese in its own script), and what the
language stage takes for one with other stop words (Balinese for Indonesian, Ossetian for Russian).

Deviation: datatrove divides hashes and ellipses by words and symbols. Its tokens are spaCy's, where
every comma is a word without a letter: the median English page has 15 % of them, so that 105 of 503
fall to `too_few_alphabetic_words`; here 10, and 18 with markup counted.
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
from curate.rule_set import RuleSet
from curate.stage import Batch, Columns, MeasureFn, MeasureSpec
from curate.text.characters import LETTER, UNSPACED, WORD
from curate.text.runs import places_of, search
from curate.text.stop_words import STOP_WORDS, StopWords
from curate.text.words import WordTable, sums_between

BULLETS = "•‣\u2043◦●○▪▫■□·∙*-"
ELLIPSIS = "…"
HANGUL = (0xAC00, 0xD7A4)  # the syllables
Count = Annotated[int, Field(ge=0)] | None  # null: the rule is off
Ratio = Annotated[float, Field(ge=0, le=1)] | None
Positive = Annotated[float, Field(ge=0)] | None
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class GopherQuality(RuleSet, MeasureSpec):
    """Count words, symbols, lines and stop words; drop by the thresholds of Gopher."""

    name: ClassVar[str] = "gopher_quality"
    version: ClassVar[int] = 2
    source: ClassVar[str] = "Rae et al. 2021, arXiv 2112.11446, A.1.1"
    adds: ClassVar[tuple[pa.Field, ...]] = (
        pa.field("gopher_words", pa.int64()),
        pa.field("gopher_spaced_words", pa.int64()),  # null: most are of the other kind
        pa.field("gopher_word_chars", pa.int64()),  # of those words; null: as they are
        pa.field("gopher_unspaced_words", pa.int64()),  # Hangul too; null: as above
        pa.field("gopher_unspaced_word_chars", pa.int64()),
        pa.field("gopher_hashes", pa.int64()),
        pa.field("gopher_ellipses", pa.int64()),
        pa.field("gopher_lines", pa.int64()),
        pa.field("gopher_bullet_lines", pa.int64()),
        pa.field("gopher_ellipsis_lines", pa.int64()),
        pa.field("gopher_tokens", pa.int64()),
        pa.field("gopher_alphabetic_words", pa.int64()),  # tokens with a letter
        pa.field("gopher_stop_words", pa.int64()),  # null: no list
    )
    thresholds: ClassVar[tuple[str, ...]] = (
        "min_words",
        "max_words",
        "min_mean_word_chars",
        "max_mean_word_chars",
        "min_mean_unspaced_word_chars",
        "max_mean_unspaced_word_chars",
        "max_hash_to_word_ratio",
        "max_ellipsis_to_word_ratio",
        "max_bullet_line_ratio",
        "max_ellipsis_line_ratio",
        "min_alphabetic_word_ratio",
        "min_stop_words",
    )

    # From Rae et al. 2021, arXiv 2112.11446, appendix A.1.1; `unspaced`: measured, see above.
    min_words: Count = Field(50, description="words (symbols alone are none)")
    max_words: Count = Field(100_000, description="words")
    min_mean_word_chars: Positive = Field(3.0, description="mean characters of a word")
    max_mean_word_chars: Positive = Field(10.0, description="mean characters of a word")
    min_mean_unspaced_word_chars: Positive = Field(1.2, description="the same; no spaces, Hangul")
    max_mean_unspaced_word_chars: Positive = Field(10.0, description="the same; no spaces, Hangul")
    max_hash_to_word_ratio: Positive = Field(0.1, description="# / words")
    max_ellipsis_to_word_ratio: Positive = Field(0.1, description="... and \u2026 / words")
    max_bullet_line_ratio: Ratio = Field(0.9, description="lines that begin with a bullet / lines")
    max_ellipsis_line_ratio: Ratio = Field(0.3, description="lines that end with ... / lines")
    min_alphabetic_word_ratio: Ratio = Field(0.8, description="tokens with a letter / tokens")
    min_stop_words: Count = Field(2, description="distinct stop words of the language")
    count_markup: bool = Field(
        False, description="whether | between cells and - before items are tokens, as in datatrove"
    )
    stop_words: dict[str, list[str]] = Field(
        {}, description="lists by language label, each in place of the built-in one"
    )

    def check(self) -> None:
        """Refuse a stop word that is not one word."""
        self.open()

    def open(self) -> MeasureFn:
        """Return the function that counts.

        Raises:
            ConfigError: An entry of `stop_words` is not exactly one word.
        """
        try:
            lists = StopWords({**STOP_WORDS, **self.stop_words})
        except ValueError as error:
            raise ConfigError(
                f"{error}; list single words, as they stand in a text", "gopher_quality.stop_words"
            ) from None

        def measure(batch: Batch) -> Columns:
            names = batch.table.schema.names
            languages = batch.table.column("language") if "language" in names else None
            return gopher_columns(batch.words, languages, lists, self.count_markup)

        return measure

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules in the order of the paper."""
        least, most = self.least, self.most
        words, lines, tokens = "gopher_words", "gopher_lines", "gopher_tokens"
        spaced = "gopher_word_chars", "gopher_spaced_words"
        unspaced = "gopher_unspaced_word_chars", "gopher_unspaced_words"
        bullets, ellipses = "gopher_bullet_lines", "gopher_ellipsis_lines"
        alphabetic = "gopher_alphabetic_words"
        return (
            least("too_few_words", "min_words", words),
            most("too_many_words", "max_words", words),
            least("words_too_short", "min_mean_word_chars", *spaced),
            most("words_too_long", "max_mean_word_chars", *spaced),
            least("unspaced_words_too_short", "min_mean_unspaced_word_chars", *unspaced),
            most("unspaced_words_too_long", "max_mean_unspaced_word_chars", *unspaced),
            most("too_many_hashes", "max_hash_to_word_ratio", "gopher_hashes", words),
            most("too_many_ellipses", "max_ellipsis_to_word_ratio", "gopher_ellipses", words),
            most("too_many_bullet_lines", "max_bullet_line_ratio", bullets, lines),
            most("too_many_ellipsis_lines", "max_ellipsis_line_ratio", ellipses, lines),
            least("too_few_alphabetic_words", "min_alphabetic_word_ratio", alphabetic, tokens),
            least("too_few_stop_words", "min_stop_words", "gopher_stop_words"),
        )


def gopher_columns(
    words: WordTable, languages: pa.Array | None, lists: StopWords, count_markup: bool
) -> Columns:
    """Return the counts of every document; `languages` holds top labels, None means English."""
    layout = words.layout
    all_chars = words.document_sums(words.word_chars)
    unspaced = np.flatnonzero(words.unspaced_words | _hangul_words(words))
    unspaced_offsets = search(unspaced, words.word_offsets).astype(np.int64)
    unspaced_words = np.diff(unspaced_offsets)
    unspaced_chars = sums_between(words.word_chars[unspaced], unspaced_offsets)
    tokens, alphabetic = _tokens(words, count_markup)
    stop_words = lists.count_distinct(words, _list_rows(words, languages, lists))
    counts = {
        "gopher_words": words.num_words,
        "gopher_spaced_words": words.num_words - unspaced_words,
        "gopher_word_chars": all_chars - unspaced_chars,
        "gopher_unspaced_words": unspaced_words,
        "gopher_unspaced_word_chars": unspaced_chars,
        "gopher_hashes": words.count_chars(words.positions("#")),
        "gopher_ellipses": _ellipses(words),
        "gopher_lines": np.diff(layout.line_offsets),
        "gopher_bullet_lines": sums_between(_bullet_lines(words), layout.line_offsets),
        "gopher_ellipsis_lines": sums_between(_ellipsis_lines(words), layout.line_offsets),
        "gopher_tokens": tokens,
        "gopher_alphabetic_words": alphabetic,
        "gopher_stop_words": np.maximum(stop_words, 0),
    }
    is_unspaced = 2 * unspaced_chars > all_chars
    unknown = {
        "gopher_spaced_words": is_unspaced,
        "gopher_word_chars": is_unspaced,
        "gopher_unspaced_words": ~is_unspaced,
        "gopher_unspaced_word_chars": ~is_unspaced,
        "gopher_stop_words": stop_words < 0,
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


def _hangul_words(words: WordTable) -> Bools:
    """Tell the words that begin with a syllable of Hangul: (w,) bool."""
    first_chars = words.code_points[words.starts]
    hangul: Bools = (first_chars >= HANGUL[0]) & (first_chars < HANGUL[1])
    return hangul


def _ellipses(words: WordTable) -> Ints:
    """Count `...`, not overlapping, and `…` in each document: (d,) int64."""
    dots = words.positions(".")
    first_dots = search(dots, words.char_offsets)  # of each document
    begins = np.ones(dots.size + 1, np.bool_)
    begins[1:-1] = np.diff(dots) != 1
    begins[first_dots] = True
    rows = places_of(begins)  # of dots, and the end
    threes = np.diff(rows) // 3
    of_dots = sums_between(threes, search(rows, first_dots))
    return of_dots + words.count_chars(words.positions(ELLIPSIS))


def _bullet_lines(words: WordTable) -> Bools:
    """Tell the lines that begin with a bullet: (l,) bool."""
    first_chars = words.code_points[words.layout.line_starts]
    return np.isin(first_chars, [ord(bullet) for bullet in BULLETS], kind="sort")


def _ellipsis_lines(words: WordTable) -> Bools:
    """Tell the lines that end with an ellipsis: (l,) bool."""
    starts, ends = words.layout.line_starts, words.layout.line_ends
    dots: Bools = ends - starts >= 3
    for back in (1, 2, 3):
        # A line of fewer than three characters looks before its start; `dots` is False there.
        dots &= words.code_points[np.maximum(ends - back, 0)] == ord(".")
    dots |= words.code_points[ends - 1] == ord(ELLIPSIS)
    return dots


def _tokens(words: WordTable, count_markup: bool) -> tuple[Ints, Ints]:
    """Count each document's tokens, and those with a letter: (d,) and (d,) int64."""
    runs, offsets = words.layout.run_starts, words.layout.run_offsets
    if not runs.size:
        return np.zeros(words.num_documents, np.int64), np.zeros(words.num_documents, np.int64)
    flags = words.run_flags()
    tokens = np.ones(runs.size, np.bool_) if count_markup else ~_markup(words, flags)
    alphabetic = (flags & LETTER) != 0
    unspaced = np.flatnonzero(flags & UNSPACED)
    if not unspaced.size:
        return sums_between(tokens, offsets), sums_between(alphabetic, offsets)
    counts = tokens.astype(np.int32), alphabetic.astype(np.int32)
    counts[0][unspaced], counts[1][unspaced] = _words_of_runs(words, unspaced)
    return sums_between(counts[0], offsets), sums_between(counts[1], offsets)


def _words_of_runs(words: WordTable, runs: Ints) -> tuple[Ints, Ints]:
    """Count the words of some runs, and those with a letter: (u,) and (u,) int64."""
    firsts = search(words.starts, words.layout.run_starts[runs])
    counts = search(words.starts, words.layout.run_ends[runs]) - firsts
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    inside = np.arange(offsets[-1]) + np.repeat(firsts - offsets[:-1], counts)
    bounds = np.stack((words.starts[inside], words.ends[inside]), axis=1).ravel()
    # The last word may end where the characters do, where reduceat wants one more.
    flags = np.bitwise_or.reduceat(np.append(words.flags, np.uint8(0)), bounds)[::2]
    return counts, sums_between((flags & LETTER) != 0, offsets)


def _markup(words: WordTable, flags: NDArray[np.uint8]) -> Bools:
    """Tell the runs that extraction writes: borders of tables, bullets apart: (r,) bool.

    Args:
        words: The table of the batch.
        flags: (r,), of all characters of each run together.
    """
    layout = words.layout
    first_chars = words.code_points[layout.run_starts]
    markup: Bools = (first_chars == ord("|")) & ((flags & WORD) == 0)
    first_runs = search(layout.run_starts, layout.line_starts)
    alone = layout.run_ends[first_runs] - layout.run_starts[first_runs] == 1
    markup[first_runs] |= alone & _bullet_lines(words)
    return markup
