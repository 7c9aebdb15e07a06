"""The errors that ATLAS shows a user: one line each, with an exit code."""

from __future__ import annotations


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
