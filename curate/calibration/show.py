"""`curate calibrate`: print proposed thresholds as a table and as YAML to paste, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from json import dumps

from rich.console import Console
from rich.table import Table

from curate.calibration.calibrate import Calibration, Proposal, calibrate
from curate.calibration.reference import ENGLISH_SCORE


def show_calibration(
    language: str,
    paths: Sequence[str],
    english: Sequence[str],
    method: str | None,
    json: bool,
    console: Console,
) -> None:
    """Calibrate and print what was found; arguments and errors are those of `calibrate`."""
    found = calibrate(language, paths, english, method)
    if json:
        console.out(dumps(asdict(found), indent=1, ensure_ascii=False), highlight=False)
        return
    for line in _head(found):
        console.print(line, markup=False)
    console.print()
    console.print(_table(found))
    console.print()
    for note in _notes(found):
        console.print(note, style="dim", markup=False)
    console.print()
    for line in yaml_lines(found):
        console.out(line, highlight=False)  # never wrapped: it is copied


def yaml_lines(found: Calibration) -> list[str]:
    """Return the stages' keys for the language, as they stand under `stages:`."""
    lines = [f"- language: {{min_scores: {{{found.language}: {found.min_score:g}}}}}"]
    bounds: dict[str, list[str]] = {}
    for proposal in found.proposals:
        lines_of = bounds.setdefault(proposal.stage, [])
        if proposal.method != "fixed":
            lines_of.append(f"        {proposal.key}: {_bound(proposal.proposed, 'null')}")
    for stage, keys in bounds.items():
        lines.append(f"- {stage}:")
        if stage == "gopher_quality":
            words = ", ".join(dumps(word, ensure_ascii=False) for word in found.stop_words)
            lines += ["    stop_words:", f"      {found.language}: [{words}]"]
        if keys:
            lines += ["    by_language:", f"      {found.language}:", *keys]
    return lines


def _head(found: Calibration) -> list[str]:
    left_out = ", ".join(f"{count:,} {why}" for why, count in found.left_out.items() if count)
    lines = [f"{found.language}: {found.documents:,} documents, {found.words:,} words"]
    if left_out:
        lines.append(f"left out: {left_out}")
    if found.english_documents is not None:
        lines.append(f"compared with {found.english_documents:,} English documents")
    return lines


def _table(found: Calibration) -> Table:
    """Return the proposals, a group of rows per rule set: 80 columns wide."""
    table = Table(box=None, pad_edge=False)
    table.add_column("", style="cyan", no_wrap=True)
    for name in ("English", "drops", "proposed", "drops", "FineWeb-2"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("language, median - std")
    default, proposed = (f"{s:.1%}" for s in (found.default_score_drops, found.min_score_drops))
    table.add_row(
        "  min_scores", f"{ENGLISH_SCORE:g}", default, _bound(found.min_score), proposed, "-"
    )
    group = ""
    for proposal in found.proposals:
        title = f"{proposal.stage}, {proposal.method}"
        if title != group:
            table.add_row(title)
            group = title
        table.add_row(*_cells(proposal))
    return table


def _cells(proposal: Proposal) -> list[str]:
    return [
        f"  {proposal.key}",
        _bound(proposal.default),
        f"{proposal.default_drops:.1%}",
        _bound(proposal.proposed),
        f"{proposal.proposed_drops:.1%}",
        "-" if proposal.published is None else _bound(proposal.published),
    ]


def _notes(found: Calibration) -> list[str]:
    notes = [
        "drops: the share of these documents that the threshold alone would drop; min_scores came "
        "first, its shares are of all texts sampled in the language"
    ]
    if found.english_documents is None:
        notes.append(
            "the other thresholds come from a comparison with English text: add --english FILES"
        )
    return notes


def _bound(value: float | None, off: str = "off") -> str:
    return off if value is None else f"{value:g}"
