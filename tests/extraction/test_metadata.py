"""Titles and dates as pages declare them."""

from __future__ import annotations

import json

import pytest

from curate.extraction.html import parse
from curate.extraction.metadata import MAX_TITLE_CHARS, find_date, find_title
from tests.pages import html

CRAWLED = "2025-06-15T12:00:00Z"
LD = '<script type="application/ld+json">'


def title(head="", body="<p>x</p>"):
    return find_title(parse(html(body, head)))


def published(head="", body="<p>x</p>", url=None, crawled=CRAWLED):
    return find_date(parse(html(body, head)), url, crawled)


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("<title>Noon Mark</title>", "<p>x</p>", "Noon Mark"),
        ("<title>\n  Noon \t Mark\n</title>", "<p>x</p>", "Noon Mark"),
        ("<title>A &amp; B &lt;3</title>", "<p>x</p>", "A & B <3"),
        ("<title>Page - Site</title><meta property=og:title content=Page>", "<p>x</p>", "Page"),
        ("<meta name=twitter:title content='T'><title>U</title>", "<p>x</p>", "T"),
        ("<meta name=DC.Title content='T'>", "<p>x</p>", "T"),
        ("<meta property=og:title content=' '><title>U</title>", "<p>x</p>", "U"),
        ("<title></title>", "<h1>The <em>first</em> heading</h1><h1>no</h1>", "The first heading"),
        ("", "<svg><title>icon</title></svg><h1>Heading</h1>", "Heading"),
        ("", "<p>x</p>", None),
        ("<title> </title>", "<h1> </h1>", None),
        (
            "<title>t\u00e9l\u00e9graphe \u6f22\u5b57</title>",
            "",
            "t\u00e9l\u00e9graphe \u6f22\u5b57",
        ),
        (f"<title>{'x' * 1000}</title>", "", "x" * MAX_TITLE_CHARS),
    ],
)
def test_titles(head, body, expected):
    assert title(head, body) == expected


def ld(value):
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<meta property="article:published_time" content="2024-03-09T23:59Z">', "2024-03-09"),
        ('<meta name="date" content="2024-3-9">', "2024-03-09"),
        ('<meta name="DC.date.issued" content="2024/03/09">', "2024-03-09"),
        ('<meta itemprop="datePublished" content="2024.03.09">', "2024-03-09"),
        ('<meta name="date" content="published on 2024-03-09, changed 2025-01-01">', "2024-03-09"),
        ('<meta name="date" content="9 March 2024">', None),
        ('<meta name="date" content="2024-02-30">', None),
        ('<meta name="date" content="2024-13-01">', None),
        ('<meta name="date" content="12024-03-09">', None),
        ('<meta name="date" content="1970-01-01">', None),
        ('<meta name="date" content="1990-01-01">', "1990-01-01"),
        ('<meta name="date" content="">', None),
        ('<meta name="revised" content="2024-03-09">', None),
        (ld({"@type": "Article", "datePublished": "2024-03-09"}), "2024-03-09"),
        (ld({"@graph": [{"a": 1}, {"b": {"datePublished": "2024-03-09T01"}}]}), "2024-03-09"),
        (ld({"dateModified": "2024-03-09"}), None),
        (ld({"datePublished": 1709942400}), None),
        (LD + '{"datePublished": "2024-03-09"</script>', None),
        (LD + "{broken</script>" + ld({"datePublished": "2024-03-09"}), "2024-03-09"),
        (LD + '{"datePublished":\n"2024-03-09", "x": "a\nb"}</script>', "2024-03-09"),
    ],
)  # fmt: skip
def test_dates_in_the_head(head, expected):
    assert published(head) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<article><time datetime="2024-03-09">x</time></article>', "2024-03-09"),
        ('<time pubdate datetime="2024-03-09T10:00">x</time>', "2024-03-09"),
        ("<time>2024-03-09</time>", None),
    ],
)
def test_dates_in_the_body(body, expected):
    assert published(body=body) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/2024/03/09/slug", "2024-03-09"),
        ("https://example.org/news/2024-3-9-slug.html", "2024-03-09"),
        ("https://example.org/2024/03/", None),
        ("https://example.org/20240309/", None),
        ("https://example.org/calendar?day=2024-03-09", None),
        ("https://example.org/page#2024-03-09", None),
        ("https://[broken/2024/03/09/", "2024-03-09"),
        (None, None),
    ],
)
def test_dates_in_the_address(url, expected):
    assert published(url=url) == expected


def test_the_order_is_meta_then_json_then_time_then_address():
    url = "https://example.org/2021/01/01/x"
    body = '<time datetime="2022-01-01">x</time>'
    json_ld = ld({"datePublished": "2023-01-01"})
    meta = '<meta name="date" content="2024-01-01">'
    assert published(meta + json_ld, body, url) == "2024-01-01"
    assert published(json_ld, body, url) == "2023-01-01"
    assert published("", body, url) == "2022-01-01"
    assert published("", "<p>x</p>", url) == "2021-01-01"


@pytest.mark.parametrize(
    ("declared", "crawled", "expected"),
    [
        ("2025-06-15", CRAWLED, "2025-06-15"),
        ("2025-06-16", CRAWLED, None),
        ("2025-06-15", "20250615120000", "2025-06-15"),
        ("2025-06-16", "20250615120000", None),
        ("2025-05-31", "2025-06", "2025-05-31"),
        ("2025-06-01", "2025-06", None),  # may be later than the crawl
        ("2024-12-31", "2025", "2024-12-31"),
        ("2025-01-01", "2025", None),
        ("2031-01-01", None, "2031-01-01"),  # nobody knows when it was crawled; no clock is asked
        ("2031-01-01", "", "2031-01-01"),
    ],
)
def test_no_date_is_later_than_the_crawl(declared, crawled, expected):
    head = f'<meta name="date" content="{declared}">'
    assert published(head, crawled=crawled) == expected


def test_a_date_after_the_crawl_is_passed_over_for_the_next():
    head = '<meta name="date" content="2031-01-01"><meta name="dc.date" content="2024-03-09">'
    assert published(head) == "2024-03-09"
