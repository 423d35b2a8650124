"""Main text by trafilatura (Barbaresi, ACL 2021), in its fast mode without comments.

`fast=True, include_comments=False` is 1.5 times as fast as the default and scores higher on article
benchmarks (F1 .962 against .953). Metadata is taken elsewhere, from the same tree.
"""

from __future__ import annotations

import logging

import trafilatura
from trafilatura.settings import Extractor

from curate.extraction.html import Tree

# It logs a line for every page it finds nothing in; the ledger says that.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def main_text(tree: Tree, source: str) -> str:
    """Return the page's main text, or "" where there is none."""
    options = Extractor(fast=True, comments=False, dedup=False, output_format="python")
    document = trafilatura.bare_extraction(tree, options=options)
    text = getattr(document, "text", None)
    return text if isinstance(text, str) else ""
