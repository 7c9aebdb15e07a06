"""How far a run is, from its lines of progress. Light: what draws it stands elsewhere.

A line is text, and most lines are to be kept in sight: a warning, a damaged file. A ``Step`` is one
that the next replaces, such as ``epoch 3 of 100``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

_COUNT = re.compile(r"\b([0-9][0-9,]*) of ([0-9][0-9,]*)\b")
_COUNTS_ROWS = re.compile(r"(?!warning:)[a-z ]+: [0-9][0-9,]* of [0-9][0-9,]*(?:, |$)")
_COUNTS_ON = re.compile(r"(?:[a-z]+ [0-9]+ of [0-9]+: )*[a-z]+ [0-9]+ of [0-9]+(?:, .*)?")
_ROUND = re.compile(r"(?:round|cross-fit) [0-9]+ of [0-9]+")
_MODEL = re.compile(r"model ([0-9]+) of ([0-9]+): ")

TRAINING = "training"
"""The stage of the jobs."""
Count = tuple[int, int]
"""How many there are by now, and of how many."""


class Step(str):
    """A line of progress that the next one replaces.

    Attributes:
        stage: what is being done, such as ``training``.
        arm: whose it is; "" for one of no arm.
        fold: likewise.
        jobs: how many jobs are done, and of how many; None where it says nothing of that.
        waiting: the arm of each job that is not done.
        brief: whether it is only for who looks on, as many of them come and each says little.
    """

    __slots__ = ("arm", "brief", "fold", "jobs", "stage", "waiting")

    stage: str
    arm: str
    fold: str
    jobs: Count | None
    waiting: tuple[str, ...]
    brief: bool

    def __new__(
        cls,
        text: str,
        *,
        stage: str,
        arm: str = "",
        fold: str = "",
        jobs: Count | None = None,
        waiting: Sequence[str] = (),
        brief: bool = False,
    ) -> Step:
        """Take the line and what it is about."""
        made = super().__new__(cls, text)
        made.stage, made.arm, made.fold, made.brief = stage, arm, fold, brief
        made.jobs, made.waiting = jobs, tuple(waiting)
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """Travel between processes with what it is about."""
        return (str(self),), {name: getattr(self, name) for name in self.__slots__}


def is_brief(text: str) -> bool:
    """Return whether a line is only for who looks on."""
    return isinstance(text, Step) and text.brief


def passing(text: str) -> bool:
    """Return whether a line may be replaced by the next; ``rows read: 3 of 8`` may, too."""
    return isinstance(text, Step) or _COUNTS_ROWS.match(text) is not None


def counts_on(text: str) -> bool:
    """Return whether a component's line only counts, such as ``model 2 of 5: epoch 3 of 100``."""
    return _COUNTS_ON.fullmatch(text) is not None


def count_of(text: str) -> Count | None:
    """Return the first count of a line, such as (3, 8) of ``rows read: 3 of 8``."""
    found = _COUNT.search(text)
    if found is None:
        return None
    done, total = (int(number.replace(",", "")) for number in found.groups())
    return done, total


@dataclass
class _Pace:
    """How fast something counts on: from its first count, as a resumed one begins late."""

    first: float
    start: float
    done: float
    total: float

    def left(self, now: float) -> float | None:
        """Return the seconds that are left at the pace so far; None before it has one."""
        moved = self.done - self.first
        if moved <= 0:
            return None
        return (now - self.start) / moved * (self.total - self.done)


@dataclass
class Fit:
    """Follow one fit by its lines; several go on at a time in worker processes.

    Attributes:
        arm: whose it is; "" for a stage that is no training.
        fold: likewise.
        detail: the last line, without arm and fold.
    """

    clock: Callable[[], float]
    arm: str = ""
    fold: str = ""
    detail: str = ""
    _pace: _Pace | None = field(default=None, init=False)
    _round: str = field(default="", init=False)
    _models: dict[int, float] = field(default_factory=dict, init=False)

    def hear(self, text: str) -> None:
        """Take in a line, and its count: of rounds, models of an ensemble, epochs or rows."""
        self.detail = text.removeprefix(f"arm {self.arm}, {self.fold}: ") if self.arm else text
        text, round_begins = self.detail, _ROUND.match(self.detail) is not None
        if self._round and not round_begins:
            self.detail = f"{self._round}: {text}"
            return
        found = count_of(text)
        if found is None:
            self._pace = None
            return
        done, total = map(float, found)
        if round_begins:
            self._round = text
            done -= 1
        elif model := _MODEL.match(text):
            inner = count_of(text[model.end() :]) or (0, 1)
            self._models[int(model[1])] = inner[0] / max(inner[1], 1)
            done, total = sum(self._models.values()), float(model[2])
        if self._pace is None or done < self._pace.done or total != self._pace.total:
            self._pace = _Pace(done, self.clock(), done, total)
        self._pace.done = done

    @property
    def share(self) -> float | None:
        """Return how much of it is done, from 0 to 1; None where nothing counts."""
        if self._pace is None or self._pace.total <= 0:
            return None
        return min(max(self._pace.done / self._pace.total, 0.0), 1.0)

    @property
    def left(self) -> float | None:
        """Return the seconds that are left of it; None where nothing tells."""
        return None if self._pace is None else self._pace.left(self.clock())


@dataclass
class HowFar:
    """Follow a run by its lines: the jobs, and the fits that are going on.

    Attributes:
        stage: what is being done.
        jobs: jobs that are done, and of how many; None outside training.
        fits: those that are going on, in the order of their start; outside training the stage.
    """

    clock: Callable[[], float] = time.monotonic
    stage: str = "loading"
    jobs: Count | None = None
    fits: tuple[Fit, ...] = ()
    _begun: float = field(init=False)
    _took: dict[str, list[float]] = field(default_factory=dict, init=False)
    _waiting: tuple[str, ...] = field(default=(), init=False)
    _job_begun: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._begun = self._job_begun = self.clock()

    def hear(self, text: str) -> None:
        """Take in a line that passes."""
        step = text if isinstance(text, Step) else Step(text, stage=text.partition(":")[0])
        if step.stage != self.stage:
            self.stage, self.jobs, self._begun, self.fits = step.stage, None, self.clock(), ()
        if step.jobs is not None:
            self._of_jobs(step, step.jobs)
            return
        own = [fit for fit in self.fits if (fit.arm, fit.fold) == (step.arm, step.fold)]
        if not own:
            own = [Fit(self.clock, step.arm, step.fold)]
            self.fits = (*(fit for fit in self.fits if fit.arm), *own)
        own[0].hear(str(step))

    def _of_jobs(self, step: Step, jobs: Count) -> None:
        if self.jobs is not None and jobs[0] > self.jobs[0]:
            self._took.setdefault(step.arm, []).append(self.clock() - self._job_begun)
        self.fits = tuple(
            fit for fit in self.fits if fit.arm and (fit.arm, fit.fold) != (step.arm, step.fold)
        )
        self.jobs, self._job_begun, self._waiting = jobs, self.clock(), step.waiting

    @property
    def seconds(self) -> float:
        """Return for how long the stage has been going on."""
        return self.clock() - self._begun

    @property
    def left(self) -> float | None:
        """Return the seconds that are left of all jobs; None before each arm was timed once."""
        if not all(arm in self._took for arm in self._waiting):
            return None
        took = {arm: sum(seconds) / len(seconds) for arm, seconds in list(self._took.items())}
        rest = sum(took[arm] for arm in self._waiting) - (self.clock() - self._job_begun)
        return max(rest, 0.0) if self._waiting else None
