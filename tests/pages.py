"""Pages as gates and extraction see them, and the prose they are made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curate.pipeline.pages import make_page
from curate.sources.charset import decode_html
from curate.sources.open import open_reader
from curate.sources.record import ByteRange, Record
from curate.stage import Page

SENTENCE = "This sentence was written for a test and says, in so many words, that it is here. "
PROSE = f"<p>{SENTENCE * 5}</p>"


def make(text: str = "", **fields: Any) -> Page:
    """Return a page of a good response with this text; `fields` replace what is given."""
    given: dict[str, Any] = {
        "url": "https://example.org/page",
        "date": "2025-06-15T12:00:00Z",
        "type": "response",
        "status": 200,
        "declared_type": "text/html",
        "sniffed_type": "text/html",
        "truncated": None,
        "digest": "ok",
        "body": text.encode("utf-8", "replace"),
        "http_charset": "utf-8",
        "text": text,
    }
    return Page(**{**given, **fields})


def html(body: str = PROSE, head: str = "") -> str:
    """Return an HTML document."""
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"


def sample_pages(path: Path) -> Iterator[Page]:
    """Yield the decoded pages of a WARC file that are HTML of status 200."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        reader = open_reader("warc", file, ByteRange(path.name, size, 0, size, 0), 32 << 20, {})
        for record in reader:
            if not isinstance(record, Record) or record.error or record.type != "response":
                continue
            page = make_page(record, 8 << 20)
            if isinstance(page, Page) and page.status == 200 and page.sniffed_type == "text/html":
                page.text = decode_html(page.body, page.http_charset).text
                yield page
