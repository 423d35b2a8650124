"""Score documents with a fastText classifier; keep those above a score, or the best share.

The score is the model's probability of one label, 0 to 1, of the text as
`curate.text.fasttext_model.to_line` prepares it: the same function prepares the lines that `curate
train-classifier` trains on. A label that the model does not return has the score 0.

Source: Li et al. 2024, DataComp-LM, arXiv 2406.11794, section 4.4: the best tenth by a classifier
trained on OH-2.5 and ELI5. Its published model (2.4 GB: raise limits.memory_bytes to 4 GiB) is

    - classifier: {model: oh_eli5.bin, sha256: ..., label: __label__hq, min_score: 0.018112}

It was trained on words as they stand between white space, with case and punctuation, which is what
fastText makes of the line. Deviations: DCLM keeps scores strictly above the threshold, reads texts
of any length, and joins lines also at U+0085, U+2028 and U+2029, which are parts of words here.

A pipeline has one classifier. To use two, run the second in a pipeline that reads the curated/
of the first as Parquet, or train one model on both.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import pyarrow as pa
from pydantic import Field, model_validator

from curate.decide import Rule
from curate.errors import ConfigError
from curate.rule_set import RuleSet
from curate.stage import Batch, Columns, MeasureFn, MeasureSpec
from curate.storage.model_file import Sha256
from curate.text.fasttext_model import load_model, score_line, to_line

Score = Annotated[float, Field(ge=0, le=1)]


class Classifier(RuleSet, MeasureSpec):
    """Keys of the `classifier` stage."""

    name: ClassVar[str] = "classifier"
    thresholds: ClassVar[tuple[str, ...]] = ("min_score",)
    deciding: ClassVar[frozenset[str]] = frozenset({"top_fraction"})
    source: ClassVar[str] = "Li et al. 2024, DataComp-LM, arXiv 2406.11794, section 4.4"
    libraries: ClassVar[tuple[str, ...]] = ("fasttext",)
    path_keys: ClassVar[tuple[str, ...]] = ("model",)
    adds: ClassVar[tuple[pa.Field, ...]] = (
        pa.field("classifier_score", pa.float64()),  # 0 to 1, six decimals
    )

    model: str = Field(description="path of a fastText model file")
    sha256: Sha256 = Field(description="of the model file")
    label: str = Field(description="the label that is scored, e.g. __label__good")
    min_score: Score | None = Field(None, description="least score; or give top_fraction")
    top_fraction: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="share with the best scores that is kept of what earlier rules keep"
    )
    max_chars: int = Field(
        100_000, ge=1, description="characters read per document, 30 ns each (100,000: 3 ms)"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.min_score is None) == (self.top_fraction is None):
            raise ValueError(
                "give either min_score or top_fraction, not both or none "
                "(min_score: 0 keeps everything)"
            )
        return self

    def measuring_settings(self) -> dict[str, Any]:
        """Return what shapes the column: the content of the model file, not where it lies."""
        settings = super().measuring_settings()
        del settings["model"]
        return settings

    def check(self) -> None:
        """Refuse a model that is missing, another one, or lacks the label."""
        self.open()

    def rules(self) -> tuple[Rule, ...]:
        """Return the one rule: a fixed score, or the corpus's own."""
        reason, column = "low_classifier_score", "classifier_score"
        if self.top_fraction is None:
            return (self.least(reason, "min_score", column),)
        top = Rule(reason, "top_fraction", column, top_ratio=self.top_fraction, source=self.source)
        return (top,)

    def open(self) -> MeasureFn:
        """Load the model (1 s a gigabyte); return the function that scores a batch.

        Raises:
            ConfigError: The model is missing, another one, or lacks the label.
        """
        model = load_model(self.name, Path(self.model), self.sha256)
        if self.label not in model.labels:
            near = ", ".join(get_close_matches(self.label, model.labels, 3, 0.0))
            raise ConfigError(
                f"the model has no label {self.label!r}; the nearest are {near}", "classifier.label"
            )

        def measure(batch: Batch) -> Columns:
            scores = [
                score_line(model, self.label, to_line((text.as_py() or "")[: self.max_chars]))
                for text in batch.text
            ]
            return {"classifier_score": pa.array(scores, pa.float64())}

        return measure
