"""YAML as plain values with the line of each, and nothing in it that could surprise.

YAML 1.1 reads `no` as false, `1e-3` as text, `010` as 8 and `1:30` as 90; such scalars are refused
rather than guessed at. So are duplicate keys, tags, and files that unfold without end.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from curate.errors import ConfigError

MAX_NODES = 20_000
MAX_DEPTH = 40
TRAPS = (
    (re.compile(r"(?i)y|n|yes|no|on|off"), "YAML reads it as true or false"),
    (re.compile(r"[-+]?\d+\.?\d*[eE][-+]?\d+"), "YAML 1.1 reads it as text; write it out"),
    (re.compile(r"[-+]?0[0-9_]+"), "YAML 1.1 reads a leading 0 as octal"),
    (re.compile(r"[-+]?\d+(:[0-5]?\d)+(\.\d*)?"), "YAML 1.1 reads it as base 60"),
)

SCALARS = {"str", "int", "float", "bool", "null", "timestamp"}

Location = tuple[str | int, ...]


def dotted(location: Location) -> str:
    """Return a location as `--set` takes it: stages by their names.

    >>> dotted(("stages", 2, "language", "keep", 0))
    'language.keep.0'
    """
    if len(location) > 2 and location[0] == "stages":
        location = location[2:]
    return ".".join(str(part) for part in location)


class YamlDocument:
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
