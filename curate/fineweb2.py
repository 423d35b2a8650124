"""Give the thresholds that FineWeb-2 published for a language, under the names of curate's stages.

`by_language: fineweb2` on a stage of `KEYS` means what `thresholds` returns. A language that is not
in the table (95 of lid.176's 176 are) keeps the thresholds of the stage; so does English, for which
FineWeb-2 refers to FineWeb.

Source: Penedo et al. 2025, FineWeb2, arXiv 2506.20920, section 4.4.2 and appendix A.7.2;
github.com/huggingface/fineweb-2: configs/ and fineweb-2-pipeline.py.
Deviation: the numbers are of FineWeb-2's words, of which a punctuation mark is one. So here the
share of alphabetic words, which counts what stands between white space, is a laxer rule, and line
feeds per word a stricter one. A share of at least 1 (yue, 2-grams: 1.238) is a rule that is off.
Its language scores are not taken over, as they are of GlotLID, nor are its stop words: the lists
hold punctuation, and the English `the` for Finnish, Georgian and Afrikaans. Curate's own are used,
or those that `curate calibrate` finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Bound = float | None

# stage -> key of the stage -> column of the table
KEYS: dict[str, dict[str, str]] = {
    "gopher_quality": {
        "min_mean_word_chars": "min_avg_word_length",
        "max_mean_word_chars": "max_avg_word_length",
        "min_mean_unspaced_word_chars": "min_avg_word_length",
        "max_mean_unspaced_word_chars": "max_avg_word_length",
        "min_alphabetic_word_ratio": "max_non_alpha_words_ratio",  # a minimum, despite its name
    },
    "gopher_repetition": {
        "max_duplicate_line_ratio": "dup_line_frac",
        **{f"max_top_{n}_gram_char_ratio": f"top_{n}" for n in (2, 3, 4)},
        **{f"max_duplicate_{n}_gram_char_ratio": f"dup_{n}" for n in range(5, 11)},
    },
    "fineweb": {
        "min_punctuated_line_ratio": "line_punct_thr",
        "max_line_break_to_word_ratio": "new_line_ratio",
    },
}
# What the pipeline sets for every language; None: the rule is off.
FIXED: dict[str, dict[str, Bound]] = {
    "gopher_repetition": {
        "max_duplicate_paragraph_ratio": None,  # Trafilatura keeps no paragraphs
        "max_duplicate_line_char_ratio": None,  # FineWeb's rule of the same kind stands for it
        "max_duplicate_paragraph_char_ratio": None,
    },
    "fineweb": {"max_short_line_ratio": None, "max_duplicate_line_char_ratio": 0.1},
}
UNSPACED_SCRIPTS = {"Hang", "Hani", "Jpan", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"}
SPACED_KEYS = {"min_mean_word_chars", "max_mean_word_chars"}
UNSPACED_KEYS = {"min_mean_unspaced_word_chars", "max_mean_unspaced_word_chars"}
NO_SHARES = {"min_avg_word_length", "max_avg_word_length", "new_line_ratio"}


def thresholds(stage: str) -> dict[str, dict[str, Bound]]:
    """Return the thresholds of a stage by language label, then by key; None switches a rule off.

    Raises: KeyError for a stage that FineWeb-2 gives no thresholds for.
    """
    fixed = FIXED.get(stage, {})
    return {
        row.label: {
            key: row.bound(column)
            for key, column in KEYS[stage].items()
            if key not in (SPACED_KEYS if row.is_unspaced else UNSPACED_KEYS)
        }
        | fixed
        for row in _table()
    }


@dataclass(frozen=True)
class _Row:
    label: str
    is_unspaced: bool
    numbers: dict[str, float]  # by column

    def bound(self, column: str) -> Bound:
        value = self.numbers[column]
        return None if column not in NO_SHARES and value >= 1 else value


@cache
def _table() -> list[_Row]:
    """Return the published numbers, a row per language."""
    text = (files("curate") / "fineweb2.tsv").read_text("utf-8")
    head, *lines = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return [
        _Row(
            label,
            config.rsplit("_", 1)[1] in UNSPACED_SCRIPTS,
            dict(zip(head[2:], map(float, cells), strict=True)),
        )
        for label, config, *cells in lines
    ]
