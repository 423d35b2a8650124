"""`curate whatif`: print what other thresholds would keep; without any, how the rules overlap.

`--json` prints one object instead; collect.py's docstring lists its keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from json import dumps

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from curate.decide import tell_reason
from curate.storage.artifact import JSON
from curate.terminal import make_printable
from curate.whatif.collect import collect
from curate.whatif.words import describe_case, notes

NUM_LANGUAGES = 12
EXCERPT_CHARS = 150
KINDS = {
    "gained": ("gained", "green"),
    "lost": ("lost", "red"),
    "nearly_dropped": ("kept", "green"),
    "nearly_kept": ("dropped", "red"),
}
Row = Sequence[str]


def show_whatif(
    directory: str,
    assignments: Sequence[str],
    ablate: Sequence[str],
    exact: bool,
    json: bool,
    console: Console,
) -> None:
    """Print what would change in a finished run, for people or as JSON.

    `assignments` are KEY=VALUE; after an `--ablate` also the names of further stages.

    Raises: ConfigError naming the key or stage that cannot be changed after the fact; StateError
    where there is no finished run.
    """
    if ablate:  # --ablate c4 fineweb: to the command line the second is an argument
        ablate = [*ablate, *(word for word in assignments if "=" not in word)]
        assignments = [word for word in assignments if "=" in word]
    found = collect(directory, assignments, ablate, exact)
    if json:
        console.out(dumps(found, indent=1, allow_nan=False), highlight=False)
        return
    _print_question(found, console)
    if "overlap" in found:
        _print_overlap(found["overlap"], console)
    else:
        _print_sums(found, console)
        _print_amounts(found, console)
        _print_languages(found, console)
        _print_funnel(found, console)
    _print_cases(found, console)
    for note in notes(found):
        console.print(_text(note), soft_wrap=True)


def _print_question(found: JSON, console: Console) -> None:
    console.print(_text(f"{found['run']}: {found['documents']:,} documents", "bold"))
    for change in found["changes"]:
        values = " -> ".join(dumps(change[name]) for name in ("before", "after"))
        console.print(_text(f"{change['key']}: {values}"))
    for stage in found["ablated"]:
        stays = "; its edit of the text stays" if stage in found["kept_edits"] else ""
        console.print(_text(f"{stage}: its rules are off{stays}"))
    console.print()


def _print_sums(found: JSON, console: Console) -> None:
    rows = []
    for name, key in (("documents kept", "documents"), ("tokens", "tokens")):
        exact = found["exact"] and (key == "documents" or not found["gained"]["documents"])
        before, after = found["before"][key], found["after"][key]
        rows.append((name, *_step(before, after, "" if exact else "~")))
    _print_table(("", "now", "then", "change"), "<>>>", rows, console)


def _print_amounts(found: JSON, console: Console) -> None:
    """Print by reason what is gained and lost."""
    before_dedup = "" if found["exact"] else " before dedup"
    for name, title in (
        ("gained", f"gained{before_dedup} (now dropped by)"),
        ("lost", "lost (then dropped by)"),
    ):
        part = found[name]
        rows = [
            (f"{each['stage']}: {tell_reason(each['reason'])}", *_sizes(each))
            for each in part["by_reason"]
        ]
        if len(rows) > 1:
            rows.append(("all", *_sizes(part)))
        if rows:
            _print_table((title, "documents", "tokens"), "<>>", rows, console)


def _print_languages(found: JSON, console: Console) -> None:
    gained, lost = (
        {each["language"]: each for each in found[name]["by_language"]}
        for name in ("gained", "lost")
    )
    sums = {
        name: [part.get(name, {"documents": 0, "tokens": 0}) for part in (gained, lost)]
        for name in {**gained, **lost}
    }
    order = sorted(sums, key=lambda name: (-sum(each["documents"] for each in sums[name]), name))
    if order in ([], [""]):
        return
    rows = []
    for name in order[:NUM_LANGUAGES]:
        more, less = sums[name]
        about = "~" if more["documents"] else ""
        tokens = _change(more["tokens"] - less["tokens"], about)
        counts = (_change(more["documents"]), _change(-less["documents"]))
        rows.append((name or "not known", *counts, tokens))
    if len(order) > NUM_LANGUAGES:
        rest = [sums[name] for name in order[NUM_LANGUAGES:]]
        more, less = (sum(each[i]["documents"] for each in rest) for i in (0, 1))
        tokens = sum(each[0]["tokens"] - each[1]["tokens"] for each in rest)
        name = f"{len(rest)} others"
        rows.append((name, _change(more), _change(-less), _change(tokens, "~")))
    _print_table(("language", "gained", "lost", "tokens"), "<>>>", rows, console)


def _print_funnel(found: JSON, console: Console) -> None:
    rows: list[Row] = []
    for stage, entries in groupby(found["funnel"], key=lambda entry: entry["stage"]):
        reasons = list(entries)
        about = "~" if stage == "dedup" and not found["exact"] else ""
        before, after = (sum(each[name] for each in reasons) for name in ("before", "after"))
        rows.append((stage, *_step(before, after, about)))
        rows += [
            (f"  {tell_reason(each['reason'])}", *_step(each["before"], each["after"], about))
            for each in reasons
        ]
    _print_table(("dropped by", "now", "then", "change"), "<>>>", rows, console)


def _print_overlap(overlap: JSON, console: Console) -> None:
    rows: list[Row] = []
    stages = {each["stage"]: each for each in overlap["stages"]}
    failed = [rule for rule in overlap["rules"] if rule["all"]]
    numbers = {(rule["stage"], rule["reason"]): place for place, rule in enumerate(failed, 1)}
    for name, rules in groupby(failed, key=lambda rule: rule["stage"]):
        rows.append((name, *_counts(stages[name]), ""))
        for rule in rules:
            other = rule["most_with"]
            number = numbers[rule["stage"], rule["reason"]]
            most = ""
            if other:
                most = (
                    f"{100 * other['share']:.0f} % no. {numbers[other['stage'], other['reason']]}"
                )
            rows.append((f"{number:4} {tell_reason(rule['reason'])}", *_counts(rule), most))
    columns = ("stage, rule", "drops", "fails", "alone", "most also fail")
    _print_table(columns, "<>>>>", rows, console)
    silent = [rule["reason"] for rule in overlap["rules"] if not rule["all"]]
    if silent:
        console.print(_text(f"No document fails {', '.join(silent)}."))
        console.print()
    off: dict[str, list[str]] = {}
    for rule in overlap["rules"]:
        if rule["off"]:
            off.setdefault(rule["off"], []).append(rule["reason"])
    for where, reasons in off.items():
        console.print(_text(f"{where[0].upper()}{where[1:]}: {', '.join(reasons)}."))
    if off:
        console.print()
    if len(overlap["stages"]) > 1:
        _print_matrix(overlap, console)


def _print_matrix(overlap: JSON, console: Console) -> None:
    rows = []
    for place, (stage, shares) in enumerate(
        zip(overlap["stages"], overlap["matrix"], strict=True), 1
    ):
        cells = ["-" if share is None else f"{100 * share:.0f}" for share in shares]
        rows.append((f"{place} {stage['stage']}", *cells))
    console.print(_text("Of what a stage fails, the others fail so many % too:"))
    columns = ("", *(str(place + 1) for place in range(len(rows))))
    _print_table(columns, "<" + ">" * len(rows), rows, console)


def _print_cases(found: JSON, console: Console) -> None:
    if not found["cases"]:
        return
    title = "nearest to the threshold"
    if "overlap" in found:
        title = "kept, but nearest to failing; dropped by one rule alone, nearest to passing"
    console.print(_text(title, "bold"))
    for case in found["cases"]:
        name, color = KINDS[case["kind"]]
        said = _text(f"  {case['language'] or ''}  {describe_case(case)}")
        console.print(Text.assemble((name, color), said), soft_wrap=True)
        console.print(_text(f"  {case['url']}"), soft_wrap=True)
        words = " ".join((case["excerpt"] or "").split())
        dots = "..." * (len(words) > EXCERPT_CHARS)
        excerpt = _text(words[:EXCERPT_CHARS] + dots, "dim")
        console.print(Padding(excerpt, (0, 0, 0, 2), expand=False))
    console.print()


def _counts(row: JSON) -> tuple[str, ...]:
    return tuple(f"{row[name]:,}" for name in ("first", "all", "alone"))


def _sizes(part: JSON) -> tuple[str, str]:
    return f"{part['documents']:,}", f"{'' if part['tokens_exact'] else '~'}{part['tokens']:,}"


def _step(before: int, after: int, about: str) -> tuple[str, str, str]:
    about = about if before != after else ""
    return f"{before:,}", f"{about}{after:,}", _change(after - before, about)


def _change(count: int, about: str = "") -> str:
    return f"{about}{count:+,}" if count else ""


def _print_table(columns: Row, kinds: str, rows: Iterable[Row], console: Console) -> None:
    """Print a table with a kind per column: text <, number >."""
    table = Table(box=None, pad_edge=False)
    for name, kind in zip(columns, kinds, strict=True):
        table.add_column(
            _text(name), justify="right" if kind == ">" else "left", no_wrap=kind == ">",
            overflow="fold",
        )  # fmt: skip
    for row in rows:
        table.add_row(*map(_text, row))
    console.print(table)
    console.print()


def _text(value: str, style: str = "") -> Text:
    """Return text of a crawl or a path as it may meet a terminal: without control characters."""
    return Text(make_printable(value), style)
