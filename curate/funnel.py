"""Print the end of a run: how many records went how far, why, and where the files are."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.table import Table

from curate.decide import tell_reason
from curate.storage.artifact import JSON

BAR_CHARS = 24


def print_funnel(console: Console, report: JSON, output: str) -> None:
    """Print the funnel of a report as a table, reasons below the stage that gave them."""
    total = max(1, report["records"] + report["error_spans"])
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("share", justify="right", style="dim", no_wrap=True)
    table.add_column("bar", style="cyan", no_wrap=True)

    def add(name: str, count: int, style: str = "", bar: bool = False) -> None:
        drawn = "█" * round(BAR_CHARS * count / total) if bar else ""
        table.add_row(name, f"{count:,}", f"{100 * count / total:.1f} %", drawn, style=style)

    add("records", report["records"], "bold", bar=True)
    if report["error_spans"]:
        add("spans that are no record", report["error_spans"])
    add("pages", report["pages"], bar=True)
    add("documents", report["documents"], bar=True)
    add("kept", report["kept"], "bold green", bar=True)
    for (outcome, stage), rows in groupby(
        report["reasons"], key=lambda row: (row["outcome"], row["stage"])
    ):
        reasons = list(rows)
        style = "red" if outcome == "errored" else ""
        add(f"{outcome} by {stage}", sum(row["count"] for row in reasons), style)
        for row in reasons:
            add(f"    {tell_reason(row['reason'])}", row["count"], "dim")
    console.print()
    console.print(table)
    if report.get("edits"):
        counts = ", ".join(f"{name} {count:,}" for name, count in report["edits"].items() if count)
        console.print(f"edits counted: {counts or 'nothing'}", highlight=False, soft_wrap=True)
    shards = report["shards"]
    seconds = report["seconds"]
    console.print(
        f"\n{report['tokens']:,} tokens in {shards['splits']['train']['num_shards']} train and "
        f"{shards['splits']['val']['num_shards']} val shards ({shards['dtype']}, vocabulary "
        f"{shards['tokenizer']['vocab_size']:,}); {seconds:.1f} s",
        highlight=False,
        markup=False,
    )
    if "dedup_recall" in report:
        curve = report["dedup_recall"]
        found = ", ".join(
            f"{100 * curve['by_jaccard'][at]:.0f} % at {at}" for at in ("0.70", "0.80", "0.90")
        )
        console.print(
            f"dedup: {curve['bands']} bands x {curve['rows']} rows find {found} Jaccard; all found "
            f"are verified",
            highlight=False,
            soft_wrap=True,
        )
    for warning in report.get("warnings", ()):
        console.print(f"warning: {warning}", style="bold red", markup=False, soft_wrap=True)
    if not shards["tokenizer"]["lossless"]:
        console.print(
            "[bold red]The tokenizer is lossy: text does not come back from its ids.[/bold red]"
        )
    if not report["kept"]:
        most = max(report["reasons"], key=lambda row: row["count"], default=None)
        why = f"; most often: {most['stage']}: {tell_reason(most['reason'])}" if most else ""
        console.print(f"[bold red]Nothing was kept{why}. The shards are empty.[/bold red]")
    console.print(
        f"{output}/report.html  the page to look at       {output}/curated  what you publish\n"
        f"{output}/ledger       a row per input record    {output}/shards   what you train on\n"
        f"Why is a page in or out: curate explain {output} URL\n"
        f"Does it train: python -m curate.train_smoke --run {output}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
