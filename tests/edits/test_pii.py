from __future__ import annotations

from collections import Counter

import phonenumbers
import pytest
from pydantic import ValidationError

from curate.edits.credit_card import passes_luhn
from curate.edits.iban import LENGTHS
from curate.edits.phone import REGIONS
from curate.edits.pii import KINDS, PLACEHOLDERS, Pii, find_all
from tests.edits.batches import edit_one, run
from tests.edits.labelled import HELD_OUT, STRINGS, labelled

LOCALES = ("en-US", "fr-FR", "de-DE", "es-ES", "id-ID")
# Precision and recall that have to be reached per kind; measured: the table of `scores` in a
# failure. French phone numbers are the worst: five pairs of digits are lottery numbers too.
FLOORS = {
    "email": (0.98, 0.98),
    "iban": (0.98, 0.98),
    "credit_card": (0.98, 0.98),
    "ip": (0.97, 0.97),
    "phone": (0.95, 0.97),
}
LOCALE_FLOORS = {("fr-FR", "phone"): (0.85, 0.95)}
DEFAULT_FLOOR = (0.93, 0.93)


# The same on strings that the detectors were not written with: measured once, before anything was
# changed for them: nothing is found that is none, and of 57 these are missed.
HELD_OUT_MISSES = {
    ("credit_card", "378282246310005"),  # `card=378...`: mostly ids of other things
    ("ip", "1.0.0.1"),  # all below 32, and no word for an address directly before
    ("phone", "06 39 98 12 34"),  # for fiction in France; to phonenumbers one of Mayotte
    ("phone", "912 345 678"),  # `Llámenos al`: found since
}


def scores():
    """Return (true positives, false positives, false negatives) by locale and kind."""
    counts = {(locale, kind): [0, 0, 0] for locale in LOCALES for kind in KINDS}
    for locale, text, wanted in labelled():
        found = set(find_all(text, REGIONS[locale[:2]]))
        for place, spans in enumerate((found & wanted, found - wanted, wanted - found)):
            for kind, _, _ in spans:
                counts[locale, kind][place] += 1
    return counts


def ratios(hits, false, missed):
    return hits / max(1, hits + false), hits / max(1, hits + missed)


def test_the_strings_are_500_in_five_locales():
    strings = list(labelled())
    assert Counter(string.locale for string in strings) == dict.fromkeys(LOCALES, 100)
    assert len({string.text for string in strings}) >= 499
    with_data = sum(bool(string.spans) for string in strings)
    assert 240 <= with_data <= 270
    kinds = Counter(kind for string in strings for kind, _, _ in string.spans)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 34


def test_precision_and_recall():
    counts = scores()
    for kind, floor in FLOORS.items():
        total = [sum(counts[locale, kind][place] for locale in LOCALES) for place in range(3)]
        assert ratios(*total) >= floor, (kind, counts)
        assert ratios(*total)[1] >= floor[1], (kind, counts)
    for (locale, kind), each in counts.items():
        precision, recall = ratios(*each)
        floor = LOCALE_FLOORS.get((locale, kind), DEFAULT_FLOOR)
        assert (precision >= floor[0]) & (recall >= floor[1]), (locale, kind, each)


def test_held_out_strings():
    strings = list(labelled(HELD_OUT))
    assert Counter(string.locale for string in strings) == dict.fromkeys(LOCALES, 20)
    assert not {string.text for string in strings} & {s.text for s in labelled(STRINGS)}
    missed = set()
    for locale, text, wanted in strings:
        found = set(find_all(text, REGIONS[locale[:2]]))
        assert found <= wanted, text
        missed |= {(kind, text[start:end]) for kind, start, end in wanted - found}
    assert missed == HELD_OUT_MISSES - {("phone", "912 345 678")}


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("Write to a.b@c.example!", "Write to [email]!"),
        ("4111111111111111@bank.example", "[email]"),
        ("Tel. (212) 555-0143, IP 8.8.8.8", "Tel. [phone], IP [ip]"),
        ("a@b.example.DE89370400440532013000", "[email].[iban]"),
        ("(212) 555-0143(212) 555-0199", "(212) 555-0143(212) 555-0199"),
        ("+49 30 23125 123+49 30 23125 123", "[phone]+49 30 23125 123"),
        ("a@b.example+49 30 23125 123", "[email][phone]"),
        ("Pay DE89 3704 0044 0532 0130 00 or 4111-1111-1111-1111", "Pay [iban] or [card]"),
    ],
)
def test_placeholders_take_the_place(text, edited):
    assert edit_one(Pii(regions=["US"]), text)[0] == edited
    assert edit_one(Pii(regions=["US"]), edited) == (edited, {})


def test_counts_per_kind_and_kinds_can_be_switched_off():
    text = "a@b.example, c@d.example, +49 30 23125 123, 9.9.9.9 ip 9.9.9.9"
    assert edit_one(Pii(), text)[1] == {"pii_email": 2, "pii_phone": 1, "pii_ip": 1}
    edited, counts = edit_one(Pii(kinds=["phone"]), text)
    assert counts == {"pii_phone": 1}
    assert edited == "a@b.example, c@d.example, [phone], 9.9.9.9 ip 9.9.9.9"


def test_regions_come_from_the_language_or_the_settings():
    text = "Tel. 030 23125 123"
    assert edit_one(Pii(), text, "de")[0] == "Tel. [phone]"
    assert edit_one(Pii(), text, "es")[0] == text
    assert edit_one(Pii(), text)[0] == text
    assert edit_one(Pii(regions=["DE"]), text, "es")[0] == "Tel. [phone]"
    assert run(Pii(), [text] * 3, ["de", None, "xx"])[0] == ["Tel. [phone]", text, text]


def test_settings_are_checked():
    for bad in ("<|email|>", "email", "[e-mail 1]", "[a@b]", "[]", "|||EMAIL|||"):
        with pytest.raises(ValidationError, match="placeholders"):
            Pii(placeholders={"email": bad})
    with pytest.raises(ValidationError, match="two capitals"):
        Pii(regions=["Germany"])
    assert edit_one(Pii(placeholders={"email": "<mail>"}), "a@b.example")[0] == "<mail>"


def test_placeholders_stay_what_they_are():
    text = " ".join(PLACEHOLDERS.values())
    assert edit_one(Pii(regions=["US"]), text) == (text, {})


PAIRS = {  # kind: pairs of (found, not found)
    "email": [
        ("a@b.co", "a@localhost"),
        ("x" * 64 + "@b.example", "x" * 65 + "@b.example"),
        ("a@b.example", "a@b.png"),
        ("a@b.example.123", "a@1.2.3"),
        ("a@b.example: write", "git@b.example:team/project"),
        ("a [at] b.example", "a at b.example"),
        ("a(at)b(dot)example", "a (at) noon"),
    ],
    "credit_card": [
        ("4111111111111111", "4111111111111112"),  # Luhn
        ("4111 1111 1111 1111", "41 1111 1111 1111 11"),  # groups of a card
        ("4111 1111 1111 1111", "4111 1111-1111 1111"),  # one separator
        ("378282246310005", "388282246310003"),  # prefix
        ("Visa 4111111111111111", "order 4111111111111111"),
        ("post 4111111111111111", "post/4111111111111111"),
    ],
    "iban": [
        ("DE89370400440532013000", "DE88370400440532013000"),  # mod 97
        ("DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 0"),  # length
        ("DE89370400440532013000", "XDE89370400440532013000"),
    ],
    "ip": [
        ("172.15.0.1", "172.16.0.1"),  # private from here
        ("9.255.255.40", "10.0.0.40"),
        ("198.41.0.4", "198.41.0.256"),
        ("198.41.0.4", "version 198.41.0.4"),
        ("198.41.0.4.", "198.41.0.4.5"),
        ("9.9.9.32", "9.9.9.31"),  # all below 32
        ("dns 9.9.9.9", "9.9.9.9"),
        ("[2001:4860:4860::8888]:53", "2001:db8::1"),
    ],
    "phone": [
        ("+49 30 23125 123", "+49 30 23"),
        ("(212) 555-0143", "(112) 555-0143"),  # no area code begins with 1
        ("call 2125550143", "2125550143"),
        ("call 2 1 2 555-0143", "call 2 1 2 5 55-0143"),  # single digits
        ("call 2125550143", "invoice 2125550143"),
        ("212-555-0143", "212-555-01433"),
        ("0049 30 23125 123", "0049 30"),
        ("tel 212 555 0143", "212 555 0143 €"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "found", "not_found"),
    [(kind, *pair) for kind, pairs in PAIRS.items() for pair in pairs],
)
def test_just_inside_and_just_outside(kind, found, not_found):
    assert edit_one(Pii(regions=["US"]), found)[1].get(f"pii_{kind}") == 1
    assert edit_one(Pii(regions=["US"]), not_found)[1].get(f"pii_{kind}") is None


def test_luhn_tells_every_single_wrong_digit():
    number = "4111111111111111"
    assert passes_luhn(number)
    for place in range(len(number)):
        for digit in set("0123456789") - {number[place]}:
            assert not passes_luhn(number[:place] + digit + number[place + 1 :])


def test_lengths_of_account_numbers():
    assert len(LENGTHS) >= 75
    assert (LENGTHS["NO"], LENGTHS["DE"], LENGTHS["MT"]) == (15, 22, 31)


def test_regions_are_those_that_phonenumbers_knows():
    known = phonenumbers.SUPPORTED_REGIONS
    assert {region for regions in REGIONS.values() for region in regions} <= known
