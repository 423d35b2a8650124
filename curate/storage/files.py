"""Files by path or URL: read anywhere, publish where an exclusive create is real.

Reading goes through fsspec, so `s3://bucket/x.warc.gz` works wherever a local path does. Writing
is restricted to places that can refuse to overwrite: local directories (a hard link fails if the
name exists), S3 (`IfNoneMatch`) and GCS (`ifGenerationMatch=0`). fsspec's generic exclusive create
is check-then-write, which two attempts can both pass.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import IO, Any, cast

from curate.errors import CurateError, InputError, IntegrityError, StateError

EXCLUSIVE_PROTOCOLS = ("s3", "s3a", "gs", "gcs")
MACHINE_ERRNOS = {  # a full disk and its like: no defect of curate or of the input
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE", "ENFILE")
}


def is_local(path: str) -> bool:
    """Return whether the path is on this machine's file systems."""
    return "://" not in path or path.startswith("file://")


def local_path(path: str) -> str:
    """Return an absolute local path without its scheme."""
    return os.path.abspath(path.removeprefix("file://"))


def absolute(path: str) -> str:
    """Return the path as an absolute one; URLs stay as they are."""
    return local_path(path) if is_local(path) else path.rstrip("/")


def join(directory: str, *names: str) -> str:
    """Join names to a directory path or URL."""
    return "/".join([directory.rstrip("/"), *names])


def explain_os_error(error: OSError) -> Exception:
    """Return an error a person can act on where the machine is at fault, else the error itself."""
    if error.errno not in MACHINE_ERRNOS:
        return error
    return CurateError(f"{error}. What is committed is safe; the same command resumes.")


def open_read(path: str) -> IO[bytes]:
    """Open a file or object for reading; seekable, raw bytes.

    Raises: InputError when it does not exist or cannot be opened.
    """
    try:
        if is_local(path):
            return open(local_path(path), "rb")
        fs, inside = file_system(path)
        return cast("IO[bytes]", fs.open(inside, "rb"))
    except (OSError, ImportError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def size_bytes(path: str) -> int:
    """Return the size of a file or object in bytes."""
    try:
        if is_local(path):
            return os.stat(local_path(path)).st_size
        fs, inside = file_system(path)
        return int(fs.size(inside))
    except (OSError, ImportError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def exists(path: str) -> bool:
    """Return whether a file, object or directory is there now."""
    if is_local(path):
        return os.path.exists(local_path(path))
    fs, inside = file_system(path)
    return bool(fs.exists(inside))


def list_names(directory: str) -> list[str]:
    """Return the sorted names in a directory, hidden ones too; [] where it does not exist."""
    if is_local(directory):
        try:
            return sorted(os.listdir(local_path(directory)))
        except FileNotFoundError:
            return []
    fs, inside = file_system(directory)
    try:
        entries = fs.ls(inside, detail=False)
    except FileNotFoundError:
        return []
    return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries)


def make_directory(directory: str) -> None:
    """Create a local directory and its parents; object stores need none."""
    if is_local(directory):
        os.makedirs(local_path(directory), exist_ok=True)


def read_bytes(path: str) -> bytes:
    """Return a whole small file."""
    with open_read(path) as file:
        return file.read()


def read_json(path: str) -> Any:
    """Return a JSON file's value, or None when it does not exist."""
    if not exists(path):
        return None
    return json.loads(read_bytes(path))


def canonical_json(value: Any) -> bytes:
    """Serialize with sorted keys, so that equal values are equal bytes.

    Text that is not Unicode (a file name of other bytes) is escaped, and comes back when read.
    """
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"


def sha256_file(path: str) -> str:
    """Return the hex sha256 of a file's bytes."""
    with open_read(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def scratch_directory(directory: str) -> str:
    """Return a new empty local directory for one attempt, beside its output where that is local."""
    if not is_local(directory):
        return tempfile.mkdtemp(prefix="curate-")  # a name nobody can have prepared
    path = os.path.join(local_path(directory), ".tmp", uuid.uuid4().hex)
    os.makedirs(path)
    return path


def publish(temporary: str, destination: str, sha256: str | None = None) -> None:
    """Make a finished local file visible under its final name, once.

    The data is fsynced before the name appears. If the name exists already with the same bytes
    nothing happens; with other bytes two attempts disagreed, which must never pass silently.

    Raises: IntegrityError when the destination holds other bytes.
    """
    if is_local(destination):
        target = local_path(destination)
        _fsync(temporary)
        try:
            os.link(temporary, target)
        except FileExistsError:
            _require_same(temporary, destination, sha256)
        _fsync(os.path.dirname(target))
        return
    fs, inside = file_system(destination)
    protocol = destination.split("://", 1)[0]
    if protocol not in EXCLUSIVE_PROTOCOLS:
        raise StateError(
            f"cannot write to {destination}: {protocol}:// has no exclusive create, so two "
            f"attempts could overwrite each other. Use a local path, s3:// or gs://."
        )
    try:
        fs.put_file(temporary, inside, mode="create")
    except FileExistsError:
        _require_same(temporary, destination, sha256)


def publish_bytes(data: bytes, destination: str) -> None:
    """Publish a small file exclusively (see `publish`)."""
    scratch = scratch_directory(os.path.dirname(destination))
    try:
        temporary = os.path.join(scratch, "data")
        Path(temporary).write_bytes(data)
        publish(temporary, destination)
    finally:
        remove_tree(scratch)


def replace_bytes(data: bytes, destination: str) -> None:
    """Write a small file atomically, replacing what was there (run.json and reports only)."""
    if not is_local(destination):
        fs, inside = file_system(destination)
        fs.pipe_file(inside, data)
        return
    target = local_path(destination)
    scratch = scratch_directory(os.path.dirname(target))
    try:
        temporary = os.path.join(scratch, "data")
        Path(temporary).write_bytes(data)
        _fsync(temporary)
        os.replace(temporary, target)
        _fsync(os.path.dirname(target))
    finally:
        remove_tree(scratch)


def remove(path: str) -> None:
    """Remove one file; absent is fine."""
    if is_local(path):
        Path(local_path(path)).unlink(missing_ok=True)
        return
    fs, inside = file_system(path)
    if fs.exists(inside):
        fs.rm_file(inside)


def remove_tree(directory: str) -> None:
    """Remove a directory and everything in it; absent is fine."""
    if is_local(directory):
        shutil.rmtree(local_path(directory), ignore_errors=True)
        return
    fs, inside = file_system(directory)
    if fs.exists(inside):
        fs.rm(inside, recursive=True)


def move_tree(source: str, target: str) -> None:
    """Move a directory; on an object store this copies."""
    if is_local(source):
        os.makedirs(os.path.dirname(local_path(target)), exist_ok=True)
        os.rename(local_path(source), local_path(target))
        return
    fs, inside = file_system(source)
    new = file_system(target)[1]
    for path in sorted(fs.find(inside)):  # fs.mv also copies the directory, which is no object
        fs.cp_file(path, new + path.removeprefix(inside))
    fs.rm(inside, recursive=True)


def copy_file(source: str, temporary: str) -> None:
    """Copy a file to a local path; a hard link where source and target share a file system."""
    if is_local(source):
        try:
            os.link(local_path(source), temporary)
            return
        except OSError:
            pass
    with open_read(source) as reader, open(temporary, "wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)


def file_system(path: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it.

    Listings are not cached: other processes publish, and a stale one would hide what they did.
    """
    from fsspec.core import url_to_fs  # 60 ms, in every child, for what most runs never need

    fs, inside = url_to_fs(path, use_listings_cache=False)
    return fs, str(inside)


def _require_same(temporary: str, destination: str, sha256: str | None) -> None:
    ours = sha256 or sha256_file(temporary)
    theirs = sha256_file(destination)
    if ours != theirs:
        raise IntegrityError(
            f"{destination} exists with other bytes (sha256 {theirs[:12]}, this attempt "
            f"{ours[:12]}). Two attempts at the same part must agree: the software, the machine "
            f"or an input differs. Nothing was overwritten."
        )


def _fsync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
