"""Measure dedup by hand: `python tests/benchmarks/dedup.py [documents]`.

Documents are 300 random words each: 60 % alone, 20 % near-duplicates of an earlier one, 10 % copies
of an earlier one, 10 % near one of ten templates. Prints documents per second per segment (one
process) and the peak memory; making the documents and their sketches is not counted.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", ".."))

from curate.dedup.dedup import Dedup, segments
from tests.dedup.driver import Document, drive, make_id, write_inputs

NUM_WORDS = 300
PART_DOCUMENTS = 5000


def synthesize(size: int) -> list[Document]:
    """Return documents whose families are as the module says."""
    rng = np.random.default_rng(0)
    vocabulary = np.array([f"{a}{b}{c}" for a in "bdgkl" for b in "aeiou" for c in range(2000)])
    templates = vocabulary[rng.integers(0, len(vocabulary), (10, NUM_WORDS))]
    made: list[np.ndarray] = []
    documents = []
    for number in range(size):
        kind = rng.random()
        if kind < 0.6 or not made:
            words = vocabulary[rng.integers(0, len(vocabulary), NUM_WORDS)]
        elif kind < 0.9:
            words = made[rng.integers(0, len(made))].copy()
        else:
            words = templates[rng.integers(0, 10)].copy()
        if not 0.8 <= kind < 0.9:
            places = rng.integers(0, NUM_WORDS, 3)
            words[places] = vocabulary[rng.integers(0, len(vocabulary), 3)]
        made.append(words)
        documents.append(Document(make_id(number), " ".join(words)))
    return documents


def main(size: int) -> None:
    """Print the table."""
    spec = Dedup()
    with tempfile.TemporaryDirectory() as directory:
        child = os.fork()
        if child == 0:  # so that the peak below is not that of making the input
            documents = synthesize(size)
            parts = [documents[i : i + PART_DOCUMENTS] for i in range(0, size, PART_DOCUMENTS)]
            write_inputs(directory, parts, spec)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        total = 0.0
        for segment in segments(spec):
            begin = time.perf_counter()
            manifest = drive(directory, segment)
            seconds = time.perf_counter() - begin
            total += seconds
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            line = f"{segment.name:26} {seconds:7.2f} s {size / seconds:10,.0f} documents/s"
            sys.stdout.write(f"{line}  peak {peak} MiB\n")
        sys.stdout.write(f"all: {total:.1f} s, {size / total:,.0f} documents/s on 1 process, ")
        sys.stdout.write(f"{os.cpu_count()} cores; memory before: {before >> 10} MiB\n")
        sys.stdout.write(f"{manifest['facts']} {manifest['counters']}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
