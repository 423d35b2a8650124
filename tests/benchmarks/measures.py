"""CPU time of each measure per document: python tests/benchmarks/measures.py RUN

RUN is a finished run directory; its documents are measured again, in batches as a run does.
The last line is the ratio of the language stage to bare fastText calls on the same texts.
"""

import os
import sys
import time
from pathlib import Path

import fasttext

from curate.dedup.sketch import permutations, sketch_columns
from curate.language.language import Language, _default_path
from curate.quality.gopher_quality import GopherQuality
from curate.stage import Batch
from curate.storage.parquet import read_batches


def clock(function):
    started = time.process_time()
    result = function()
    return result, time.process_time() - started


def main():
    paths = sorted(Path(sys.argv[1], "documents").glob("part-*.parquet"))
    tables = [batch for path in paths for batch in read_batches(str(path), ["text"], 256)]
    language, gopher = Language().open(), GopherQuality().open()
    pair = permutations(112, 1)
    spent = dict.fromkeys(("fastText", "word table", "gopher_quality", "sketch"), 0.0)
    raw = 0.0
    model = fasttext.load_model(str(_default_path())).f
    gopher(Batch(tables[0]).with_columns(language(Batch(tables[0]))))  # builds the tables
    num_docs = num_bytes = 0
    for table in tables:
        batch = Batch(table)
        columns, seconds = clock(lambda batch=batch: language(batch))
        spent["fastText"] += seconds
        lines = [text.as_py()[:10_000].replace("\n", " ") + "\n" for text in batch.text]
        _, seconds = clock(lambda lines=lines: [model.predict(x, 2, 0.0, "strict") for x in lines])
        raw += seconds
        batch = batch.with_columns(columns)
        _, seconds = clock(lambda batch=batch: batch.words)
        spent["word table"] += seconds
        _, seconds = clock(lambda batch=batch: gopher(batch))
        spent["gopher_quality"] += seconds
        _, seconds = clock(lambda batch=batch: sketch_columns(batch.words, batch.text, 5, pair))
        spent["sketch"] += seconds
        num_docs += len(batch)
        num_bytes += batch.text.nbytes
    print(f"{os.cpu_count()} cores; {num_docs} documents, mean {num_bytes / num_docs / 1e3:.1f} kB")
    for name, seconds in spent.items():
        print(f"{name:16} {1e3 * seconds / num_docs:7.3f} ms per document")
    besides = sum(spent.values()) - spent["fastText"]
    print(f"besides fastText {1e3 * besides / num_docs:7.3f} ms per document")
    print(f"language stage / bare fastText {spent['fastText'] / raw:.2f}")


if __name__ == "__main__":
    main()
