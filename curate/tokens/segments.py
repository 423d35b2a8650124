"""The segments of `tokens:`: `tokenizer`, then `tokens`."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from curate.errors import ConfigError, InputError
from curate.segment import PlanFn, RunFiles, Segment, one_part, same_parts
from curate.storage import files
from curate.storage.artifact import JSON, Part, PartRecord
from curate.tokens.encode import encode_part
from curate.tokens.settings import TRAINED_EOD_TOKEN, Tokens
from curate.tokens.train import copy_tokenizer, train_tokenizer

VERSION = 1  # raised whenever equal settings would give other bytes


def token_segments(
    tokens: Tokens,
    dedup: bool,
    reads: tuple[str, ...],
    planning: bool = True,
    limits: JSON | None = None,
) -> tuple[Segment, Segment]:
    """Return the two segments.

    Of `reads` the first artifact has the texts, and the others say which of them are kept.

    Only a driver that plans reads the tokenizer file, whose sha256 is part of the fingerprint.

    Raises: ConfigError when the tokenizer file cannot be read.
    """
    stamp = {"version": VERSION, "tokenizers": version("tokenizers"), "limits": limits or {}}
    kept = {"dedup": dedup, "text_from": reads[0]}
    if tokens.train is not None:
        eod_token = tokens.eod_token or TRAINED_EOD_TOKEN
        tokenizer = Segment(
            "tokenizer",
            reads,
            {**stamp, "train": tokens.train.model_dump(), "eod_token": eod_token, **kept},
            one_part,
            train_tokenizer,
            isolated=True,
            facts=_first_facts,
        )
    else:
        assert tokens.file is not None
        sha256 = _file_sha256(tokens.file) if planning else ""
        tokenizer = Segment(
            "tokenizer",
            (),
            {**stamp, "sha256": sha256, "eod_token": tokens.eod_token},
            _plan_copy(tokens.file),
            copy_tokenizer,
            isolated=True,
            facts=_first_facts,
        )
    encoding = Segment(
        "tokens",
        (*reads, "tokenizer"),
        {**stamp, **kept},
        same_parts(reads, whole=("tokenizer",)),
        encode_part,
        isolated=True,
    )
    return tokenizer, encoding


def _plan_copy(path: str) -> PlanFn:
    def plan(run: RunFiles) -> list[Part]:
        return [Part(0, given={"path": path})]

    return plan


def _first_facts(run: RunFiles, records: list[PartRecord]) -> JSON:
    return records[0].facts


def _file_sha256(path: str) -> str:
    try:
        return hashlib.sha256(files.read_bytes(path)).hexdigest()
    except InputError as error:
        raise ConfigError(str(error), "tokens.file") from error
