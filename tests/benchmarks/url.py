"""Load time, memory and time per page of the url gate: python tests/benchmarks/url.py

A list of 4.6 million made-up domains, as many as the largest public one has, in a new process.
"""

import random
import resource
import tempfile
import time
from pathlib import Path

from curate.gates.url import Url
from curate.stage import Page

DOMAINS, PAGES = 4_600_000, 5_000
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


def rss_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def main():
    source = random.Random(1)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "domains")
        with path.open("w") as file:
            for _ in range(DOMAINS):
                name = "".join(source.choices(LETTERS, k=source.randint(5, 20)))
                file.write(f"{name}.{source.choice(('com', 'net', 'org', 'example'))}\n")
        size_mb = path.stat().st_size / 1e6
        spec = Url(blocklists=[str(path)])
        before, start = rss_mb(), time.process_time()
        check = spec.open()
        loaded, after = time.process_time() - start, rss_mb()
        spec.open(directory)
        start = time.process_time()
        spec.open(directory)
        mapped = time.process_time() - start
        start = time.process_time()
        spec.measuring_settings()
        hashed = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    page = Page("", None, "response", 200, None, "text/html", None, "ok", b"", None)
    urls = [f"https://www.site-{n}.example.org/some/path/page-{n}.html?a=b" for n in range(PAGES)]
    start = time.process_time()
    for page.url in urls:
        check(page)
    spent = (time.process_time() - start) / PAGES
    print(f"{DOMAINS:,} domains, {size_mb:.0f} MB of text")
    print(f"open {loaded:.2f} s, of a later part {mapped:.2f} s, sha256 {hashed:.2f} s")
    print(f"memory {before:.0f} -> {after:.0f} MB, {peak:.0f} MB at most")
    print(f"{1e6 * spent:.0f} us per page")


if __name__ == "__main__":
    main()
