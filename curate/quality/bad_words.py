"""Count the words of a list in texts, in one pass of RE2 over each.

An entry (a word or a phrase) counts without regard to case where it stands between characters that
are no letter, mark, digit or underscore. In a script without spaces it needs none around it. Two
that share the one character between them count once.

Source: Raffel et al. 2020, JMLR 21(140), section 2.2, who took a public list of `dirty, naughty,
obscene or otherwise bad words`. None is shipped here: what is offensive differs by place and use.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.errors import ConfigError
from curate.text.characters import UNSPACED, flag_table

_OUTSIDE = r"[^\pL\pM\pN_]"


def read_entries(path: str, key: str) -> list[str]:
    """Return the entries of a UTF-8 file, one a line, sorted, in lower case; a BOM is skipped.

    Raises:
        ConfigError: The file cannot be read, is not UTF-8 or holds no entry; it names `key`.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; give the path of a text file on this machine, "
            "one word or phrase a line",
            key,
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 (byte {error.start}): its words would match nothing; save it as "
            "UTF-8",
            key,
        ) from None
    entries = sorted({line.strip().lower() for line in lines} - {""})
    if not entries:
        raise ConfigError(f"{path} holds no word: nothing could match; write one a line", key)
    return entries


def entries_sha256(entries: Sequence[str]) -> str:
    """Return a hash of what the entries are, whatever their order and blank lines in the file."""
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()


def word_list_pattern(entries: Sequence[str], key: str) -> str:
    """Return the RE2 expression that finds the entries.

    Raises:
        ConfigError: The list is too long for RE2 (from about 10,000 entries on); it names `key`.
    """
    branches: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        before = "" if _is_unspaced(entry[0]) else f"(?:^|{_OUTSIDE})"
        after = "" if _is_unspaced(entry[-1]) else f"(?:$|{_OUTSIDE})"
        branches.setdefault((before, after), []).append(re.escape(entry))
    pattern = "|".join(
        f"{before}(?:{'|'.join(escaped)}){after}" for (before, after), escaped in branches.items()
    )
    try:
        count_matches(pa.array([""], pa.large_string()), pattern)
    except pa.ArrowInvalid as error:
        raise ConfigError(
            f"{len(entries):,} entries cannot be searched together: {error}; shorten the list", key
        ) from None
    return pattern


def count_matches(texts: pa.LargeStringArray, pattern: str) -> NDArray[np.int64]:
    """Count what the pattern finds in each text: (d,) int64, 0 for null."""
    counts = pc.count_substring_regex(texts, pattern, ignore_case=True)
    return np.asarray(pc.fill_null(counts, 0).to_numpy(zero_copy_only=False), np.int64)


def _is_unspaced(char: str) -> bool:
    return bool(flag_table()[ord(char)] & UNSPACED)
