"""What a person sees while a run goes on: a live display, or plain lines without a terminal.

Besides the parts that are done, the positions of the children that run now are read from their
mapped files, so that the counts move even while every part is long.
"""

from __future__ import annotations

import glob
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from curate.engine.observer import Observer, SegmentReport
from curate.engine.position import read_position
from curate.segment import Segment
from curate.storage import files
from curate.storage.artifact import Part, PartRecord

LINE_SECONDS = 10.0  # between plain lines
MIN_SHOWN_SECONDS = 1.0
HIDDEN = "."  # segments below an artifact show as part of it


@contextmanager
def unless_closed() -> Iterator[None]:
    """Go on where standard output is closed: rich then falls silent, and asks to exit."""
    with suppress(SystemExit):
        yield


class Progress(Observer):
    """Show segment, parts done, records/s and time left, on a terminal or in a log."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._lock = threading.Lock()
        self._segment: str | None = None
        self._directory = ""
        self._started = self._last_news = 0.0
        self._num_parts = self._parts_done = 0
        self._bytes_total = self._bytes_done = 0
        self._records_done = 0
        self._hidden_seconds = 0.0  # of segments below the artifact that is shown next
        self._stop = threading.Event()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self._live = Live(
                console=self.console,
                get_renderable=self._render,
                refresh_per_second=4,
                transient=True,
            )
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._print_lines, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._live is not None:
            self._live.stop()

    def say(self, message: str) -> None:
        """Print a line above the display."""
        with unless_closed():
            self.console.print(message, highlight=False, soft_wrap=True, markup=False)

    def segment_started(self, segment: Segment, directory: str, parts: list[Part]) -> None:
        """Begin to count a segment."""
        with self._lock:
            self._segment, self._directory = segment.name, directory
            self._started = self._last_news = time.monotonic()
            self._num_parts, self._parts_done = len(parts), 0
            self._bytes_total = sum(part.num_bytes for part in parts)
            self._bytes_done = self._records_done = 0

    def part_finished(self, segment: Segment, part: Part, record: PartRecord) -> None:
        """Count a committed part."""
        with self._lock:
            self._parts_done += 1
            self._bytes_done += part.num_bytes
            self._records_done += _num_records(record)
            self._last_news = time.monotonic()

    def segment_finished(self, report: SegmentReport) -> None:
        """Print one line for an artifact that is complete."""
        with self._lock:
            self._segment = None
        self._hidden_seconds += report.seconds
        if HIDDEN in report.name:
            return
        seconds, self._hidden_seconds = self._hidden_seconds, 0.0
        parts = f"{report.num_parts} part{'s' if report.num_parts != 1 else ''}"
        if report.reused:
            self.say(f"  {report.name:<11} reused ({parts})")
            return
        again = f", {report.num_parts_reused} reused" if report.num_parts_reused else ""
        self.say(f"  {report.name:<11} {seconds:6.1f} s  {parts}{again}")

    def _status(self) -> str:
        with self._lock:
            if self._segment is None:
                return ""
            elapsed = time.monotonic() - self._started
            if elapsed < MIN_SHOWN_SECONDS:
                return ""
            quiet = time.monotonic() - self._last_news
            running = _running(self._directory)
            records = self._records_done + sum(running)
            line = f"{self._segment}: {self._parts_done}/{self._num_parts} parts"
            if records:
                line += f", {records:,} records, {records / max(elapsed, 0.1):,.0f}/s"
            line += f", {_clock(elapsed)}"
            if 0 < self._bytes_done < self._bytes_total:
                left = elapsed * (self._bytes_total / self._bytes_done - 1)
                line += f", about {_clock(left)} left"
            if quiet > 60 and not running:
                line += f" (nothing finished for {_clock(quiet)})"
            return line

    def _render(self) -> Group:
        status = self._status()
        return Group(Text(f"  {status}", style="cyan") if status else Text(""))

    def _print_lines(self) -> None:
        while not self._stop.wait(LINE_SECONDS):
            status = self._status()
            if status:
                self.say(f"  {status}")


def _running(directory: str) -> list[int]:
    """Return how many records each child that runs now has entered (local runs only)."""
    if not directory or not files.is_local(directory):
        return []
    pattern = os.path.join(glob.escape(files.local_path(directory)), ".tmp", "*", "position")
    return [read_position(os.path.dirname(path))[0] for path in glob.glob(pattern)]


def _num_records(record: PartRecord) -> int:
    counters = record.counters
    return counters.get("records") or counters.get("documents") or counters.get("rows") or 0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
