"""From a configuration to the list of segments that the engine runs."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any
from unicodedata import unidata_version

from curate.config import Config
from curate.dedup import dedup as deduplication
from curate.dedup.dedup import Dedup
from curate.dedup.sketch import permutations
from curate.errors import ConfigError
from curate.pipeline import curated, documents, ledger, measures, thresholds, verdicts
from curate.pipeline.chain import broken_links
from curate.pipeline.inputs import Source, plan_parts
from curate.pipeline.thresholds import THRESHOLDS, plan_thresholds, rules_of
from curate.segment import Segment, no_facts, same_parts
from curate.shards.segments import shard_segments
from curate.stage import EditSpec, ExtractionSpec, GateSpec, MeasureSpec, StageSpec
from curate.storage.artifact import JSON
from curate.tokens.segments import token_segments
from curate.tokens.tokenizer import check_tokenizer_file

ALWAYS = ("pyarrow", "numpy")  # not curate: each segment and stage has a version of its own
VERSIONS = {"documents": 1, "measures": 3, "verdicts": 2, "curated": 2, "ledger": 1}  # raised
# whenever equal settings would give other bytes


def build_segments(config: Config, sources: list[Source] | None = None) -> list[Segment]:
    """Return the run's segments in order.

    `sources` is what the driver found; a worker leaves it out, and must not plan.
    """
    dedup = config.stage(Dedup)
    has_dedup = dedup is not None
    verdict_reads = ("documents", "verdicts", *(("duplicates",) if has_dedup else ()))
    text_reads = (config.text_from, *verdict_reads[1:])
    duplicates = deduplication.segments(dedup, config.text_from) if isinstance(dedup, Dedup) else ()
    return [
        _documents(config, sources),
        _measures(config, planning=sources is not None),
        *_verdicts(config),
        *duplicates,
        *token_segments(
            config.settings.tokens,
            has_dedup,
            text_reads,
            planning=sources is not None,
            limits=_child_limits(config),
        ),
        Segment(
            "curated",
            ("measures", "tokens", *verdict_reads),
            {
                "version": VERSIONS["curated"],
                "dedup": has_dedup,
                "text_from": config.text_from,
                "title_from": config.title_from,
                "columns": curated.schema(config).names,
            },
            same_parts(("measures", "tokens", *verdict_reads)),
            curated.run(config),
        ),
        Segment(
            "ledger",
            ("tokens", *verdict_reads),
            {
                "version": VERSIONS["ledger"],
                "dedup": has_dedup,
                "jaccard": dedup.jaccard if isinstance(dedup, Dedup) else None,
            },
            same_parts(("tokens", *verdict_reads)),
            ledger.run(config),
        ),
        *shard_segments(config.settings.shards, has_dedup),
    ]


def _verdicts(config: Config) -> list[Segment]:
    """Return `verdicts`, after the bounds that only the whole corpus tells, if there are any."""
    whole = any(rule.top_ratio is not None for _, rule in rules_of(config))
    settings: JSON = {
        "version": VERSIONS["verdicts"],
        "stages": [_named(stage, stage.deciding_settings()) for stage in _ruling(config)],
    }
    reads = ("measures", *((THRESHOLDS,) if whole else ()))
    segment = Segment(
        "verdicts",
        reads,
        {**settings, "whole_corpus": whole},
        same_parts(("measures",), whole=reads[1:]),
        verdicts.run(config),
        facts=verdicts.found_bounds if whole else no_facts,
    )
    if not whole:
        return [segment]
    bounds = Segment(
        THRESHOLDS,
        ("measures",),
        settings,
        plan_thresholds,
        thresholds.run(config),
        scratch_for="verdicts",
    )
    return [bounds, segment]


def check_files(config: Config) -> None:
    """Refuse models and tokenizers that cannot be used, before hours are spent.

    Raises: ConfigError naming file, line and key.
    """
    tokens = config.settings.tokens
    try:
        for stage in config.stages:
            stage.check()
        if tokens.file is not None:
            check_tokenizer_file(tokens.file, tokens.eod_token)
    except ConfigError as error:
        raise _located(config, error) from None


def _located(config: Config, error: ConfigError) -> ConfigError:
    """Return an error that names a key with the file and line of the key."""
    if config.document is None or error.key is None:
        return error
    location = tuple(int(key) if key.isdigit() else key for key in error.key.split("."))
    names = [stage.name for stage in config.stages]
    if location[0] in names:
        location = ("stages", names.index(str(location[0])), *location)
    return config.document.error(location, error.message)


def _documents(config: Config, sources: list[Source] | None) -> Segment:
    settings = config.settings
    stages = [s for s in config.stages if isinstance(s, GateSpec | ExtractionSpec)]
    limits = settings.limits.model_dump(exclude={"max_error_ratio"})
    return Segment(
        "documents",
        (),
        {
            "version": VERSIONS["documents"],
            "format": settings.input.format,
            "fields": settings.input.fields.model_dump(),
            "part_bytes": settings.input.part_bytes,
            "limits": limits,
            "stages": [_named(stage, stage.measuring_settings()) for stage in stages],
            "versions": _versions("lxml", "zstandard", "brotli", "resiliparse", stages=stages),
        },
        plan_parts(settings.input, sources or []),
        documents.run(config),
        isolated=True,
        redo=broken_links,
        fits=documents.inputs_are_unchanged,
    )


def _measures(config: Config, planning: bool) -> Segment:
    """Return the measures segment; datasketch (0.4 s to import) is asked only when planning."""
    stages = _ruling(config)
    dedup = config.stage(Dedup)
    settings: JSON = {
        "version": VERSIONS["measures"],
        "stages": [_named(stage, stage.measuring_settings()) for stage in stages],
        "versions": _versions("icu4py", stages=stages),  # of every word table
        "limits": _child_limits(config),
    }
    if isinstance(dedup, Dedup):
        settings["sketch"] = _named(dedup, dedup.measuring_settings())
        if planning:
            pair = permutations(dedup.bands * dedup.rows, dedup.seed)
            settings["permutations"] = [values.tolist() for values in pair]
    return Segment(
        "measures",
        ("documents",),
        settings,
        same_parts(("documents",)),
        measures.run(config),
        isolated=True,
    )


def _child_limits(config: Config) -> JSON:
    """Return the limits that decide which records a child may die of."""
    return config.settings.limits.model_dump(include={"cpu_seconds", "memory_bytes"})


def _ruling(config: Config) -> list[StageSpec]:
    return [stage for stage in config.stages if isinstance(stage, MeasureSpec | EditSpec)]


def _named(stage: StageSpec, settings: JSON) -> JSON:
    return {"stage": stage.name, "version": stage.version, **settings}


def library_versions() -> dict[str, str]:
    """Return the version of every library that a run may use."""
    names = [re.split(r"[^A-Za-z0-9_.-]", entry)[0] for entry in requires("curate") or ()]
    return {name: _version(name) for name in sorted({"curate", *names})}


def _versions(*libraries: str, stages: list[Any]) -> dict[str, str]:
    """Return the versions of the libraries that decide a segment's bytes."""
    names = {*ALWAYS, *libraries, *(name for stage in stages for name in stage.libraries)}
    versions = {name: _version(name) for name in sorted(names)}
    return {**versions, "unicode": unidata_version}  # as Python knows it; words depend on it


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
