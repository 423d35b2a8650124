"""The errors curate raises on purpose, each with the exit code it ends the program with.

CurateError            1  something failed; the message says what, where, why, what to type next
|- ConfigError         2  the YAML, a --set or a command line option is wrong
|- StateError          2  the run directory holds something this command must not overwrite
|- InputError          1  an input file is missing, unreadable as a whole, or changed while read
|- IntegrityError      1  books do not balance, or a second attempt produced other bytes
`- Interrupted       130  SIGINT (130) or SIGTERM (143); the same command resumes
"""

from __future__ import annotations


class CurateError(Exception):
    """Report a failure that a person can act on; never shown with a traceback."""

    exit_code = 1


class ConfigError(CurateError):
    """Report a wrong setting with file, line and dotted path.

    Who finds out only from a file that a setting names knows the path alone, and gives it as `key`,
    e.g. `classifier.model`; `curate.pipeline.build.check_files` adds file and line.
    """

    exit_code = 2

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(f"{key}: {message}" if key else message)
        self.message = message
        self.key = key


class StateError(CurateError):
    """Report that a run directory does not fit the command."""

    exit_code = 2


class InputError(CurateError):
    """Report an input that cannot be read at all, or changed under the run."""


class IntegrityError(CurateError):
    """Report a broken promise: unbalanced books, differing attempts, damaged files."""


class Interrupted(CurateError):
    """Report that a signal ended the run, which can be resumed."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"interrupted by signal {signal_number}; the same command resumes")
        self.exit_code = 128 + signal_number
