"""Say which characters end a sentence, in any script.

Source: Unicode 17.0, property Sentence_Terminal. Python's `unicodedata` does not carry it, so the
172 code points stand here as ranges.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from curate.text.characters import NUM_CODE_POINTS
from curate.text.runs import Chars

# First code point and one past the last, ascending.
_RANGES = (
    (0x0021, 0x0022),  # exclamation mark
    (0x002E, 0x002F),  # full stop
    (0x003F, 0x0040),  # question mark
    (0x0589, 0x058A),  # Armenian
    (0x061D, 0x0620),  # Arabic
    (0x06D4, 0x06D5),  # Urdu full stop
    (0x0700, 0x0703),  # Syriac
    (0x07F9, 0x07FA),  # N'Ko
    (0x0837, 0x0838),  # Samaritan
    (0x0839, 0x083A),
    (0x083D, 0x083F),
    (0x0964, 0x0966),  # dandas of the Indic scripts
    (0x104A, 0x104C),  # Myanmar
    (0x1362, 0x1363),  # Ethiopic
    (0x1367, 0x1369),
    (0x166E, 0x166F),  # Canadian Aboriginal
    (0x1735, 0x1737),  # Philippine scripts
    (0x17D4, 0x17D6),  # Khmer
    (0x1803, 0x1804),  # Mongolian
    (0x1809, 0x180A),
    (0x1944, 0x1946),  # Limbu
    (0x1AA8, 0x1AAC),  # Tai Tham
    (0x1B4E, 0x1B50),  # Balinese
    (0x1B5A, 0x1B5C),
    (0x1B5E, 0x1B60),
    (0x1B7D, 0x1B80),
    (0x1C3B, 0x1C3D),  # Lepcha
    (0x1C7E, 0x1C80),  # Ol Chiki
    (0x2024, 0x2025),  # one dot leader
    (0x203C, 0x203E),  # double exclamation mark, interrobang
    (0x2047, 0x204A),  # double question mark and the like
    (0x2CF9, 0x2CFC),  # Old Nubian
    (0x2E2E, 0x2E2F),  # reversed question mark
    (0x2E3C, 0x2E3D),  # stenographic full stop
    (0x2E53, 0x2E55),  # medieval exclamation and question marks
    (0x2E60, 0x2E62),
    (0x3002, 0x3003),  # ideographic full stop
    (0xA4FF, 0xA500),  # Lisu
    (0xA60E, 0xA610),  # Vai
    (0xA6F3, 0xA6F4),  # Bamum
    (0xA6F7, 0xA6F8),
    (0xA876, 0xA878),  # Phags-pa
    (0xA8CE, 0xA8D0),  # Saurashtra
    (0xA92F, 0xA930),  # Kayah Li
    (0xA9C8, 0xA9CA),  # Javanese
    (0xAA5D, 0xAA60),  # Cham
    (0xAAF0, 0xAAF2),  # Meetei Mayek
    (0xABEB, 0xABEC),
    (0xFE12, 0xFE13),  # vertical forms
    (0xFE15, 0xFE17),
    (0xFE52, 0xFE53),  # small forms
    (0xFE56, 0xFE58),
    (0xFF01, 0xFF02),  # full-width forms
    (0xFF0E, 0xFF0F),
    (0xFF1F, 0xFF20),
    (0xFF61, 0xFF62),  # half-width ideographic full stop
    (0x10A56, 0x10A58),  # from here on: scripts of the supplementary planes
    (0x10F55, 0x10F5A),
    (0x10F86, 0x10F8A),
    (0x11047, 0x11049),
    (0x110BE, 0x110C2),
    (0x11141, 0x11144),
    (0x111C5, 0x111C7),
    (0x111CD, 0x111CE),
    (0x111DE, 0x111E0),
    (0x11238, 0x1123A),
    (0x1123B, 0x1123D),
    (0x112A9, 0x112AA),
    (0x113D4, 0x113D6),
    (0x1144B, 0x1144D),
    (0x115C2, 0x115C4),
    (0x115C9, 0x115D8),
    (0x11641, 0x11643),
    (0x1173C, 0x1173F),
    (0x11944, 0x11945),
    (0x11946, 0x11947),
    (0x11A42, 0x11A44),
    (0x11A9B, 0x11A9D),
    (0x11C41, 0x11C43),
    (0x11EF7, 0x11EF9),
    (0x11F43, 0x11F45),
    (0x16A6E, 0x16A70),
    (0x16AF5, 0x16AF6),
    (0x16B37, 0x16B39),
    (0x16B44, 0x16B45),
    (0x16D6E, 0x16D70),
    (0x16E98, 0x16E99),
    (0x1BC9F, 0x1BCA0),
    (0x1DA88, 0x1DA89),
)


def is_terminal(code_points: Chars) -> NDArray[np.bool_]:
    """Tell which characters end a sentence: (n,) -> (n,) bool."""
    return terminal_table().take(code_points, mode="clip")


@cache
def terminal_table() -> NDArray[np.bool_]:
    """Tell of every code point whether it ends a sentence: (0x110000,) bool."""
    table = np.zeros(NUM_CODE_POINTS, np.bool_)
    for first, end in _RANGES:
        table[first:end] = True
    return table
