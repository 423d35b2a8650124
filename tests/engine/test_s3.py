"""The run directory on S3, the inputs too: a server on loopback, and no other difference."""

from __future__ import annotations

import os
import signal

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from curate.engine.reuse import set_aside
from curate.errors import IntegrityError, StateError
from curate.storage import files
from curate.storage.lock import RunLock
from tests.engine.runs import ARTIFACTS, Command

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def s3():
    """A bucket on a server of our own, reached through the environment as a user would."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        yield client
        client.close()
    server.stop()


def _names(client, prefix):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", ())]


def _contents(client, prefix):
    return {
        name.removeprefix(f"{prefix}/"): client.get_object(Bucket="bucket", Key=name)["Body"].read()
        for name in _names(client, prefix)
        if name.split("/")[1] in ARTIFACTS
    }


@pytest.mark.slow
def test_run_on_s3_equals_a_local_run(baseline, tmp_path, s3):
    for path in baseline.crawl.iterdir():
        s3.upload_file(str(path), "bucket", f"crawl/{path.name}")
    output = "s3://bucket/run"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options = ("--set", "input.paths=['s3://bucket/crawl/*.warc.gz']")
    here = {"environment": {**os.environ, "TMPDIR": str(scratch)}}
    first = Command(baseline.pipeline, output, *options, **here)
    name = "run/documents/.part-00000.json"
    assert first.wait_for(lambda: name in _names(s3, "run/documents")), first.finish()
    assert first.kill() == -signal.SIGKILL
    before = s3.head_object(Bucket="bucket", Key=name)["LastModified"]

    second = Command(baseline.pipeline, output, *options, **here)  # its lock is not waited for
    assert second.finish() == 0, second.text
    assert s3.head_object(Bucket="bucket", Key=name)["LastModified"] == before
    local = {name: (baseline.output / name).read_bytes() for name in baseline.contents}
    assert _contents(s3, "run") == local
    assert "run/.lock" not in _names(s3, "run")
    assert not [name for name in _names(s3, "run") if "/.tmp/" in name]
    assert len(list(scratch.iterdir())) <= 2  # of the two workers that were killed

    before = _names(s3, "run/documents")
    set_aside(output, "documents", "another")
    assert _names(s3, "run/.old") == [name.replace("run/", "run/.old/") for name in before]
    assert not _names(s3, "run/documents")


def test_publishing_is_exclusive(tmp_path, s3):
    _publish_twice(tmp_path, "s3://bucket/exclusive/name")


def test_publishing_is_exclusive_locally(tmp_path):
    _publish_twice(tmp_path, str(tmp_path / "name"))


def _publish_twice(tmp_path, destination):
    (tmp_path / "one").write_bytes(b"one")
    (tmp_path / "two").write_bytes(b"two")
    assert not files.exists(destination)
    files.publish(str(tmp_path / "one"), destination)
    files.publish(str(tmp_path / "one"), destination)  # equal bytes: an attempt repeated
    with pytest.raises(IntegrityError, match="other bytes"):
        files.publish(str(tmp_path / "two"), destination)
    assert files.read_bytes(destination) == b"one"
    files.remove(destination)
    files.remove(destination)
    assert files.list_names(os.path.dirname(destination)) in ([], ["one", "two"])


def test_places_without_exclusive_create_are_refused(tmp_path):
    (tmp_path / "one").write_bytes(b"one")
    with pytest.raises(StateError, match="no exclusive create"):
        files.publish(str(tmp_path / "one"), "memory://run/name")


def test_lock_on_s3(s3):
    with RunLock("s3://bucket/locked"), pytest.raises(StateError, match="in use by process"):
        RunLock("s3://bucket/locked").__enter__()
    with RunLock("s3://bucket/locked"):
        pass
