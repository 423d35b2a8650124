"""Tokenizer files made for these tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curate.tokens.tokenizer import train_bpe
from tests.corpus import MakeTokenizer, make_texts


@pytest.fixture(scope="session")
def trained() -> bytes:
    """Return a small byte-level BPE tokenizer.json."""
    return train_bpe([make_texts(200)], 500, "<|endoftext|>")


@pytest.fixture
def make_tokenizer(trained: bytes, tmp_path: Path) -> MakeTokenizer:
    """Return a function that writes the small tokenizer with other added tokens or settings."""

    def make(added: list[tuple[str, bool]] | None = None, **changes: Any) -> str:
        value = json.loads(trained)
        if added is not None:
            value["added_tokens"] = [
                {
                    "id": 10_000 + index,
                    "content": content,
                    "special": special,
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": False,
                }
                for index, (content, special) in enumerate(added)
            ]
        path = tmp_path / "tokenizer.json"
        path.write_text(json.dumps({**value, **changes}))
        return str(path)

    return make
