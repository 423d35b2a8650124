"""datatrove's FineWeb recipe over a crawl, to compare `whole_run.py` with.

Run with the interpreter of an environment that has `datatrove[processing,io]==0.10.*`, spacy and
lxml_html_clean: PYTHON tests/benchmarks/datatrove_fineweb.py CRAWL OUTPUT LID_MODEL
"""

import sys
import time
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LambdaFilter,
    URLFilter,
)
from datatrove.pipeline.readers import WarcReader
from datatrove.pipeline.writers import JsonlWriter


class IsEnglish:
    """The recipe's language filter downloads its model; this is its rule with a local file."""

    def __init__(self, path):
        self.path = path
        self.model = None

    def __call__(self, document):
        if self.model is None:
            import fasttext

            self.model = fasttext.load_model(self.path)
        labels, scores = self.model.predict(document.text.replace("\n", " "))
        return labels[0] == "__label__en" and scores[0] > 0.65


def main():
    crawl, output, model = sys.argv[1:]
    started = time.monotonic()
    LocalPipelineExecutor(
        pipeline=[
            WarcReader(crawl, glob_pattern="*.warc.gz"),
            URLFilter(),
            Trafilatura(favour_precision=True),
            LambdaFilter(IsEnglish(model)),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            C4QualityFilter(filter_no_terminal_punct=False),
            FineWebQualityFilter(),
            JsonlWriter(str(Path(output) / "out")),
        ],
        tasks=4,
        workers=2,
        logging_dir=str(Path(output) / "logs"),
    ).run()
    print(f"datatrove: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
