"""Parse HTML once, with limits that are the same on every machine."""

from __future__ import annotations

import re
from functools import lru_cache

from lxml import etree, html

Tree = html.HtmlElement

# An XML declaration with an encoding makes lxml refuse text that is decoded already.
XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>")
# lxml stops at NUL; other C0 controls are not XML characters and would raise later on.
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def count_tags(text: str) -> int:
    """Return an upper bound of the page's start and end tags, in one C pass."""
    return text.count("<")


def parse(text: str) -> Tree | None:
    """Return the page's root element, or None where nothing in it is HTML.

    `huge_tree` lifts libxml2's depth limit of 256, at which it would stop reading silently.
    """
    text = XML_DECLARATION.sub("", CONTROLS.sub(" ", text), count=1)
    parser = html.HTMLParser(
        remove_comments=True, remove_pis=True, collect_ids=False, huge_tree=True
    )
    try:
        tree = html.document_fromstring(text, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None
    return tree if len(tree) else None


def is_deeper(tree: Tree, max_depth: int) -> bool:
    """Return whether any element is nested deeper than `max_depth`; linear, in C."""
    return bool(_depth_test(max_depth)(tree))


@lru_cache(maxsize=4)
def _depth_test(max_depth: int) -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (max_depth + 1)})")
