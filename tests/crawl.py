"""Write small crawls of made-up English that real filters keep, the same bytes every time."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.sources.warc_files import make_record


def _split(text: str) -> list[str]:
    return text.split("|")


SUBJECTS = _split(
    "the ferryman|an old bridge|the harbor master|my grandmother|a flock of starlings|the baker|"
    "the river|a retired surveyor|the orchard|her brother|the night train|a stubborn mule|"
    "the lighthouse|every clockmaker|the village council|a young botanist|the copper mine|"
    "the weaver|a stranger from the coast|the school"
)
VERBS = _split(
    "carried|remembered|repaired|measured|followed|sold|watched|painted|forgot|crossed|described|"
    "borrowed|collected|guarded|abandoned|discovered|counted|feared|praised|inherited"
)
OBJECTS = _split(
    "the narrow valley|a bundle of letters|the broken loom|fourteen lanterns|the winter harvest|"
    "a map of the marshes|the silver bell|her father's boat|the northern road|a jar of honey|"
    "the missing ledger|the frozen canal|a chest of tools|the first snow|the empty granary|"
    "a song about the sea|the cellar door|an unfinished portrait|the stone wall|the last ferry"
)
TAILS = _split(
    "before the storm reached the town|while the others slept|with more patience than skill|"
    "because nobody else had offered to|and that was the end of the matter|for almost a year|"
    "in spite of what the neighbors said|as it had been done for generations|until the war began|"
    "and the children learned to do the same|of which only a drawing has survived|to this day|"
    "without telling anyone about it|when the water was low|that stood behind the mill"
)


@dataclass(frozen=True)
class Page:
    """A page of a crawl: its record's offset in the file is its position."""

    url: str
    html: str


def make_prose(seed: int, num_sentences: int = 14) -> list[str]:
    """Return paragraphs of 3 to 5 sentences."""
    rng = random.Random(seed)
    sentences = []
    for _ in range(num_sentences):
        words = (rng.choice(SUBJECTS), rng.choice(VERBS), rng.choice(OBJECTS), rng.choice(TAILS))
        text = " ".join(words)
        sentences.append(text[0].upper() + text[1:] + ".")
    paragraphs = []
    while sentences:
        take = rng.randint(3, 5)
        paragraphs.append(" ".join(sentences[:take]))
        sentences = sentences[take:]
    return paragraphs


def make_page(seed: int, num_sentences: int = 14) -> Page:
    """Return a page that the filters keep, if it has more than about six sentences."""
    paragraphs = "".join(f"<p>{text}</p>" for text in make_prose(seed, num_sentences))
    return Page(
        f"https://example.org/{seed}",
        f"<html><head><title>Story {seed}</title></head><body><article>{paragraphs}</article>"
        f"</body></html>",
    )


def make_slow_page(name: str, num_paragraphs: int) -> Page:
    """Return a page whose extraction costs about 35 us of CPU a paragraph."""
    body = "".join(f"<p>word {i} and <b>more</b></p>" for i in range(num_paragraphs))
    return Page(f"https://example.org/{name}", f"<html><body>{body}</body></html>")


def write_warc(path: Path, pages: Sequence[Page]) -> dict[str, int]:
    """Write a `.warc.gz` of one member per page; return url -> offset of its record."""
    offsets, data = {}, b""
    for page in pages:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        offsets[page.url] = len(data)
        data += gzip.compress(make_record(head + page.html.encode(), page.url), 6, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return offsets


def write_crawl(
    directory: Path, num_files: int = 3, pages_per_file: int = 10, slow_paragraphs: int = 0
) -> dict[str, dict[str, int]]:
    """Write files of kept, near-equal, equal and short pages; return file -> url -> offset.

    `slow_paragraphs` adds to the middle of every file a page that keeps a child busy for a while.
    """
    crawl = {}
    for number in range(num_files):
        seeds = range(1000 * number, 1000 * number + pages_per_file)
        pages = [make_page(seed) for seed in seeds]
        pages[1] = make_page(1000 * number + 1, 2)  # too short
        pages[2] = Page(f"https://example.org/again{number}", make_page(0).html)
        if slow_paragraphs:
            pages.insert(pages_per_file // 2, make_slow_page(f"slow{number}", slow_paragraphs))
        name = f"crawl-{number:02d}.warc.gz"
        crawl[name] = write_warc(directory / name, pages)
    return crawl
