"""The `url` gate: drop pages by their address, from lists inline or in files.

A page is under the most specific entry that fits its address: the whole URL, then the host, then
each domain above it. If that entry is allowed the page passes, whatever words it has; if it is
blocked it is dropped (allowed wins where both name the same). So `allowed: [docs.example.com]`
opens a part of a blocked `example.com`. What spellings are one address: `curate.gates.address`.

    domain       of blocked_domains, allowed, and lists: the host itself and every host below it
    host         of blocked_hosts: this host alone
    page         of blocked_urls, allowed, and lists: host (with or without www), path and query
    word         a whole run of letters and digits in host, path or query
    substring    anywhere in these runs joined together: `free-cash` and `free.ecash` hold `eecash`

Source: Penedo et al. 2023, RefinedWeb, arXiv 2306.01116, appendix G.1: a blocklist of 4.6 million
domains, strict words, soft words of which two drop, and substrings.
Deviation: soft words are counted once each; entries of `urls` lists are whole pages, not prefixes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from curate.errors import ConfigError
from curate.gates.address import WORD, Address, fold, parse_address
from curate.gates.blocklist import (
    NONE,
    Entries,
    Hashes,
    classify,
    contains,
    entries_of,
    entry_address,
    hash_names,
    list_files,
    load_entries,
    read_lines,
)
from curate.stage import GateFn, GateSpec, Outcome, Page
from curate.storage import files

Paths = list[Annotated[str, AfterValidator(files.absolute)]]
LISTS = ("blocklists", "allowlists")
WORD_FILES = ("blocked_word_files", "soft_word_files", "blocked_substring_files")

KINDS = {
    "blocked_domains": ("domain",),
    "blocked_hosts": ("domain",),
    "blocked_urls": ("page", "domain"),
    "allowed": ("page", "domain"),
}


class Url(GateSpec):
    """Keys of the `url` stage."""

    name: ClassVar[str] = "url"

    blocked_domains: list[str] = Field([], description="with every host below them")
    blocked_hosts: list[str] = Field([], description="these alone")
    blocked_urls: list[str] = Field([], description="whole addresses")
    blocklists: Paths = Field([], description="files or folders of domains and URLs")
    allowed: list[str] = Field([], description="domains and URLs, exceptions to all of this")
    allowlists: Paths = Field([], description="the same in files or folders")
    blocked_words: list[str] = Field([], description="one of them drops")
    blocked_word_files: Paths = Field([], description="one word per line")
    soft_words: list[str] = Field([], description="several different ones drop")
    soft_word_files: Paths = Field([], description="one word per line")
    max_soft_words: int = Field(1, ge=0, description="different soft words a page may have")
    blocked_substrings: list[str] = Field([], description="in letters and digits run together")
    blocked_substring_files: Paths = Field([], description="one substring per line")
    missing: Literal["keep", "drop"] = Field("keep", description="pages without a host to look at")

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key in ("blocked_words", "soft_words", "blocked_substrings"):
            for word in getattr(self, key):
                _check_word(key, word)
        for key, kinds in KINDS.items():
            for name in getattr(self, key):
                if classify(name)[0] not in kinds:
                    raise ValueError(f"{key}: {name!r} is no {' or '.join(kinds)}")
        return self

    def measuring_settings(self) -> dict[str, Any]:
        """Return what decides: of files their content, not where they lie."""
        settings = super().measuring_settings()
        for key in (*LISTS, *WORD_FILES):
            settings[key] = sorted({files.sha256_file(file) for _, file in self._files(key)})
        return settings

    def check(self) -> None:
        """Refuse lists that are missing or hold something else."""
        self.open()

    def open(self, shared: str | None = None) -> GateFn:
        """Read the lists; return the function that decides.

        4.6 million domains take 1.2 s and 80 MB, where another part left them in `shared` 0.1 s.

        Raises:
            ConfigError: A file is missing, or is no list.
        """
        hosts = np.unique(hash_names(classify(name)[1] for name in self.blocked_hosts))
        blocked = _merge(
            entries_of(self.blocked_domains),
            Entries(NONE, np.unique(hash_names(entry_address(u).page for u in self.blocked_urls))),
            load_entries(self._files("blocklists"), shared),
        )
        allowed = _merge(entries_of(self.allowed), load_entries(self._files("allowlists"), shared))
        looks_up = hosts.size or blocked.size or allowed.size
        words = self._words("blocked_words", "blocked_word_files")
        soft_words = self._words("soft_words", "soft_word_files")
        substrings = sorted(self._words("blocked_substrings", "blocked_substring_files"))

        def check(page: Page) -> Outcome | None:
            address = parse_address(page.url or "")
            if not address.host and self.missing == "drop":
                return self._drop("missing_url", f"no host in {(page.url or '')[:80]!r}")
            if address.host and looks_up:
                found = _most_specific(address, hosts, blocked, allowed)
                if found is not None:
                    reason, detail = found
                    return self._drop(reason, detail) if reason else None
            return self._judge_words(address.words, words, soft_words, substrings)

        return check

    def _judge_words(
        self,
        found: list[str],
        words: frozenset[str],
        soft_words: frozenset[str],
        substrings: list[str],
    ) -> Outcome | None:
        hits = sorted(words.intersection(found))
        if hits:
            return self._drop("blocked_url_word", f"{hits[0]} in blocked_words")
        hits = sorted(soft_words.intersection(found))
        if len(hits) > self.max_soft_words:
            told = f"{len(hits)} > max_soft_words {self.max_soft_words}: {', '.join(hits[:5])}"
            return self._drop("too_many_soft_url_words", told)
        joined = "".join(found)
        for substring in substrings:  # 50 ns each; one regular expression: 120
            if substring in joined:
                return self._drop("blocked_url_substring", f"{substring} in blocked_substrings")
        return None

    def _words(self, key: str, file_key: str) -> frozenset[str]:
        words = [*getattr(self, key)]
        for key, file in self._files(file_key):
            for word in read_lines(key, file):
                try:
                    _check_word(file, word)
                except ValueError as error:
                    raise ConfigError(str(error), key) from None
                words.append(word)
        return frozenset(map(fold, words))

    def _files(self, key: str) -> Iterator[tuple[str, str]]:
        """Yield the files of a key, each after the key of its entry: url.blocklists.0."""
        for place, path in enumerate(getattr(self, key)):
            for file in list_files(f"url.{key}.{place}", path):
                yield f"url.{key}.{place}", file

    def _drop(self, reason: str, detail: str) -> Outcome:
        return Outcome("dropped", self.name, reason, detail)


def _most_specific(
    address: Address, hosts: Hashes, blocked: Entries, allowed: Entries
) -> tuple[str, str] | None:
    """Return (reason, detail) of the entry that fits best; an empty reason where it is allowed."""
    page, domains = address.page, address.domains
    hashes = hash_names([page, *domains])
    if contains(allowed.pages, hashes[:1])[0]:
        return "", ""
    if contains(blocked.pages, hashes[:1])[0]:
        return "blocked_url", f"{page[:200]} is blocked"
    is_allowed = contains(allowed.domains, hashes[1:])
    is_blocked = contains(blocked.domains, hashes[1:])
    if contains(hosts, hashes[1:2])[0] and not is_allowed[0]:
        return "blocked_host", f"{domains[0]} in blocked_hosts"
    for place in np.flatnonzero(is_allowed | is_blocked)[:1].tolist():
        if is_allowed[place]:
            return "", ""
        under = f"under {domains[place]}, which" if place else "which"
        return "blocked_domain", f"{domains[0]}, {under} is blocked"
    return None


def _merge(*entries: Entries) -> Entries:
    """Return sorted entries together; one list alone is not copied."""
    return Entries(*map(_union, *((each.domains, each.pages) for each in entries)))


def _union(*arrays: Hashes) -> Hashes:
    full = [array for array in arrays if array.size]
    return full[0] if len(full) == 1 else np.unique(np.concatenate(arrays))


def _check_word(where: str, word: str) -> None:
    """Refuse what could not be found, as only letters and digits are looked at."""
    if WORD.fullmatch(fold(word)) is None:
        raise ValueError(f"{where}: {word!r} is not one run of letters and digits; give the parts")
