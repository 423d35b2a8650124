"""Reasons of extraction at their bounds, and sources that have broken extractors before."""

from __future__ import annotations

import time
from html import unescape

import pytest

from curate.extraction import extraction
from curate.extraction.extraction import Extraction
from curate.settings import Limits
from curate.stage import Extracted
from tests.pages import PROSE, SENTENCE, html, make

LIMITS = Limits()
ENGINES = ("trafilatura", "resiliparse")


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


def extract(page, engine, max_tags=LIMITS.max_tags, max_depth=LIMITS.max_depth):
    return Extraction(engine=engine).open(max_tags, max_depth)(page)


def reason(page, engine, **limits):
    result = extract(page, engine, **limits)
    if isinstance(result, Extracted):
        return None
    assert (result.outcome, result.stage) == ("dropped", "extraction")
    assert result.detail
    return result.reason


def test_a_page_gives_its_prose(engine):
    result = extract(make(html(f"<nav><a href=/>Home</a></nav><article>{PROSE}</article>")), engine)
    assert SENTENCE.strip() in result.text
    assert result.text == result.text.strip()


@pytest.mark.parametrize("source", ["", " ", "\n\t\r\n", "\u3000"])
def test_empty_page(engine, source):
    assert reason(make(source), engine) == "empty_page"
    assert (
        reason(make(source, sniffed_type="text/plain", declared_type=None), engine) == "empty_page"
    )
    assert reason(make(source, type="conversion"), engine) == "empty_page"
    assert reason(make("x", type="conversion"), engine) is None


@pytest.mark.parametrize(
    "source",
    [
        html(""),
        html("<script>var text = 'a lot of text that is no text';</script>"),
        "<!-- nothing but a comment",
        "<!-- nothing but a comment -->",
        html("<img src=x>"),
        "<html></html>",
    ],
)
def test_no_text(engine, source):
    assert reason(make(source), engine) == "no_text"


def test_some_text_is_text(engine):
    assert reason(make(html("<p>word</p>")), engine) is None


def test_too_many_tags(engine):
    source = html(PROSE)
    num_tags = source.count("<")
    assert reason(make(source), engine, max_tags=num_tags) is None
    assert reason(make(source), engine, max_tags=num_tags - 1) == "too_many_tags"
    result = extract(make(source), engine, max_tags=3)
    assert result.detail == f"{num_tags} > limits.max_tags 3"


def test_too_deep(engine):
    # html, body, 7 times div, p: ten levels
    source = html("<div>" * 7 + PROSE + "</div>" * 7)
    assert reason(make(source), engine, max_depth=10) is None
    assert reason(make(source), engine, max_depth=9) == "too_deep"


def test_the_default_depth_is_reached(engine):
    depth = LIMITS.max_depth - 3
    assert reason(make(html("<div>" * depth + PROSE)), engine) is None
    assert reason(make(html("<div>" * (depth + 1) + PROSE)), engine) == "too_deep"


def test_plain_text_stays_as_it_is(engine):
    text = "  5 < 6 & <b>not bold</b>\n\n\tline\n"
    for fields in ({"type": "conversion"}, {"type": "text"}, {"declared_type": "text/plain"}):
        page = make(text, **{"sniffed_type": "text/plain", **fields})
        assert extract(page, engine) == Extracted(text, None, None)


def test_html_that_does_not_begin_like_html_is_html_by_its_header(engine):
    page = make(f"Skip to content {PROSE}", sniffed_type="text/plain")
    result = extract(page, engine)
    assert "<p>" not in result.text
    assert SENTENCE.strip() in result.text


XML = [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<?xml version="1.0" encoding="iso-8859-1"?>\n',
    '  <?xml version="1.0" encoding="utf-8" standalone="yes" ?>',
    '<?xml version="1.0" encoding="utf-8">',
    '<?xml version="1.0" encoding="utf-8"?><?xml version="1.0" encoding="utf-16"?>',
    f'<?xml version="1.0" {" " * 300} encoding="utf-8"?>',
    '<?xml-stylesheet encoding="x" href="a.css"?>',
]


@pytest.mark.parametrize("declaration", XML)
def test_an_xml_declaration_is_no_obstacle(engine, declaration):
    plain = extract(make(html(f"<p>Grüße, 漢字.</p>{PROSE}")), engine)
    declared = extract(make(declaration + html(f"<p>Grüße, 漢字.</p>{PROSE}")), engine)
    assert declared == plain
    assert "Grüße, 漢字." in plain.text


CONTROLS = ["\0", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\ufffe", "\uffff"]
REFERENCES = [
    "&#0;", "&#1;", "&#8;", "&#11;", "&#x1b;", "&#X1B;", "&#0031;", "&#x000e;", "&#31", "&#xFFFE;",
    "&#65535;",
]  # fmt: skip


@pytest.mark.parametrize("control", CONTROLS + REFERENCES, ids=ascii)
def test_a_control_character_costs_itself(engine, control):
    body = (
        f"<p title='{control}'>before{control} after</p>{PROSE.replace('words', f'wor{control}ds')}"
    )
    result = extract(make(html(body)), engine)
    assert "before after" in " ".join(result.text.split())
    assert "says, in so many wor ds" in result.text
    assert not set(result.text) & {*CONTROLS}


@pytest.mark.parametrize(
    "kept", ["&#9;", "&#10;", "&#32;", "&#310;", "&#x1f1;", "&#65536;", "&#x1F600;"]
)
def test_other_references_are_left_alone(engine, kept):
    result = extract(make(html(f"<p>a{kept}b{kept}</p>{PROSE}")), engine)
    expected = " ".join(unescape(f"a{kept}b").split())
    assert expected in " ".join(result.text.split())


MONSTERS = {
    "div": "<div>" * 100_000 + PROSE,
    "formatting": "<b><i>" * 50_000 + PROSE,
    "tables": "<table><tr><td>" * 30_000 + PROSE,
    "lists": "<ul><li>" * 50_000 + PROSE,
    "unknown": "<x-y>" * 100_000 + PROSE,
    "colspan": f"{PROSE}<table><tr><td colspan={2**53 - 1}>a</td><td rowspan={2**53 - 1}>b</table>",
    "colspan many": PROSE + "<table><tr>" + "<td colspan=1000>a</td>" * 1000 + "</table>",
    "paragraphs": "<p>" * 1_000_000,
    "paragraphs allowed": "<p>word and word" * 60_000,
    "attribute": f'<p title="{"x" * 50_000_000}">{PROSE}',
    "attributes": "<p " + " ".join(f"a{i}=b" for i in range(5_000)) + f">{PROSE}",
    "blanks": f"<p>{' ' * 8_000_000}{PROSE}",
    "declaration": f"<?xml{' ' * 2_000_000}{PROSE}",
    "references": f"<p>{'&#0' * 500_000}{PROSE}",
    "comment": f"<!--{'-' * 2_000_000}{PROSE}",
    "json": f'<script type="application/ld+json">{"[" * 100_000}</script>{PROSE}',
    "number": f'<script type="application/ld+json">{"9" * 100_000}</script>{PROSE}',
    "date": f'<meta name=date content="{"2020-" * 400_000}">{PROSE}',
    "brackets": "<" * 200_000,
    "ampersands": "&" * 1_000_000,
    "link": f"<base href='http://[::1'><a href='http://['>x</a>{PROSE}",
}
MAX_SECONDS = 10  # of CPU; the worst takes 2 on an idle core, and the budget of a record is 20


@pytest.mark.parametrize("name", sorted(MONSTERS))
def test_monsters_take_seconds_and_raise_nothing(engine, name):
    started = time.process_time()
    result = extract(make(MONSTERS[name], body=b""), engine)
    assert time.process_time() - started < MAX_SECONDS
    assert isinstance(result, Extracted) or result.outcome == "dropped"


def test_what_a_library_raises_is_the_error_of_the_page(monkeypatch):
    def fail(tree, source):
        raise RecursionError("at 0x7f0000000000")

    monkeypatch.setattr(extraction, "_open_engine", lambda engine: fail)
    result = extract(make(html()), "trafilatura")
    assert (result.outcome, result.reason) == ("errored", "extraction_failed")
    assert result.detail == "RecursionError"


def test_running_out_of_memory_is_for_the_supervisor(monkeypatch):
    def fail(tree, source):
        raise MemoryError

    monkeypatch.setattr(extraction, "_open_engine", lambda engine: fail)
    with pytest.raises(MemoryError):
        extract(make(html()), "trafilatura")
