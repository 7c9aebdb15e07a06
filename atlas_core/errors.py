"""The errors that ATLAS shows a user: one line each, with an exit code."""

from __future__ import annotations


class CautionWarning(UserWarning):
    """Warn of what makes the figures of an arm mean less than they seem.

    A component gives it as the category of ``warnings.warn``: its text then lowers the verdict on
    the arm and is printed after the run. Any other warning stands in the report's last section.
    """


class AtlasError(Exception):
    """Stop with one clear line: where, what is wrong, what to do."""

    exit_code = 1
    blamed = False
    """Whether the line already names the component whose code raised it."""

    def again(self, text: str) -> AtlasError:
        """Return an error of the same class with another text."""
        return type(self)(text)


class SpecError(AtlasError):
    """A spec (or a command line) is wrong; ``problems`` holds one line for each mistake."""

    exit_code = 2

    def __init__(self, problems: str | list[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class PluginError(AtlasError):
    """A plugin is broken, missing or meant for another core; the line names it."""

    exit_code = 3


class DataError(AtlasError):
    """Data cannot be used; the line names file, row and id."""

    exit_code = 4


class MissingDataError(DataError):
    """Data lie nowhere on this machine; nothing can be said of them until they are fetched."""


class ContractError(AtlasError):
    """A component broke a promise of its kind."""

    exit_code = 1


class TrainingError(AtlasError):
    """Training failed (a loss that is NaN or explodes); the line says when and what to try."""

    exit_code = 1


class WorkerError(AtlasError):
    """A worker process died in the middle of a job; the line names the job."""

    exit_code = 5


class Interrupted(KeyboardInterrupt):
    """The user or the system asked this process to stop, by a signal.

    Only a signal handler of ATLAS raises it. A plain ``KeyboardInterrupt`` may also be the doing of
    a plugin.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


def said(error: BaseException) -> str:
    """Return an error's text on one line, "" where it has none or its own code fails over it."""
    try:
        return " ".join(str(error).split())
    except Interrupted:
        raise
    except BaseException:
        return ""


def named(error: BaseException) -> str:
    """Return an error's class and text on one line."""
    text = said(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def reported(error: BaseException) -> str:
    """Return an error on one line: ATLAS's own speak for themselves, others need their class."""
    return said(error) if isinstance(error, AtlasError) else named(error)


_SHORT_OF_MEMORY = (
    "bad_alloc",
    "can't allocate memory",
    "can't start new thread",
    "cannot allocate memory",
    "failed to map segment",
    "not enough memory",
    "out of memory",
    "unable to allocate",
)
"""What libraries write where memory ran out and the error is no ``MemoryError``."""


def short_of_memory(error: BaseException) -> bool:
    """Return whether an error, or one that caused it, is about memory that could not be had."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        text = said(one).lower()
        if isinstance(one, MemoryError) or any(words in text for words in _SHORT_OF_MEMORY):
            return True
        one = one.__cause__ or one.__context__
    return False


MORE_MEMORY = "use fewer rows with 'sample', fewer --workers, or a machine with more memory"
"""What to do where memory ran out."""
