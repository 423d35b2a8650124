"""Take over what an earlier run made: whole artifacts by fingerprint, parts by key.

Everything taken over is checked against the sha256 in its record first.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

from curate.storage import files
from curate.storage.artifact import (
    JSON,
    Artifact,
    Part,
    PartRecord,
    Verdict,
    commit,
)


def set_aside(directory: str, name: str) -> None:
    """Move an artifact to `.old/`, replacing what an earlier restart left there."""
    source, target = files.join(directory, name), files.join(directory, ".old", name)
    if not files.exists(source):
        return
    if not files.exists(files.join(source, ".plan.json")):
        files.remove_tree(source)
        return
    if files.exists(target):  # an interrupted restart: what it set aside first is the fuller one
        files.remove_tree(source)
    else:
        files.move_tree(source, target)


def adopt_artifact(reuse: str, name: str, artifact: Artifact, plan: JSON) -> bool:
    """Take over a complete artifact of another run, if it has the fingerprint wanted here."""
    other = Artifact(files.join(reuse, name))
    manifest = other.manifest()
    if manifest is None or manifest["fingerprint"] != plan["fingerprint"]:
        return False
    files.make_directory(artifact.directory)
    files.publish_bytes(files.canonical_json(plan), artifact.path(".plan.json"))
    for record in other.records():
        part = Part(record.index)
        if _take(other, artifact, part, record) is None:
            return False  # damaged over there: made again here, part by part
    extras = ("cpu_verdicts.jsonl", "index.json", "_manifest.json")
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

    def adopt(self, artifact: Artifact, part: Part, key: str) -> PartRecord | None:
        """Take over a part with the wanted key, whatever its index was there."""
        for record in self._by_key.get(key, []):
            taken = _take(self.artifact, artifact, part, record)
            if taken is not None:
                return taken
        return None


def verdicts_of(directory: str, settings_digest: str) -> dict[str, dict[str, Verdict]]:
    """Return source -> position -> verdict, as an earlier run of the same settings found them."""
    found: dict[str, dict[str, Verdict]] = {}
    path = files.join(directory, "cpu_verdicts.jsonl")
    if files.exists(path):
        for line in files.read_bytes(path).splitlines():
            value = json.loads(line)
            if value["settings"] == settings_digest and value["source"] is not None:
                verdict = (value["reason"], value["detail"])
                found.setdefault(value["source"], {})[value["position"]] = verdict
    return found


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
