"""The stages a pipeline may list: YAML key -> specification. Adding a stage is adding a line."""

from __future__ import annotations

from curate.dedup.dedup import Dedup
from curate.extraction.extraction import Extraction
from curate.gates.http import Http
from curate.language.language import Language
from curate.quality.gopher_quality import GopherQuality
from curate.stage import StageSpec

STAGES: dict[str, type[StageSpec]] = {
    stage.name: stage for stage in (Http, Extraction, Language, GopherQuality, Dedup)
}
