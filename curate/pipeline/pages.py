"""From a record to a page: the HTTP response parsed, its body decoded, its real type sniffed."""

from __future__ import annotations

from curate.sources.http import parse_content_type, parse_response, verify_digest
from curate.sources.mime import sniff
from curate.sources.record import Record
from curate.stage import Outcome, Page

TEXT_TYPES = frozenset({"text"})  # the source gives text, not a page


def make_page(record: Record, max_page_bytes: int) -> Page | Outcome:
    """Return the page in a record: the HTTP response parsed, its body decoded.

    Errors: a body that is longer than `max_page_bytes`, or cannot be decoded.
    """
    page = Page(
        url=record.url,
        date=record.date,
        type=record.type,
        status=None,
        declared_type=None,
        sniffed_type="text/plain",
        truncated=record.truncated,
        digest="unknown",
        body=record.block,
        http_charset=None,
        text=record.text or "",
    )
    if record.type in TEXT_TYPES:
        return page
    if record.type == "response" and not _is_foreign(record.content_type):
        response = parse_response(record.block, max_page_bytes)
        if response.error is not None:
            return Outcome("errored", "input", *response.error)
        page.status, page.body = response.status, response.body
        page.declared_type, page.http_charset = response.content_type, response.charset
        page.digest = verify_digest(record.payload_digest, response.payload)
        if page.digest == "mismatch" and response.unchunked:
            page.digest = verify_digest(record.payload_digest, response.unchunked)
    else:
        page.declared_type, page.http_charset = parse_content_type(record.content_type)
        page.digest = verify_digest(record.payload_digest, record.block)
    if len(page.body) > max_page_bytes:
        detail = f"{len(page.body)} > limits.max_page_bytes {max_page_bytes}"
        return Outcome("errored", "input", "body_too_large", detail)
    page.sniffed_type = sniff(page.body)
    if record.type == "conversion":
        page.sniffed_type = "text/plain"  # WET: text by definition, whatever it begins with
    if record.type == "html" and page.sniffed_type == "text/plain":
        page.sniffed_type = "text/html"  # the source says so, and no magic bytes object
    return page


def _is_foreign(content_type: str | None) -> bool:
    """Return whether a response is not HTTP (`text/dns` in older crawls)."""
    return content_type is not None and not content_type.lower().startswith("application/http")
