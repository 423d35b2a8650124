"""The url gate: one address just inside and one just outside for every reason, and evasions."""

from __future__ import annotations

import gzip

import pytest
from pydantic import ValidationError

from curate.errors import ConfigError
from curate.gates.address import parse_address
from curate.gates.url import Url
from tests.pages import make


def outcome(url, **keys):
    found = Url(**keys).open()(make(url=url))
    if found is not None:
        assert (found.outcome, found.stage) == ("dropped", "url")
        assert found.detail
    return found


def reason(url, **keys):
    found = outcome(url, **keys)
    return found and found.reason


def test_nothing_is_blocked_by_default():
    for url in ("https://example.com/a", "", None, "no address", "http://", "https://[::1"):
        assert reason(url) is None


WIDE = "".join(chr(ord(char) + 0xFEE0) for char in "bad.example")  # full-width forms
BAD = {"blocked_domains": ["bad.example"]}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://bad.example/", "blocked_domain"),
        ("http://a.b.bad.example/x", "blocked_domain"),
        ("http://notbad.example/", None),
        ("http://bad.example.com/", None),
        ("http://example/", None),
        ("http://good.example/bad.example", None),
        ("http://good.example/?bad.example", None),
        ("http://good.example#@bad.example", None),
        ("http://bad.example@good.example/", None),
        ("bad.example/x", None),  # no //: the name of a file, not an address
    ],
)
def test_blocked_domain(url, expected):
    assert reason(url, **BAD) == expected


@pytest.mark.parametrize(
    "url",
    [
        "HTTP://BAD.Example/",
        "//bad.example/x",
        "https:bad.example",
        "https:\\\\bad.example\\x",
        "https:////bad.example",
        "http://bad.example.",
        "http://bad.example:8080/x",
        "http://good.example@bad.example/",
        "http://good.example:pw@x@bad.example/",
        "http://bad.example?@good.example",
        "http://bad.example#@good.example",
        "http://b%61d.ex%2561mple/",
        "http://bad%2Eexample/",
        " \x00http://bad.example/ ",
        "ht\ttp://ba\nd.exam\rple/",
        f"http://{WIDE}/",
        "http://bad。example/",
        "http://bad.exam\u00adple/",
        "http://bad.exam\u200bple/",
        "http://" + "a." * 50_000 + "bad.example/",
        "http://" + "ö" * 300 + ".bad.example/",
        "ftp://bad.example/",
    ],
    ids=lambda url: ascii(url)[:40],
)
def test_a_host_cannot_hide(url):
    assert reason(url, **BAD) == "blocked_domain"


@pytest.mark.parametrize(
    ("entry", "urls"),
    [
        ("bücher.example", ["http://xn--bcher-kva.example", "http://B%C3%9CCHER.example/"]),
        ("xn--bcher-kva.example", ["http://www.bücher.example"]),
        ("127.0.0.1", ["http://2130706433/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]:80/"]),
        ("[2001:DB8::1]", ["http://[2001:db8:0:0::1]/", "http://[2001:db8::1%25eth0]:8080/x"]),
    ],
)
def test_one_host_in_several_spellings(entry, urls):
    for url in urls:
        assert reason(url, blocked_domains=[entry]) == "blocked_domain"


def test_an_ip_address_has_no_subdomains():
    assert reason("http://1.2.3.4/", blocked_domains=["3.4"]) is None


def test_blocked_host():
    keys = {"blocked_hosts": ["www.bad.example"]}
    assert reason("https://www.bad.example/x", **keys) == "blocked_host"
    assert reason("https://bad.example/x", **keys) is None
    assert reason("https://a.www.bad.example/x", **keys) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/b/c?d=1", "blocked_url"),
        ("http://www.a.example:80/b/c?d=1#e", "blocked_url"),
        ("http://a.example/./x/../b//%63/?d=1", "blocked_url"),
        ("http://A.example/B/c/?D=1", "blocked_url"),
        ("http://a.example/b/c", None),
        ("http://a.example/b/c?d=2", None),
        ("http://a.example/b", None),
        ("http://b.a.example/b/c?d=1", None),
        ("http://a.example/b/c%0A?d=1", None),
    ],
)
def test_blocked_url(url, expected):
    assert reason(url, blocked_urls=["http://a.example/b/c/?d=1"]) == expected


def test_a_line_feed_in_a_path_hides_no_domain():
    keys = {"blocked_urls": ["http://a.example/x"], **BAD}
    assert reason("http://bad.example/%0A%0Ax", **keys) == "blocked_domain"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.example/best-casino", "blocked_url_word"),
        ("http://casino.example/", "blocked_url_word"),
        ("http://a.example/?q=CASINO", "blocked_url_word"),
        ("http://a.example/c%61sino_x", "blocked_url_word"),
        ("http://a.example/\uff43asino", "blocked_url_word"),
        ("http://a.example/casinos", None),
        ("http://a.example/x#casino", None),
        ("casino/page.html", "blocked_url_word"),  # of any name a source gives
    ],
)
def test_blocked_word(url, expected):
    assert reason(url, blocked_words=["Casino"]) == expected


def test_words_of_a_punycode_host():
    assert reason("http://xn--bcher-kva.example/", blocked_words=["bücher"]) == "blocked_url_word"


def test_soft_words_are_counted_once_each():
    keys = {"soft_words": ["bet", "poker", "bonus"]}
    assert reason("http://bet.example/bet/bet", **keys) is None
    assert reason("http://bet.example/poker", **keys) == "too_many_soft_url_words"
    assert reason("http://bet.example/poker", max_soft_words=2, **keys) is None
    assert reason("http://bet.example/poker-bonus", max_soft_words=2, **keys) is not None
    assert reason("http://bet.example/", max_soft_words=0, **keys) == "too_many_soft_url_words"


def test_substrings_are_found_across_separators():
    keys = {"blocked_substrings": ["eecas"]}
    assert reason("http://a.example/free-cash", **keys) == "blocked_url_substring"
    assert reason("http://fr.e-e.example/ca", **keys) is None


def test_the_most_specific_entry_decides():
    keys = {
        "blocked_domains": ["example.com", "bad.docs.example.com"],
        "allowed": ["docs.example.com", "https://example.com/about"],
        "blocked_words": ["page"],
    }
    assert reason("http://example.com/", **keys) == "blocked_domain"
    assert reason("http://docs.example.com/page", **keys) is None
    assert reason("http://bad.docs.example.com/", **keys) == "blocked_domain"
    assert reason("http://x.bad.docs.example.com/", **keys) == "blocked_domain"
    assert reason("http://example.com/about", **keys) is None
    assert reason("http://example.com/about/page", **keys) == "blocked_domain"
    assert reason("http://other.com/page", **keys) == "blocked_url_word"
    both = {"blocked_domains": ["a.example"], "allowed": ["a.example"]}
    assert reason("http://a.example/", **both) is None
    hosts = {"blocked_hosts": ["a.example"], "allowed": ["example"]}
    assert reason("http://a.example/", **hosts) == "blocked_host"
    assert reason("http://b.example/", **hosts) is None


@pytest.mark.parametrize("url", [None, "", " ", "2024/05/page.html", "mailto:a@b.c", "http:///"])
def test_missing_url(url):
    assert reason(url, missing="keep", **BAD) is None
    assert reason(url, missing="drop") == "missing_url"
    assert reason("http://a/", missing="drop") is None


def test_details_name_the_entry():
    assert outcome("http://a.bad.example/", **BAD).detail == (
        "a.bad.example, under bad.example, which is blocked"
    )
    assert outcome("http://bad.example/", **BAD).detail == "bad.example, which is blocked"
    soft = outcome("http://b.example/a-c", soft_words=["c", "b", "a"])
    assert soft.detail == "3 > max_soft_words 1: a, b, c"
    assert "casino" in outcome("http://casino/", blocked_words=["casino"]).detail


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"blocked_words": ["two words"]}, "'two words' is not one run of letters"),
        ({"soft_words": [""]}, "'' is not one run"),
        ({"blocked_substrings": ["a-b"]}, "give the parts"),
        ({"blocked_domains": ["http://a.example/x"]}, "is no domain"),
        ({"blocked_domains": ["||a.example^"]}, "is no domain"),
        ({"blocked_hosts": [""]}, "is no domain"),
        ({"blocked_urls": ["/path/only"]}, "is no page or domain"),
        ({"max_soft_words": -1}, "greater than or equal"),
        ({"blocked_domains": "a.example"}, "valid list"),
    ],
)
def test_refuses_settings(keys, message):
    with pytest.raises(ValidationError, match=message):
        Url(**keys)


@pytest.mark.parametrize("entry", ["a.example/x", "//a.example/x", "http://www.a.example/x/"])
def test_a_blocked_url_needs_no_scheme(entry):
    assert reason("https://a.example/x", blocked_urls=[entry]) == "blocked_url"
    assert reason("https://a.example/y", blocked_urls=[entry]) is None


@pytest.mark.parametrize("key", ["blocked_domains", "blocked_hosts"])
def test_an_entry_may_be_an_ipv6_address_without_brackets(key, tmp_path):
    url = "http://[2001:DB8:0::7]:8080/a"
    assert reason(url, **{key: ["2001:db8::7"]}) in ("blocked_domain", "blocked_host")
    assert reason("http://0.0.7.209/", **{key: ["2001:db8::7"]}) is None
    path = tmp_path / "domains"
    path.write_text("a.example\n2001:db8::7\n")
    assert reason(url, blocklists=[str(path)]) == "blocked_domain"


def test_a_star_before_a_host_is_no_part_of_it():
    assert reason("http://a.example/", blocked_hosts=["*.a.example"]) == "blocked_host"


HOSTILE = [
    "http://" + "%25" * 100_000,
    "http://a/" + "\u0301\u0323" * 400_000,
    "http://a" + "\u0301\u0323" * 400_000,
    "http://a/" + "../" * 200_000,
    "http://[" + ":" * 100_000,
    "//" + "@" * 500_000,
    "http://a/" + "/" * 1_000_000,
    "x" * 1_000_000,
    "http://" + "1." * 100_000,
    "http://" + "\u0130" * 100_000,
    "http://xn--a-ecp.ru/",
    "http://xn--/",
    "\ud800://\udfff",
]


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: ascii(url)[:20])
def test_hostile_urls_cost_no_more_than_their_length(url):
    assert reason(url, blocked_words=["casino"], missing="keep", **BAD) is None


def test_an_address_of_an_address_is_itself():
    for url in ("HTTP://a@B.example:80/x/%41/", "http://0x7f.1/?Q", "http://[::0001]/%25"):
        address = parse_address(url)
        host = f"[{address.host}]" if ":" in address.host else address.host
        assert parse_address(f"http://{host}{address.path}") == address


# Lists in files

HOSTS_FILE = """# comment
127.0.0.1 localhost
::1 localhost
0.0.0.0 one.example two.example # both
0.0.0.0\tthree.example\r
"""
DOMAINS_FILE = "four.example\nFIVE.example.\n\n*.six.example\n.seven.example\nbücher.example\n"
URLS_FILE = "eight.example/a/b\nhttps://www.nine.example/c/?d\nten.example\n"
BLOCKED = {
    **dict.fromkeys(["one", "two", "three", "four", "five", "six", "x.seven"], "blocked_domain"),
    "eleven": None,
}


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "lists" / "adult"
    inner.mkdir(parents=True)
    (inner / "domains").write_bytes(DOMAINS_FILE.encode())
    (inner / "urls.gz").write_bytes(gzip.compress(URLS_FILE.encode()))
    (inner / "usage").write_text("eleven.example\n")
    (inner / ".domains").write_text("eleven.example\n")
    (tmp_path / "lists" / "hosts.txt").write_text(HOSTS_FILE)
    return tmp_path / "lists"


def test_a_folder_of_lists(folder):
    keys = {"blocklists": [str(folder)]}
    for name, expected in BLOCKED.items():
        assert reason(f"http://{name}.example/", **keys) == expected, name
    assert reason("http://bücher.example/", **keys) == "blocked_domain"
    assert reason("http://eight.example/a/b/", **keys) == "blocked_url"
    assert reason("http://eight.example/a", **keys) is None
    assert reason("http://nine.example/c?d", **keys) == "blocked_url"
    assert reason("http://www.ten.example/any", **keys) == "blocked_domain"


def test_a_list_may_be_one_file_and_allowed_in_part(folder):
    keys = {"blocklists": [str(folder / "adult" / "domains")]}
    assert reason("http://four.example/", **keys) == "blocked_domain"
    assert reason("http://one.example/", **keys) is None
    allowed = folder / "allowed.txt"
    allowed.write_text("ok.four.example\nfour.example/about")
    keys["allowlists"] = [str(allowed)]
    assert reason("http://ok.four.example/", **keys) is None
    assert reason("http://four.example/about", **keys) is None
    assert reason("http://four.example/", **keys) == "blocked_domain"


def test_a_list_of_many_pieces_finds_all(tmp_path):
    path = tmp_path / "domains"
    names = [f"host-{number}.example{number % 7}" for number in range(200_000)]
    path.write_text("\n".join(names))  # no line feed at the end
    check = Url(blocklists=[str(path)]).open()
    for name in (*names[::1000], names[-1]):
        assert check(make(url=f"http://www.{name}/")) is not None
        assert check(make(url=f"http://{name}x/")) is None


def test_word_files(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\ufeffcasino # a comment\n\n# another\npoker\n")
    for key, expected in (
        ("blocked_word_files", "blocked_url_word"),
        ("blocked_substring_files", "blocked_url_substring"),
        ("soft_word_files", "too_many_soft_url_words"),
    ):
        assert reason("http://a.example/casino/poker", **{key: [str(path)]}) == expected
        assert reason("http://a.example/comment", **{key: [str(path)]}) is None
    path.write_text("two words")
    with pytest.raises(
        ConfigError, match=r"url\.soft_word_files\.0: .*words\.txt: 'two words' is not"
    ):
        Url(soft_word_files=[str(path)]).check()


def test_refuses_what_is_no_list(tmp_path):
    path = tmp_path / "domains.txt"
    given = {"blocklists": [str(path)]}
    with pytest.raises(ConfigError, match=r"url\.blocklists\.0: .* is no file or folder"):
        Url(**given).check()
    path.write_text("<!DOCTYPE html>\n<html><body>\n404 not found\n</body></html>\n")
    with pytest.raises(ConfigError, match=r"no list of domains or URLs.*<!doctype html>"):
        Url(**given).check()
    path.write_text("||ads.example^\n||more.example^$third-party\n")
    with pytest.raises(ConfigError, match="no list of domains"):
        Url(**given).check()
    path.write_bytes(gzip.compress(b"a.example\n" * 1000)[:-10])
    with pytest.raises(ConfigError, match="cannot read"):
        Url(**given).check()
    path.unlink()
    with pytest.raises(ConfigError, match=r"no file in .* is named domains"):
        Url(blocklists=[str(tmp_path)]).check()


def test_the_fingerprint_is_of_contents(folder, tmp_path):
    before = Url(blocklists=[str(folder)]).measuring_settings()
    moved = tmp_path / "moved"
    folder.rename(moved)
    spec = Url(blocklists=[str(moved)])
    assert spec.measuring_settings() == before
    (moved / "hosts.txt").write_text(HOSTS_FILE + "0.0.0.0 eleven.example\n")
    assert spec.measuring_settings() != before
    assert Url(allowlists=[str(moved)]).measuring_settings() != spec.measuring_settings()


LISTS = ("b.example\nc.example/p\n", "# nothing\n", "c.example\n", "https://b.example/\n")
PAGES = [make(url=f"http://{name}") for name in ("a.b.example/x", "b.example/", "c.example/p")]


@pytest.mark.parametrize("inline", [[], ["d.example"]])
def test_a_list_is_read_once_for_the_parts_of_a_run(tmp_path, inline):
    """The first part leaves the entries to the others, by content; no verdict changes."""
    shared, path = tmp_path / "shared", tmp_path / "domains"
    shared.mkdir()
    for number, content in enumerate(LISTS, 1):
        path.write_text(content)
        spec = Url(blocklists=[str(path)], blocked_domains=inline)
        expected = list(map(spec.open(), PAGES))
        left = []
        for _ in range(2):
            assert list(map(spec.open(str(shared)), PAGES)) == expected
            left.append({file.name: file.stat().st_ino for file in shared.iterdir()})
        assert left[0] == left[1], "read again"
        assert len(left[0]) == number
