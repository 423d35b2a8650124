"""Take over what an earlier run made: whole artifacts by fingerprint, parts by key.

Everything taken over is checked against the sha256 in its record first.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

from curate.segment import FitsFn
from curate.storage import files
from curate.storage.artifact import (
    JSON,
    VERDICTS,
    Artifact,
    Part,
    PartRecord,
    commit,
)


def set_aside(directory: str, name: str, fingerprint: str) -> None:
    """Move an artifact to `.old/`, unless an interrupted restart did and it is being made again."""
    source, target = files.join(directory, name), files.join(directory, ".old", name)
    if not files.exists(source):
        return
    plan = Artifact(source).plan()
    if plan is None:
        files.remove_tree(source)
    elif not files.exists(target):
        files.move_tree(source, target)
    elif plan["fingerprint"] != fingerprint:  # what was set aside first is the fuller one
        files.remove_tree(source)


def adopt_artifact(reuse: str, name: str, artifact: Artifact, plan: JSON, reads: JSON) -> bool:
    """Take over a complete artifact of another run, if it is the one wanted here.

    It must have the fingerprint, and have been made from the contents that are here now.
    """
    other = Artifact(files.join(reuse, name))
    manifest = other.manifest()
    if manifest is None or manifest["fingerprint"] != plan["fingerprint"]:
        return False
    if manifest["reads"] != reads:
        return False
    files.make_directory(artifact.directory)
    files.publish_bytes(files.canonical_json(plan), artifact.path(".plan.json"))
    for record in other.records():
        part = Part(record.index)
        if _take(other, artifact, part, record) is None:
            return False  # damaged over there: made again here, part by part
    extras = (VERDICTS, "index.json", "_manifest.json")
    for extra in extras:
        if files.exists(other.path(extra)):
            files.publish_bytes(files.read_bytes(other.path(extra)), artifact.path(extra))
    return True


class Shelf:
    """The committed parts of an earlier run's artifact, by key."""

    def __init__(self, directory: str) -> None:
        self.artifact = Artifact(directory)
        self._by_key: dict[str, list[PartRecord]] = {}
        for record in self.artifact.records():
            self._by_key.setdefault(record.key, []).append(record)

    def adopt(self, artifact: Artifact, part: Part, key: str, fits: FitsFn) -> PartRecord | None:
        """Take over a part with the wanted key that fits, whatever its index was there."""
        for record in self._by_key.get(key, []):
            taken = _take(self.artifact, artifact, part, record) if fits(part, record) else None
            if taken is not None:
                return taken
        return None


def read_verdicts(directory: str, settings_digest: str) -> list[JSON]:
    """Return the verdicts that runs of these settings found, finished or not."""
    data = b""
    for name in files.list_names(directory):
        if name == VERDICTS:
            data += files.read_bytes(files.join(directory, name))
        elif name.startswith(".verdict-"):
            value = files.read_json(files.join(directory, name))
            data += json.dumps(value, sort_keys=True).encode() + b"\n"
    values = [json.loads(line) for line in data.splitlines()]
    return [value for value in values if value["settings"] == settings_digest]


def _take(other: Artifact, artifact: Artifact, part: Part, record: PartRecord) -> PartRecord | None:
    """Copy a part's files under the names of its new index; None where one is damaged."""
    scratch = files.scratch_directory(artifact.directory)
    try:
        renamed = {}
        for name, facts in record.files.items():
            new = name.replace(f"-{record.index:05d}.", f"-{part.index:05d}.")
            target = os.path.join(scratch, new)
            if not files.exists(other.path(name)):
                return None
            files.copy_file(other.path(name), target)
            if files.sha256_file(target) != facts.sha256:
                return None
            renamed[new] = facts
        result = replace(record, index=part.index, files=renamed).to_json()
        result = {name: result[name] for name in ("files", "counters", "facts")}
        return commit(artifact, part, record.key, scratch, result)
    finally:
        files.remove_tree(scratch)
