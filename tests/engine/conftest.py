"""One crawl, and one run of it that nothing disturbed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crawl import write_crawl
from tests.engine.runs import contents, leftovers, run, write_pipeline


@dataclass(frozen=True)
class Baseline:
    """What an undisturbed run made, to compare with."""

    crawl: Path
    offsets: dict[str, dict[str, int]]  # file -> url -> offset
    pipeline: Path
    output: Path
    contents: dict[str, str]


@pytest.fixture(scope="session")
def baseline(tmp_path_factory):
    """A crawl of two files and two parts, and its run."""
    directory = tmp_path_factory.mktemp("engine")
    offsets = write_crawl(directory / "crawl", 2, 8, slow_paragraphs=5000)
    pipeline = write_pipeline(directory / "pipeline.yaml", directory / "crawl")
    output = directory / "run"
    code, text = run(pipeline, output)
    assert code == 0, text
    assert not leftovers(output)
    return Baseline(directory / "crawl", offsets, pipeline, output, contents(output))
