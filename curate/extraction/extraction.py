"""The `extraction` stage: a page's main text, title and publication date.

History-free: the same page gives the same text whatever was extracted before it. That is why
trafilatura's `deduplicate` (a process-wide cache) and its date search (`max_date` = now) are never
used. Structural limits come first, because a page that breaks one breaks it on every machine.

What a library raises over one page is that page's error, not the run's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import Field

from curate.extraction.html import Tree, clean, count_tags, is_deeper, parse
from curate.extraction.metadata import find_date, find_title
from curate.stage import Extracted, ExtractFn, ExtractionSpec, Outcome, Page

HTML_TYPES = ("text/html", "application/xhtml+xml")
MainText = Callable[[Tree, str], str]  # (parsed page, its source) -> text


class Extraction(ExtractionSpec):
    """Keys of the `extraction` stage."""

    name: ClassVar[str] = "extraction"
    libraries: ClassVar[tuple[str, ...]] = ("trafilatura", "lxml", "justext", "resiliparse")

    engine: Literal["trafilatura", "resiliparse"] = Field(
        "trafilatura",
        description="trafilatura: article F1 .962, 13 ms a page; resiliparse: .916, 2 ms",
    )

    def open(self, max_tags: int, max_depth: int) -> ExtractFn:
        """Return the function that extracts one page."""
        main_text = _open_engine(self.engine)

        def extract(page: Page) -> Extracted | Outcome:
            if _is_plain(page):
                if not page.text.strip():
                    return self._drop("empty_page", "no text")
                return Extracted(page.text, None, None)
            if not page.text.strip():
                return self._drop("empty_page", "no bytes")
            num_tags = count_tags(page.text)
            if num_tags > max_tags:
                return self._drop("too_many_tags", f"{num_tags} > limits.max_tags {max_tags}")
            try:
                return self._extract(page, main_text, max_depth)
            except MemoryError:
                raise
            except Exception as error:  # its message may hold an address, which differs
                return Outcome("errored", self.name, "extraction_failed", type(error).__name__)

        return extract

    def _extract(self, page: Page, main_text: MainText, max_depth: int) -> Extracted | Outcome:
        source = clean(page.text)
        tree = parse(source)
        if tree is None:
            return self._drop("no_text", "no HTML element could be parsed")
        if is_deeper(tree, max_depth):
            return self._drop("too_deep", f"nesting > limits.max_depth {max_depth}")
        title = find_title(tree)
        date = find_date(tree, page.url, page.date)
        text = main_text(tree, source).strip()
        if not text:
            return self._drop("no_text", "no main text found")
        return Extracted(text, title, date)

    def _drop(self, reason: str, detail: str) -> Outcome:
        return Outcome("dropped", self.name, reason, detail)


def _is_plain(page: Page) -> bool:
    """Return whether the page is text already; the header decides where the bytes do not tell."""
    if page.type in ("conversion", "text"):
        return True
    return page.sniffed_type == "text/plain" and page.declared_type not in HTML_TYPES


def _open_engine(engine: str) -> MainText:
    """Import the library only when it is wanted: each costs 0.1 to 0.2 s."""
    if engine == "resiliparse":
        from curate.extraction.resiliparse_engine import main_text

        return main_text
    from curate.extraction.trafilatura_engine import main_text as trafilatura_text

    return trafilatura_text
