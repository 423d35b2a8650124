"""The segments of `shards:`: `shards/.split`, `shards/.sorted`, `shards`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from curate.segment import RunFiles, Segment, one_part, same_parts
from curate.shards.formats import dtype_name
from curate.shards.settings import Shards
from curate.shards.sort import sort_part
from curate.shards.split import find_split
from curate.shards.write import SPLITS, plan_shards, write_shard
from curate.storage.artifact import JSON, Part, PartRecord

VERSION = 1  # raised whenever equal settings would give other bytes
SCRATCH = "shards"


def shard_segments(shards: Shards, dedup: bool) -> tuple[Segment, Segment, Segment]:
    """Return the three segments; the first two are scratch."""
    stamp = {"version": VERSION, "seed": shards.seed, "dedup": dedup}
    duplicates = ("duplicates",) if dedup else ()
    split = Segment(
        "shards/.split",
        ("tokens", *duplicates),
        {**stamp, "val_fraction": shards.val_fraction},
        one_part,
        find_split,
        scratch_for=SCRATCH,
        facts=_first_facts,
    )
    sorted_ = Segment(
        "shards/.sorted",
        ("documents", "measures", "tokens", *duplicates, "shards/.split"),
        stamp,
        partial(_plan_sorted, ("documents", "measures", "tokens", *duplicates)),
        sort_part,
        scratch_for=SCRATCH,
    )
    packed = Segment(
        "shards",
        ("tokenizer", "shards/.split", "shards/.sorted"),
        {"version": VERSION, **shards.model_dump()},
        partial(plan_shards, shards.tokens_per_shard),
        write_shard,
        facts=partial(_index_facts, shards),
    )
    return split, sorted_, packed


def _plan_sorted(aligned: tuple[str, ...], run: RunFiles) -> list[Part]:
    """Plan the parts of `tokens`; each is told where the split is, which the whole corpus set."""
    last = run.manifest("shards/.split")["facts"]["val_last_hash"]
    spec = {"val_last_hash": last}
    return [replace(part, spec=spec) for part in same_parts(aligned)(run)]


def _first_facts(run: RunFiles, records: list[PartRecord]) -> JSON:
    return records[0].facts


def _index_facts(shards: Shards, run: RunFiles, records: list[PartRecord]) -> JSON:
    """Return {"index": the value of `shards/index.json`}: all a reader needs to trust the set."""
    tokenizer = run.manifest("tokenizer")["facts"]
    splits = {split: _describe_split(split, records) for split in SPLITS}
    index = {
        "version": VERSION,
        "dtype": dtype_name(tokenizer["max_id"]),
        "byte_order": "little",
        "tokenizer": {
            name: tokenizer[name]
            for name in ("sha256", "vocab_size", "max_id", "eod_token", "eod_id", "lossless")
        },
        **shards.model_dump(),
        "documents": sum(split["documents"] for split in splits.values()),
        "tokens": sum(split["tokens"] for split in splits.values()),
        "splits": splits,
    }
    return {"index": index}


def _describe_split(split: str, records: list[PartRecord]) -> JSON:
    chosen = [record for record in records if record.facts["split"] == split]
    return {
        "num_shards": len(chosen),  # u x num_shards; those without a document have no files
        "documents": sum(record.facts["documents"] for record in chosen),
        "tokens": sum(record.facts["tokens"] for record in chosen),
        "shards": [
            {
                "name": record.facts["name"],
                "documents": record.facts["documents"],
                "tokens": record.facts["tokens"],
                "files": {
                    name: {"bytes": facts.bytes, "sha256": facts.sha256}
                    for name, facts in sorted(record.files.items())
                },
            }
            for record in chosen
            if record.files
        ],
    }
