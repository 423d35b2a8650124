"""CPU time and memory of every rule set: python tests/benchmarks/rule_sets.py RUN [RULE_SET ...]

RUN is a finished run directory. Its English documents are measured in batches of 256, as a run
does, by every rule set of `curate.stages` that needs no settings, or by those named; the word table
is built first, and shared. Beside them, where datatrove is installed, its filters of the same rules
on the same texts, on the same core: the words made first, and shared. Then single documents of
doubling size, up to 10 MB: nanoseconds per byte, and the highest memory held (word table included)
as a multiple of the text.
"""

import os
import random
import sys
import time
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from curate.rule_set import RuleSet
from curate.stage import Batch
from curate.stages import STAGES
from curate.storage.parquet import read_batches

BATCH_ROWS = 256
LARGEST_BYTES = 10_000_000
# The filter of datatrove that has the rules of a stage of ours.
FILTERS = {
    "gopher_quality": "GopherQualityFilter",
    "gopher_repetition": "GopherRepetitionFilter",
    "fineweb": "FineWebQualityFilter",
    "c4": "C4QualityFilter",
}


def clock(function, *arguments):
    started = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - started


def read_texts(run):
    """Return the texts of the English documents, and of all."""
    english, texts = [], []
    for part in sorted(Path(run, "measures").glob("part-*.parquet")):
        documents = read_batches(str(Path(run, "documents", part.name)), ["text"], BATCH_ROWS)
        measures = read_batches(str(part), ["language"], BATCH_ROWS)
        for table, measured in zip(documents, measures, strict=True):
            wanted = pc.fill_null(pc.equal(measured.column("language"), "en"), False)
            english += table.filter(wanted).column("text").to_pylist()
            texts += table.column("text").to_pylist()
    return english, texts


def open_rule_sets(names):
    opened = {}
    for name, stage in STAGES.items():
        if issubclass(stage, RuleSet) and (not names or name in names):
            try:
                opened[name] = stage().open()
            except ValidationError:
                print(f"{name}: left out, as it has no default settings")
    return opened


def batch_of(texts):
    text = pa.array(texts, pa.large_string())
    return Batch(
        pa.RecordBatch.from_pydict(
            {"text": text, "language": pa.array(["en"] * len(texts), pa.large_string())}
        )
    )


def build_words(batch):
    """Build the word table with all that is built on first use."""
    words = batch.words
    return words.layout, words.unspaced_words


def time_ours(texts, opened):
    build_words(batch_of(texts[:1]))  # the tables of characters
    spent = dict.fromkeys(("words", *opened), 0.0)
    for first in range(0, len(texts), BATCH_ROWS):
        batch = batch_of(texts[first : first + BATCH_ROWS])
        spent["words"] += clock(build_words, batch)[1]
        for name, function in opened.items():
            spent[name] += clock(function, batch)[1]
    return spent


def time_datatrove(texts, names):
    """Return seconds by name; each filter finds the words of its text in datatrove's own cache."""
    try:
        from datatrove.data import Document
        from datatrove.pipeline import filters
        from datatrove.utils.text import split_into_words
    except ImportError:
        print("datatrove is not installed")
        return {}
    try:
        split_into_words("one word")
    except ImportError as error:
        print(f"datatrove cannot make words here: {error}".splitlines()[0])
        return {}
    stages = {name: getattr(filters, FILTERS[name])() for name in names if name in FILTERS}
    spent = dict.fromkeys(("words", *stages), 0.0)
    for text in texts:
        spent["words"] += clock(split_into_words, text)[1]
        for name, stage in stages.items():
            split_into_words(text)  # the cache has five places, which C4 fills with lines
            spent[name] += clock(stage.filter, Document(text=text, id=""))[1]
    return spent


def show_times(texts, opened):
    ours, theirs = time_ours(texts, opened), time_datatrove(texts, opened)
    mean = sum(len(text.encode()) for text in texts) / len(texts)
    print(f"{len(texts)} English documents, mean {mean / 1e3:.1f} kB; ms per document on one core")
    print(f"{'':20} {'curate':>8} {'datatrove':>10} {'ratio':>7}")
    for name, seconds in ours.items():
        show_time(name, seconds, theirs.get(name), len(texts))
    both = [name for name in ours if name in theirs]
    if both:
        sums = [sum(spent[name] for name in both) for spent in (ours, theirs)]
        show_time("what both have", *sums, len(texts))
    show_time("all", sum(ours.values()), None, len(texts))


def show_time(name, seconds, other, count):
    line = f"{name:20} {1e3 * seconds / count:8.3f}"
    if other is not None:
        line += f" {1e3 * other / count:10.3f} {other / seconds:6.0f}x"
    print(line)


def measure(text, opened):
    batch = batch_of([text])
    build_words(batch)
    for function in opened.values():
        function(batch)


def show_sizes(kind, unit, opened):
    print(f"{kind}: one document, word table included")
    for shift in range(5, -1, -1):
        size = LARGEST_BYTES >> shift
        text = (unit * (size // len(unit.encode()) + 1)).encode()[:size].decode(errors="ignore")
        _, seconds = clock(measure, text, opened)
        tracemalloc.start()
        measure(text, opened)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"{size / 1e6:8.2f} MB {1e9 * seconds / size:6.0f} ns/byte {peak / size:6.1f} x text")


def main():
    print(f"{os.cpu_count()} cores")
    english, texts = read_texts(sys.argv[1])
    opened = open_rule_sets(sys.argv[2:])
    show_times(english, opened)
    texts = list(dict.fromkeys(texts))
    random.Random(0).shuffle(texts)  # crawls come by site; every size is to be the same mixture
    show_sizes("real text of all languages", "\n".join(texts), opened)
    show_sizes("one word", "word ", opened)
    show_sizes("two lines", "the quick brown fox jumps over it\nthe lazy dog sleeps\n", opened)
    letters = random.Random(0).choices("abcdefghijklmnopqrstuvwxyz", k=5_000_003)
    show_sizes("words of one letter, the densest there is", " ".join(letters), opened)
    show_sizes("lines of one letter", "\n".join(letters), opened)


if __name__ == "__main__":
    main()
