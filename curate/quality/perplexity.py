"""Measure how well a KenLM n-gram model foresees a text; keep what lies between two perplexities.

The text's words are those of the word table, in lower case, each line of it one sentence:

    perplexity_log10    minus the sum of the words' log10 probabilities, in millionths
    perplexity_tokens   the words, and one end per line that has words

The perplexity is 10 ** (perplexity_log10 / perplexity_tokens / 1e6). Rules compare that ratio with
the logarithm of the threshold, so the YAML keys are perplexities. A text without words has neither
count, and no rule applies to it; nor to a language without a model, where `models` names some.

Source: Wenzek et al. 2020, CCNet, arXiv 1911.00359, section 3.4: perplexity under a model of
Wikipedia; its code cuts each language at 30 % (head) and 60 % (head and middle):

    - perplexity: {models: {de: {path: de.bin, sha256: ...}}, top_fraction: 0.3}

Deviation: words, where CCNet's published models know SentencePiece pieces without accents and with
0 for digits. Such a model finds most words unknown here; train one on words instead (`lmplz -o 5`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from curate.decide import Rule
from curate.errors import ConfigError
from curate.quality.word_lines import word_lines
from curate.rule_set import RuleSet
from curate.stage import Batch, Columns, MeasureFn, MeasureSpec
from curate.storage import files
from curate.storage.model_file import Sha256, check_model_file

MICRO = 1_000_000
PERPLEXITY_DECIMALS = 3  # a word's probability has 7 digits, as a float32
Bound = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class KenLM(BaseModel):
    """A model file, binary or ARPA."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: Annotated[str, AfterValidator(files.absolute)] = Field(
        description="KenLM binary or ARPA file"
    )
    sha256: Sha256 = Field(description="of the file")


class Perplexity(RuleSet, MeasureSpec):
    """Keys of the `perplexity` stage."""

    name: ClassVar[str] = "perplexity"
    thresholds: ClassVar[tuple[str, ...]] = ("min_perplexity", "max_perplexity")
    deciding: ClassVar[frozenset[str]] = frozenset({"top_fraction"})
    source: ClassVar[str] = "Wenzek et al. 2020, CCNet, arXiv 1911.00359, section 3.4"
    libraries: ClassVar[tuple[str, ...]] = ("kenlm",)
    adds: ClassVar[tuple[pa.Field, ...]] = (
        pa.field("perplexity_log10", pa.int64()),  # millionths; null: no model, or no words
        pa.field("perplexity_tokens", pa.int64()),
    )

    model: KenLM | None = Field(None, description="for every language; or give models")
    models: dict[str, KenLM] = Field(
        {}, description="by language label; documents in others are not measured"
    )
    min_perplexity: Bound | None = Field(None, description="below: repeats itself, lists")
    max_perplexity: Bound | None = Field(None, description="above: unlike the model's texts")
    top_fraction: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="share of least perplexity that is kept, of each language (CCNet: 0.3)"
    )
    max_chars: int = Field(
        100_000, ge=1, description="characters read per document, 70 ns each (100,000: 7 ms)"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.model is None) == (not self.models):
            raise ValueError("give either `model` or `models`, each {path: ..., sha256: ...}")
        return self

    def required(self) -> tuple[str, ...]:
        """Return the columns that an earlier stage must have added."""
        language = ("language",) if self.models else ()
        return tuple(dict.fromkeys((*super().required(), *language)))

    def measuring_settings(self) -> dict[str, Any]:
        """Return what shapes the columns: the content of the model files, not where they lie."""
        settings = super().measuring_settings()
        for model in (settings["model"], *settings["models"].values()):
            if model is not None:
                del model["path"]
        return settings

    def check(self) -> None:
        """Refuse models that are missing, others, or unreadable."""
        self.open()

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules: not too plain, not too strange, among the best."""
        ratio = ("perplexity_log10", "perplexity_tokens")
        low = self.least("perplexity_too_low", "min_perplexity", *ratio)
        high = self.most("perplexity_too_high", "max_perplexity", *ratio)
        rules = (_in_logarithms(low), _in_logarithms(high))
        if self.top_fraction is None:
            return rules
        top = Rule(
            "perplexity_not_among_best",
            "top_fraction",
            *ratio,
            source=self.source,
            top_ratio=self.top_fraction,
            top_by_language=bool(self.models),
            lowest=True,
            shown=_perplexity,
        )
        return (*rules, top)

    def open(self) -> MeasureFn:
        """Load the models (binary ones are mapped, not read); return the function that measures.

        Raises:
            ConfigError: kenlm is not installed; a model is missing, another one, or unreadable.
        """
        loaded = {
            language: _load(f"perplexity.models.{language}", model)
            for language, model in self.models.items()
        }
        if self.model is not None:
            loaded[""] = _load("perplexity.model", self.model)
        max_chars = self.max_chars

        def measure(batch: Batch) -> Columns:
            labels = batch.table["language"].to_pylist() if self.models else [""] * len(batch)
            documents = zip(labels, word_lines(batch.words, max_chars), strict=True)
            counts = [_measure(loaded.get(label), lines) for label, lines in documents]
            columns = list(zip(*counts, strict=True)) or [(), ()]
            return {
                field.name: pa.array(values, pa.int64())
                for field, values in zip(Perplexity.adds, columns, strict=True)
            }

        return measure


def _measure(model: Any, lines: list[str]) -> tuple[int | None, int | None]:
    """Return minus the log10 probability of the lines in millionths, and their tokens."""
    if model is None or not lines:
        return None, None
    # Word by word: the total that kenlm adds up itself is a float32.
    scores = [score for line in lines for score, _, _ in model.full_scores(line)]
    return round(-sum(scores) * MICRO), len(scores)


def _in_logarithms(rule: Rule) -> Rule:
    """Return a rule over perplexities as one over millionths of log10: exact to 1e-6 of it."""
    return replace(
        rule,
        minimum=_micro_log10(rule.minimum),
        maximum=_micro_log10(rule.maximum),
        by_language={name: _micro_log10(bound) for name, bound in rule.by_language.items()},
        shown=_perplexity,
    )


def perplexities(table: pa.Table) -> pa.Array:
    """Return the perplexities that the two columns tell: (n,) float64, three decimals, or null."""
    columns = (table.column(field.name).to_pylist() for field in Perplexity.adds)
    found = [
        None if log10 is None else round(_perplexity(log10 / tokens), PERPLEXITY_DECIMALS)
        for log10, tokens in zip(*columns, strict=True)
    ]
    return pa.array(found, pa.float64())


def _perplexity(micro: float) -> float:
    """Return the perplexity that a mean of millionths of log10 stands for."""
    return float(10.0 ** min(micro / MICRO, 300.0))


def _micro_log10(bound: float | None) -> Any:
    """Return a bound in millionths of log10; None and the infinite ones, which are off, stay."""
    return bound if bound is None or math.isinf(bound) else round(MICRO * math.log10(bound))


def _load(key: str, model: KenLM) -> Any:
    """Load a model after its checksum: the object of kenlm, which is asked line by line."""
    try:
        import kenlm
    except ImportError:
        raise ConfigError(
            "the library kenlm, which reads the models, is not installed; type: "
            "pip install 'curate[perplexity]'",
            "perplexity",
        ) from None
    keys = (f"{key}.path", f"{key}.sha256")
    check_model_file(keys, Path(model.path), model.sha256, "a KenLM binary or ARPA file")
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.LanguageModel(model.path, config)
    except (OSError, RuntimeError, ValueError) as error:
        why = str(error).splitlines()[-1][:200] if str(error) else type(error).__name__
        raise ConfigError(f"{model.path} is no KenLM model: {why}", keys[0]) from None
    except MemoryError:
        raise ConfigError(
            f"{model.path} does not fit in the memory of a child process, to which its size "
            "counts: raise limits.memory_bytes",
            keys[0],
        ) from None
