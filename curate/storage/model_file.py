"""Model files are named in the YAML by path and sha256: the path may change, the content not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from curate.errors import ConfigError

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


def check_model_file(keys: tuple[str, str], path: Path, sha256: str, what: str) -> None:
    """Refuse a file that is missing or not the one that the settings name: 1 ms a megabyte.

    Args:
        keys: Those of path and sha256 in the YAML, e.g. language.model and language.sha256.
        path: Where the file lies.
        sha256: Of its bytes.
        what: What it should be, e.g. `a fastText model file`.

    Raises:
        ConfigError: Naming the key.
    """
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; give the path of {what} on this machine",
            keys[0],
        ) from None
    if actual != sha256:
        raise ConfigError(
            f"the sha256 of {path} is {actual}, not {sha256}: another model would give other "
            f"results; correct {keys[1]}, or the file",
            keys[0],
        )
