"""The fixture that runs dedup."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from curate.dedup.dedup import Dedup
from tests.dedup.driver import Document, Run, RunDedup, run_dedup_in


@pytest.fixture
def run_dedup(tmp_path_factory: pytest.TempPathFactory) -> RunDedup:
    """Return a function from documents (split into parts) to the decisions on them."""

    def run(parts: Sequence[Sequence[Document]], spec: Dedup, **bounds: int) -> Run:
        return run_dedup_in(str(tmp_path_factory.mktemp("run")), parts, spec, **bounds)

    return run
