"""The `ledger` segment: one row per input record with its outcome and why. The truth of a run.

Joins what each earlier segment said of a record: `outcomes` (no document came of it), the verdict,
the duplicate it is, the error its text met in the tokenizer. Nothing is decided here; it fails if
the books do not balance.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.config import Config
from curate.errors import IntegrityError
from curate.schema import IDENTITY, LEDGER, string
from curate.storage.artifact import JSON, PartIO
from curate.storage.parquet import read_table

IDENTITY_NAMES = [field.name for field in IDENTITY]


def run(config: Config) -> Any:
    """Return the function that runs one part of the ledger segment."""

    def run_part(io: PartIO, settings: JSON) -> None:
        identity = read_table(io.input("documents"), IDENTITY_NAMES)
        verdicts = read_table(io.input("verdicts"))
        if not identity["doc_id"].equals(verdicts["doc_id"]):
            raise IntegrityError(f"{io.part.name}: documents and verdicts have different rows")
        rows = verdicts.drop_columns(["doc_id"])
        if settings["dedup"]:
            rows = _overrule(rows, identity["doc_id"], _duplicates(io, settings["jaccard"]))
        rows = _overrule(rows, identity["doc_id"], _token_errors(io))
        for name in rows.column_names:
            identity = identity.append_column(name, rows[name])
        outcomes = read_table(io.input("documents", "outcomes"))
        ledger = pa.concat_tables([outcomes, identity.select(LEDGER.names).cast(LEDGER)])
        order = [("source", "ascending"), ("offset", "ascending"), ("inner", "ascending")]
        ledger = ledger.sort_by(order)
        _check(io, ledger)
        io.parquet(LEDGER).write(ledger)
        _count(io, ledger)

    return run_part


def _check(io: PartIO, ledger: pa.Table) -> None:
    """Fail unless every record and span that was read is in the ledger, once."""
    record = io.artifact("documents").record(io.part.index)
    counters = record.counters if record is not None else {}
    num_read = counters.get("records", 0) + counters.get("spans", 0)
    num_ids = pc.count_distinct(ledger["doc_id"]).as_py()
    if not num_read == num_ids == ledger.num_rows:
        raise IntegrityError(
            f"{io.part.name}: {num_read} records and spans were read, but the ledger has "
            f"{ledger.num_rows} rows of {num_ids} records. This is a defect of curate."
        )


def _duplicates(io: PartIO, jaccard: float) -> pa.Table:
    """Return the verdicts of the duplicates of this part: doc_id and the outcome columns."""
    table = read_table(io.input("duplicates"))
    table = table.filter(pc.is_valid(table["survivor_id"]))
    rows = {
        "doc_id": table["doc_id"],
        "outcome": pa.array(["dropped"] * table.num_rows, string),
        "stage": pa.array(["dedup"] * table.num_rows, string),
        "reason": pc.if_else(table["exact"], "exact_duplicate", "near_duplicate"),
        "detail": [
            f"{row['jaccard']:.6g} >= jaccard {jaccard:g} with {row['survivor_id']}"
            for row in table.select(["jaccard", "survivor_id"]).to_pylist()
        ],
    }
    return pa.table(rows, schema=pa.schema([pa.field(name, string) for name in rows]))


def _token_errors(io: PartIO) -> pa.Table:
    """Return the outcome of documents whose text could not be encoded."""
    table = read_table(io.input("tokens"), ["doc_id", "error", "detail"])
    table = table.filter(pc.is_valid(table["error"]))
    rows = {
        "doc_id": table["doc_id"],
        "outcome": pa.array(["errored"] * table.num_rows, string),
        "stage": pa.array(["tokens"] * table.num_rows, string),
        "reason": table["error"],
        "detail": table["detail"],
    }
    return pa.table(rows, schema=pa.schema([pa.field(name, string) for name in rows]))


def _overrule(rows: pa.Table, doc_ids: pa.ChunkedArray, later: pa.Table) -> pa.Table:
    """Replace the rows of the documents that a later segment had something to say about."""
    if later.num_rows == 0:
        return rows
    found = pc.index_in(doc_ids, later["doc_id"].combine_chunks())
    overruled = pc.is_valid(found)
    columns = []
    for name in rows.column_names:
        column = pc.if_else(overruled, later[name].take(found), rows[name])
        columns.append(pc.cast(column, string))
    return pa.Table.from_arrays(columns, names=rows.column_names)


def _count(io: PartIO, ledger: pa.Table) -> None:
    """Count every outcome by stage and reason."""
    keys = ["outcome", "stage", "reason"]
    for row in ledger.group_by(keys).aggregate([([], "count_all")]).to_pylist():
        name = row["outcome"]
        if row["reason"] is not None:
            name += f".{row['stage']}.{row['reason']}"
        io.counters[name] += row["count_all"]
    io.counters["rows"] = ledger.num_rows
