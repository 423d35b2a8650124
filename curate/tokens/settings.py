"""The `tokens:` section: train a tokenizer on the kept text, or bring one."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, model_validator

DEFAULT_VOCAB_SIZE = 32_768
TRAINED_EOD_TOKEN = "<|endoftext|>"


class Train(BaseModel):
    """Train a byte-level BPE tokenizer on a sample of the kept text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    vocab_size: int = Field(
        DEFAULT_VOCAB_SIZE,
        ge=257,  # 256 bytes and the end-of-document token
        le=1 << 24,
        description="tokens, the end-of-document token included; fewer where the text is small",
    )
    sample_bytes: int = Field(
        128 << 20, ge=1, description="text to train on, about; all where there is less"
    )
    seed: int = Field(0, ge=0, lt=1 << 63, description="which documents are in the sample")


class Tokens(BaseModel):
    """Where the tokenizer comes from; exactly one of `train` and `file`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    train: Train | None = Field(None, description="train one; the default, with vocab_size 32768")
    file: str | None = Field(None, min_length=1, description="path of a tokenizer.json")
    eod_token: str | None = Field(
        None, min_length=1, description="end-of-document token; found in the file where it is clear"
    )

    @model_validator(mode="before")
    @classmethod
    def _train_by_default(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("train") is None and values.get("file") is None:
            return {**values, "train": {"vocab_size": DEFAULT_VOCAB_SIZE}}
        return values

    @model_validator(mode="after")
    def _check(self) -> Tokens:
        if self.train is not None and self.file is not None:
            raise ValueError("give `train` or `file`, not both")
        # Letters between brackets are never one word of the training text, so no merge makes them.
        bracketed = re.fullmatch(r"<\S+>", self.eod_token or TRAINED_EOD_TOKEN)
        if self.train is not None and bracketed is None:
            raise ValueError(
                f"eod_token {self.eod_token!r} could be learned as a word; "
                f"write it as <name> or <|name|>"
            )
        return self
