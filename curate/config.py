"""Read a pipeline's YAML into frozen settings, or say exactly what is wrong with it.

Every complaint names the file, the line, the dotted path (which is also what `--set` takes), what
is allowed there, and the nearest key.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from curate.errors import ConfigError, StateError
from curate.language.labels import DEFAULT_LABELS, complain_of_label
from curate.language.language import Language
from curate.rule_set import RuleSet
from curate.settings import RunSettings
from curate.stage import KIND_RANK, EditSpec, MeasureSpec, StageSpec
from curate.stages import STAGES
from curate.storage import files
from curate.yaml_document import Location, YamlDocument

MAX_BYTES = 1 << 20
# Of two keys that exclude each other, the one that --set names wins over the one in the file.
ALTERNATIVES = {"tokens.file": "train", "tokens.train": "file"}

UNION_TAGS = ("int", "float", "bool", "str")  # pydantic says which type it tried; no key is so


@dataclass(frozen=True)
class Config:
    """A checked run: settings, and the stages in order."""

    settings: RunSettings
    stages: tuple[StageSpec, ...]
    document: YamlDocument | None = field(default=None, compare=False, repr=False)  # it came from

    def stage(self, kind: type[StageSpec]) -> StageSpec | None:
        """Return the stage of a class, if it is listed."""
        return next((stage for stage in self.stages if isinstance(stage, kind)), None)

    @property
    def text_from(self) -> str:
        """Return the artifact that holds the final texts: `measures` where an edit changes them."""
        edited = any(isinstance(stage, EditSpec) for stage in self.stages)
        return "measures" if edited else "documents"

    @property
    def title_from(self) -> str:
        """Return the artifact that holds the final titles, in the same way."""
        edited = any(isinstance(stage, EditSpec) and stage.edits_titles for stage in self.stages)
        return "measures" if edited else "documents"

    def resolved(self) -> dict[str, Any]:
        """Return every setting with its default filled in, as JSON values."""
        return self.settings.model_dump(mode="json")


def load_config(path: str, overrides: Sequence[str] = (), output: str | None = None) -> Config:
    """Return the checked configuration in a YAML file, with `--set` overrides applied.

    Raises: ConfigError naming file, line and path of the first thing that is wrong.
    """
    if not files.exists(path):
        raise ConfigError(f"{path}: no such file. A first pipeline is pipelines/web.yaml")
    data = files.read_bytes(path)
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: {len(data)} bytes is no configuration (limit {MAX_BYTES})")
    try:
        document = YamlDocument(path, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
    for override in overrides:
        _override(document, override)
    if output is not None:
        document.value["output"] = output
    return _check(document)


def check_resolved(value: dict[str, Any]) -> Config:
    """Return the configuration that `Config.resolved` gave, in a worker."""
    settings = RunSettings.model_validate(value)
    stages = [
        STAGES[name].model_validate(keys)
        for entry in value["stages"]
        for name, keys in entry.items()
    ]
    return Config(settings, tuple(stages))


def config_of_run(info: dict[str, Any], directory: str) -> Config:
    """Return the configuration in a run's run.json.

    Raises: StateError when another version of curate made the run, with settings unknown to this.
    """
    try:
        return check_resolved(info["config"])
    except (ValidationError, KeyError, TypeError) as error:
        theirs = info.get("versions", {}).get("curate", "unknown")
        raise StateError(
            f"{directory}: its run.json has settings that this curate does not know; the run was "
            f"made by another version ({theirs}). Make it again: curate run PIPELINE --output NEW "
            f"({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error


def _override(document: YamlDocument, override: str) -> None:
    """Apply one `--set KEY=VALUE`; VALUE is YAML."""
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set {override}: expected KEY=VALUE, e.g. --set shards.seed=1")
    value = YamlDocument(f"--set {path}", f"value: {text}").value["value"]
    target: Any = document.value
    location: Location = ()
    if keys[0] not in RunSettings.model_fields:
        target, location = _find_stage(document, keys[0], override)
        keys = keys[1:]
        if not keys:
            raise ConfigError(f"--set {override}: name a key of the stage, KEY.SUBKEY=VALUE")
    instead = ALTERNATIVES.get(".".join(keys[:2]))
    if instead is not None and isinstance(target.get(keys[0]), dict):
        target[keys[0]].pop(instead, None)
    for key in keys[:-1]:
        if not isinstance(target.get(key), dict):
            target[key] = {}
        target, location = target[key], (*location, key)
    target[keys[-1]] = value
    place = (*location, keys[-1])
    document.overridden.append(place)


def _find_stage(document: YamlDocument, name: str, override: str) -> tuple[Any, Location]:
    listed: list[str] = []
    stages = document.value.get("stages")
    for index, entry in enumerate(stages if isinstance(stages, list) else []):
        if entry == name:
            stages[index] = entry = {name: {}}
        if isinstance(entry, dict):
            listed += [str(key) for key in entry]
            if name in entry:
                entry[name] = entry[name] if isinstance(entry[name], dict) else {}
                return entry[name], ("stages", index, name)
    known = [*RunSettings.model_fields, *listed]
    raise ConfigError(f"--set {override}: unknown key `{name}`{_nearest(name, known)}")


def _check(document: YamlDocument) -> Config:
    try:
        settings = RunSettings.model_validate(document.value)
    except ValidationError as error:
        raise _explain(document, error, (), RunSettings) from error
    stages = tuple(_stages(document, settings.stages))
    _check_order(document, stages)
    _check_extraction(document, settings, stages)
    if settings.tokens.file is not None:  # workers have working directories of their own
        given = {"file": files.absolute(settings.tokens.file)}
        tokens = settings.tokens.model_copy(update=given)
        settings = settings.model_copy(update={"tokens": tokens})
    listed = [{stage.name: stage.model_dump(mode="json")} for stage in stages]
    return Config(settings.model_copy(update={"stages": listed}), stages, document)


def _stages(document: YamlDocument, entries: list[Any]) -> Iterator[StageSpec]:
    for index, entry in enumerate(entries):
        location: Location = ("stages", index)
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, dict) or len(entry) != 1:
            raise document.error(location, "expected one stage: `- name: {key: value}`")
        name, keys = next(iter(entry.items()))
        location = (*location, str(name))
        if name not in STAGES:
            raise document.error(location, f"unknown stage{_nearest(str(name), list(STAGES))}")
        try:
            stage = STAGES[name].model_validate({} if keys is None else keys)
            paths = {key: getattr(stage, key) for key in stage.path_keys}
            given = {key: files.absolute(path) for key, path in paths.items() if path is not None}
            yield stage.model_copy(update=given)
        except ValidationError as error:
            raise _explain(document, error, location, STAGES[name]) from error


def _check_order(document: YamlDocument, stages: tuple[StageSpec, ...]) -> None:
    """Refuse stages that are out of order, given twice, or lack what they read."""
    names = [stage.name for stage in stages]
    for index, stage in enumerate(stages):
        location = ("stages", index, stage.name)
        if stage.name in names[:index]:
            raise document.error(location, "the stage is listed twice")
        if index and KIND_RANK[stage.kind] < KIND_RANK[stages[index - 1].kind]:
            before = stages[index - 1]
            raise document.error(
                location,
                f"a stage of kind {stage.kind} cannot come after `{before.name}` "
                f"({before.kind}); the order is gate, extraction, measure and edit as you like, "
                f"dedup",
            )
        earlier = {column for other in stages[:index] for column in _added(type(other))}
        missing = [column for column in stage.required() if column not in earlier]
        if missing:
            adding = [name for name in STAGES if set(missing).intersection(_added(STAGES[name]))]
            raise document.error(
                location,
                f"reads {', '.join(missing)}, which no stage before adds; put "
                f"`- {adding[0]}` above it",
            )
        _check_languages(document, location, stage, stages[:index])


def _added(stage: type[StageSpec]) -> list[str]:
    """Return the columns that a stage adds."""
    return (
        [column.name for column in stage.adds] if issubclass(stage, MeasureSpec | EditSpec) else []
    )


def _check_languages(
    document: YamlDocument, location: Location, stage: StageSpec, before: tuple[StageSpec, ...]
) -> None:
    """Refuse thresholds for a language that no document can have."""
    measured = next((other for other in before if isinstance(other, Language)), None)
    if not isinstance(stage, RuleSet) or measured is None or measured.model is not None:
        return
    complaint = complain_of_label(stage.by_language, DEFAULT_LABELS)
    if complaint is not None:
        raise document.error((*location, "by_language"), complaint)


def _check_extraction(
    document: YamlDocument, settings: RunSettings, stages: tuple[StageSpec, ...]
) -> None:
    """Refuse to publish HTML as text."""
    source = settings.input
    pages = source.format in ("warc", "html") or source.fields.html is not None
    if pages and not any(stage.kind == "extraction" for stage in stages):
        raise document.error(
            ("stages",),
            f"input.format {source.format} gives pages, and no stage makes text of them; add "
            f"`- extraction`",
        )


def _explain(
    document: YamlDocument, error: ValidationError, prefix: Location, model: type[BaseModel]
) -> ConfigError:
    """Turn pydantic's first complaint into a sentence with a place and a way out."""
    first = error.errors(include_url=False)[0]
    location: Location = (*prefix, *first["loc"])
    while location and location[-1] in UNION_TAGS:
        location = location[:-1]
    value = first.get("input")
    if first["type"] == "extra_forbidden":
        owner = _model_at(model, tuple(first["loc"][:-1]))
        known = list(owner.model_fields) if owner else []
        head, dot, tail = str(location[-1]).partition(".")
        if dot and head in known:
            return document.error(location, f"nest it: `{head}: {{{tail}: ...}}`")
        return document.error(location, f"unknown key{_nearest(str(location[-1]), known)}")
    if first["type"] == "missing":
        return document.error(location, "is required and missing")
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error" and not first["loc"]:  # of a whole stage: it may name the key
        key, colon, rest = message.partition(": ")
        if colon and key in model.model_fields:
            return document.error((*location, key), rest)
        return document.error(location, message)
    got = f" (got {type(value).__name__} {str(value)[:60]!r})" if value is not None else ""
    return document.error(location, f"{message}{got}")


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """Return the model whose keys stand at a location inside another model."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:
            return None
        candidates = [field.annotation, *get_args(field.annotation)]
        inner = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not inner:
            return None
        model = inner[0]
    return model


def _nearest(word: str, known: list[str]) -> str:
    """Return `; did you mean ...` and the list of what is allowed."""
    close = difflib.get_close_matches(word, known, 1, 0.5)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"{hint} Allowed: {', '.join(sorted(known))}"
