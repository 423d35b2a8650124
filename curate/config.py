"""Read a pipeline's YAML into frozen settings, or say exactly what is wrong with it.

Every complaint names the file, the line, the dotted path (which is also what `--set` takes), what
is allowed there, and the nearest key. YAML 1.1 reads `no` as false, `1e-3` as text, `010` as 8 and
`1:30` as 90; such scalars are refused rather than guessed at.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from curate.errors import ConfigError
from curate.pipeline.stages import STAGES
from curate.settings import RunSettings
from curate.stage import KIND_ORDER, MeasureSpec, StageSpec
from curate.storage import files

MAX_BYTES = 1 << 20
MAX_NODES = 20_000
MAX_DEPTH = 40
TRAPS = (
    (re.compile(r"(?i)y|n|yes|no|on|off"), "YAML reads it as true or false"),
    (re.compile(r"[-+]?\d+\.?\d*[eE][-+]?\d+"), "YAML 1.1 reads it as text; write it out"),
    (re.compile(r"[-+]?0[0-9_]+"), "YAML 1.1 reads a leading 0 as octal"),
    (re.compile(r"[-+]?\d+(:[0-5]?\d)+(\.\d*)?"), "YAML 1.1 reads it as base 60"),
)

SCALARS = {"str", "int", "float", "bool", "null", "timestamp"}
# Of two keys that exclude each other, the one that --set names wins over the one in the file.
ALTERNATIVES = {"tokens.file": "train", "tokens.train": "file"}

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Config:
    """A checked run: settings, and the stages in order."""

    settings: RunSettings
    stages: tuple[StageSpec, ...]

    def stage(self, kind: type[StageSpec]) -> StageSpec | None:
        """Return the stage of a class, if it is listed."""
        return next((stage for stage in self.stages if isinstance(stage, kind)), None)

    def resolved(self) -> dict[str, Any]:
        """Return every setting with its default filled in, as JSON values."""
        return self.settings.model_dump(mode="json")


class _Document:
    """The YAML as plain values, and the line of every one of them."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines: dict[Location, int] = {}
        self.overridden: list[Location] = []  # what --set has put in
        self.num_nodes = 0
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            hint = "; a pattern that begins with * needs quotes" if "alias" in str(error) else ""
            raise ConfigError(f"{name}:{line}: not valid YAML: {error.problem}{hint}") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise ConfigError(f"{name}: not valid YAML: {error}") from error
        self.value: Any = {} if node is None else self.convert(node, ())
        if not isinstance(self.value, dict):
            raise self.error((), "expected `key: value` lines at the top level")

    def error(self, location: Location, message: str) -> ConfigError:
        """Return an error at a location, or at the nearest enclosing one that has a line."""
        for place in self.overridden:
            if location[: len(place)] == place:
                return ConfigError(f"--set {dotted(location)}: {message}")
        known = location
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known)
        where = f"{self.name}:{line}" if line else self.name
        path = dotted(location)
        return ConfigError(f"{where}: {path + ': ' if path else ''}{message}")

    def convert(self, node: yaml.Node, location: Location) -> Any:
        """Return the node's value; refuse traps, duplicate keys, unknown tags and bombs."""
        self.lines.setdefault(location, node.start_mark.line + 1)
        self.num_nodes += 1
        if self.num_nodes > MAX_NODES or len(location) > MAX_DEPTH:
            raise self.error(location[:3], "the file is nested too deeply or repeats itself")
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(n, (*location, i)) for i, n in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self.convert_mapping(node, location)
        assert isinstance(node, yaml.ScalarNode)
        return self.convert_scalar(node, location)

    def convert_mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        """Return a mapping with text keys, each given once."""
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            self.lines[(*location, str(key))] = key_node.start_mark.line + 1
            if key is None or key == "<<":
                raise self.error(location, "keys are plain words")
            if key in result:
                raise self.error((*location, key), "the key is given twice")
            result[key] = self.convert(value_node, (*location, key))
        return result

    def convert_scalar(self, node: yaml.ScalarNode, location: Location) -> Any:
        """Return a scalar as YAML 1.1 types it, unless that would surprise."""
        text: str = node.value
        if node.style is None:
            for pattern, why in TRAPS:
                if pattern.fullmatch(text):
                    raise self.error(location, f"`{text}`: {why}; or put it in quotes: '{text}'")
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind not in SCALARS:
            raise self.error(
                location, f"the tag {node.tag} is not allowed: settings are plain data"
            )
        if kind == "timestamp":
            return text
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self.error(location, f"`{text[:80]}` cannot be read: {error}") from error


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
        document = _Document(path, data.decode("utf-8"))
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


def dotted(location: Location) -> str:
    """Return a location as `--set` takes it: stages by their names.

    >>> dotted(("stages", 2, "language", "keep", 0))
    'language.keep.0'
    """
    if len(location) > 2 and location[0] == "stages":
        location = location[2:]
    return ".".join(str(part) for part in location)


def _override(document: _Document, override: str) -> None:
    """Apply one `--set KEY=VALUE`; VALUE is YAML."""
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set {override}: expected KEY=VALUE, e.g. --set shards.seed=1")
    value = _Document(f"--set {path}", f"value: {text}").value["value"]
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


def _find_stage(document: _Document, name: str, override: str) -> tuple[Any, Location]:
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


def _check(document: _Document) -> Config:
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
    return Config(settings.model_copy(update={"stages": listed}), stages)


def _stages(document: _Document, entries: list[Any]) -> Iterator[StageSpec]:
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


def _check_order(document: _Document, stages: tuple[StageSpec, ...]) -> None:
    """Refuse stages that are out of order, given twice, or lack what they read."""
    names = [stage.name for stage in stages]
    for index, stage in enumerate(stages):
        location = ("stages", index, stage.name)
        if stage.name in names[:index]:
            raise document.error(location, "the stage is listed twice")
        if index and KIND_ORDER.index(stage.kind) < KIND_ORDER.index(stages[index - 1].kind):
            before = stages[index - 1]
            raise document.error(
                location,
                f"a {stage.kind} stage cannot come after `{before.name}` ({before.kind}); the "
                f"order is {', '.join(KIND_ORDER)}",
            )
        earlier = {
            column.name
            for other in stages[:index]
            if isinstance(other, MeasureSpec)
            for column in other.adds
        }
        missing = [column for column in stage.requires if column not in earlier]
        if missing:
            raise document.error(
                location, f"reads {', '.join(missing)}, which no stage before adds"
            )


def _check_extraction(
    document: _Document, settings: RunSettings, stages: tuple[StageSpec, ...]
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
    document: _Document, error: ValidationError, prefix: Location, model: type[BaseModel]
) -> ConfigError:
    """Turn pydantic's first complaint into a sentence with a place and a way out."""
    first = error.errors(include_url=False)[0]
    location: Location = (*prefix, *first["loc"])
    value = first.get("input")
    if first["type"] == "extra_forbidden":
        owner = _model_at(model, tuple(first["loc"][:-1]))
        known = list(owner.model_fields) if owner else []
        return document.error(location, f"unknown key{_nearest(str(location[-1]), known)}")
    if first["type"] == "missing":
        return document.error(location, "is required and missing")
    got = f" (got {type(value).__name__} {str(value)[:60]!r})" if value is not None else ""
    return document.error(location, f"{first['msg']}{got}")


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
