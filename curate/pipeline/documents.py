"""The `documents` segment: records to pages to text. The expensive one; HTML is parsed only here.

Reads a byte range of an input file. Writes `part-*.parquet`, one row per document, and
`outcomes-*.parquet`, one row per input record (or span of bytes that is no record) that did not
become one. Every record the reader finds is in exactly one of the two.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO, cast

import pyarrow as pa

from curate.config import Config
from curate.errors import InputError
from curate.schema import DOCUMENTS, OUTCOMES, doc_id
from curate.sources.charset import decode_html
from curate.sources.http import parse_content_type, parse_response, verify_digest
from curate.sources.mime import sniff
from curate.sources.open import open_reader
from curate.sources.record import ByteRange, ErrorSpan, Record
from curate.stage import ExtractionSpec, GateSpec, Outcome, Page
from curate.storage import files
from curate.storage.artifact import JSON, Part, PartIO, PartRecord
from curate.storage.parquet import ParquetWriter

FLUSH_ROWS = 512
FLUSH_BYTES = 8 << 20
TEXT_TYPES = frozenset({"text"})  # the source gives text, not a page


def run(config: Config) -> Any:
    """Return the function that runs one part of the documents segment."""

    def run_part(io: PartIO, settings: JSON) -> None:
        stages = _open_stages(config)
        with _Rows(io) as rows:
            for source, path, size in _inputs(io.part):
                _read_source(source, path, size, stages, config, io, rows)
        if "source" in io.part.spec:
            io.facts["source"] = io.part.spec["source"]
            io.facts["range_sha256"] = _sha256_range(io.part)

    return run_part


def broken_links(parts: list[Part], records: list[PartRecord]) -> list[Part]:
    """Return the parts that began in the wrong place, told where to begin.

    The records of a file are those that one sequential reader finds, so each part of a file must
    begin where the one before it ended. A part that searched for its first record can be fooled,
    by a payload that is itself a WARC; it is then read again. At most one part per source is
    returned, as repairing it may mend or break what follows.
    """
    expected: dict[str, int] = {}
    broken: dict[str, Part] = {}
    for part, record in zip(parts, records, strict=True):
        source = part.spec.get("source")
        if source is None or source in broken:
            continue
        position = expected.get(source, 0)
        first, end = record.facts["first_start"], record.facts["end"]
        if part.spec["start"] == 0:
            expected[source] = end
        elif first is None and (position >= part.spec["end"] or end == position):
            expected[source] = position
        elif first == position:
            expected[source] = end
        else:
            broken[source] = replace(part, given={**part.given, "first": position})
    return list(broken.values())


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

    def __init__(self, config: Config) -> None:
        limits = config.settings.limits
        self.gates = [stage.open() for stage in config.stages if isinstance(stage, GateSpec)]
        extractions = [stage for stage in config.stages if isinstance(stage, ExtractionSpec)]
        self.extraction = extractions[0] if extractions else None
        self.extract = (
            self.extraction.open(limits.max_tags, limits.max_depth) if self.extraction else None
        )


def _open_stages(config: Config) -> _Stages:
    return _Stages(config)


def _take(
    item: Record | ErrorSpan,
    source: str,
    stages: _Stages,
    config: Config,
    io: PartIO,
    rows: _Rows,
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
    verdict = io.enter(f"{item.offset}:{item.inner}")
    if verdict is not None:
        io.facts.setdefault("verdicts", []).append([item.offset, item.inner, *verdict])
        stage = stages.extraction.name if stages.extraction else "input"
        result: dict[str, Any] | Outcome = Outcome("errored", stage, *verdict)
    else:
        result = _document(item, stages, config, io)
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


def make_page(record: Record, max_page_bytes: int) -> Page | Outcome:
    """Return the page in a record: the HTTP response parsed, its body decoded.

    Errors: a body that is longer than `max_page_bytes`, or cannot be decoded.
    """
    page = Page(
        url=record.url,
        date=record.date,
        type=record.type,
        status=None,
        declared_type=None,
        sniffed_type="text/plain",
        truncated=record.truncated,
        digest="unknown",
        body=record.block,
        http_charset=None,
        text=record.text or "",
    )
    if record.type in TEXT_TYPES:
        return page
    if record.type == "response" and not _is_foreign(record.content_type):
        response = parse_response(record.block, max_page_bytes)
        if response.error is not None:
            return Outcome("errored", "input", *response.error)
        page.status, page.body = response.status, response.body
        page.declared_type, page.http_charset = response.content_type, response.charset
        page.digest = verify_digest(record.payload_digest, response.payload)
        if page.digest == "mismatch" and response.unchunked:
            page.digest = verify_digest(record.payload_digest, response.unchunked)
    else:
        page.declared_type, page.http_charset = parse_content_type(record.content_type)
        page.digest = verify_digest(record.payload_digest, record.block)
    if len(page.body) > max_page_bytes:
        detail = f"{len(page.body)} > limits.max_page_bytes {max_page_bytes}"
        return Outcome("errored", "input", "body_too_large", detail)
    page.sniffed_type = sniff(page.body)
    if record.type == "html" and page.sniffed_type == "text/plain":
        page.sniffed_type = "text/html"  # the source says so, and no magic bytes object
    return page


def _is_foreign(content_type: str | None) -> bool:
    """Return whether a response is not HTTP (`text/dns` in older crawls)."""
    return content_type is not None and not content_type.lower().startswith("application/http")


def _inputs(part: Part) -> Iterator[tuple[str, str, int]]:
    """Yield (source name, path, size in bytes) of every file the part reads."""
    if "files" in part.spec:
        for (name, size), path in zip(part.spec["files"], part.given["paths"], strict=True):
            yield name, path, size
    else:
        yield part.spec["source"], part.given["path"], part.spec["size"]


def _read_source(
    source: str,
    path: str,
    size: int,
    stages: _Stages,
    config: Config,
    io: PartIO,
    rows: _Rows,
) -> None:
    """Take every record of one file that the part owns; note where they begin and end."""
    spec = io.part.spec
    byte_range = ByteRange(
        source, size, spec.get("start", 0), spec.get("end", size), io.part.given.get("first", 0)
    )
    io.facts["first_start"], io.facts["end"] = byte_range.start, byte_range.end
    try:
        file = _open_source(path, size)
    except (OSError, InputError) as error:
        if isinstance(error, _ChangedError):
            raise
        if byte_range.start == 0:
            span = ErrorSpan(0, 0, size, "unreadable_file", str(error)[:200])
            _take(span, source, stages, config, io, rows)
        return
    settings = config.settings
    with file:
        reader = open_reader(
            settings.input.format,
            file,
            byte_range,
            settings.limits.max_record_bytes,
            settings.input.fields.model_dump(),
        )
        for item in reader:
            _take(item, source, stages, config, io, rows)
    io.facts["first_start"], io.facts["end"] = reader.first_start, reader.end


class _ChangedError(InputError):
    """Report an input that is not the file the run was planned with."""


def _open_source(path: str, size: int) -> BinaryIO:
    """Open an input, unless it is not the file that the run was planned with."""
    if files.is_local(path) and os.path.exists(path) and not os.path.isfile(path):
        raise InputError("not a regular file")  # opening a FIFO would wait for ever
    now = files.size_bytes(path)
    if now != size:
        raise _ChangedError(
            f"{path}: {now} bytes now, {size} when the run was planned. Inputs must not change "
            f"under a run; the same command plans it again."
        )
    return cast(BinaryIO, files.open_read(path))


def _sha256_range(part: Part) -> str:
    """Return the sha256 of the input bytes in the part's range; of nothing, if unreadable."""
    result = hashlib.sha256()
    path = part.given["path"]
    if files.is_local(path) and not (os.path.isfile(path) and os.access(path, os.R_OK)):
        return result.hexdigest()
    with files.open_read(path) as file:
        file.seek(part.spec["start"])
        left = part.spec["end"] - part.spec["start"]
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
