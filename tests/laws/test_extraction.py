"""Extraction has no history and no clock: a page alone, after others, or again is the same."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from curate.extraction.extraction import Extraction
from curate.stage import Extracted, ExtractionSpec
from curate.stages import STAGES
from tests.pages import html, make, sample_pages
from tests.runs import REPOSITORY

LIMITS = {"max_tags": 250_000, "max_depth": 512}
ENGINES = ("trafilatura", "resiliparse")
OTHERS = 300
AGAIN = 11


def test_one_extraction_stage_exists():
    assert [s for s in STAGES.values() if issubclass(s, ExtractionSpec)] == [Extraction]


@pytest.fixture(scope="module")
def pages(samples):
    found = [
        p for name in ("crawl-00.warc.gz", "crawl-02.warc") for p in sample_pages(samples / name)
    ]
    found = [p for p in found if len(p.text) < 200_000]
    assert len(found) > 60
    return found


def alone(engine, page):
    """Extract in a process that has extracted nothing before."""
    code = (
        "import sys, json\n"
        "from curate.extraction.extraction import Extraction\n"
        "from tests.pages import make\n"
        "text, url, date = json.load(sys.stdin)\n"
        f"f = Extraction(engine={engine!r}).open(250000, 512)\n"
        "r = f(make(text, url=url, date=date))\n"
        "json.dump([r.text, r.title, r.date], sys.stdout)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([page.text, page.url, page.date]),
        capture_output=True, text=True, cwd=REPOSITORY, check=True,
    )  # fmt: skip
    text, title, date = json.loads(done.stdout)
    return Extracted(text, title, date)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_came_before_changes_nothing(engine, pages):
    extract = Extraction(engine=engine).open(**LIMITS)
    page = next(page for page in pages if isinstance(extract(page), Extracted))
    first = alone(engine, page)
    for number in range(OTHERS if engine == "resiliparse" else OTHERS // 2):
        extract(pages[number % len(pages)])
    assert extract(page) == first
    assert [extract(page) for _ in range(AGAIN)] == [first] * AGAIN


@pytest.mark.parametrize("engine", ENGINES)
def test_a_text_that_repeats_across_pages_stays(engine):
    """trafilatura's `deduplicate` would drop what it has seen twice in this process."""
    extract = Extraction(engine=engine).open(**LIMITS)
    paragraphs = [
        f"Paragraph {n} stands on every page of this site, word for word." for n in "abcd"
    ]
    page = make(html(f"<article><p>{'</p><p>'.join(paragraphs)}</p></article>"))
    texts = [extract(page).text for _ in range(AGAIN)]
    assert len(set(texts)) == 1
    assert all(paragraph in texts[0] for paragraph in paragraphs)


def test_no_date_is_later_than_the_crawl(pages):
    extract = Extraction(engine="resiliparse").open(**LIMITS)
    dated = 0
    for page in pages:
        for crawled in (page.date, "2020-02-02T00:00:00Z", "2025", "20250101000000"):
            page.date, before = crawled, page.date
            result = extract(page)
            page.date = before
            if isinstance(result, Extracted) and result.date is not None:
                dated += 1
                assert result.date <= crawled[:10] or result.date.replace("-", "") <= crawled[:8]
    assert dated > 40


def test_nothing_in_extraction_asks_the_clock():
    for path in sorted((REPOSITORY / "curate" / "extraction").glob("*.py")):
        source = path.read_text()
        for word in ("now(", "today(", "time.time", "import time", "utcnow"):
            assert word not in source, path
