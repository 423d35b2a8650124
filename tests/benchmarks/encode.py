"""Compare the `tokens` segment with the bare tokenizer: `python tests/benchmarks/encode.py A B`.

A is a tokenizer.json, B a JSONL file with a `text` field; long texts are cut into documents of
5,000 characters. Prints MB of text per CPU second of the library's `encode_batch_fast` alone, of
our encoder (strings to checked ids in NumPy), and of the whole segment with reading and writing.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import tokenizers

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from curate.storage import files
from curate.tokens.segments import token_segments
from curate.tokens.settings import Tokens
from curate.tokens.tokenizer import Encoder, check_tokenizer_file
from tests.corpus import READS, make_documents, write_corpus
from tests.runner import run_segment

DOCUMENT_CHARS = 5000
MAX_BYTES = 12 << 20
ROUNDS = 3


def read_texts(path: str) -> list[str]:
    """Return documents of 5,000 characters, 12 MiB of text in all."""
    texts: list[str] = []
    size = 0
    for line in Path(path).read_text().splitlines():
        text = json.loads(line)["text"]
        for start in range(0, len(text), DOCUMENT_CHARS):
            if size >= MAX_BYTES:
                return texts
            texts.append(text[start : start + DOCUMENT_CHARS])
            size += len(texts[-1].encode())
    return texts


def time_raw(path: str, texts: list[str]) -> float:
    """Return CPU seconds of the library alone, in batches of 200 documents."""
    tokenizer = tokenizers.Tokenizer.from_file(path)
    tokenizer.encode_special_tokens = True
    start = time.process_time()
    for first in range(0, len(texts), 200):
        tokenizer.encode_batch_fast(texts[first : first + 200], add_special_tokens=False)
    return time.process_time() - start


def time_encoder(path: str, texts: list[str]) -> float:
    """Return CPU seconds from strings to checked NumPy ids, in the same batches."""
    encoder = Encoder(Path(path).read_bytes(), check_tokenizer_file(path, None))
    start = time.process_time()
    for first in range(0, len(texts), 200):
        encoder.encode(texts[first : first + 200])
    return time.process_time() - start


def time_segment(path: str, run_directory: str) -> float:
    """Return CPU seconds of the whole `tokens` segment, but for opening the tokenizer."""
    tokenizer, encoding = token_segments(Tokens(file=path), True, READS)
    files.remove_tree(files.join(run_directory, "tokenizer"))
    files.remove_tree(files.join(run_directory, "tokens"))
    run_segment(run_directory, tokenizer)
    start = time.process_time()
    run_segment(run_directory, encoding)
    return time.process_time() - start - time_open(path)


def time_open(path: str) -> float:
    """Return CPU seconds to open the tokenizer for encoding, which each part does once."""
    facts = check_tokenizer_file(path, None)
    data = Path(path).read_bytes()
    start = time.process_time()
    Encoder(data, facts)
    return time.process_time() - start


def main() -> None:
    """Alternate the three, so that a busy machine slows all; take the best of each."""
    path, texts = sys.argv[1], read_texts(sys.argv[2])
    size = sum(len(text.encode()) for text in texts) / 1e6
    rounds: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory() as directory:
        write_corpus(directory, make_documents(texts), rows_per_part=5000)
        for _ in range(ROUNDS):
            timed = (time_raw(path, texts), time_encoder(path, texts))
            rounds.append((*timed, time_segment(path, directory)))
    raw, encoder, segment = (min(times) for times in zip(*rounds, strict=True))
    lines = [
        f"{len(texts)} documents, {size:.1f} MB, {os.cpu_count()} cores, one used",
        f"encode_batch_fast  {size / raw:.2f} MB/s",
        f"ids in NumPy       {size / encoder:.2f} MB/s, ratio {raw / encoder:.3f}",
        f"tokens segment     {size / segment:.2f} MB/s, ratio {raw / segment:.3f}",
        f"opening            {1000 * time_open(path):.0f} ms per part",
    ]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
