"""List the most frequent function words of languages, about eight each, by language label.

English: the list of Rae et al. 2021, appendix A.1.1. The others are of the same kind: articles,
conjunctions, prepositions, forms of `to be`. Matched by word hash, so case and accents do not
count. Languages that write no spaces between words have no list (of the likeliest eight, a page of
50 words in Thai, Lao or Khmer may hold one), nor has Korean, which attaches its particles.
"""

# ruff: noqa: RUF001 - Cyrillic and Greek letters are meant

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from curate.text.runs import search
from curate.text.words import WordTable, word_hashes

STOP_WORDS: dict[str, tuple[str, ...]] = {
    "en": ("the", "be", "to", "of", "and", "that", "have", "with"),
    "ar": ("في", "من", "على", "أن", "إلى", "التي", "عن", "هذا"),
    "bg": ("и", "на", "да", "се", "за", "от", "не", "че"),
    "ca": ("de", "la", "el", "i", "que", "en", "per", "amb"),
    "cs": ("a", "se", "na", "že", "je", "to", "ve", "pro"),
    "da": ("og", "i", "at", "er", "det", "en", "til", "som"),
    "de": ("der", "die", "und", "in", "den", "das", "ist", "mit"),
    "el": ("και", "το", "να", "του", "της", "για", "με", "που"),
    "es": ("de", "la", "que", "el", "en", "y", "los", "con"),
    "et": ("ja", "on", "ei", "et", "see", "oli", "mis", "aga"),
    "fa": ("و", "در", "به", "از", "که", "این", "را", "با"),
    "fi": ("ja", "on", "ei", "se", "että", "oli", "hän", "myös"),
    "fr": ("de", "la", "le", "et", "les", "des", "que", "est"),
    "he": ("של", "את", "על", "לא", "הוא", "זה", "גם", "עם"),
    "hi": ("के", "में", "है", "की", "और", "से", "का", "को"),
    "hr": ("i", "je", "u", "se", "na", "da", "za", "su"),
    "hu": ("a", "az", "és", "hogy", "nem", "is", "egy", "meg"),
    "id": ("yang", "dan", "di", "itu", "dengan", "untuk", "dari", "ini"),
    "it": ("di", "e", "che", "la", "il", "un", "per", "non"),
    "lt": ("ir", "kad", "yra", "su", "iš", "bet", "tai", "kaip"),
    "lv": ("un", "ir", "ar", "no", "ka", "par", "uz", "kas"),
    "ms": ("yang", "dan", "di", "itu", "dengan", "untuk", "dari", "pada"),
    "nl": ("de", "en", "van", "het", "een", "in", "is", "dat"),
    "nn": ("og", "i", "det", "på", "er", "som", "ein", "til"),
    "no": ("og", "i", "det", "på", "er", "som", "en", "til"),
    "pl": ("i", "w", "na", "z", "się", "nie", "do", "że"),
    "pt": ("de", "a", "que", "o", "e", "do", "da", "em"),
    "ro": ("de", "și", "în", "a", "la", "cu", "pe", "care"),
    "ru": ("и", "в", "не", "на", "что", "с", "по", "как"),
    "sk": ("a", "sa", "na", "že", "je", "to", "vo", "pre"),
    "sl": ("in", "je", "na", "se", "da", "za", "so", "ki"),
    "sr": (
        *["и", "је", "у", "се", "на", "да", "за", "су"],
        *["i", "je", "u", "se", "na", "da", "za", "su"],
    ),
    "sv": ("och", "i", "att", "det", "som", "en", "på", "är"),
    "tr": ("ve", "bir", "bu", "da", "de", "için", "ile", "çok"),
    "uk": ("і", "в", "на", "не", "що", "з", "до", "та"),
    "ur": ("کے", "میں", "ہے", "کی", "اور", "سے", "کا", "کو"),
    "vi": ("và", "của", "là", "có", "cho", "không", "được", "các"),
}


class StopWords:
    """The stop words of many languages as hashes, found in one pass over a batch's words.

    Raises:
        ValueError: An entry is not exactly one word.
    """

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Hash every list; a language with an empty list has none."""
        full = {language: list(words) for language, words in sorted(lists.items()) if words}
        hashes = word_hashes([word for words in full.values() for word in words])
        self.languages = list(full)  # (m,), sorted
        self.hashes = np.unique(hashes)  # (s,) uint64
        # (m + 1, s): whether a list holds a hash; the last row, which -1 means, holds none.
        self.members = np.zeros((len(full) + 1, self.hashes.size), np.bool_)
        rows = np.repeat(np.arange(len(full)), [len(words) for words in full.values()])
        self.members[rows, search(self.hashes, hashes)] = True
        self._low_bits = np.zeros(1 << 16, np.bool_)  # rules out most words at 1 ns each
        self._low_bits[self.hashes.astype(np.uint16)] = True

    def count_distinct(self, words: WordTable, lists: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the distinct stop words of each document: (d,) int64.

        Args:
            words: The words of d documents.
            lists: (d,), the place in `languages` of each document's list; where it is -1, so is
                the count.
        """
        found = np.flatnonzero(self._low_bits[words.hashes.astype(np.uint16)])
        places = search(self.hashes, words.hashes[found])
        places = np.minimum(places, self.hashes.size - 1)
        equal = self.hashes[places] == words.hashes[found]
        documents = search(words.word_offsets, found[equal], "right") - 1
        seen = np.zeros((words.num_documents, self.hashes.size), np.bool_)
        seen[documents, places[equal]] = True
        counts = np.sum(seen & self.members[lists], axis=1, dtype=np.int64)
        return np.where(lists < 0, -1, counts)
