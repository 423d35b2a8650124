"""The `documents` segment: records to pages to text. The expensive one; HTML is parsed only here.

Reads a byte range of an input file. Writes `part-*.parquet`, one row per document, and
`outcomes-*.parquet`, one row per input record (or span of bytes that is no record) that did not
become one. Every record the reader finds is in exactly one of the two.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO, cast

import pyarrow as pa

from curate.config import Config
from curate.errors import InputError
from curate.pipeline.pages import make_page
from curate.schema import DOCUMENTS, OUTCOMES, doc_id
from curate.sources.charset import decode_html
from curate.sources.open import open_reader
from curate.sources.record import ByteRange, ErrorSpan, Record
from curate.stage import ExtractionSpec, GateSpec, Outcome
from curate.storage import files
from curate.storage.artifact import JSON, Part, PartIO, PartRecord
from curate.storage.parquet import ParquetWriter

FLUSH_ROWS = 512
FLUSH_BYTES = 8 << 20


def run(config: Config) -> Any:
    """Return the function that runs one part of the documents segment."""

    def run_part(io: PartIO, settings: JSON) -> None:
        shared = os.path.dirname(io.scratch) if files.is_local(io.run_directory) else None
        stages = _Stages(config, shared)
        with _Rows(io) as rows:
            for source, path, size, prefix in _inputs(io.part):
                take = partial(_take, source, prefix, stages, config, io, rows)
                if "unreadable" in io.part.spec:
                    why = io.part.spec["unreadable"]
                    take(ErrorSpan(0, 0, 0, "unreadable_file", why))
                    io.facts["first_start"], io.facts["end"] = 0, 0
                else:
                    _read_source(source, path, size, config, io, take)
        if "unreadable" not in io.part.spec:
            io.facts["range_sha256"] = _sha256_read(io.part, io.facts.get("end"))

    return run_part


class _Rows:
    """Collect rows of documents and outcomes, and write them in batches."""

    def __init__(self, io: PartIO) -> None:
        self.io = io
        self.documents: list[dict[str, Any]] = []
        self.outcomes: list[dict[str, Any]] = []
        self.num_bytes = 0
        self._document_writer = io.parquet(DOCUMENTS)
        self._outcome_writer = io.parquet(OUTCOMES, "outcomes")

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            self.flush()

    def add_document(self, row: dict[str, Any]) -> None:
        """Add a row of the documents file."""
        self.documents.append(row)
        self.num_bytes += len(row["text"])
        self.io.counters["documents"] += 1
        if len(self.documents) >= FLUSH_ROWS or self.num_bytes >= FLUSH_BYTES:
            self.flush()

    def add_outcome(self, identity: dict[str, Any], outcome: Outcome) -> None:
        """Add a row of the outcomes file."""
        self.outcomes.append(
            {
                **identity,
                "outcome": outcome.outcome,
                "stage": outcome.stage,
                "reason": outcome.reason,
                "detail": outcome.detail,
            }
        )
        self.io.counters[f"{outcome.outcome}.{outcome.stage}.{outcome.reason}"] += 1
        if len(self.outcomes) >= 4 * FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is collected."""
        _write(self._document_writer, self.documents, DOCUMENTS)
        _write(self._outcome_writer, self.outcomes, OUTCOMES)
        self.documents, self.outcomes, self.num_bytes = [], [], 0


class _Stages:
    """The gates and the extraction of a pipeline, opened."""

    def __init__(self, config: Config, shared: str | None) -> None:
        limits = config.settings.limits
        self.gates = [stage.open(shared) for stage in config.stages if isinstance(stage, GateSpec)]
        extractions = [stage for stage in config.stages if isinstance(stage, ExtractionSpec)]
        self.extraction = extractions[0] if extractions else None
        self.extract = (
            self.extraction.open(limits.max_tags, limits.max_depth) if self.extraction else None
        )


def _read_source(
    source: str,
    path: str,
    size: int,
    config: Config,
    io: PartIO,
    take: Callable[[Record | ErrorSpan], None],
) -> None:
    """Take every record of one file that the part owns; note where they begin and end."""
    spec, settings = io.part.spec, config.settings
    byte_range = ByteRange(
        source, size, spec.get("start", 0), spec.get("end", size), io.part.given.get("first", 0)
    )
    with _open_source(path, size) as file:
        reader = open_reader(
            settings.input.format,
            file,
            byte_range,
            settings.limits.max_record_bytes,
            settings.input.fields.model_dump(),
        )
        for item in reader:
            take(item)
    if "source" in spec:
        io.facts["source"] = source
        io.facts["first_start"], io.facts["end"] = reader.first_start, reader.end


def _take(
    source: str,
    prefix: str,
    stages: _Stages,
    config: Config,
    io: PartIO,
    rows: _Rows,
    item: Record | ErrorSpan,
) -> None:
    """Take one record or span to its end: a document row, or an outcome row."""
    identity: dict[str, Any] = {
        "doc_id": doc_id(source, item.offset, item.inner),
        "url": None,
        "source": source,
        "offset": item.offset,
        "inner": item.inner,
        "length": item.length,
    }
    if isinstance(item, ErrorSpan):
        io.counters["spans"] += 1
        rows.add_outcome(identity, Outcome("errored", "input", item.reason, item.detail))
        return
    io.counters["records"] += 1
    identity["url"] = item.url
    for flag in item.flags:
        io.counters[f"flag.{flag}"] += 1
    verdict = io.enter(f"{prefix}{item.offset}:{item.inner}")
    if verdict is not None:
        io.facts.setdefault("verdicts", []).append([item.offset, item.inner, *verdict])
        stage = stages.extraction.name if stages.extraction else "input"
        result: dict[str, Any] | Outcome = Outcome("errored", stage, *verdict)
    else:
        result = _document(item, stages, config, io)
        io.leave()
    if isinstance(result, Outcome):
        rows.add_outcome(identity, result)
    else:
        rows.add_document({**identity, **result})


def _document(
    record: Record, stages: _Stages, config: Config, io: PartIO
) -> dict[str, Any] | Outcome:
    """Return the document's own columns, or why there is none."""
    if record.error is not None:
        return Outcome("errored", "input", *record.error)
    if record.type == "revisit":
        return Outcome("dropped", "input", "revisit", "the payload is in another record")
    if record.type not in ("response", "resource", "conversion", "html", "text"):
        return Outcome("dropped", "input", "record_type", record.type[:40])
    page = make_page(record, config.settings.limits.max_page_bytes)
    if isinstance(page, Outcome):
        return page
    io.counters["pages"] += 1
    for check in stages.gates:
        outcome = check(page)
        if outcome is not None:
            return outcome
    charset, num_replaced = "utf-8", 0
    if record.text is None:
        decoded = decode_html(page.body, page.http_charset)
        page.text, charset, num_replaced = decoded.text, decoded.encoding, decoded.num_replaced
    if stages.extract is not None:
        extracted = stages.extract(page)
        if isinstance(extracted, Outcome):
            return extracted
        title, published, text = extracted.title, extracted.date, extracted.text
    elif not page.text.strip():
        return Outcome("dropped", "input", "empty_page", "no text")
    else:
        title, published, text = None, None, page.text
    return {
        "date": page.date,
        "title": title,
        "published": published,
        "text": text,
        "charset": charset,
        "num_replaced_chars": num_replaced,
        "truncated": page.truncated,
        "payload_digest": page.digest,
    }


def _inputs(part: Part) -> Iterator[tuple[str, str, int, str]]:
    """Yield (source name, path, size in bytes, prefix of positions) of every file of the part."""
    if "files" in part.spec:
        named = zip(part.spec["files"], part.given["paths"], strict=True)
        for number, ((name, size), path) in enumerate(named):
            yield name, path, size, f"{number}:"
    else:
        yield part.spec["source"], part.given["path"], part.spec["size"], ""


def _open_source(path: str, size: int) -> BinaryIO:
    """Open an input, unless it is not the file that the run was planned with.

    Raises: InputError; a failure to open says nothing about the records, so it is no outcome.
    """
    now = files.size_bytes(path)
    if now != size:
        raise InputError(
            f"{path}: {now} bytes now, {size} when the run was planned. Inputs must not change "
            f"under a run; the same command plans it again."
        )
    return cast(BinaryIO, files.open_read(path))


def inputs_are_unchanged(part: Part, record: PartRecord) -> bool:
    """Return whether the input bytes are those that a committed part was made from.

    Asked before such a part is taken over: names and sizes can be equal by accident, or a file
    edited in place. Objects in a store are replaced, not edited, and are not read again for this.
    """
    if "unreadable" in part.spec:
        return True
    if not all(files.is_local(path) for _, path, _, _ in _inputs(part)):
        return True
    return bool(record.facts.get("range_sha256") == _sha256_read(part, record.facts.get("end")))


def _sha256_read(part: Part, end: int | None) -> str:
    """Return the sha256 of the input bytes a part was made from.

    That is its range and what its last record takes from the next one, or all of its files.
    """
    result = hashlib.sha256()
    start = part.spec.get("start", 0)
    for _, path, size, _ in _inputs(part):
        stop = size if end is None else max(end, part.spec["end"])
        with files.open_read(path) as file:
            file.seek(start)
            left = stop - start
            while left > 0 and (block := file.read(min(left, 1 << 20))):
                result.update(block)
                left -= len(block)
    return result.hexdigest()


def _write(writer: ParquetWriter, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    if rows:
        columns = [
            pa.array([row[name] for row in rows], type=schema.field(name).type)
            for name in schema.names
        ]
        writer.write(pa.Table.from_arrays(columns, schema=schema))
