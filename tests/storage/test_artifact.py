"""Parts, records, commits: what a file on disk promises."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from curate.errors import IntegrityError
from curate.storage import files
from curate.storage.artifact import Artifact, Part, PartIO, PartRecord, commit, complete, digest

SCHEMA = pa.schema([pa.field("x", pa.int64())])


def _attempt(directory, values, index=0):
    """Return the artifact, a scratch directory and the result of an attempt at a part."""
    artifact = Artifact(str(directory / "numbers"))
    scratch = files.scratch_directory(artifact.directory)
    io = PartIO(str(directory), "numbers", Part(index), scratch)
    io.parquet(SCHEMA).write(pa.table({"x": values}))
    io.counters.update(rows=len(values), nothing=0)
    return artifact, scratch, io.finish()


def test_commit_can_be_repeated_and_refuses_other_bytes(tmp_path):
    artifact, scratch, result = _attempt(tmp_path, [1, 2])
    record = commit(artifact, Part(0), "key", scratch, result)
    assert artifact.record(0) == record
    assert record.counters == {"rows": 2}  # a counter of 0 depends on who counts; it is left out
    assert record.files["part-00000.parquet"].rows == 2
    assert PartRecord.from_json(json.loads(json.dumps(record.to_json()))) == record
    commit(*_attempt(tmp_path, [1, 2])[:1], Part(0), "key", scratch, result)
    artifact, other, differing = _attempt(tmp_path, [1, 3])
    with pytest.raises(IntegrityError, match="exists with other bytes"):
        commit(artifact, Part(0), "key", other, differing)


def test_leftovers_go_and_what_is_committed_stays(tmp_path):
    artifact, scratch, result = _attempt(tmp_path, [1])
    record = commit(artifact, Part(0), "key", scratch, result)
    for name in ("part-00001.parquet", "outcomes-00000.parquet", "cpu_verdicts.jsonl"):
        (tmp_path / "numbers" / name).write_bytes(b"?")
    artifact.discard_leftovers([record])
    names = [".part-00000.json", ".tmp", "cpu_verdicts.jsonl", "part-00000.parquet"]
    assert files.list_names(artifact.directory) == names
    artifact.uncommit(record)
    assert artifact.records() == []
    assert files.list_names(artifact.directory) == [".tmp", "cpu_verdicts.jsonl"]


def test_manifest_asks_for_every_part(tmp_path):
    artifact, scratch, result = _attempt(tmp_path, [1, 2, 3], index=1)
    commit(artifact, Part(1), "key", scratch, result)
    with pytest.raises(IntegrityError, match=r"are not 0\.\.0"):
        complete(artifact, {"fingerprint": "f", "made_of": {}}, artifact.records(), {})
    artifact, scratch, result = _attempt(tmp_path, [4], index=0)
    commit(artifact, Part(0), "key", scratch, result)
    assert artifact.manifest() is None
    complete(artifact, {"fingerprint": "f", "made_of": {}}, artifact.records(), {})
    manifest = artifact.manifest()
    assert manifest is not None
    assert (manifest["num_parts"], manifest["num_rows"], manifest["counters"]) == (
        2,
        4,
        {"rows": 4},
    )


def test_entering_returns_the_verdict_instead_of_announcing(tmp_path):
    announced: list[str] = []
    verdicts = {"7:0": ("crashed", "SIGSEGV")}
    io = PartIO("run", "s", Part(0), str(tmp_path), verdicts, watch=announced.append)
    assert io.enter("5:0") is None
    assert io.enter("7:0") == ("crashed", "SIGSEGV")
    io.leave()
    assert announced == ["5:0", ""]


def test_canonical_json_is_a_function_of_the_value():
    one = {"b": [1, {"y": None, "x": "é\ud7ff"}], "a": 0.1}
    two = {"a": 0.1, "b": [1, {"x": "é\ud7ff", "y": None}]}
    assert files.canonical_json(one) == files.canonical_json(two)
    assert json.loads(files.canonical_json(one)) == one
    assert digest(one) == digest(two) != digest({**one, "a": 0.2})
    with pytest.raises(ValueError, match="JSON compliant"):
        files.canonical_json(float("nan"))
