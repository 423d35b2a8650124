"""The page's bytes: the template filled in, its scripts and styles allowed by their hashes alone.

What comes from a crawl reaches the page in two ways: through the template, which escapes
everything, and as JSON in a data block, which the page's scripts show with `textContent`. Nothing
else may run: the Content-Security-Policy allows two scripts and one style sheet by sha256, no
handler in an attribute, no `eval`, no network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from decimal import Decimal
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from curate.decide import tell_reason
from curate.storage.artifact import JSON

ASSETS = files("curate.page")
SCRIPTS = ("charts.js", "drawing.js", "browser.js")  # one script: they share names
MAX_PRETTY_CHARS = 20_000
ABSOLUTE = re.compile(r"[/~]|[A-Za-z][A-Za-z0-9+.-]*:/")
NOTHING = "\u2013"  # an en dash


def render(context: JSON, data: JSON, library: str) -> bytes:
    """Return the page: `context` is what the template shows, `data` what the scripts draw."""
    app = "".join(map(_asset, SCRIPTS))
    style = _asset("style.css")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        count=format_count,
        number=format_number,
        percent=format_percent,
        seconds=format_seconds,
        pretty=_pretty,
        told=tell_reason,
        unplaced=strip_places,
    )
    template = environment.from_string(_asset("page.html.j2"))
    text = template.render(
        **context,
        policy=_policy([library, app], style),
        library=_inline(library),
        app=_inline(app),
        style=_inline(style),
        data=_data_block(data),
    )
    return text.encode("utf-8", "replace")


def format_count(value: int | None) -> str:
    """Return a count with thousands separators."""
    return NOTHING if value is None else f"{value:,}"


def format_number(value: float) -> str:
    """Return a count in full, another number to three digits or to the unit; no exponents."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{Decimal(f'{value:.3g}'):f}"


def format_percent(ratio: float | None) -> str:
    """Return a share in percent; never 0 or 100 for what is not."""
    if ratio is None:
        return NOTHING
    percent = 100 * ratio
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %" if 0 < percent < 100 else f"{percent:.0f} %"


def format_seconds(seconds: float | None) -> str:
    """Return a duration as a person says it."""
    if seconds is None:
        return NOTHING
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s"


def strip_places(value: Any) -> Any:
    """Return settings with the last name alone of absolute paths: run.json tells the places."""
    if isinstance(value, dict):
        return {key: strip_places(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [strip_places(inside) for inside in value]
    if isinstance(value, str) and ABSOLUTE.match(value):
        return f"…/{value.rstrip('/').rpartition('/')[2]}"
    return value


def _asset(name: str) -> str:
    return ASSETS.joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: list[str], style: str) -> str:
    allowed = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; "
        f"base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inline(text: str) -> Markup:
    """Return our own script or style sheet as it is; it must not end its element."""
    ends = [end for end in ("</script", "</style", "<!--") if end in text.lower()]
    assert not ends, f"a script or style sheet of the page contains {ends}"
    return Markup(text)


def _data_block(data: JSON) -> Markup:
    """Return JSON in which nothing can end the element or a line."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _pretty(value: Any) -> str:
    """Return JSON as a person reads it, cut where a list of inputs is very long."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= MAX_PRETTY_CHARS else f"{text[:MAX_PRETTY_CHARS]}\n…"
