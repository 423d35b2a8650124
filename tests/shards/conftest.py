"""A corpus run up to its shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curate.shards.segments import shard_segments
from curate.shards.settings import Shards
from curate.tokens.segments import token_segments
from curate.tokens.settings import Tokens, Train
from tests.corpus import READS, MakeShards, make_documents, make_texts, write_corpus
from tests.runner import run_segment


@pytest.fixture
def make_shards(tmp_path: Path) -> MakeShards:
    """Return a function that runs a corpus and returns its run directory."""

    def make(
        name: str = "run",
        shards: Shards | None = None,
        documents: pa.Table | None = None,
        dedup: bool = True,
        tokens: Tokens | None = None,
        verdicts: dict[str, tuple[str, str]] | None = None,
        **corpus: Any,
    ) -> Path:
        run = tmp_path / name
        documents = make_documents(make_texts(120)) if documents is None else documents
        write_corpus(str(run), documents, **corpus)
        tokens = tokens or Tokens(train=Train(vocab_size=300))
        tokenizer, encoding = token_segments(tokens, dedup, READS if dedup else READS[:2])
        run_segment(str(run), tokenizer)
        narrow = ["0-63", "64-119"] if verdicts else []
        run_segment(str(run), encoding, verdicts, narrow)
        for segment in shard_segments(shards or Shards(val_fraction=0.1), dedup):
            run_segment(str(run), segment)
        return run

    return make
