"""Find where sentences end.

A sentence ends after a terminator of its script (`curate.text.terminals`, and `…`), with the
quotes and brackets that close behind it (a quote that might open one closes where no word comes
right after it); and where its line ends, terminator or not. What holds no
word is no sentence: it belongs to the next one.

`.`, `…`, `?` and `!` end a sentence only before white space, or before a script that writes none;
the terminators of other scripts always do. A full stop or ellipsis ends none where the next word
begins in lower case; a full stop none after an initial (`J. Smith`, `e.g.`) or an abbreviation of
`ABBREVIATIONS`, which costs the sentences that end in one.

Source: Unicode Standard Annex 29, sentence boundaries, rules SB4 to SB11.
Deviation: initials and abbreviations; `?` and `!` need white space too, for the sake of URLs; the
ellipsis is a terminator; every line is at least one sentence, as headings and lists have none.
"""

# ruff: noqa: RUF001 - quotes of many languages are meant

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from curate.text.characters import JOINER, LOWER, SPACE, UNSPACED, UPPER, WORD, case_table
from curate.text.runs import Places, places_of, search
from curate.text.segmentation import Bools
from curate.text.terminals import terminal_table
from curate.text.word_hashing import Hashes
from curate.text.words import WordTable, word_hashes

CLOSERS = ")]}’”」』】〉》〕〗〙〛）］｝｣"
QUOTES = "\"'“‘«»‹›＂＇"  # close or open: which, depends on the language
FULL_STOPS = ".\u2024\ufe52"
ELLIPSES = "…"
OTHERS_BEFORE_SPACE = "?!\u203c\u203d\u2047\u2048\u2049"
# Followed by a capital or a number as a rule, in the middle of a sentence. Words that often end
# sentences (`no`, `art`, `etc`) are left out. English, German, French, Spanish, Italian,
# Portuguese, Dutch, a line each; those of two languages stand in the first.
ABBREVIATIONS = """
mr mrs ms dr prof st mt gen col sgt capt lt rev hon sen rep gov jr sr messrs vs cf viz al approx
dept est inc ltd corp fig figs vol vols ed eds pp jan feb mar apr jun jul aug sep sept oct nov dec
nr bzw ca evtl geb ggf hrsg inkl jh jhdt mio mrd sog str tel usw vgl zzgl bd abb
mm mme mlle mgr av env chap
sra srta dra ud uds vd vds pág págs núm
sig sigg dott avv ing geom pag
exmo exma sto sta
dhr mevr drs mw blz bijv enz
"""

# What a character means to sentences, as bits.
_TERMINAL = 1
_CLOSER = 2
_BEFORE_SPACE = 4  # ends a sentence only before white space
_BEFORE_CAPITAL = 8  # and not before a word in lower case
_FULL_STOP = 16
_QUOTE = 32


def sentence_ends(words: WordTable) -> Places:
    """Return one past the last character of each sentence, ascending: (s,) int32.

    Positions count characters of the batch; no sentence goes over the end of a line or document.
    Cost: linear, about 2 ns a character besides the word table and its layout.
    """
    ends = np.concatenate((_terminated(words), words.layout.line_ends))
    ends.sort()
    words_before = search(words.starts, ends)
    has_words = np.zeros(ends.size, np.bool_)
    has_words[:1] = words_before[:1] > 0
    has_words[1:] = words_before[1:] > words_before[:-1]
    sentences: Places = ends[has_words]
    return sentences


def _terminated(words: WordTable) -> Places:
    """Return one past the terminator, and what closes behind it, of each sentence that has one."""
    marks = places_of((words.flags | JOINER) == JOINER)  # neither in words nor space
    kinds = _kind_table().take(words.code_points[marks], mode="clip")
    first_chars = np.zeros(words.flags.size + 1, np.bool_)
    first_chars[words.char_offsets] = True
    followed = ((words.flags.take(marks + 1, mode="clip") & WORD) != 0) & ~first_chars[marks + 1]
    used = places_of((kinds != 0) & ~((kinds == _QUOTE) & followed))
    if not used.size or not words.starts.size:
        return np.zeros(0, np.int32)
    marks, kinds = marks[used], kinds[used]
    # Runs of terminators and closers; each ends at most one sentence, that of its last terminator.
    goes_on = (np.diff(marks) == 1) & ~first_chars[marks[1:]]
    lasts = places_of(~np.append(goes_on, False))
    firsts = np.append(np.int32(0), lasts[:-1] + 1)
    terminals = np.arange(marks.size, dtype=np.int32)
    terminals[(kinds & _TERMINAL) == 0] = -1
    terminals = np.maximum.accumulate(terminals, out=terminals)[lasts]
    ends, terminals = marks[lasts[terminals >= firsts]] + 1, terminals[terminals >= firsts]
    next_flags = words.flags.take(ends, mode="clip")
    ended = first_chars[ends] | ((next_flags & (SPACE | UNSPACED)) != 0)
    ended |= (kinds[terminals] & _BEFORE_SPACE) == 0
    ends, terminals = ends[ended], terminals[ended]
    doubtful = np.flatnonzero(kinds[terminals] & _BEFORE_CAPITAL)
    goes_on = _is_before_lower_case(words, ends[doubtful])
    full_stops = (kinds[terminals[doubtful]] & _FULL_STOP) != 0
    places = marks[terminals[doubtful]]
    goes_on |= full_stops & _is_after_abbreviation(words, places, first_chars)
    terminated: Places = np.delete(ends, doubtful[goes_on])
    return terminated


def _is_before_lower_case(words: WordTable, ends: Places) -> Bools:
    """Tell after which ends the line goes on with a word in lower case: (m,) bool."""
    line_ends = words.layout.line_ends
    line_ends = line_ends[search(line_ends, ends)]
    next_starts = words.starts.take(search(words.starts, ends), mode="clip")
    lower: Bools = case_table()[words.code_points[next_starts]] == LOWER
    return lower & (ends <= next_starts) & (next_starts < line_ends)


def _is_after_abbreviation(words: WordTable, places: Places, first_chars: Bools) -> Bools:
    """Tell which full stops stand right after an initial or an abbreviation: (m,) bool."""
    last_words = search(words.ends, places)
    last_words = np.minimum(last_words, words.ends.size - 1)
    starts = words.starts[last_words]
    after_stop = (words.code_points[starts - 1] == ord(".")) & ~first_chars[starts]  # g in `e.g.`
    initial = after_stop | (case_table()[words.code_points[starts]] == UPPER)
    initial &= words.ends[last_words] - starts == 1
    abbreviations = _abbreviation_hashes()
    hashes = words.hashes[last_words]
    nearest = abbreviations.take(search(abbreviations, hashes), mode="clip")
    known: Bools = (initial | (nearest == hashes)) & (words.ends[last_words] == places)
    return known


@cache
def _kind_table() -> NDArray[np.uint8]:
    kinds = terminal_table() * np.uint8(_TERMINAL)
    for chars, kind in (
        (CLOSERS, _CLOSER),
        (QUOTES, _QUOTE),
        (OTHERS_BEFORE_SPACE, _TERMINAL | _BEFORE_SPACE),
        (ELLIPSES, _TERMINAL | _BEFORE_SPACE | _BEFORE_CAPITAL),
        (FULL_STOPS, _TERMINAL | _BEFORE_SPACE | _BEFORE_CAPITAL | _FULL_STOP),
    ):
        kinds[[ord(char) for char in chars]] = kind
    return kinds


@cache
def _abbreviation_hashes() -> Hashes:
    return np.unique(word_hashes(ABBREVIATIONS.split()))
