"""Finished runs for the page: small ones made here, and one that is large in every respect."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.config import Config
from curate.dedup.dedup import Dedup
from curate.engine.driver import Run
from curate.engine.observer import Observer
from curate.report import build_report
from curate.schema import DOCUMENTS, DUPLICATES, LEDGER, doc_id
from curate.storage import files
from tests.runs import DirectWorkers

NOW = "2026-01-02T03:04:05Z"


def finish_run(config: Config) -> Path:
    """Run a pipeline in this process and write run.json and report.json, as the command does."""
    directory = Path(config.settings.output)
    directory.mkdir(parents=True, exist_ok=True)
    run = Run(config, str(directory), DirectWorkers(), Observer(), None)
    run.execute()
    segments = [asdict(report) | {"seconds": 0.5} for report in run.reports]
    report = build_report(run.files, [stage.name for stage in config.stages], segments)
    report |= {"name": config.settings.name, "seconds": 9.5}
    dedup = config.stage(Dedup)
    if isinstance(dedup, Dedup):
        curve = dedup.recall_curve()
        report["dedup_recall"] = {"bands": dedup.bands, "rows": dedup.rows, "by_jaccard": curve}
    (directory / "report.json").write_bytes(files.canonical_json(report))
    info = {
        "config": config.resolved(),
        "options": {"address": None, "num_workers": 2},
        "machine": {"cores": 2},
        "python": "3.11",
        "versions": {"curate": "0.1.0", "gcsfs": "not installed"},
        "started": NOW,
        "ended": NOW,
    }
    (directory / "run.json").write_bytes(files.canonical_json(info))
    return directory


def write_many(sample_run: Path, directory: Path, num_reasons: int, per_reason: int) -> None:
    """Write a run with many reasons, languages and hosts, and long strings everywhere.

    It has two parts; of the last reason there are records in the second only. Only the files that
    the page reads are there.
    """
    report = json.loads((sample_run / "report.json").read_bytes())
    (directory / "ledger").mkdir(parents=True)
    shutil.copy(sample_run / "run.json", directory)
    reasons = [("kept", None, None)]
    reasons += [("dropped", "gopher_quality", f"reason_{n:03d}") for n in range(num_reasons)]
    counts: Counter[str] = Counter()
    for part in range(2):
        here = reasons[: len(reasons) - 1 + part]
        _write_part(sample_run, directory, part, [r for r in here for _ in range(per_reason)])
        counters = Counter({".".join(filter(None, r)): per_reason for r in here})
        record = {"index": part, "key": "", "files": {}, "facts": {}, "counters": counters}
        (directory / f"ledger/.part-{part:05d}.json").write_text(json.dumps(record))
        counts += counters
    rows = counts.total()
    (directory / "shards").mkdir()
    for name in ("ledger", "documents", "measures", "curated", "duplicates", "shards"):
        facts = {"clusters": 2, "largest_cluster": 9, "comparisons": 1, "verified_pairs": 1}
        manifest = {"counters": {"rows": rows}, "num_parts": 2, "num_rows": rows, "facts": facts}
        (directory / name / "_manifest.json").write_text(json.dumps(manifest))
    report["reasons"] = [
        {"outcome": r[0], "stage": r[1], "reason": r[2], "count": counts[".".join(r)]}
        for r in reasons[1:]
    ]
    dropped = rows - counts["kept"]
    report |= {"records": rows, "error_spans": 0, "pages": rows, "documents": rows}
    report |= {"kept": counts["kept"], "dropped": dropped, "errored": 0}
    (directory / "report.json").write_text(json.dumps(report))


def _write_part(
    sample_run: Path, directory: Path, part: int, keys: list[tuple[str, str | None, str | None]]
) -> None:
    size = len(keys)
    random = np.random.default_rng(part)
    ids = [doc_id(f"{part}.warc", row, 0) for row in range(size)]
    outcomes, stages, reasons = (list(column) for column in zip(*keys, strict=True))
    columns = {
        "doc_id": ids,
        "url": [
            f"https://host-{row}.{'very-long-' * 20}name.example/{'x' * 999}" for row in range(size)
        ],
        "date": [f"20{row % 30:02d}-0{row % 9 + 1}-11T00:00:00Z" for row in range(size)],
        "published": [f"{1985 + row % 40}-01-0{row % 9 + 1}" for row in range(size)],
        "title": ["題" * 2000] * size,
        "text": ["漢字 " * 3000] * size,
        "source": ["s" * 900] * size,
        "offset": list(range(size)),
        "inner": [0] * size,
        "length": [1000] * size,
        "outcome": outcomes,
        "stage": stages,
        "reason": reasons,
        "detail": ["1 < min_words 50 " * 300] * size,
        "survivor_id": [None if row % 3 == 0 else ids[row - row % 3] for row in range(size)],
        "jaccard": [None if row % 3 == 0 else 0.9 for row in range(size)],
        "cluster_id": [ids[row - row % 3] for row in range(size)],
        "cluster_size": [3] * size,
        "exact": [False] * size,
        "language": [f"l{row % 300}" for row in range(size)],
        "num_tokens": random.integers(1, 10**6, size),
        "language_score": random.random(size),
    }
    measures = pq.read_schema(sample_run / "measures/part-00000.parquet")
    curated = pq.read_schema(sample_run / "curated/part-00000.parquet")
    schemas = {
        "ledger": LEDGER, "documents": DOCUMENTS, "duplicates": DUPLICATES, "curated": curated,
        "measures": measures,
    }  # fmt: skip
    for name, schema in schemas.items():
        arrays = []
        for field in schema:
            numbers = pa.types.is_integer(field.type) and field.name not in columns
            values = (
                random.integers(0, 10**5, size)
                if numbers
                else columns.get(field.name, [None] * size)
            )
            arrays.append(pa.array(values, field.type))
        (directory / name).mkdir(exist_ok=True)
        table = pa.table(arrays, schema=schema)
        pq.write_table(table, directory / name / f"part-{part:05d}.parquet", row_group_size=1000)
