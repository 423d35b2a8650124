"""CPU time and memory of the text layer: python tests/benchmarks/words.py RUN

RUN is a finished run directory. Its documents of one language (English, or the second argument) are
read in batches of 256, as a run does; then one document of 1 MB and of 10 MB, each in a process of
its own, for the time and the peak memory over the size of the text.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curate.text.sentences import sentence_ends
from curate.text.spans import duplicate_spans, span_hashes
from curate.text.words import word_table


def read_texts(run, language):
    columns = {"documents": "text", "measures": "language"}
    tables = [
        pa.concat_tables(
            pq.read_table(path, columns=[column])
            for path in sorted(Path(run, artifact).glob("part-*.parquet"))
        )
        for artifact, column in columns.items()
    ]
    wanted = [label == language for label in tables[1].column("language").to_pylist()]
    return tables[0].column("text").filter(pa.array(wanted)).combine_chunks()


def mark_duplicate_lines(words):
    layout = words.layout
    hashes = span_hashes(words, layout.line_starts, layout.line_ends)
    return duplicate_spans(hashes, layout.line_offsets)


STEPS = {
    "word table": None,
    "exact hashes": lambda words: words.exact_hashes(),
    "layout": lambda words: words.layout,
    "paragraphs": lambda words: words.layout.paragraph_starts,
    "duplicate lines": mark_duplicate_lines,
    "sentences": sentence_ends,
}


def clock_batches(texts, rounds=5):
    batches = [texts.slice(first, 256) for first in range(0, len(texts), 256)]
    best = dict.fromkeys(STEPS, float("inf"))
    for _ in range(rounds):
        spent = dict.fromkeys(STEPS, 0.0)
        for batch in batches:
            started = time.process_time()
            words = word_table(batch)
            spent["word table"] += time.process_time() - started
            for name, step in STEPS.items():
                if step:
                    started = time.process_time()
                    step(words)
                    spent[name] += time.process_time() - started
        best = {name: min(best[name], spent[name]) for name in STEPS}
    size = sum(len(text.as_py().encode()) for text in texts)
    print(f"{os.cpu_count()} cores; {len(texts)} documents, mean {size / len(texts) / 1e3:.1f} kB")
    for name, seconds in best.items():
        print(f"{name:16} {1e6 * seconds / len(texts):7.1f} us per document")


def measure_one(run, language, num_bytes):
    joined = "\n".join(read_texts(run, language).to_pylist()).encode()
    text = (joined * (num_bytes // len(joined) + 1))[:num_bytes].decode("utf-8", "ignore")
    document = pa.array([text], pa.large_string())
    word_table(pa.array(["warm", "東京"], pa.large_string())).exact_hashes()
    del joined, text
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    before = read_memory("VmRSS")
    started = time.process_time()
    words = word_table(document)
    words.exact_hashes(), words.layout.paragraph_starts
    seconds = time.process_time() - started
    ratio = (read_memory("VmHWM") - before) / num_bytes
    print(
        f"{num_bytes / 1e6:5.0f} MB {1e9 * seconds / num_bytes:6.1f} ns and {ratio:5.1f} B a byte"
    )


def read_memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def main():
    run, language = sys.argv[1], (sys.argv[2:3] or ["en"])[0]
    if len(sys.argv) == 4:
        measure_one(run, language, int(sys.argv[3]))
        return
    clock_batches(read_texts(run, language))
    for num_bytes in (1_000_000, 10_000_000):
        command = [sys.executable, __file__, run, language, str(num_bytes)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
