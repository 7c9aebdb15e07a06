"""What is kept of fits beside their numbers: records, seconds, warnings. Light."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from atlas_core.context import Notify
from atlas_core.engine.blame import blame
from atlas_core.errors import CautionWarning
from atlas_core.progress import TRAINING, Step, counts_on
from atlas_core.resolver import Resolved

Caught = list[warnings.WarningMessage]


@dataclass
class Heard:
    """The texts of warnings, and which of them lower the verdict."""

    said: set[str] = field(default_factory=set)
    cautions: set[str] = field(default_factory=set)

    def add(self, other: Heard) -> None:
        """Take in what was heard elsewhere."""
        self.said |= other.said
        self.cautions |= other.cautions

    def listen(self, caught: Caught) -> None:
        """Take in each distinct warning of a list once: nothing is swallowed."""
        self.said |= {f"{one.category.__name__}: {one.message}" for one in caught}
        self.cautions |= {
            str(one.message) for one in caught if issubclass(one.category, CautionWarning)
        }

    def note(self) -> dict[str, Any]:
        """Return plain data for the cache."""
        return {"warnings": sorted(self.said), "cautions": sorted(self.cautions)}


def warning_lines(caught: Caught) -> list[str]:
    """Return each distinct warning as one line, without its class, in alphabetical order."""
    return sorted({" ".join(str(warning.message).split()) for warning in caught})


@contextmanager
def listening() -> Iterator[Heard]:
    """Give what is heard inside, once it has ended."""
    heard = Heard()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield heard
    heard.listen(caught)


@contextmanager
def quiet() -> Iterator[Caught]:
    """Collect warnings, and sum in one order: BLAS threads would change the last bits."""
    # one that a component loads later would not be limited
    import scipy.linalg  # noqa: F401 - brings a BLAS of its own

    with (
        np.errstate(all="ignore"),
        warnings.catch_warnings(record=True) as caught,
        threadpool_limits(1, user_api="blas"),
    ):
        warnings.simplefilter("always")
        yield caught


@dataclass
class Notes:
    """Collect what one arm on one fold leaves for the run folder.

    Attributes:
        arm: its name.
        fold: its name.
        components: one of them is named where a stage fails.
        notify: called with a line of progress.
        records: plain data for ``records.json``.
        stages: (stage, seconds).
        repeat: which training of the arm and fold it is, from 1.
    """

    arm: str
    fold: str
    components: Collection[Resolved]
    notify: Notify
    records: list[dict[str, Any]] = field(default_factory=list)
    stages: list[tuple[str, float]] = field(default_factory=list)
    repeat: int = 1

    @property
    def where(self) -> str:
        """Return arm and fold, for a message."""
        return f"arm {self.arm}, {self._fold}"

    @property
    def _fold(self) -> str:
        return self.fold if self.repeat == 1 else f"{self.fold}, training {self.repeat}"

    def say(self, text: str) -> None:
        """Tell something that is to be kept in sight, with arm and fold."""
        self.notify(f"{self.where}: {text}")

    def step(self, text: str, *, brief: bool = False) -> None:
        """Tell how far the job is, with arm and fold."""
        line = f"{self.where}: {text}"
        self.notify(Step(line, stage=TRAINING, arm=self.arm, fold=self._fold, brief=brief))

    def hear(self, text: str) -> None:
        """Pass on what a component tells: how far it is, or something to be kept in sight."""
        (self.step if counts_on(text) else self.say)(text)

    def record(self, name: str, content: Mapping[str, Any]) -> None:
        """Keep plain data."""
        where = {"arm": self.arm, "fold": self.fold}
        self.records.append({**where, "name": name, "content": dict(content)})

    def keep(self, heard: Heard) -> None:
        """Record warnings, where there is one."""
        if heard.said:
            content = {"texts": sorted(heard.said), "cautions": sorted(heard.cautions)}
            self.record("warnings", content)

    @contextmanager
    def stage(self, name: str, called: Sequence[Resolved]) -> Iterator[None]:
        """Time a stage of a component, and name the one that fails in it."""
        start = time.perf_counter()
        self.step(name, brief=True)
        with blame(called, self.components, self.where):
            yield
        self.stages.append((name, time.perf_counter() - start))
