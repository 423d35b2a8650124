"""The segments of `tokens:`: `tokenizer`, then `tokens`."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from curate.errors import ConfigError, InputError
from curate.segment import PlanFn, RunFiles, Segment
from curate.storage import files
from curate.storage.artifact import JSON, Part, PartRecord, digest
from curate.tokens.encode import encode_part
from curate.tokens.settings import TRAINED_EOD_TOKEN, Tokens
from curate.tokens.train import copy_tokenizer, train_tokenizer

VERSION = 1  # raised whenever equal settings would give other bytes


def token_segments(
    tokens: Tokens, dedup: bool, reads: tuple[str, ...], planning: bool = True
) -> tuple[Segment, Segment]:
    """Return the two segments; `reads` are the artifacts that say which text is kept.

    Only a driver that plans reads the tokenizer file, whose sha256 is part of the fingerprint.

    Raises: ConfigError when the tokenizer file cannot be read.
    """
    stamp = {"version": VERSION, "tokenizers": version("tokenizers")}
    if tokens.train is not None:
        eod_token = tokens.eod_token or TRAINED_EOD_TOKEN
        tokenizer = Segment(
            "tokenizer",
            reads,
            {**stamp, "train": tokens.train.model_dump(), "eod_token": eod_token, "dedup": dedup},
            _plan_training(reads),
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
        {**stamp, "dedup": dedup},
        _plan_encoding(reads),
        encode_part,
        isolated=True,
    )
    return tokenizer, encoding


def _plan_training(reads: tuple[str, ...]) -> PlanFn:
    def plan(run: RunFiles) -> list[Part]:
        return [Part(0, reads=digest([run.manifest(name)["content"] for name in reads]))]

    return plan


def _plan_copy(path: str) -> PlanFn:
    def plan(run: RunFiles) -> list[Part]:
        return [Part(0, given={"path": path})]

    return plan


def _plan_encoding(reads: tuple[str, ...]) -> PlanFn:
    """Plan the parts of `documents`; one depends on its files in all it reads, and the ids."""

    def plan(run: RunFiles) -> list[Part]:
        tokenizer = run.manifest("tokenizer")["content"]
        by_part = zip(*(run.artifact(name).records() for name in reads), strict=True)
        return [
            Part(
                records[0].index,
                sum(facts.bytes for facts in records[0].files.values()),
                reads=digest([tokenizer, *map(_contents, records)]),
            )
            for records in by_part
        ]

    return plan


def _contents(record: PartRecord) -> list[str]:
    return [facts.sha256 for _, facts in sorted(record.files.items())]


def _first_facts(run: RunFiles, records: list[PartRecord]) -> JSON:
    return records[0].facts


def _file_sha256(path: str) -> str:
    try:
        return hashlib.sha256(files.read_bytes(path)).hexdigest()
    except InputError as error:
        raise ConfigError(f"tokens.file: {error}") from error
