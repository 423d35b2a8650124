"""How much of the documents segment is not the libraries': tests/benchmarks/documents.py CRAWL

Runs the segment in this process over WARC files, then the bare libraries over the same pages:
FastWARC to read, lxml to parse and for XPath, trafilatura for the text. Prints CPU seconds and
their ratio.
"""

import cProfile
import glob
import os
import pstats
import sys
import tempfile
import time

import trafilatura
from fastwarc.warc import ArchiveIterator, WarcRecordType
from trafilatura.settings import Extractor

from curate.config import Config
from curate.extraction.extraction import Extraction
from curate.extraction.html import is_deeper, parse
from curate.extraction.metadata import find_date, find_title
from curate.gates.http import Http
from curate.pipeline import documents
from curate.pipeline.inputs import list_sources, plan_parts
from curate.segment import RunFiles
from curate.settings import Input, RunSettings
from curate.sources.charset import decode_html
from curate.storage.artifact import PartIO


def ours(pattern, profile):
    settings = RunSettings(input=Input(paths=[pattern]), output="unused")
    config = Config(settings, (Http(), Extraction()))
    parts = plan_parts(settings.input, list_sources(settings.input))(RunFiles("unused"))
    run = documents.run(config)
    count = 0
    started = time.process_time()
    for part in parts:
        with tempfile.TemporaryDirectory() as scratch:
            io = PartIO("unused", "documents", part, scratch)
            if profile:
                profile.enable()
            run(io, {})
            io.finish()
            if profile:
                profile.disable()
            count += io.counters["documents"]
    return count, time.process_time() - started


def libraries(pattern):
    options = Extractor(fast=True, comments=False, dedup=False, output_format="python")
    count = 0
    spent = 0.0
    for path in sorted(glob.glob(pattern)):
        started = time.process_time()
        with open(path, "rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response):
                body = record.reader.read()
                aside = time.process_time()
                text = decode_html(body, record.http_charset).text
                spent -= time.process_time() - aside  # charset detection is ours to pay
                tree = parse(text) if text.strip() else None
                if tree is not None:
                    is_deeper(tree, 512)  # XPath: lxml's
                    (find_title(tree), find_date(tree, None, None))  # nearly all XPath
                    trafilatura.bare_extraction(tree, options=options)
                    count += 1
        spent += time.process_time() - started
    return count, spent


def main():
    pattern = os.path.join(sys.argv[1], "*.warc.gz")
    print(f"{os.cpu_count()} cores")
    ours(pattern, None)  # warm-up: imports, page cache
    raw_count, raw = libraries(pattern)
    count, total = ours(pattern, None)
    for name, pages, seconds in (("alone", raw_count, raw), ("in the segment", count, total)):
        print(f"{name:15} {pages:6} pages {seconds:7.2f} s {1e3 * seconds / pages:6.2f} ms/page")
    print(f"share of libraries  {raw / total:.3f}")
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        ours(pattern, profile)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
