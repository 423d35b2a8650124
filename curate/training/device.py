"""Where a training runs: devices, their precision and peak, and the ranks of torchrun."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from curate.errors import ConfigError, CurateError

# Dense bf16 FLOP/s by words in the name that the driver gives, most specific first; from the
# makers' data sheets, whose larger figure (with sparsity) is twice this one.
PEAK_FLOPS = (
    ("B200", 2.25e15),
    ("H200 NVL", 835e12),
    ("H200", 989e12),
    ("H100 NVL", 835e12),
    ("H100 PCIe", 756e12),
    ("H100", 989e12),
    ("A100", 312e12),
    ("L40S", 362e12),
    ("L4", 121e12),
    ("RTX 4090", 165e12),
)
LONGEST_WAIT = timedelta(hours=2)  # of ranks for the first one, which validates alone
OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.I)
TORCHRUN = "torchrun sets it; without torchrun, unset WORLD_SIZE."


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int = 0
    num_ranks: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Return whether this is the one that writes and prints."""
        return self.rank == 0

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Return the elementwise sum over all ranks."""
        if self.num_ranks > 1:
            dist.all_reduce(values)
        return values

    def agree(self, value: int, device: str) -> bool:
        """Return whether `value`, below 2^63, is the same on all ranks, after waiting for them."""
        if self.num_ranks == 1:
            return True
        extremes = torch.tensor([value, -value], device=device)
        dist.all_reduce(extremes, dist.ReduceOp.MAX)
        largest, negated_smallest = extremes.tolist()
        return bool(largest == -negated_smallest)

    def wait(self) -> None:
        """Wait for all ranks."""
        if self.num_ranks > 1:
            dist.barrier()


ALONE = Ranks()


@contextmanager
def join_ranks(device: str) -> Iterator[Ranks]:
    """Join the processes that torchrun started, by its environment variables; else be alone.

    Raises: ConfigError for a variable that is missing or no number.
    """
    num_ranks = _read_number("WORLD_SIZE", least=1, default=1)
    if num_ranks == 1:
        yield ALONE
        return
    rank, local_rank = _read_number("RANK"), _read_number("LOCAL_RANK", default=0)
    ranks = Ranks(rank, num_ranks, local_rank)
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        if not os.environ.get(name):
            raise ConfigError(f"WORLD_SIZE is {num_ranks}, but {name} is not set. {TORCHRUN}")
    # Optimizers import this, and its functions' defaults keep the group that there is by then: it
    # would outlive its end, and its threads would abort a Python that exits.
    importlib.import_module("torch.distributed.nn.functional")
    if device == "cuda":
        torch.cuda.set_device(ranks.local_rank)
        own = torch.device("cuda", ranks.local_rank)
        dist.init_process_group("nccl", device_id=own, timeout=LONGEST_WAIT)
    else:
        dist.init_process_group("gloo", timeout=LONGEST_WAIT)
    try:
        yield ranks
    finally:
        dist.destroy_process_group()


def resolve_device(name: str) -> str:
    """Return "cpu" or "cuda" for "auto", "cpu" or "cuda".

    Raises: ConfigError for another name, or where there is no GPU.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--device {name}: allowed are auto, cpu and cuda")
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise ConfigError(
            f"--device cuda: torch {torch.__version__} sees no GPU here. Use --device cpu, or "
            f"install a CUDA build of torch (pytorch.org) where there is one."
        )
    return "cuda" if name != "cpu" and has_gpu else "cpu"


def prepare_device(device: str) -> None:
    """Set what torch keeps per process: TF32 on CUDA, one thread on a CPU.

    OMP_NUM_THREADS may ask for more threads. One is the default because rounding depends on their
    number, so that losses are the same on every machine; and because threads that share busy cores
    wait for each other at each small operation: two of them on two busy cores took 350 s of CPU
    time for what one does in 47 s.

    Raises: ConfigError where OMP_NUM_THREADS is no number of threads.
    """
    if device == "cuda":
        torch.set_float32_matmul_precision("high")  # for what autocast leaves in float32
    else:
        torch.set_num_threads(_read_number("OMP_NUM_THREADS", least=1, default=1))


def describe_device(device: str) -> str:
    """Return the name of a GPU, or the number of CPU threads, which rounding depends on."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"cpu, {threads} thread{'s' if threads > 1 else ''}"


def peak_flops(name: str) -> float | None:
    """Return the dense bf16 FLOP/s of a GPU by its name, or None where it is not listed.

    A slice of a GPU, and what only shares the name of one, has a peak of its own.

    >>> peak_flops("NVIDIA A100-SXM4-80GB"), peak_flops("NVIDIA L40")
    (312000000000000.0, None)
    """
    if re.search(r"\b(MIG|Laptop|4090 D)\b", name):
        return None
    return next((flops for words, flops in PEAK_FLOPS if re.search(rf"\b{words}\b", name)), None)


def precision(device: str) -> AbstractContextManager[object]:
    """Return the context of a forward pass: bf16 on CUDA, float32 on a CPU."""
    return torch.autocast(device, torch.bfloat16, enabled=device == "cuda")


@contextmanager
def told_of_memory(model: str) -> Iterator[None]:
    """Turn running out of memory into a CurateError that names the model."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is the former, too
        if isinstance(error, RuntimeError) and not OUT_OF_MEMORY.search(str(error)):
            raise
        raise CurateError(
            f"out of memory with {model}: {str(error).splitlines()[0]}. Try a smaller --preset, or "
            f"tokens of a smaller vocabulary."
        ) from error


def _read_number(name: str, least: int = 0, default: int | None = None) -> int:
    """Return an environment variable; of OpenMP's "4,2", for nested regions, the first."""
    text = os.environ.get(name, "").split(",")[0].strip()
    if not text and default is not None:
        return default
    if not text:
        raise ConfigError(f"WORLD_SIZE is set, but {name} is not. {TORCHRUN}")
    if not text.isdecimal() or int(text) < least:
        raise ConfigError(f"{name}={os.environ[name]}: must be a whole number from {least} on")
    return int(text)
