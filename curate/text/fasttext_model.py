"""fastText: the only module that imports it. Load a model by its checksum, ask it, train one.

Source: Joulin et al. 2016, Bag of Tricks for Efficient Text Classification, arXiv 1607.01759.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import ConfigError
from curate.storage.model_file import check_model_file

LABEL_PREFIX = "__label__"
END_OF_LINE = "</s>"  # the word that a line feed becomes
SCORE_DECIMALS = 6  # the model computes in float32, 7 digits


@dataclass(frozen=True)
class Model:
    """A loaded model: its labels, and the call that scores a line."""

    labels: tuple[str, ...]  # as in the file, prefix included
    # (line, how many labels, least score, "strict") -> [(score, label)], best first. This is the
    # extension's method: the Python layer over it, in 0.9.3, raises with NumPy 2.
    predict: Callable[[str, int, float, str], list[tuple[float, str]]]


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained. One thread: with more, each run gives another model."""

    epochs: int = 5  # as fastText's own default
    learning_rate: float = 0.5
    dimensions: int = 32
    word_ngrams: int = 2
    buckets: int = 200_000  # rows for word n-grams, 4 x dimensions bytes each: 26 MB
    min_count: int = 2  # a word of one text teaches only that text
    seed: int = 0

    def __post_init__(self) -> None:
        # Less than a page of memory may be used memory, which fastText does not clear; see
        # curate.classifier_training.fit. With n-grams of one word it has no buckets at all.
        if self.word_ngrams < 2 or self.buckets * self.dimensions < 1 << 14:
            raise ValueError("a recipe needs word_ngrams >= 2 and 16,384 or more weights")


def load_model(key: str, path: Path, sha256: str) -> Model:
    """Load a model after its checksum; `key` is the stage, which messages name.

    Raises:
        ConfigError: The file cannot be read, is another one, no model, or larger than memory.
    """
    import fasttext

    check_model_file((f"{key}.model", f"{key}.sha256"), path, sha256, "a fastText model file")
    try:
        loaded: Any = fasttext.load_model(str(path)).f
    except (ValueError, RuntimeError) as error:
        raise ConfigError(f"{path} is no fastText model: {error}", f"{key}.model") from None
    except MemoryError:
        raise ConfigError(
            f"{path} ({path.stat().st_size:,} bytes) does not fit in the memory of a child "
            "process, to which its size counts: raise limits.memory_bytes",
            f"{key}.model",
        ) from None
    return Model(tuple(loaded.getLabels("strict")[0]), loaded.predict)


def to_line(text: str) -> str:
    """Return a text as the one line that fastText trains on and predicts from.

    A line feed would end the text for fastText, and one must: it becomes the `</s>` that the model
    was trained with. A literal `</s>` in the text would end it too, hiding what follows, and a word
    that begins with `__label__` would be a label: both are broken up. NUL and other control
    characters separate words for fastText already.
    """
    line = text.replace("\n", " ")
    if END_OF_LINE in line:
        line = line.replace(END_OF_LINE, "< /s>")
    if LABEL_PREFIX in line:
        line = line.replace(LABEL_PREFIX, "label ")
    return line + "\n"


def score_line(model: Model, label: str, line: str) -> float:
    """Return the probability of a label; 0 where the model does not return it.

    fastText gives up to 1.00001, and NaN where sums overflow.
    """
    for score, name in model.predict(line, len(model.labels), 0.0, "strict"):
        if name == label:
            return round(min(max(0.0, score), 1.0), SCORE_DECIMALS)
    return 0.0


def train_model(lines: Path, output: Path, recipe: Recipe) -> None:
    """Train on a file of lines `LABEL TEXT`; the same again only in a fresh process (see `fit`).

    Raises: ValueError or RuntimeError where fastText finds nothing to learn in the lines.
    """
    import fasttext

    model: Any = fasttext.train_supervised(
        str(lines),
        thread=1,
        verbose=0,
        epoch=recipe.epochs,
        lr=recipe.learning_rate,
        dim=recipe.dimensions,
        wordNgrams=recipe.word_ngrams,
        bucket=recipe.buckets,
        minCount=recipe.min_count,
        seed=recipe.seed,
    )
    model.save_model(str(output))
