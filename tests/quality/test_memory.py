"""What the rule sets take at their peak, of texts as dense in words and lines as there are."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from curate.quality.c4 import C4
from curate.quality.fineweb import FineWeb
from curate.quality.gopher_quality import GopherQuality
from curate.quality.gopher_repetition import GopherRepetition
from curate.quality.refinedweb_lines import RefinedWebLines
from tests.laws.texts import batch_of

RULE_SETS = (GopherRepetition, GopherQuality, C4, FineWeb, RefinedWebLines)
SIZE = 3_000_000  # in less, what is made of a slice weighs more than the text
LETTERS = random.Random(0).choices("abcdefghijklmnopqrstuvwxyz", k=SIZE // 2)
DENSE = {
    "one word": "spam " * (SIZE // 5),
    "two words": "a b " * (SIZE // 4),
    "two lines": "the quick brown fox jumps over it\nthe lazy dog sleeps\n" * (SIZE // 54),
    "full stops": "a." * (SIZE // 2),
    "words of a letter": " ".join(LETTERS),
    "lines of a letter": "\n".join(LETTERS),
    "paragraphs of a letter": "\n\n".join(LETTERS[: SIZE // 3]),
}


@pytest.mark.parametrize("kind", DENSE)
def test_memory_is_at_most_30_times_the_text(kind: str) -> None:
    text = DENSE[kind]
    small = batch_of([text[:1000]])  # the tables of characters
    measures = {rule_set.name: rule_set().open() for rule_set in RULE_SETS}
    for measure in measures.values():
        measure(small)
    peaks = {}
    tracemalloc.start()
    try:
        batch = batch_of([text])
        for name, measure in measures.items():
            measure(batch)
            peaks[name] = tracemalloc.get_traced_memory()[1] / len(text)
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert max(peaks.values()) <= 30, peaks
