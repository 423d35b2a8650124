"""Choose sample records per reason, and read what a person wants to see of them.

Of every reason the smallest doc_ids of what was scanned: ids are uniform hashes, so this is a
random sample, and the same for the same run.
"""

from __future__ import annotations

from collections import Counter
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curate.config import Config
from curate.decide import Judged, judge
from curate.page.scan import Columns, Scope, read_part
from curate.page.visible import show
from curate.segment import RunFiles
from curate.storage import files
from curate.storage.artifact import JSON

MAX_SAMPLES = 800
MAX_PER_REASON = 12
KEPT_TIMES = 4  # as many kept documents as of four reasons
MAX_RECORDS_READ = 20_000  # part records looked at for a rare reason, evenly spread
MAX_EXTRA_PARTS = 50  # parts read only because they have a rare reason
EXCERPT_CHARS = 700
URL_CHARS = 400
LINE_CHARS = 200
LABEL_CHARS = 12
KEYS = ["outcome", "stage", "reason"]


class Sampler:
    """Keep the records of smallest doc_id of every reason, part by part."""

    def __init__(self, num_reasons: int) -> None:
        fair = MAX_SAMPLES // (num_reasons + KEPT_TIMES)
        self.per_reason = max(1, min(MAX_PER_REASON, fair))
        self._chosen: pa.Table | None = None

    def add(self, records: pa.Table) -> None:
        """Look at the records of a part."""
        new = records.take(self._smallest(records))
        if self._chosen is not None:
            new = pa.concat_tables([self._chosen, new])
            new = new.take(self._smallest(new))
        self._chosen = new

    def table(self) -> pa.Table:
        """Return the chosen records by outcome, stage, reason, doc_id; of one part at least."""
        assert self._chosen is not None, "every run has a part"
        return self._chosen

    def counts(self) -> Counter[tuple[str, str, str]]:
        """Return how many records of each (outcome, stage, reason) are chosen."""
        return Counter(tuple(row.values()) for row in self.table().select(KEYS).to_pylist())

    def _smallest(self, records: pa.Table) -> NDArray[np.int64]:
        keys = [*KEYS, "doc_id"]
        order = pc.sort_indices(records, [(key, "ascending") for key in keys]).to_numpy()
        if not order.size:
            return np.zeros(0, np.int64)
        ordered = records.select(KEYS).take(order)
        begins = np.ones(order.size, np.bool_)
        begins[1:] = False
        for name in KEYS:
            values = pc.fill_null(ordered[name], "").combine_chunks()
            begins[1:] |= pc.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
        starts = np.flatnonzero(begins)
        ranks = np.arange(order.size) - starts[np.cumsum(begins) - 1]
        kept = pc.equal(ordered["outcome"], "kept").to_numpy()
        chosen: NDArray[np.int64] = order[
            ranks < self.per_reason * np.where(kept, KEPT_TIMES, 1)
        ].astype(np.int64)
        return chosen


def find_rare(
    run: RunFiles, columns: Columns, scope: Scope, sampler: Sampler, reasons: list[JSON]
) -> None:
    """Add parts out of scope that have a reason of which there are too few samples."""
    have = sampler.counts()
    wanted: Counter[str] = Counter()
    for entry in reasons:
        key = (entry["outcome"], entry["stage"], entry["reason"])
        wanted[".".join(key)] = min(entry["count"], sampler.per_reason) - have[key]
    wanted = +wanted
    if scope.whole or not wanted:
        return
    ledger = run.artifact("ledger")
    num_parts = run.manifest("ledger")["num_parts"]
    step = 1 + num_parts // MAX_RECORDS_READ
    scanned = set(scope.parts)
    extra = 0
    for index in range(0, num_parts, step):
        if not wanted or extra == MAX_EXTRA_PARTS:
            return
        record = None if index in scanned else ledger.record(index)
        if record is not None and any(record.counters.get(key) for key in wanted):
            sampler.add(read_part(run, columns, index, scope.max_rows))
            wanted = +(wanted - Counter(record.counters))
            extra += 1


def describe(run: RunFiles, columns: Columns, table: pa.Table, reasons: list[JSON]) -> list[JSON]:
    """Return the samples as the page's script reads them; short keys, as there are hundreds.

    The first of each reason come first, those of documents before those of records that became
    none, and of these in the order of the report; then the second of each.

    o outcome, s stage, r reason, d detail, u URL, l language, t title, x excerpt, i doc_id,
    p place in the input, b bytes of the record, w crawl date, y publication date, c characters,
    k tokens, n numbers by rule (null: does not apply), f indexes of the rules that fail,
    m thresholds by rule index where languages have their own (null: off), z cluster size,
    v survivor, j Jaccard with it.
    """
    texts = read_texts(run, columns.config, table)
    numbers = [judge(rule, table) for _, rule in columns.rules]
    order = {(r["outcome"], r["stage"], r["reason"]): place for place, r in enumerate(reasons, 1)}
    ranks: Counter[int] = Counter()
    placed = []
    for index, row in enumerate(table.to_pylist()):
        sample = _describe_record(row, texts.get((row["part"], row["row"]), {}))
        if row["num_chars"] is not None:
            sample |= _describe_numbers(numbers, index)
        place = order.get((row["outcome"], row["stage"], row["reason"]), 0)  # 0: kept
        placed.append((ranks[place], row["row"] is None, place, sample))
        ranks[place] += 1
    placed.sort(key=lambda entry: entry[:3])
    return [
        {key: value for key, value in sample.items() if value not in (None, "", {})}
        for *_, sample in placed
    ]


def _describe_record(row: dict[str, Any], text: dict[str, Any]) -> JSON:
    place = f"{show(row['source'], LINE_CHARS)} at byte {row['offset']:,}"
    return {
        "o": row["outcome"],
        "s": row["stage"],
        "r": row["reason"],
        "d": show(row["detail"], LINE_CHARS),
        "u": show(row["url"], URL_CHARS),
        "l": show(row.get("language"), LABEL_CHARS),
        "t": show(text.get("title"), LINE_CHARS),
        "x": show(text.get("text"), EXCERPT_CHARS),
        "i": row["doc_id"],
        "p": place + (f", {row['inner']:,} inside" if row["inner"] else ""),
        "b": row["length"],
        "w": show(row["date"], 10),
        "y": show(row["published"], 10),
        "c": row["num_chars"],
        "k": row["num_tokens"],
        "z": row.get("cluster_size"),
        "v": row.get("survivor_id"),
        "j": row.get("jaccard"),
    }


def _describe_numbers(numbers: list[Judged], index: int) -> JSON:
    return {
        "n": [
            show(judged.labels[index].as_py(), LABEL_CHARS)
            if judged.labels is not None
            else _short(judged.rule.shown(judged.values[index]))
            for judged in numbers
        ],
        "f": [at for at, judged in enumerate(numbers) if judged.fails[index]],
        "m": {
            at: _short(judged.rule.shown(judged.thresholds[index]))
            if isfinite(judged.thresholds[index])
            else None
            for at, judged in enumerate(numbers)
            if judged.rule.by_language
        },
    }


def rule_names(columns: Columns) -> list[JSON]:
    """Return stage, reason, key and threshold of every rule, for the numbers of a sample."""
    names = []
    for stage, rule in columns.rules:
        entry: JSON = {"stage": stage, "reason": rule.reason, "key": rule.key}
        if rule.allowed is not None:
            entry["allowed"] = sorted(rule.allowed)
        else:
            name = "min" if rule.minimum is not None else "max"
            entry[name] = rule.shown(rule.bound) if isfinite(rule.bound) else None
        names.append(entry)
    return names


def read_texts(
    run: RunFiles, config: Config, table: pa.Table
) -> dict[tuple[int, int], dict[str, Any]]:
    """Return url, final title and the beginning of the final text by (part, row)."""
    wanted: dict[int, list[int]] = {}
    for part, row in zip(table["part"].to_pylist(), table["row"].to_pylist(), strict=True):
        if row is not None:
            wanted.setdefault(part, []).append(row)
    found = {}
    for part, places in sorted(wanted.items()):
        rows = sorted(set(places))
        name = f"part-{part:05d}.parquet"
        urls = _take(run.artifact("documents").path(name), ["url"], rows)
        titles = _take(run.artifact(config.title_from).path(name), ["title"], rows)
        texts = _take(run.artifact(config.text_from).path(name), ["text"], rows)
        for row, url, title, text in zip(rows, urls, titles, texts, strict=True):
            found[part, row] = {**url, **title, **text}
    return found


def _take(path: str, columns: list[str], rows: list[int]) -> list[dict[str, Any]]:
    """Return some rows, ascending, one row group at a time; of texts the beginning."""
    found: list[dict[str, Any]] = []
    with files.open_read(path) as file, pq.ParquetFile(file) as parquet:
        start = 0
        for group in range(parquet.num_row_groups):
            end = start + parquet.metadata.row_group(group).num_rows
            inside = [row - start for row in rows if start <= row < end]
            if inside:
                taken = parquet.read_row_group(group, columns=columns).take(inside)
                if "text" in columns:
                    head = pc.utf8_slice_codeunits(taken["text"], 0, EXCERPT_CHARS + 1)
                    taken = pa.table({"text": head})
                found += taken.to_pylist()
            start = end
    return found


def _short(value: float) -> float | int | None:
    """Return a number in at most six digits, null for NaN."""
    if value != value:
        return None
    return int(value) if float(value).is_integer() else float(f"{value:.6g}")
