# ruff: noqa: RUF001 - ambiguous characters are the subject
from __future__ import annotations

import unicodedata

import ftfy
import numpy as np
import pytest

from curate.edits import mojibake
from curate.edits.unicode import MAX_MARKS, Unicode
from tests.edits.batches import edit_one
from tests.laws.texts import prose

ENCODINGS = ("latin-1", "cp1252", "cp1250", "cp1254", "mac-roman")


def codes(text):
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("fÃ¼r alle", "für alle"),
        ("I donâ€™t know", "I don’t know"),
        ("“Ã©tÃ©” Ã\xa0 la", "“été” à la"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚, Ð¼Ð¸Ñ€", "Привет, мир"),
        ("fÃ\x83Â¼r", "für"),
        ("a\n voilÃ le travail", "a\n voilà le travail"),
    ],
)
def test_mojibake_is_repaired(broken, whole):
    text, counts = edit_one(Unicode(), broken)
    assert text == whole
    assert counts["unicode_mojibake"] >= 1
    assert edit_one(Unicode(mojibake=False), "fÃ¼r") == ("fÃ¼r", {})


@pytest.mark.parametrize(
    "text",
    [
        "“Quotes” ‘stay’ — so do dashes… and ﬁ, ½, ＡＢＣ, &amp; &lt;b&gt;",
        "MAÇÃ E PÃO, NÃO; SÃO PAULO",
        "Åse, Ærø, Øre; Çà et là; “É” et «é»; l’été",
        "Нехай «щастить»; Ђорђе и Љиљана",
        "ÄÖÜ äöü ß; £5, §3, ¶2, ®, ©, ±, µm, 20 °C, Â = B",
        "ไทย 한국어 日本語 العربية עברית हिन्दी",
        "tab\tand\nnew line\n\n",
    ],
)
def test_good_text_stays(text):
    assert edit_one(Unicode(), text) == (text, {})


def test_prose_stays_and_its_mojibake_is_repaired():
    """In five languages; a word that two readings share may stay."""
    for text in prose(2):
        text = unicodedata.normalize("NFC", text)
        assert edit_one(Unicode(), text) == (text, {})
        broken = text.encode().decode("latin-1")
        if broken != text:
            same = edit_one(Unicode(), broken)[0].split()
            assert np.mean([a == b for a, b in zip(same, text.split(), strict=True)]) > 0.99


def test_ftfy_changes_nothing_that_is_not_suspicious():
    """The cheap look at pairs of characters finds all that ftfy would change."""
    words = {word for text in prose(3) for word in text.split() if not word.isascii()}
    broken = set(words)
    for encoding in ENCODINGS:
        broken |= {word.encode().decode(encoding, "replace") for word in words}
        broken |= {word.encode().decode(encoding, "replace").replace("\xa0", " ") for word in words}
    changed = [word for word in sorted(broken) if ftfy.fix_encoding(word) != word]
    assert len(changed) > 100
    assert all(mojibake.is_suspicious(codes(word)).any() for word in changed)


@pytest.mark.parametrize(
    ("text", "clean", "count"),
    [
        ("a\r\nb\rc\vd\fe\x1cf\u2028g\u2029h", "a\nb\nc\nd\ne\nf\ng\nh", "line_breaks"),
        ("a\x00b\x07c\x7f\ufff9\ufdd0\U0010ffff", "abc", "controls"),
        ("\ufeffa\ufeffb", "ab", "byte_order_marks"),
        ("Donau\xaddampf", "Donaudampf", "soft_hyphens"),
        ("\u200fab\u202ecd\u202c\u2066e\u2069", "abcde", "bidi_controls"),
        ("foo\u200bbar\u2060baz\u2063", "foobarbaz", "zero_width"),
        ("Auf\u200clage \u200d a\u200db", "Auflage  ab", "zero_width"),
        ("hidden\U000e0041\U000e0042\U000e007f", "hidden", "zero_width"),
        ("漢\u200b字", "漢字", "zero_width"),
    ],
)
def test_invisible_characters_go(text, clean, count):
    edited, counts = edit_one(Unicode(), text)
    assert edited == clean
    assert set(counts) == {f"unicode_{count}"}
    assert edit_one(Unicode(remove_invisible=False, normalization="none"), text) == (text, {})


def test_u0085_is_an_ellipsis_of_windows_before_it_is_a_line_break():
    assert edit_one(Unicode(), "wait\x85 and \x93see\x94")[0] == "wait… and “see”"
    assert edit_one(Unicode(mojibake=False), "wait\x85and") == (
        "wait\nand",
        {"unicode_line_breaks": 1},
    )


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم، کتاب\u200cها",  # Persian: the non-joiner separates prefix and suffix
        "क्\u200dष क्\u200cष",  # Devanagari: half form, visible virama
        "ශ්\u200dරී ලංකා",  # Sinhala: ra-kar needs the joiner
        "👩\u200d👩\u200d👧\u200d👦 ❤\ufe0f\u200d🔥 👩🏽\u200d💻",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
        "ภาษา\u200bไทย ភាសា\u200bខ្មែរ",  # the space separates words
        "\ua9b1\ua9c8\u200b\ua9a9\ua9b8 \u1b13\u1b44\u200b\u1b13",  # Javanese, Balinese
        "\u1828\u180f \u1828\u180b",  # Mongolian: forms of a letter
        "\U0001e900\u200c\U0001e901",  # Adlam
    ],
)
def test_joiners_that_carry_meaning_stay(text):
    assert edit_one(Unicode(), text) == (text, {})


def test_private_use_and_replacement_characters_are_counted_and_stay():
    text = "a\ue000\uf8ff\U000f0000\ufffd"
    expected = {"unicode_private_use": 3, "unicode_replacements": 1}
    assert edit_one(Unicode(), text) == (text, expected)


def test_counts():
    text = "a\r\nb\r\n\u200b\u200bcafe\u0301\nx"
    expected = {"unicode_line_breaks": 2, "unicode_zero_width": 2, "unicode_normalized_lines": 1}
    assert edit_one(Unicode(), text) == ("a\nb\ncafé\nx", expected)


def test_normalization_forms():
    text = "ﬁ ＡＢＣ ½ e\u0301 \u1112\u1161\u11ab Å"
    assert edit_one(Unicode(), text)[0] == unicodedata.normalize("NFC", text)
    assert edit_one(Unicode(normalization="NFKC"), text)[0] == unicodedata.normalize("NFKC", text)
    assert edit_one(Unicode(normalization="none"), text) == (text, {})


def test_the_quick_look_misses_no_character_that_normalizes():
    blocks = [chr(code) for code in range(0x80, 0x30000) if not 0xD800 <= code < 0xE000]
    texts = ["a\n" + "\na".join(blocks[at : at + 64]) for at in range(0, len(blocks), 64)]
    settings = Unicode(mojibake=False, remove_invisible=False)
    for text in texts:
        assert edit_one(settings, text)[0] == unicodedata.normalize("NFC", text)


def test_a_line_with_too_many_marks_in_a_row_is_left():
    fits = "x" + "\u0307\u0323" * (MAX_MARKS // 2)
    assert edit_one(Unicode(), fits)[0] == unicodedata.normalize("NFC", fits)
    many = fits + "\u0307"
    assert edit_one(Unicode(), many) == (many, {})
