"""What a run is asked for beside its spec. Light."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atlas_core.context import Notify


def say_nothing(_text: str) -> None:
    """Drop a progress line: the default where nobody reads them."""


@dataclass(frozen=True)
class NotifyHere:
    """Report progress in this process; a copy that is pickled is silent.

    Attributes:
        notify: called with a line of progress.
    """

    notify: Notify

    def __call__(self, text: str) -> None:
        """Report a line."""
        self.notify(text)

    def __reduce__(self) -> tuple[type[NotifyHere], tuple[Notify]]:
        """Travel without what writes the lines."""
        return NotifyHere, (say_nothing,)


@dataclass(frozen=True)
class RunOptions:
    """What does not change numbers.

    Attributes:
        out: folder that run folders go into.
        cache_dir: features, what fitted models answered, and downloads.
        data_dir: local copies of data files, or None.
        workers: jobs that are computed at a time.
        device: ``cpu``, ``cuda``, ...
        force: train and compute anew although a stored result is there.
        resume: refuse to start a run of which nothing is there yet.
        offline: refuse downloads.
        save_fitted: keep the fits in the run folder; None: where there is one fold and they are
            small.
        key_file: of the user, whose mark a kept fit gets; None: it gets none.
        notify: called with a line of progress.
    """

    out: Path
    cache_dir: Path
    data_dir: Path | None = None
    workers: int = 1
    device: str = "cpu"
    force: bool = False
    resume: bool = False
    offline: bool = False
    save_fitted: bool | None = None
    key_file: Path | None = None
    notify: Notify = say_nothing
