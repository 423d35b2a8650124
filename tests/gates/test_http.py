"""One page just inside and one just outside for every reason of the http gate."""

from __future__ import annotations

import pytest

from curate.gates.http import Http
from tests.pages import make


def reason(page, **keys):
    outcome = Http(**keys).open()(page)
    if outcome is None:
        return None
    assert (outcome.outcome, outcome.stage) == ("dropped", "http")
    assert outcome.detail
    return outcome.reason


@pytest.mark.parametrize(
    ("status", "keys", "expected"),
    [
        (200, {}, None),
        (201, {}, "http_status"),
        (199, {}, "http_status"),
        (404, {}, "http_status"),
        (404, {"status": [200, 404]}, None),
        (200, {"status": []}, "http_status"),
        (None, {"status": []}, None),  # not HTTP: nothing to compare
    ],
)
def test_http_status(status, keys, expected):
    assert reason(make(status=status), **keys) == expected


def test_the_detail_of_a_status_names_the_allowed_ones():
    outcome = Http(status=[203, 200]).open()(make(status=404))
    assert outcome.detail == "404 not in status [200, 203]"


HTML, XHTML, PLAIN, BINARY = (
    "text/html", "application/xhtml+xml", "text/plain", "application/octet-stream",
)  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "sniffed", "expected"),
    [
        (HTML, HTML, None),
        (XHTML, HTML, None),
        (HTML, XHTML, None),
        (None, HTML, None),
        (PLAIN, HTML, None),  # servers label HTML as text/plain, never the other way round
        (HTML, PLAIN, None),
        (PLAIN, PLAIN, None),
        (None, PLAIN, None),
        ("application/json", PLAIN, "mime_type"),
        ("text/css", PLAIN, "mime_type"),
        (HTML, "image/png", "mime_type"),
        ("image/png", HTML, None),  # magic bytes win
        (HTML, BINARY, "mime_type"),
        (None, BINARY, "mime_type"),
        (HTML, "application/rss+xml", "mime_type"),
        ("application/pdf", "application/pdf", "mime_type"),
    ],
)
def test_mime_type(declared, sniffed, expected):
    page = make(declared_type=declared, sniffed_type=sniffed)
    assert reason(page) == expected


def test_mime_types_are_a_setting():
    page = make(declared_type="application/json", sniffed_type=PLAIN)
    assert reason(page, mime_types=["application/json"]) is None
    assert reason(make(), mime_types=[XHTML]) == "mime_type"
    assert reason(make(declared_type=XHTML), mime_types=[XHTML]) is None


@pytest.mark.parametrize(
    ("truncated", "keys", "expected"),
    [
        ("length", {}, None),
        ("length", {"truncated": "drop"}, "truncated"),
        (None, {"truncated": "drop"}, None),
        ("", {"truncated": "drop"}, None),
    ],
)
def test_truncated(truncated, keys, expected):
    assert reason(make(truncated=truncated), **keys) == expected


@pytest.mark.parametrize(
    ("digest", "keys", "expected"),
    [
        ("mismatch", {}, None),
        ("mismatch", {"digest_mismatch": "drop"}, "digest_mismatch"),
        ("ok", {"digest_mismatch": "drop"}, None),
        ("unknown", {"digest_mismatch": "drop"}, None),
    ],
)
def test_digest_mismatch(digest, keys, expected):
    assert reason(make(digest=digest), **keys) == expected


def test_the_first_reason_wins():
    keys = {"truncated": "drop", "digest_mismatch": "drop"}
    page = make(status=500, sniffed_type="image/png", truncated="time", digest="mismatch")
    assert reason(page, **keys) == "http_status"
    page.status = 200
    assert reason(page, **keys) == "mime_type"
    page.sniffed_type = HTML
    assert reason(page, **keys) == "truncated"
    page.truncated = None
    assert reason(page, **keys) == "digest_mismatch"
