"""Charts and choices as fingers, keys and screen readers meet them, and names that are traps."""

from itertools import pairwise

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.page.browsing import open_page, texts, wait
from tests.page.conftest import LONG

TIP = "const tip = document.getElementById('tip'); return tip.hidden ? '' : tip.textContent"
STATES = (
    "return [...document.querySelectorAll('[data-chart]')].map("
    "(e) => e.querySelector('svg') ? 'drawn' : e.textContent)"
)


@pytest.mark.parametrize("width", [390, 1440])
def test_no_name_of_a_host_harms_a_chart(browser, hostile_page, width):
    open_page(browser, hostile_page, width)
    assert set(browser.execute_script(STATES)) <= {"drawn", "Nothing to show."}
    labels, bars, counts = browser.execute_script(
        "const chart = document.querySelector('[data-chart=hosts]');"
        "return [[...chart.querySelectorAll('text')].map((e) => e.textContent),"
        " chart.querySelectorAll('[aria-roledescription=bar]').length,"
        " page.hosts.kept.flatMap((row) => row.slice(1)).filter(Boolean).length]"
    )
    assert bars == counts
    assert {"constructor", "__proto__"} <= set(labels)
    for end in (".one.example", ".two.example"):
        assert sum(label.startswith("…") and label.endswith(end) for label in labels) == 1
    assert LONG not in labels


def test_a_chart_that_fails_takes_no_other_with_it(browser, sample_page):
    open_page(browser, sample_page)
    number = len(browser.execute_script(STATES))
    browser.execute_script("page.hosts.kept = null; drawAll()")
    wait(browser, "return document.documentElement.dataset.drawn === '2'")
    states = browser.execute_script(STATES)
    assert sorted(states) == ["This chart could not be drawn.", *["drawn"] * (number - 1)]
    assert "null" in browser.get_log("browser")[0]["message"]


def settle(browser):
    """Wait until what a scroll has begun is over: it takes a tip away."""
    frame = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(true))))"
    assert browser.execute_script(f"return {frame}.then(() => {frame})")


def test_a_finger_reads_a_chart(browser, sample_page):
    open_page(browser, sample_page, 390)
    place = browser.execute_script(
        "const bar = document.querySelector('[data-chart=hosts] [aria-roledescription=bar]');"
        "bar.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const box = bar.getBoundingClientRect();"
        "return {x: box.x + box.width / 2, y: box.y + box.height / 2}"
    )
    settle(browser)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, points in (("touchStart", [place]), ("touchEnd", [])):
        event = {"type": kind, "touchPoints": points}
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", event)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    wait(browser, "return !document.getElementById('tip').hidden")
    assert " of " in browser.execute_script(TIP)
    browser.execute_script("scrollBy(0, 50)")
    wait(browser, "return document.getElementById('tip').hidden")


def test_keys_read_every_chart(browser, sample_page):
    open_page(browser, sample_page)
    charts = browser.find_elements(By.CSS_SELECTOR, "[data-chart]")
    for chart in charts:
        name = chart.get_attribute("aria-label")
        assert chart.get_attribute("role") == "graphics-document"
        assert name.endswith("(arrow keys: value by value)")
        browser.execute_script("arguments[0].focus()", chart)
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
        settle(browser)
        chart.send_keys(Keys.ARROW_RIGHT)
        first = browser.execute_script(TIP)
        assert first, name
        chart.send_keys(Keys.ARROW_RIGHT)
        chart.send_keys(Keys.ARROW_LEFT)
        assert browser.execute_script(TIP) == first
    charts[0].send_keys(Keys.ESCAPE)
    assert browser.execute_script(TIP) == ""
    marks = browser.execute_script(
        "return [...document.querySelectorAll('[data-chart=languages] [aria-roledescription=bar]')]"
        ".map((e) => e.getAttribute('aria-label'))"
    )
    assert all(" of " in mark for mark in marks)


def test_the_first_key_leads_past_the_bar(browser, sample_page):
    open_page(browser, sample_page)
    browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the page"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    wait(browser, "return document.activeElement.id === 'main'")


def test_bars_have_their_totals(browser, sample_page):
    open_page(browser, sample_page, 390)
    names = texts(browser, "[data-chart=hosts][data-index=kept] text")
    rows = browser.execute_script("return page.hosts.kept")
    assert {row[0] for row in rows} <= set(names)
    assert {str(sum(row[1:])) for row in rows} <= set(names)


@pytest.mark.parametrize("page", ["sample_page", "hostile_page"])
def test_every_button_of_a_reason_chooses_its_records(browser, request, page):
    open_page(browser, request.getfixturevalue(page))
    chosen = browser.execute_script(
        "return [...document.querySelectorAll('[data-reason]')].map((button) => {"
        " element('reason').value = ''; change({ reason: '' }); button.click();"
        " return [button.disabled, button.dataset.reason, element('reason').value,"
        " matching().length, matching().map((s) => [s.o, s.s, s.r].filter(Boolean).join('.')),"
        " matching().map((s) => (s.f || []).map((at) => page.rule_names[at].reason))] })"
    )
    assert any(entry[1].startswith("fails.") for entry in chosen)
    for disabled, reason, value, number, reasons, fails in chosen:
        assert value == ("" if disabled else reason)
        assert number > 0
        if not disabled and reason.startswith("fails."):
            assert all(reason.rpartition(".")[2] in each for each in fails)
        elif not disabled and "." in reason:
            assert set(reasons) == {reason}
    # A rule that documents fail which an earlier rule had dropped.
    assert page != "sample_page" or any(
        not entry[0] and entry[1].startswith("fails.")
        and set(entry[4]) != {f"dropped.{entry[1].removeprefix('fails.')}"}
        for entry in chosen
    )  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colors_of_marks_stand_out_from_the_card(browser, sample_page, theme):
    open_page(browser, sample_page, theme=theme)
    names = [
        "kept",
        "dropped",
        "errored",
        "tokens",
        "val",
        "r1",
        "r2",
        "r3",
        "r4",
        "r5",
        "r6",
        "rest",
    ]
    found = browser.execute_script("return arguments[0].map(color)", ["card", *names])
    light = [luminance(each) for each in found]
    for name, each in zip(names, light[1:], strict=True):
        low, high = sorted((each, light[0]))
        assert (high + 0.05) / (low + 0.05) >= 3, name


def luminance(color):
    """Return the relative luminance of rgb(r, g, b). Source: WCAG 2.2, relative luminance."""
    parts = [int(part) / 255 for part in color.strip("rgb()").split(",")]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_general_bound_has_a_label_before_those_of_languages(browser, sample_page):
    open_page(browser, sample_page)
    labeled = browser.execute_script(
        "const near = [0.2, 0.19, 0.17, 0.5].map((value) => ({ value, label: '' }));"
        "return thresholds({ ends: [0, 1], thresholds: near }, 330)"
        ".filter((line) => line.labeled).map((line) => line.value)"
    )
    assert labeled == [0.2, 0.5]


def test_no_name_of_a_stage_is_broken(browser, sample_page):
    """The longest: two lines of it would be higher than one of the shortest."""
    open_page(browser, sample_page)
    heights = browser.execute_script(
        "const name = document.querySelector('.flow .stage .what');"
        "return ['url', 'gopher_repetition', 'refinedweb_lines'].map((text) => {"
        "  name.textContent = text; return name.getBoundingClientRect().height; })"
    )
    assert len(set(heights)) == 1


def test_labels_of_thresholds_do_not_overlap(browser, sample_page):
    open_page(browser, sample_page)
    lines = browser.execute_script(
        "const near = [...Array(12).keys()].map((n) => ({ value: n / 100, label: '' }));"
        "return thresholds({ ends: [0, 1], thresholds: near }, 330)"
    )
    labeled = [line["at"] for line in lines if line["labeled"]]
    assert labeled[0] == 0
    assert len(lines) == 12
    assert all(b - a >= 30 for a, b in pairwise(labeled))
    names = browser.execute_script(
        "const bins = [[0, 2, 1, 0], [2, 4, 1, 0], [4, 6, 1, 0]];"
        "return [0, 1, 2].map((at) => binName({ bins, below: [1, -9], above: [2, 99] }, at))"
    )
    assert names == ["2 or less", "2 to 3", "4 or more"]
