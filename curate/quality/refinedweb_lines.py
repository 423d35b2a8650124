"""Drop lines that are no text, cut phrases of navigation, and count the words that went.

The tests of a line, in this order; the first that it fails decides what it counts as:

upper case     more than `max_upper_case_ratio` of its characters are upper case
digits         more than `max_digit_ratio` of its characters are digits
counter        two words, a number (1,204 or 1.2k) and one of `counter_words`: `3 likes`
few words      fewer than `min_line_words` words between white space

From the lines that stay, where they have at most `max_phrase_line_words` words, `start_phrases` are
cut where they begin the line, `end_phrases` where they end it, `inner_phrases` wherever they stand;
a line of which nothing is left goes. Case and accents do not matter; a phrase begins and ends where
words do. The rule is on the words of the word table that went, in lines or in phrases, among those
of the document. The lists of phrases are English: give others for other languages.

Source: Penedo et al. 2023, The RefinedWeb Dataset, arXiv 2306.01116, appendix G.2; the numbers and
phrases it leaves open as DCLM fills them in (arXiv 2406.11794): 0.5, 0.999999, 2 and 10 words.

Deviation from DCLM: white space at the ends of a line is not part of it; a counter may be singular
(`1 comment`); `...` are dots, not any three characters; share buttons and `…` are added; every
phrase is looked for in the line as it was. A line in a script without spaces has the words of the
word table, or it would be one word and go.

As published, it drops Cherokee, whose letters are capitals to Unicode, and Amharic with `፡` between
words, a line of which is one word: give these `max_upper_case_ratio: 1` or `min_line_words: 0`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, StringConstraints

from curate.decide import Rule
from curate.errors import ConfigError
from curate.quality.line_edits import (
    Pieces,
    count_line_words,
    edit_texts,
    find_phrases,
    line_words,
    merge,
    no_pieces,
    unspaced_lines,
)
from curate.rule_set import RuleSet
from curate.stage import Batch, Columns, EditFn, EditSpec
from curate.text.characters import DIGIT, JOINER, UNSPACED, WORD, case_table, fold_table
from curate.text.runs import places_of, search
from curate.text.segmentation import Bools, Ints
from curate.text.word_hashing import Hashes
from curate.text.words import WordTable, sums_between, word_hashes

_COUNTED = (
    "like share comment retweet repost quote bookmark upvote downvote download view follower "
    "subscriber reaction vote"
)
COUNTER_WORDS = (
    *(word + end for word in _COUNTED.split() for end in ("", "s")),
    "reply",
    "replies",
)
SHARE_BUTTONS = tuple(
    f"share on {place}" for place in ("facebook", "twitter", "linkedin", "pinterest", "whatsapp")
)
MAX_NUMBER_CHARS = 16
SLICE_LINES = 1 << 16
UPPER = 2  # in `case_table`
Count = Annotated[int, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Phrase = Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$")]


class RefinedWebLines(RuleSet, EditSpec):
    """Drop lines of capitals, digits, counters and single words; drop pages that lose many."""

    name: ClassVar[str] = "refinedweb_lines"
    source: ClassVar[str] = "Penedo et al. 2023, arXiv 2306.01116, G.2"
    thresholds: ClassVar[tuple[str, ...]] = ("max_removed_word_ratio",)
    adds: ClassVar[tuple[pa.Field, ...]] = (
        pa.field("refinedweb_words", pa.int64()),  # before the edit
        pa.field("refinedweb_removed_words", pa.int64()),
        pa.field("refinedweb_lines", pa.int64()),  # before the edit, blank ones not counted
        pa.field("refinedweb_upper_case_lines", pa.int64()),  # gone, as are the next three
        pa.field("refinedweb_digit_lines", pa.int64()),
        pa.field("refinedweb_counter_lines", pa.int64()),
        pa.field("refinedweb_few_word_lines", pa.int64()),
        pa.field("refinedweb_phrases", pa.int64()),  # cut out of lines
    )

    # Line edits: they shape the text. A null or an empty list switches one off.
    max_upper_case_ratio: Ratio | None = Field(0.5, description="upper case / characters of a line")
    max_digit_ratio: Ratio | None = Field(0.999999, description="digits / characters of a line")
    counter_words: list[str] = Field(
        [*COUNTER_WORDS], description="what social media count: a number and one of these"
    )
    min_line_words: Count = Field(2, description="words of a line")
    max_phrase_line_words: Count = Field(10, description="words of a line that phrases are cut of")
    start_phrases: list[Phrase] = Field(["sign-in"], description="cut at the beginning of a line")
    end_phrases: list[Phrase] = Field(
        ["read more...", "read more…"], description="cut at the end of a line"
    )
    inner_phrases: list[Phrase] = Field(
        ["items in cart", *SHARE_BUTTONS], description="cut anywhere in a line"
    )
    # Page rule, null: off.
    max_removed_word_ratio: Ratio | None = Field(0.05, description="words removed / words")

    def check(self) -> None:
        """Refuse a counter word that is not one word."""
        self.open()

    def rules(self) -> tuple[Rule, ...]:
        """Return the one rule: a page of which much went is no text."""
        removed, words = "refinedweb_removed_words", "refinedweb_words"
        return (self.most("too_many_removed_words", "max_removed_word_ratio", removed, words),)

    def open(self) -> EditFn:
        """Return the function that edits.

        Raises:
            ConfigError: An entry of `counter_words` is not exactly one word.
        """
        try:
            counters = word_hashes(self.counter_words)
        except ValueError as error:
            raise ConfigError(
                f"{error}; list single words, as they stand in a text",
                "refinedweb_lines.counter_words",
            ) from None

        def edit(batch: Batch) -> tuple[pa.LargeStringArray, Columns]:
            texts, counts = edit_lines(batch.text, batch.words, self, counters)
            return texts, {f.name: pa.array(counts[f.name], f.type) for f in RefinedWebLines.adds}

        return edit


def edit_lines(
    text: pa.LargeStringArray, words: WordTable, settings: RefinedWebLines, counters: Hashes
) -> tuple[pa.LargeStringArray, dict[str, Ints]]:
    """Return d edited texts, and by column what went, (d,) int64 each."""
    offsets = words.layout.line_offsets
    num_words = count_line_words(words, unspaced_lines(words))
    tests = {
        "upper_case": _lines_of(words, _upper_case(words), settings.max_upper_case_ratio),
        "digit": _lines_of(words, (words.flags & DIGIT) != 0, settings.max_digit_ratio),
        "counter": _counter_lines(words, counters),
        "few_word": num_words < settings.min_line_words,
    }
    kept = np.ones(num_words.size, np.bool_)
    counts = {"refinedweb_lines": np.diff(offsets)}
    for what, faulty in tests.items():
        counts[f"refinedweb_{what}_lines"] = sums_between(kept & faulty, offsets)
        kept &= ~faulty
    short = kept & (num_words <= settings.max_phrase_line_words)
    phrases = _phrases(words, settings)
    phrases = merge(phrases.where(short[phrases.lines]))
    removed = np.diff(line_words(words)) * ~kept
    in_phrases = search(words.starts, phrases.ends)
    in_phrases -= search(words.starts, phrases.starts)
    np.add.at(removed, phrases.lines, in_phrases)
    counts["refinedweb_phrases"] = words.count_chars(phrases.starts)
    counts["refinedweb_words"] = words.num_words
    counts["refinedweb_removed_words"] = sums_between(removed, offsets)
    return edit_texts(text, words, kept, phrases), counts


def _upper_case(words: WordTable) -> Bools:
    """Tell the upper-case characters: (n,) bool."""
    code_points = words.code_points
    upper: Bools = (code_points >= ord("A")) & (code_points <= ord("Z"))
    others = places_of(code_points >= 128)  # a look at the table costs 5 ns, so only these
    upper[others] = case_table()[code_points[others]] == UPPER
    return upper


def _lines_of(words: WordTable, chars: Bools, max_ratio: float | None) -> Bools:
    """Tell the lines with more than a ratio of such characters, (n,) bool: (l,) bool."""
    starts, ends = words.layout.line_starts, words.layout.line_ends
    if max_ratio is None:
        return np.zeros(starts.size, np.bool_)
    places = places_of(chars)
    counts = search(places, ends)
    counts -= search(places, starts)
    above = np.empty(starts.size, np.bool_)
    for begin in range(0, starts.size, SLICE_LINES):  # ratios take 8 bytes a line
        piece = slice(begin, begin + SLICE_LINES)
        above[piece] = counts[piece] / (ends[piece] - starts[piece]) > max_ratio
    return above


def _counter_lines(words: WordTable, counters: Hashes) -> Bools:
    """Tell the lines of a number and a counter word: (l,) bool."""
    offsets = line_words(words)
    lines = np.flatnonzero(np.diff(offsets) == 2)
    lines = lines[np.isin(words.hashes[offsets[lines] + 1], counters)]
    starts, ends = words.starts[offsets[lines]], words.ends[offsets[lines]]
    last_chars = fold_table()[words.code_points[ends - 1]]
    ends = ends - np.isin(last_chars, [ord(suffix) for suffix in "kmb"])
    is_number = (starts < ends) & (ends - starts <= MAX_NUMBER_CHARS)
    for place in range(MAX_NUMBER_CHARS):
        flags = words.flags[np.minimum(starts + place, ends - 1)]
        is_number &= (flags & (DIGIT | JOINER)) != 0
    found = np.zeros(offsets.size - 1, np.bool_)
    found[lines[is_number]] = True
    return found


def _phrases(words: WordTable, settings: RefinedWebLines) -> Pieces:
    """Return what the settings cut out of short lines, of any length so far."""
    starts, ends, inner = settings.start_phrases, settings.end_phrases, settings.inner_phrases
    layout = words.layout
    found = [no_pieces()]
    for place, pieces in enumerate(find_phrases(words, [*starts, *ends, *inner])):
        pieces = pieces.where(_at_word_bounds(words, pieces))
        if place < len(starts):
            pieces = pieces.where(pieces.starts == layout.line_starts[pieces.lines])
        elif place < len(starts) + len(ends):
            pieces = pieces.where(pieces.ends == layout.line_ends[pieces.lines])
        found.append(pieces)
    return Pieces(
        np.concatenate([pieces.starts for pieces in found]),
        np.concatenate([pieces.ends for pieces in found]),
        np.concatenate([pieces.lines for pieces in found]),
    )


def _at_word_bounds(words: WordTable, pieces: Pieces) -> Bools:
    """Tell the pieces that cut no word in two: (p,) bool."""
    starts, ends = pieces.starts, pieces.ends
    last = words.flags.size - 1
    inside = starts > words.layout.line_starts[pieces.lines]
    cuts = inside & _is_spaced(words.flags[starts - 1] & words.flags[starts])
    inside = ends < words.layout.line_ends[pieces.lines]
    cuts |= inside & _is_spaced(words.flags[ends - 1] & words.flags[np.minimum(ends, last)])
    return ~cuts


def _is_spaced(flags: NDArray[np.uint8]) -> Bools:
    spaced: Bools = (flags & (WORD | UNSPACED)) == WORD
    return spaced
