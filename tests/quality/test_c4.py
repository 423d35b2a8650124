"""Every rule and every line test of C4 from both sides, a slow oracle, and datatrove."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.decide import judge
from curate.errors import ConfigError
from curate.quality.c4 import C4
from curate.quality.c4_lines import POLICY_PHRASES, edit_lines
from curate.stage import Batch
from curate.text.sentences import sentence_ends
from curate.text.words import word_table
from tests.text.texts import ODD_TEXTS, random_texts

LINE = "This line is kept."
OFF = {
    "max_word_chars": None,
    "cut_citations": False,
    "terminal_punctuation": False,
    "min_line_words": 0,
    "drop_javascript": False,
    "drop_policy": False,
}
PIECES = [
    *("word", "Wort", "naïve", "x" * 12, "10.5", "--", "e.g.", "JavaScript", "javascripts"),
    *("[1]", "[]", "[12]", "[edit]", "[citation needed]", "[Edit]", "[1a]", "{", "}", "[1"),
    *("Lorem ipsum", "lorem", "Terms of Use", "PRIVACY POLICY", "cookies", "use cookies"),
    *(".", "...", "!", "?", '"', "'", "\u2026", "end.", "so...", "\n", "\n\n", "\r\n", "\u2028"),
]


def random_pages(count: int, seed: int) -> list[str]:
    source = random.Random(seed)
    pages = []
    for _ in range(count):
        pieces = source.choices(PIECES, k=source.randrange(60))
        pages.append("".join(piece + source.choice(("", " ", " ", "  ")) for piece in pieces))
    return pages


PAGES = random_pages(500, seed=17)


def batch_of(texts: list[str | None]) -> Batch:
    return Batch(pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())}))


def run(texts: list[str | None], **settings: object) -> tuple[list[str | None], dict[str, list]]:
    edited, columns = C4(**settings).open()(batch_of(texts))
    return edited.to_pylist(), {
        name.removeprefix("c4_"): column.to_pylist() for name, column in columns.items()
    }


def failures(text: str, **settings: object) -> list[str]:
    spec = C4(**settings)
    table = pa.RecordBatch.from_pydict(spec.open()(batch_of([text]))[1])
    return [rule.reason for rule in spec.rules() if judge(rule, table).fails[0]]


@pytest.fixture
def word_list(tmp_path: Path) -> str:
    path = tmp_path / "words.txt"
    path.write_text("damn\nson of a gun\n\n混蛋\nc++\nDarn\n", "utf-8")
    return str(path)


# --- page rules ----------------------------------------------------------------------------------

FIVE = "\n".join([LINE] * 5)
PAIRS = {
    "too_many_chars": (FIVE, FIVE + "!", {"max_chars": len(FIVE)}),
    "lorem_ipsum": (FIVE + "\nLorem ipsums", FIVE + "\nHere is LOREM IPSUM.", {}),
    "curly_bracket": (FIVE + "\nx = {", FIVE + "\nThe set {a} here.", {}),
    "too_few_sentences": (FIVE, FIVE.removeprefix(LINE), {}),
    "too_few_paragraphs": (
        "\n".join(["word " * 39 + "word."] * 3) + "\n" + FIVE,
        "\n".join(["word " * 39 + "word."] * 2 + ["word " * 39 + "wor."]) + "\n" + FIVE,
        {"min_paragraphs": 3},
    ),
    "bad_words": (FIVE + "\nThe damned goddamn dam.", FIVE + "\nWell, DAMN it.", {}),
}


def test_every_rule_has_a_pair() -> None:
    assert list(PAIRS) == [rule.reason for rule in C4().rules()]


@pytest.mark.parametrize("reason", PAIRS)
def test_just_inside_and_just_outside(reason: str, word_list: str) -> None:
    inside, outside, settings = PAIRS[reason]
    settings = {**settings, "bad_words": word_list} if reason == "bad_words" else settings
    assert failures(inside, **settings) == []
    assert failures(outside, **settings) == [reason]


def test_rules_can_be_switched_off() -> None:
    page = "A {lorem ipsum} line."
    off = dict.fromkeys(C4.thresholds)
    assert failures(page) == ["lorem_ipsum", "curly_bracket", "too_few_sentences"]
    assert failures(page, **off) == []


# --- line tests ----------------------------------------------------------------------------------

LINE_PAIRS = {
    "long_word": ("It is " + "x" * 1000 + " here.", "It is " + "x" * 1001 + " here.", {}),
    "no_terminal": ('It ends so."', "It ends so.\u201d", {}),
    "few_word": ("Three words here.", "Two words.", {}),
    "javascript": ("Please enable java script.", "Please enable JavaScript.", {}),
    "policy": ("These are our cookies here.", "We USE COOKIES here.", {}),
}


@pytest.mark.parametrize("what", LINE_PAIRS)
def test_lines_just_inside_and_just_outside(what: str) -> None:
    inside, outside, settings = LINE_PAIRS[what]
    text = f"{LINE}\n{inside}\n\n{outside}\n{LINE}"
    (edited,), counts = run([text], **settings)
    assert edited == f"{LINE}\n{inside}\n\n{LINE}"
    assert counts["lines"] == [4]
    assert {name: count for name, count in counts.items() if name.endswith("_lines")} == {
        f"{name}_lines": [int(name == what)]
        for name in (*LINE_PAIRS, "lorem_ipsum", "curly_bracket")
    }


@pytest.mark.parametrize("end", [".", "?", "!", '"', "'", ". [1]", ".[2][3]", ". [edit]"])
def test_lines_that_end_well(end: str) -> None:
    assert run([f"A good line{end}"])[1]["no_terminal_lines"] == [0]


@pytest.mark.parametrize(
    "end", ["", "...", "... [1]", "\u2026", ":", ";", ")", ".]", ". [a]", "。"]
)
def test_lines_that_do_not_end_well(end: str) -> None:
    assert run([f"A bad line{end}"])[1]["no_terminal_lines"] == [1]


@pytest.mark.parametrize("phrase", POLICY_PHRASES)
def test_every_policy_phrase(phrase: str) -> None:
    assert run([f"About our {phrase.title()} here."])[0] == [""]


def test_a_line_counts_as_the_first_test_it_fails() -> None:
    fails_all = "x" * 1001 + " javascript { lorem ipsum use cookies"
    assert run([fails_all])[1]["long_word_lines"] == [1]
    assert run([fails_all], max_word_chars=None)[1]["no_terminal_lines"] == [1]
    # The bracket is seen only in lines that got so far; lorem ipsum before javascript.
    for line, lorem, javascript, curly in [
        ("It is {} here", 0, 0, 0),
        ("A {} javascript line.", 0, 1, 0),
        ("A {} lorem ipsum javascript line.", 1, 1, 0),
        ("A {} cookie policy line.", 0, 0, 1),
    ]:
        counts = run([line])[1]
        assert counts["lorem_ipsum_lines"] == [lorem]
        assert counts["javascript_lines"] == [javascript]
        assert counts["curly_bracket_lines"] == [curly]


def test_citations() -> None:
    text = "A[1] b [citation needed] c[] [edit] d [1a] [Edit] [12.\nAn [9] end.\n[1] [2] [3]."
    (edited,), counts = run([text])
    assert edited == "A b c d [1a] [Edit] [12.\nAn end.\n."
    assert counts["citations"] == [8]
    assert run([text], cut_citations=False)[0] == [text]


def test_without_edits_the_text_is_the_same() -> None:
    texts = [*PAGES, *ODD_TEXTS, *random_texts(100, 200, seed=19), None]
    edited, counts = run(texts, **OFF)
    assert edited == texts
    assert counts["citations"] == [0] * len(texts)


def test_a_page_without_a_line_is_empty() -> None:
    texts = ["Menu\nHome", "", None, " \n"]
    edited, counts = run([*texts])
    assert edited == ["", "", None, " \n"]
    assert counts["sentences"] == [0] * 4
    assert counts["bad_words"] == [None] * 4
    assert [len(values) for values in run([])[1].values()] == [0] * len(C4.adds)


# --- scripts -------------------------------------------------------------------------------------


def test_unicode_terminals_keep_other_scripts() -> None:
    lines = [
        "\u0939\u092e \u0938\u092c \u090f\u0915 \u0939\u0948\u0902\u0964",  # Hindi, danda
        "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002",  # Chinese, ideographic full stop
        "\u0647\u0644 \u0623\u0646\u062a \u0628\u062e\u064a\u0631\u061f",  # Arabic question mark
        "He said \u201cyes, I do.\u201d",
        "In ASCII too.",
    ]
    text = "\n".join(lines)
    assert run([text])[0] == ["In ASCII too."]
    assert run([text], terminals="unicode")[0] == [text]
    assert run(["No terminal here\nNor \u2026 here \u2026"], terminals="unicode")[0] == [""]


def test_a_line_without_spaces_is_no_long_word() -> None:
    sentence = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002"
    text = "\n".join([sentence * 200, "\u5f88\u597d\u3002", "x" * 1400])
    (edited,), counts = run([text], terminal_punctuation=False)
    assert edited == sentence * 200
    assert counts["few_word_lines"] == [1]
    assert counts["long_word_lines"] == [1]


# --- oracles -------------------------------------------------------------------------------------

CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")


def slow_c4(text: str, settings: C4) -> tuple[list[str], dict[str, int]]:
    """Edit one page line by line; return its lines and the counts by column."""
    kept, counts = [], dict.fromkeys(
        ["lines", "citations", *(f"{what}_lines" for what in LINE_PAIRS)], 0
    )  # fmt: skip
    counts |= {"lorem_ipsum_lines": 0, "curly_bracket_lines": 0}
    for line in filter(None, map(str.strip, text.splitlines())):
        counts["lines"] += 1
        words, lower = line.split(), line.lower()
        cut = CITATION.sub("", line) if settings.cut_citations else line
        body = (
            line
            if not settings.cut_citations
            else re.sub(rf"(\s*({CITATION.pattern}))+$", "", line)
        )
        ends_well = body.endswith((".", "?", "!", '"', "'")) and not body.endswith("...")
        if any(len(word) > settings.max_word_chars for word in words):
            counts["long_word_lines"] += 1
        elif settings.terminal_punctuation and not ends_well:
            counts["no_terminal_lines"] += 1
        elif len(words) < settings.min_line_words:
            counts["few_word_lines"] += 1
        else:
            counts["lorem_ipsum_lines"] += "lorem ipsum" in lower
            if "javascript" in lower:
                counts["javascript_lines"] += 1
                continue
            counts["curly_bracket_lines"] += "{" in line
            if any(phrase in lower for phrase in POLICY_PHRASES):
                counts["policy_lines"] += 1
                continue
            kept += [" ".join(cut.split())] if cut.strip() else []
            counts["citations"] += settings.cut_citations and len(CITATION.findall(line))
    return kept, counts


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"terminal_punctuation": False, "max_word_chars": 11},
        {"cut_citations": False, "min_line_words": 5},
        {"min_line_words": 0, "terminal_punctuation": False},
    ],
)
def test_edits_equal_a_slow_oracle(settings: dict[str, object]) -> None:
    edited, counts = run([*PAGES], **settings)
    for row, page in enumerate(PAGES):
        lines, expected = slow_c4(page, C4(**settings))
        left = [" ".join(line.split()) for line in (edited[row] or "").splitlines() if line.strip()]
        assert left == lines, page
        assert {name: counts[name][row] for name in expected} == expected, page


def test_sentences_and_paragraphs_are_those_of_the_edited_text() -> None:
    for settings in ({}, {"terminal_punctuation": False}):
        edited, counts = run([*PAGES], min_paragraph_chars=30, **settings)
        words = word_table(pa.array(edited, pa.large_string()))
        assert counts["sentences"] == words.count_chars(sentence_ends(words) - 1).tolist()
    long = "A " + "word " * 39
    texts = [
        f"{long}wo[1].",
        f"{long}w[12].",
        f"[1] {long}w[2].",
        "[3] x. [4][5]",
        f"{long}wo. [6]",
    ]
    assert run([*texts])[1]["paragraphs"] == [1, 0, 0, 0, 1]


def test_sentences_can_come_from_elsewhere() -> None:
    batch = batch_of(["A line is kept.\nIt is not\nAnd one [1] more.", "A line is kept."])
    _, counts = edit_lines(
        batch.text, batch.words, C4(), lambda words: np.repeat(words.layout.line_ends, 2)
    )
    assert counts["c4_sentences"].tolist() == [4, 2]


def test_agrees_with_datatrove() -> None:
    from datatrove import data  # an oracle, slow to import
    from datatrove.pipeline.filters import c4_filters as filters

    for ours, theirs in (
        ({}, {}),
        ({"terminal_punctuation": False}, {"filter_no_terminal_punct": False}),
        ({"min_line_words": 5}, {"min_words_per_line": 5}),
    ):
        peer = filters.C4QualityFilter(min_num_sentences=-1, **theirs)
        spec = C4(min_sentences=None, **ours)
        edited, columns = spec.open()(batch_of([*PAGES]))
        table = pa.RecordBatch.from_pydict(columns)
        kept = ~np.any([judge(rule, table).fails for rule in spec.rules()], axis=0)
        for row, page in enumerate(PAGES):
            if any(re.search(rf"\s({CITATION.pattern})+\s*$", line) for line in page.splitlines()):
                continue  # the named deviation: white space before a mark that ends a line
            document = data.Document(text=page, id="0")
            assert (peer.filter(document) is True) == kept[row], page
            if kept[row]:
                assert document.text.split() == edited[row].as_py().split(), page


# --- bad words -----------------------------------------------------------------------------------


def test_bad_words_stand_between_others(word_list: str) -> None:
    texts = [
        "Damn! a darn-ed DAMN",
        "Son of a gun",
        "adamnb damn_ 1damn damné",
        "你混蛋吗",
        "c++ c+",
    ]
    texts = [f"{text}" for text in texts]
    counts = run([*texts, None], bad_words=word_list, **OFF)[1]
    assert counts["bad_words"] == [3, 1, 0, 1, 1, 0]


def test_bad_words_are_counted_after_the_edit(word_list: str) -> None:
    assert run(["Damn it\nAll is well."], bad_words=word_list)[1]["bad_words"] == [0]


def test_the_words_of_the_list_are_measured_not_its_path(tmp_path: Path, word_list: str) -> None:
    other = tmp_path / "other.txt"
    other.write_text("\nDARN\nc++\n混蛋\nson of a gun \ndamn\n", "utf-8")
    same = C4(bad_words=str(other)).measuring_settings()
    assert C4(bad_words=word_list).measuring_settings() == same
    other.write_text(other.read_text("utf-8"), "utf-8-sig")  # as some editors save it
    assert C4(bad_words=str(other)).measuring_settings() == same
    other.write_text("darn\n", "utf-8")
    assert C4(bad_words=str(other)).measuring_settings() != same
    assert str(tmp_path) not in str(same)


def test_a_list_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"c4\.bad_words: cannot read .*none\.txt: No such file"):
        C4(bad_words=str(tmp_path / "none.txt")).check()
    path = tmp_path / "words.txt"
    path.write_bytes(b" \n\n")
    with pytest.raises(ConfigError, match="holds no word"):
        C4(bad_words=str(path)).measuring_settings()
    path.write_bytes("caf\u00e9".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"is not UTF-8 \(byte 3\)"):
        C4(bad_words=str(path)).check()
    path.write_text("\n".join(f"{number:09d}x" * 9 for number in range(30_000)))
    with pytest.raises(ConfigError, match="30,000 entries cannot be searched together"):
        C4(bad_words=str(path)).check()


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_batch_split_changes_nothing(rows: int, word_list: str) -> None:
    texts = [*PAGES[:80], *ODD_TEXTS, None, *random_texts(60, 200, seed=23)]
    edit = C4(bad_words=word_list).open()
    whole, columns = edit(batch_of(texts))
    pieces = [edit(batch_of(texts[first : first + rows])) for first in range(0, len(texts), rows)]
    assert pa.concat_arrays([piece[0] for piece in pieces]).equals(whole)
    for field in C4.adds:
        assert columns[field.name].type == field.type
        joined = pa.concat_arrays([piece[1][field.name] for piece in pieces])
        assert joined.equals(columns[field.name]), field.name


def test_only_what_shapes_text_or_columns_is_measured() -> None:
    assert C4.deciding == {*C4.thresholds, "by_language"}
    base = C4().measuring_settings()
    changed = C4(min_sentences=3, max_chars=9, by_language={"de": {"min_sentences": 1}})
    assert changed.measuring_settings() == base
    assert C4(min_line_words=5).measuring_settings() != base
    assert C4(min_paragraph_chars=100).measuring_settings() != base
    assert not set(base) & C4.deciding
