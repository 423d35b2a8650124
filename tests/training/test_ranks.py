"""Processes that train together, and what the environment says of them and of the device."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from curate.errors import ConfigError
from curate.training.device import join_ranks, peak_flops, prepare_device
from curate.training.trainer import train
from tests.training.tiny import EOD, make_ids, make_set, make_settings
from tests.training.token_files import write_llm_c, write_run

REPOSITORY = Path(__file__).parent.parent.parent


def run_ranks(*commands, local_rank=None):
    """Run one command per rank; return their exit codes and errors."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "WORLD_SIZE": str(len(commands)), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error::FutureWarning", *map(str, command)],
            cwd=REPOSITORY,
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(local_rank or rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, command in enumerate(commands)
    ]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    return [process.returncode for process in processes], errors


RANK_SCRIPT = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from curate.training.device import join_ranks
from curate.training.trainer import train
from tests.training.tiny import EOD, make_set, make_settings
with join_ranks("cpu") as ranks:
    directory = Path(sys.argv[1])
    # 1,993 tokens: the last window is short, so ranks hold different numbers of targets.
    splits = make_set(directory / f"set-{ranks.rank}", size=1993)
    settings = make_settings(steps=20, decay_steps=20, micro_batch_windows=2)
    result = train(settings, *splits, EOD, checkpoint_dir=str(directory), ranks=ranks)
    found = {"losses": result.losses, "evaluations": len(result.evaluations)}
    (directory / f"{ranks.rank}.json").write_text(json.dumps(found))
# A thread that is left would abort the process now and then, at its exit.
left = [task.joinpath("comm").read_text() for task in Path("/proc/self/task").iterdir()]
assert not any("gloo" in name for name in left), left
"""


def test_two_ranks_are_one(tmp_path):
    codes, errors = run_ranks(*[["-c", RANK_SCRIPT, tmp_path]] * 2)
    assert codes == [0, 0], errors
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert first["losses"] == second["losses"]
    assert (first["evaluations"], second["evaluations"]) == (1, 0)  # only the first one validates
    alone = train(
        make_settings(steps=20, decay_steps=20), *make_set(tmp_path / "one", size=1993), EOD
    )
    np.testing.assert_allclose(first["losses"], alone.losses, rtol=2e-3)
    assert first["losses"][0] == pytest.approx(alone.losses[0], rel=1e-6)


RESUME_SCRIPT = """
import sys
from pathlib import Path
from curate.errors import StateError
from curate.training.device import join_ranks
from curate.training.trainer import train
from tests.training.tiny import EOD, make_set, make_settings
with join_ranks("cpu") as ranks:
    directory = Path(sys.argv[1]) / str(ranks.rank)
    splits = make_set(directory)
    settings = make_settings()
    if ranks.is_first:
        train(settings, *splits, EOD, checkpoint_dir=str(directory))
    try:
        train(settings, *splits, EOD, checkpoint_dir=str(directory), resume=True, ranks=ranks)
    except StateError as error:
        sys.exit("do not see the same checkpoint" not in str(error))
sys.exit(2)
"""


def test_ranks_that_do_not_share_checkpoints_do_not_go_on(tmp_path):
    codes, errors = run_ranks(*[["-c", RESUME_SCRIPT, tmp_path]] * 2)
    assert codes == [0, 0], errors


def smoke_command(directory):
    return ["-m", "curate.train_smoke", "--run", directory, "--preset", "0.5m", "--device", "cpu"]


def test_ranks_that_see_other_tokens_do_not_begin(tmp_path):
    for rank in range(2):
        directory = tmp_path / str(rank)
        directory.mkdir()
        write_llm_c(directory / "some_train_000001.bin", make_ids(6000, rank))
        write_llm_c(directory / "some_val_000000.bin", make_ids(600, 7))
    codes, errors = run_ranks(*[smoke_command(tmp_path / str(rank)) for rank in range(2)])
    assert codes == [1, 1]
    for told in errors:
        assert "the ranks do not see the same tokens" in told
        assert "Traceback" not in told


def test_every_node_holds_its_shards_against_their_sums(tmp_path):
    runs = [write_run(tmp_path / str(node)) for node in range(2)]
    shard = next((runs[1] / "shards").glob("train-*.bin"))
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(data)
    codes, errors = run_ranks(*[smoke_command(run) for run in runs], local_rank="0")
    assert codes == [1, 1]
    assert "the ranks do not see the same tokens" in errors[0]
    assert "Traceback" not in errors[0]
    assert shard.name in errors[1]
    assert "is damaged" in errors[1]


@pytest.mark.parametrize(("text", "threads"), [("", 1), ("1", 1), ("2", 2), ("2,4", 2)])
def test_threads_are_those_of_the_outer_region(monkeypatch, text, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    try:
        prepare_device("cpu")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    with pytest.raises(ConfigError, match=f"OMP_NUM_THREADS={text}"):
        prepare_device("cpu")


@pytest.mark.parametrize(("settings", "said"), [
    ({"WORLD_SIZE": "many"}, "WORLD_SIZE=many"),
    ({"WORLD_SIZE": "2"}, "RANK is not"),
    ({"WORLD_SIZE": "2", "RANK": "0"}, "MASTER_ADDR is not"),
    ({"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "x"}, "MASTER_PORT is not"),
])  # fmt: skip
def test_half_an_environment_of_torchrun_is_refused(monkeypatch, settings, said):
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(ConfigError, match=said), join_ranks("cpu"):
        pass


@pytest.mark.parametrize(("name", "peak"), [
    ("NVIDIA H100 80GB HBM3", 989e12),
    ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", None),
    ("NVIDIA GeForce RTX 4090", 165e12),
    ("NVIDIA GeForce RTX 4090 D", None),
    ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
])  # fmt: skip
def test_a_slice_or_a_namesake_has_another_peak(name, peak):
    assert peak_flops(name) == peak
