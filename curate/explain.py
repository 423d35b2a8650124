"""`curate explain`: what happened to a page, with every number and the threshold it met.

Scans two columns of the ledger for the page, then opens only the part that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich import markup
from rich.console import Console

from curate.config import Config, config_of_run
from curate.decide import judge, tell_reason
from curate.dedup.dedup import Dedup
from curate.errors import ConfigError, StateError
from curate.pipeline.thresholds import bounds_of, rules_of
from curate.segment import RunFiles
from curate.stage import EditSpec
from curate.storage import files
from curate.storage.artifact import Artifact
from curate.storage.parquet import read_batches
from curate.terminal import make_printable
from curate.token_position import TokenPosition, find_token, is_token_reference

MAX_SHOWN = 5
EXCERPT_CHARS = 300


def explain_page(directory: str, page: str, console: Console) -> None:
    """Print what happened to every record with this URL or doc_id, or to the page of a token.

    Raises: StateError when there is no finished ledger, ConfigError when no record fits.
    """
    run = RunFiles(files.absolute(directory))
    info = files.read_json(files.join(run.directory, "run.json"))
    if info is None or run.artifact("ledger").manifest() is None:
        raise StateError(f"{directory}: no finished run there (its ledger is not complete)")
    config = config_of_run(info, directory)
    console.soft_wrap = True
    if is_token_reference(page):
        token = find_token(run, page)
        _print_token(token, console)
        page = token.doc_id
    limit = 1 if _is_doc_id(page) else None  # of a doc_id there is one; the rest is not read
    rows = list(islice(find_rows(run.artifact("ledger"), page), limit))
    if not rows:
        raise ConfigError(_not_found(run.artifact("ledger"), directory, page))
    for path, row in rows[:MAX_SHOWN]:
        _explain_row(run, config, path.rsplit("-", 1)[-1].split(".")[0], row, console)
    if len(rows) > MAX_SHOWN:
        console.print(f"... and {len(rows) - MAX_SHOWN} more records with this URL")


def find_rows(ledger: Artifact, page: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (ledger file, row) of every record whose URL or doc_id is `page`."""
    column = "doc_id" if _is_doc_id(page) else "url"
    for path in ledger.part_files():
        with files.open_read(path) as file, pq.ParquetFile(file) as parquet:
            for group in range(parquet.num_row_groups):
                values = parquet.read_row_group(group, columns=[column])[column]
                if pc.any(pc.equal(values, page)).as_py():
                    table = parquet.read_row_group(group)
                    for row in table.filter(pc.equal(table[column], page)).to_pylist():
                        yield path, row


def find_similar(ledger: Artifact, page: str, limit: int = 5) -> list[str]:
    """Return URLs that contain the page's address without scheme and trailing slash."""
    needle = page.split("://", 1)[-1].rstrip("/")
    found: list[str] = []
    for path in ledger.part_files():
        for batch in read_batches(path, ["url"], 8192):
            urls = batch.column("url")
            matches = urls.filter(pc.fill_null(pc.match_substring(urls, needle), False))
            found += matches.to_pylist()
            if len(found) >= limit:
                return found[:limit]
    return found


def _print_token(token: TokenPosition, console: Console) -> None:
    """Print where in its document a token is, and the text around it."""
    name = "the end-of-document token" if token.is_end else repr(token.token)
    shown = "(end)" if token.is_end else escape(token.token)
    console.print(
        f"[bold]{token.shard}:{token.position}[/bold]  id {token.token_id}, {escape(name)}"
    )
    console.print(
        f"  at position {token.document_position:,}, from 0, of the {token.document_tokens:,} "
        f"tokens of this page"
    )
    marked = f"[bold]>>>{shown}<<<[/bold]"
    console.print(f"  {escape(token.before)}{marked}{escape(token.after)}\n")


def _explain_row(
    run: RunFiles, config: Config, part: str, row: dict[str, Any], console: Console
) -> None:
    reason = "kept"
    if row["reason"]:
        reason = f"{row['outcome']} by {row['stage']}: {tell_reason(row['reason'])}"
    color = {"kept": "green", "dropped": "yellow", "errored": "red"}[row["outcome"]]
    console.print(f"[bold]{escape(str(row['url']))}[/bold]")
    console.print(f"  [{color}]{escape(reason)}[/{color}]  {escape(row['detail'] or '')}")
    place = f"{row['source']} at byte {row['offset']:,}"
    if row["inner"]:
        place += f", {row['inner']:,} inside"
    console.print(f"  from   {escape(place)}, {row['length']:,} bytes")
    console.print(f"  doc_id {row['doc_id']}")
    document = _find(run, "documents", part, row["doc_id"])
    if document is None:
        return
    for name in ("title", "published"):
        if document[name]:
            console.print(f"  {name:<6} {escape(document[name])}")
    _print_numbers(run, config, part, row["doc_id"], console)
    decided = row["stage"] == "dedup" or row["outcome"] == "kept"
    if decided and config.stage(Dedup) is not None:
        _print_duplicates(run, part, row["doc_id"], console)
    _print_text(console, "text  ", document["text"])
    if config.text_from == "measures":
        edited = _find(run, "measures", part, row["doc_id"])
        if edited is not None:
            if edited["text"] != document["text"]:
                _print_text(console, "edited", edited["text"])
            _print_edits(console, config, edited)
    console.print()


def _print_edits(console: Console, config: Config, measured: dict[str, Any]) -> None:
    """Print what each edit counted in the document, where it is anything."""
    for stage in config.stages:
        if isinstance(stage, EditSpec):
            counts = {field.name: measured[field.name] for field in stage.adds}
            found = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
            console.print(f"  counts {stage.name}: {found or 'nothing'}")


def _print_text(console: Console, name: str, text: str | None) -> None:
    words = " ".join((text or "").split())
    dots = "..." * (len(words) > EXCERPT_CHARS)
    console.print(f"  {name} {escape(words[:EXCERPT_CHARS])}{dots}")


def _print_numbers(run: RunFiles, config: Config, part: str, doc_id: str, console: Console) -> None:
    """Print each rule's value and threshold; the failing ones marked."""
    measures = _find_table(run, "measures", part, doc_id)
    if measures is None:
        return
    if measures["error"][0].as_py() is not None:
        console.print(f"  measures  {escape(measures['error'][0].as_py())}")
        return
    rules = rules_of(config, bounds_of(run))
    width = max((len(rule.reason) for _, rule in rules), default=0)
    named = None
    for stage, rule in rules:
        judged = judge(rule, measures)
        applies = judged.labels is not None or bool(
            np.isfinite(judged.values[0]) and np.isfinite(judged.thresholds[0])
        )
        failed = bool(judged.fails[0])
        mark = "[red]fails [/red]" if failed else "passes" if applies else "[dim]-     [/dim]"
        if judged.labels is not None:
            detail = f"{judged.labels[0].as_py()} {'not ' if failed else ''}in {rule.key}"
        else:
            detail = judged.detail(0)
        if stage != named:
            console.print(f"  {stage}")
        named = stage
        console.print(f"    {mark} {tell_reason(rule.reason):<{width}}  {escape(detail)}")


def _print_duplicates(run: RunFiles, part: str, doc_id: str, console: Console) -> None:
    """Print which document survived and how similar it is, or the size of the cluster."""
    found = _find(run, "duplicates", part, doc_id)
    if found is None:
        return
    if found["survivor_id"] is None:
        if found["cluster_size"] > 1:
            console.print(f"  dedup  survivor of a cluster of {found['cluster_size']}")
        return
    survivor = next(find_rows(run.artifact("ledger"), found["survivor_id"]), None)
    url = survivor[1]["url"] if survivor else "?"
    console.print(
        f"  dedup  {escape(str(url))} survived ({found['survivor_id']}); Jaccard "
        f"{found['jaccard']:.4f}, cluster of {found['cluster_size']}"
    )


def _find(run: RunFiles, artifact: str, part: str, doc_id: str) -> dict[str, Any] | None:
    table = _find_table(run, artifact, part, doc_id)
    rows: list[dict[str, Any]] = table.to_pylist() if table is not None else []
    return rows[0] if rows else None


def _find_table(run: RunFiles, artifact: str, part: str, doc_id: str) -> pa.Table | None:
    """Return the row of a document in one part of an artifact, as a table of one row."""
    path = run.artifact(artifact).path(f"part-{part}.parquet")
    if not files.exists(path):
        return None
    with files.open_read(path) as file, pq.ParquetFile(file) as parquet:
        for group in range(parquet.num_row_groups):
            ids = parquet.read_row_group(group, columns=["doc_id"])["doc_id"]
            row = pc.index(ids, doc_id).as_py()
            if row >= 0:
                return parquet.read_row_group(group).slice(row, 1)
    return None


def escape(text: str) -> str:
    """Return text from a crawl as it may meet a terminal: no control character, no markup."""
    return markup.escape(make_printable(text))


def _is_doc_id(page: str) -> bool:
    return len(page) == 32 and all(character in "0123456789abcdef" for character in page)


def _not_found(ledger: Artifact, directory: str, page: str) -> str:
    similar = find_similar(ledger, page)
    hint = f" Similar: {', '.join(similar)}" if similar else ""
    return f"{directory}: no record with the URL or doc_id {page}.{hint}"
