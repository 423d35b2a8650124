"""A run whose stages are made for these tests: an edit, two rule sets, near-duplicates."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from curate.config import check_resolved
from curate.decide import Rule
from curate.engine.driver import Run
from curate.engine.observer import Observer
from curate.rule_set import RuleSet
from curate.stage import EditSpec, MeasureSpec
from curate.stages import STAGES
from curate.storage.files import canonical_json
from tests.corpus import make_texts
from tests.runs import DirectWorkers, load

NOISE = "# shared on the noticeboard"


class Sized(RuleSet, MeasureSpec):
    """Count words; a threshold on either side."""

    name: ClassVar[str] = "sized"
    thresholds: ClassVar[tuple[str, ...]] = ("min_words", "max_words")
    adds: ClassVar[tuple[pa.Field, ...]] = (pa.field("sized_words", pa.int64()),)

    min_words: int | None = 8
    max_words: int | None = 50

    def open(self):
        return lambda batch: {"sized_words": pa.array(batch.words.num_words, pa.int64())}

    def rules(self):
        return (
            self.least("too_few_words", "min_words", "sized_words"),
            self.most("too_many_words", "max_words", "sized_words"),
        )


class Scored(MeasureSpec):
    """Give a score; keep the best share of what earlier rules keep."""

    name: ClassVar[str] = "scored"
    deciding: ClassVar[frozenset[str]] = frozenset({"top_fraction"})
    adds: ClassVar[tuple[pa.Field, ...]] = (pa.field("score", pa.float64()),)

    top_fraction: float = 0.7
    salt: int = 3

    def open(self):
        def measure(batch):
            sizes = np.array([len(text) for text in batch.text.to_pylist()], np.int64)
            return {"score": pa.array(sizes * 7919 * self.salt % 101 / 101)}

        return measure

    def rules(self):
        return (Rule("low_score", "top_fraction", "score", top_ratio=self.top_fraction),)


class Trimmed(RuleSet, EditSpec):
    """Remove the noise; drop what is noisy."""

    name: ClassVar[str] = "trimmed"
    thresholds: ClassVar[tuple[str, ...]] = ("max_lines",)
    adds: ClassVar[tuple[pa.Field, ...]] = (pa.field("trimmed_lines", pa.int64()),)

    max_lines: int | None = 2
    noise: str = NOISE

    def open(self):
        def edit(batch):
            counts = pc.cast(pc.count_substring(batch.text, self.noise), pa.int64())
            return pc.replace_substring(batch.text, self.noise, ""), {"trimmed_lines": counts}

        return edit

    def rules(self):
        return (self.most("too_noisy", "max_lines", "trimmed_lines"),)


PIPELINE = """
name: made
input: {{format: jsonl, paths: [{path}], part_bytes: 20000}}
output: runs/made
stages:
  - trimmed: {{}}
  - sized: {{}}
  - scored: {{}}
  - dedup: {{bands: 20, rows: 4, jaccard: 0.6}}
tokens: {{train: {{vocab_size: 400}}}}
"""


@contextmanager
def listed():
    """List the stages above as a pipeline may list them, and no longer than that."""
    with pytest.MonkeyPatch.context() as patch:
        for stage in (Sized, Scored, Trimmed):
            patch.setitem(STAGES, stage.name, stage)
        yield


@pytest.fixture(scope="module", autouse=True)
def made_stages():
    """The stages above; other tests look at all that are listed."""
    with listed():
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Run the pipeline above on 600 texts, 200 and two variants of each, and one of noise only."""
    directory = tmp_path_factory.mktemp("made")
    source = directory / "made.jsonl"
    texts = [text for text in vary(make_texts(200, seed=4)) if text.strip(".")] + [NOISE]
    lines = [{"text": text, "url": f"https://example.org/{i}"} for i, text in enumerate(texts)]
    source.write_text("\n".join(json.dumps(line) for line in lines))
    pipeline = directory / "made.yaml"
    pipeline.write_text(PIPELINE.format(path=source))
    with listed():
        return finish(load(directory / "run", pipeline=str(pipeline)), str(pipeline))


def vary(texts):
    """Yield texts with two variants of each: other words at the end, and noise."""
    random = np.random.default_rng(5)
    for text in texts:
        words = text.split(" ")
        yield text
        for _ in range(2):
            changed = list(words)
            for _ in range(random.integers(0, 3)):
                changed[random.integers(len(words))] = f"w{random.integers(1000)}"
            extra = [f"x{random.integers(1000)}"] * random.integers(0, 3)
            noise = [NOISE] * random.integers(0, 5)
            yield " ".join([*changed, *extra]) + "\n" + "\n".join(noise)


def finish(config, pipeline="pipelines/web.yaml", reuse=None, until="ledger"):
    """Run a pipeline to its end in this process, with what `curate whatif` reads of run.json."""
    directory = Path(config.settings.output)
    directory.mkdir(parents=True, exist_ok=True)
    run = Run(config, str(directory), DirectWorkers(), Observer(), str(reuse) if reuse else None)
    names = [segment.name for segment in run.segments]
    run.segments = run.segments[: names.index(until) + 1]
    run.execute()
    info = {
        "config": config.resolved(),
        "directory": str(directory),
        "command": ["/bin/curate", "run", pipeline, f"--output={directory}"],
    }
    (directory / "run.json").write_bytes(canonical_json(info))
    return directory


def rerun(base, directory, changes, until="ledger"):
    """Run the pipeline of a run with other values by (stage, key), as `--reuse` does."""
    info = json.loads((Path(base) / "run.json").read_text())
    value = info["config"] | {"output": str(directory)}
    for (stage, key), new in changes.items():
        entry = next(entry for entry in value["stages"] if stage in entry)
        entry[stage][key] = new
    return finish(check_resolved(value), reuse=base, until=until)
