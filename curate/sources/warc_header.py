"""Parse the header of a WARC record.

Source: ISO 28500:2017 (WARC 1.1), clauses 4 (grammar) and 5 (named fields).
"""

import re
from dataclasses import dataclass

_VERSION = rb"WARC/\d{1,3}\.\d{1,3}[ \t]{0,4}\r?\n"
VERSION_LINE = re.compile(_VERSION)
MAX_VERSION_LINE_BYTES = 18
HEADER_END = re.compile(rb"\n\r?\n|" + _VERSION)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_DIGITS = re.compile(r"[0-9]{1,18}")


@dataclass(slots=True)
class Header:
    """Hold a parsed header: `length` in bytes with its blank line; the first of equal names wins.

    `problem` is (reason, detail) if no block can be read by it. `is_sane` is what a confirmed start
    needs: every line is `name: value`, WARC-Type is there, and Content-Length is a number.
    """

    length: int
    fields: dict[str, str]
    content_length: int
    problem: tuple[str, str] | None
    is_sane: bool

    @property
    def type(self) -> str:
        """Return the WARC-Type in lower case, '' if there is none."""
        return self.fields.get("warc-type", "").lower()


def parse_header(data: bytes) -> Header | None:
    """Parse a header that ends with its blank line; None if these bytes are none at all.

    LF alone ends a line too, and folded lines are joined. A line without a colon is passed over.
    """
    version = VERSION_LINE.match(data)
    if version is None or not data.endswith((b"\n\n", b"\n\r\n")):
        return None
    fields: dict[str, str] = {}
    is_sane = True
    body = data[version.end() :]
    if b"\n " in body or b"\n\t" in body:
        body = _FOLD.sub(b" ", body)
    for line in body.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and name:
            fields.setdefault(_decode(name).strip().lower(), _decode(value).strip())
        elif line.strip():
            is_sane = False
    length = fields.get("content-length")
    problem = None
    if not fields.get("warc-type"):
        problem = ("bad_header", "no WARC-Type")
    elif length is None:
        problem = ("bad_content_length", "no Content-Length")
    elif not _DIGITS.fullmatch(length):
        problem = ("bad_content_length", f"Content-Length is {length[:40]!r}")
    number = 0 if problem or length is None else int(length)
    return Header(len(data), fields, number, problem, is_sane and problem is None)


def _decode(value: bytes) -> str:
    """Decode a header value: UTF-8, or Latin-1 where it is not (clause 4 asks for UTF-8)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
