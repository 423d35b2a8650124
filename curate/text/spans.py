"""Hash spans of characters, and find those that a document repeats.

For lines, paragraphs, sentences, runs of words: whatever two ascending arrays of bounds describe.
"""

from __future__ import annotations

import numpy as np

from curate.text.hashing import NGRAM_MULTIPLIER
from curate.text.repeated import find_later
from curate.text.runs import Positions
from curate.text.segmentation import Bools, Ints
from curate.text.word_hashing import Hashes, exact_span_hashes
from curate.text.words import WordTable


def span_hashes(words: WordTable, starts: Positions, ends: Positions) -> Hashes:
    """Return a hash of the exact characters of each span: (s,) uint64, equal for equal spans.

    Cost: linear in the characters of the batch, whatever the length and overlap of the spans.

    Args:
        words: The table of the batch.
        starts: (s,), ascending: first character of each span, counted in the batch.
        ends: (s,), ascending: one past its last; equal to its start for an empty span.
    """
    return exact_span_hashes(words.code_points, starts, ends)


def duplicate_spans(hashes: Hashes, offsets: Ints) -> Bools:
    """Tell the spans that repeat an earlier one of the same document: (s,) bool.

    Args:
        hashes: (s,), one per span, of d documents in a row.
        offsets: (d + 1,): document i has the spans [offsets[i], offsets[i + 1]).
    """
    keys = hashes
    if offsets.size > 2:  # an odd multiple of the document's number tells its spans from others'
        documents = np.arange(offsets.size - 1, dtype=np.uint64) * np.uint64(NGRAM_MULTIPLIER)
        keys = hashes + np.repeat(documents, np.diff(offsets))
    return find_later(keys)
