"""What a stage is: a frozen specification, opened once per child process into a pure function.

A specification is a pydantic model whose fields are the YAML keys of its entry under `stages:`.
A pipeline lists them in the order of their kinds (`KIND_RANK`); measures and edits mix:

    gate        Page -> Outcome | None           cheap facts, before extraction
    extraction  Page -> Extracted | Outcome      page to text, title, date
    measure     Batch -> dict of new columns     counts and scores beside the text, no thresholds
    edit        Batch -> new texts, new columns  what follows sees the new text
    dedup       has segments of its own (see curate.dedup)

A measure or an edit may also have `rules()`: they compare its columns with thresholds, later, in
the `verdicts` segment. The keys that only rules read are named in `deciding`, so that changing one
never measures again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

from curate.decide import Rule

if TYPE_CHECKING:
    from curate.text.words import WordTable

Kind = Literal["gate", "extraction", "measure", "edit", "dedup"]
KIND_RANK: dict[Kind, int] = {"gate": 0, "extraction": 1, "measure": 2, "edit": 2, "dedup": 3}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why a record went no further: dropped by a rule, or errored by a defect."""

    outcome: Literal["dropped", "errored"]
    stage: str
    reason: str
    detail: str = ""


@dataclass(slots=True)
class Page:
    """An HTTP response (or a file, or a conversion record) before extraction."""

    url: str | None
    date: str | None  # when it was crawled, ISO 8601
    type: str  # WARC record type, or 'html' / 'text'
    status: int | None
    declared_type: str | None  # MIME essence from the header
    sniffed_type: str  # MIME essence from the first bytes
    truncated: str | None  # WARC-Truncated
    digest: str  # 'ok' | 'mismatch' | 'unknown'
    body: bytes
    http_charset: str | None
    text: str = ""  # the body decoded; only filled in for pages that pass the gates


@dataclass(frozen=True, slots=True)
class Extracted:
    """What extraction makes of a page."""

    text: str
    title: str | None
    date: str | None  # publication date, ISO 8601, never later than the crawl


@dataclass
class Batch:
    """A record batch with a `text` column, and its word table, built on first use."""

    table: pa.RecordBatch
    word_table: WordTable | None = dataclass_field(default=None, repr=False)

    def __len__(self) -> int:
        """Return the number of documents."""
        return int(self.table.num_rows)

    @property
    def text(self) -> pa.LargeStringArray:
        """Return the documents' texts."""
        return self.table.column("text")

    @cached_property
    def words(self) -> WordTable:
        """Return the words of every text; shared by all measures of the batch."""
        from curate.text.words import word_table

        return self.word_table or word_table(self.text)

    def with_columns(self, columns: Mapping[str, pa.Array]) -> Batch:
        """Return the batch with columns added; the word table stays, as the text does."""
        table = self.table
        for name, array in columns.items():
            table = table.append_column(name, array)
        batch = Batch(table)
        if "words" in self.__dict__:
            batch.word_table = self.words
        return batch

    def with_text(self, text: pa.LargeStringArray) -> Batch:
        """Return the batch with another text; the word table stays only if nothing changed."""
        if text.equals(self.text):
            return self
        return Batch(self._with("text", text))

    def with_title(self, title: pa.LargeStringArray) -> Batch:
        """Return the batch with other titles."""
        batch = Batch(self._with("title", title), self.word_table)
        if "words" in self.__dict__:
            batch.word_table = self.words
        return batch

    def _with(self, name: str, array: pa.Array) -> pa.RecordBatch:
        place = self.table.schema.get_field_index(name)
        return self.table.set_column(place, self.table.schema.field(place), array)


Columns = dict[str, pa.Array]
GateFn = Callable[[Page], Outcome | None]
ExtractFn = Callable[[Page], Extracted | Outcome]
MeasureFn = Callable[[Batch], Columns]
EditFn = Callable[[Batch], tuple[pa.LargeStringArray, Columns]]
Share = Annotated[float, Field(ge=0, le=1)]


def _check_band(band: tuple[float, float]) -> tuple[float, float]:
    if band[0] > band[1]:
        raise ValueError("give [least, most], the smaller share first")
    return band


Band = Annotated[tuple[Share, Share], Strict(False), AfterValidator(_check_band)]


class StageSpec(BaseModel):
    """One entry of `stages:`; a subclass adds the fields and the opener of its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: ClassVar[str]
    kind: ClassVar[Kind]
    version: ClassVar[int] = 1  # raised whenever equal settings would give other results
    requires: ClassVar[tuple[str, ...]] = ()  # columns a measure reads besides `text`
    deciding: ClassVar[frozenset[str]] = frozenset()  # keys that only `rules()` reads
    libraries: ClassVar[tuple[str, ...]] = ()  # distributions whose version decides the result
    path_keys: ClassVar[tuple[str, ...]] = ()  # keys that hold paths; made absolute when read

    expected_drop: Band | None = Field(
        None, description="[least, most] share that the stage should drop; else the funnel warns"
    )

    def check(self) -> None:
        """Refuse, before a run begins, what only a look at files can tell.

        Raises: ConfigError naming the key.
        """

    def required(self) -> tuple[str, ...]:
        """Return the columns that an earlier stage must have added."""
        return self.requires

    def rules(self) -> tuple[Rule, ...]:
        """Return the thresholds in the order in which they are tried."""
        return ()

    def measuring_settings(self) -> dict[str, Any]:
        """Return the keys that shape what is stored (not what is decided from it)."""
        dump = self.model_dump(mode="json", exclude={"expected_drop"})
        return {key: value for key, value in dump.items() if key not in self.deciding}

    def deciding_settings(self) -> dict[str, Any]:
        """Return the keys that only decide."""
        dump = self.model_dump(mode="json")
        return {key: value for key, value in dump.items() if key in self.deciding}


class GateSpec(StageSpec, ABC):
    """A stage that looks at a page before anything expensive happens."""

    kind: ClassVar[Kind] = "gate"

    @abstractmethod
    def open(self, shared: str | None = None) -> GateFn:
        """Return the function that decides on one page.

        Args:
            shared: A folder that the run's parts on this machine have in common, gone after it;
                what takes long to read may be left there for the next part. None: there is none.
        """
        ...


class ExtractionSpec(StageSpec, ABC):
    """The stage that turns a page into text."""

    kind: ClassVar[Kind] = "extraction"

    @abstractmethod
    def open(self, max_tags: int, max_depth: int) -> ExtractFn:
        """Return the function that extracts one page, within structural limits."""
        ...


class MeasureSpec(StageSpec, ABC):
    """A stage that adds columns of numbers to a batch of documents."""

    kind: ClassVar[Kind] = "measure"
    adds: ClassVar[tuple[pa.Field, ...]] = ()  # the columns it adds, with their types

    @abstractmethod
    def open(self) -> MeasureFn:
        """Return the pure function; the same batch gives the same columns, whatever came before."""
        ...


class EditSpec(StageSpec, ABC):
    """A stage that changes the texts of a batch, and adds columns that say what it did."""

    kind: ClassVar[Kind] = "edit"
    adds: ClassVar[tuple[pa.Field, ...]] = ()  # the columns it adds, with their types
    edits_titles: ClassVar[bool] = False  # the titles too; what is counted is of the text alone

    @abstractmethod
    def open(self) -> EditFn:
        """Return the pure function; the same document gives the same text, in any batch."""
        ...
