"""The `shards:` section: how large, how split, how shuffled."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Shards(BaseModel):
    """Size of a shard, size of the validation split, and the seed of the shuffle."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tokens_per_shard: int = Field(
        100_000_000,
        ge=1,
        le=10_000_000_000,
        description="tokens in a shard, about; documents are never cut",
    )
    val_fraction: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="tokens held out for validation; at least one cluster unless 0",
    )
    seed: int = Field(0, ge=0, lt=1 << 62, description="seed of the shuffle and of the split")
