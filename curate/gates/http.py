"""The `http` gate: record type, status, MIME type, truncation and digest of a response.

Everything here is known before a byte of HTML is parsed. Records that can never be a page
(requests, metadata, revisits) are dropped whatever the settings say.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from curate.stage import GateFn, GateSpec, Outcome, Page

HTML_TYPES = ("text/html", "application/xhtml+xml")
UNKNOWN_TYPES = ("application/octet-stream", "text/plain", "")  # what a sniffer says of anything
Status = Annotated[int, Field(ge=100, le=599)]
MimeType = Annotated[str, Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")]


class Http(GateSpec):
    """Keys of the `http` stage."""

    name: ClassVar[str] = "http"

    status: list[Status] = Field([200], description="HTTP status codes that are pages")
    mime_types: list[MimeType] = Field(
        [*HTML_TYPES, "text/plain"], description="MIME types that are pages, sniffed over declared"
    )
    truncated: Literal["keep", "drop"] = Field(
        "keep", description="captures that the crawler cut short (WARC-Truncated)"
    )
    digest_mismatch: Literal["keep", "drop"] = Field(
        "keep", description="payloads that differ from their WARC-Payload-Digest"
    )

    def open(self, shared: str | None = None) -> GateFn:
        """Return the function that decides on one page."""
        statuses = frozenset(self.status)
        types = frozenset(self.mime_types)

        def check(page: Page) -> Outcome | None:
            if page.status is not None and page.status not in statuses:
                return self._drop("http_status", f"{page.status} not in status {sorted(statuses)}")
            mime = page_type(page)
            if mime not in types:
                declared = page.declared_type or "nothing"
                return self._drop("mime_type", f"{mime} (declared {declared}) not in mime_types")
            if page.truncated and self.truncated == "drop":
                return self._drop("truncated", page.truncated)
            if page.digest == "mismatch" and self.digest_mismatch == "drop":
                return self._drop("digest_mismatch", "payload differs from WARC-Payload-Digest")
            return None

        return check

    def _drop(self, reason: str, detail: str) -> Outcome:
        return Outcome("dropped", self.name, reason, detail)


def page_type(page: Page) -> str:
    """Return the MIME type a page really has: the sniffed one where the bytes tell.

    Source: WHATWG MIME Sniffing, section 7, in short: magic bytes win over the header; the header
    decides among types that look like text.
    """
    if page.sniffed_type not in UNKNOWN_TYPES:
        if page.sniffed_type in HTML_TYPES and page.declared_type in HTML_TYPES:
            return page.declared_type or page.sniffed_type
        return page.sniffed_type
    declared = page.declared_type or ""
    if page.sniffed_type == "application/octet-stream" and declared in (*HTML_TYPES, "text/plain"):
        return page.sniffed_type  # binary bytes under a text label
    return declared or page.sniffed_type
