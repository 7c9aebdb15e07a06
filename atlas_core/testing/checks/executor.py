"""What an executor promises. Light."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.executor import JobsLostError
from atlas_core.testing.checks.shared import used
from atlas_core.testing.outcome import applies, require
from atlas_core.testing.samples import Sample

MANY = 6
"""Jobs of a check."""


@dataclass(frozen=True)
class Square:
    """A result that is more than a number, as those of a run are."""

    of: int
    value: npt.NDArray[np.float64]


def _square(job: int) -> Square:
    return Square(job, np.full(3, float(job) ** 2))


def _noted(job: int, folder: Path, seconds: float) -> int:
    """Leave a note of the start and the end of a job."""
    (folder / f"{job}.start").write_text(repr(time.time()), encoding="utf-8")
    time.sleep(seconds)
    (folder / f"{job}.end").write_text(repr(time.time()), encoding="utf-8")
    return job


def _fails(job: int) -> int:
    if job == 1:
        raise DataError("row 7: no number")
    return job


def _dies(job: int, parent: int) -> int:
    """End the process of one job, unless it is the one of the check."""
    if job == 1 and os.getpid() != parent:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return os.getpid()


def _run(sample: Sample, function: Any, jobs: Sequence[int], workers: int) -> dict[int, Any]:
    """Return {position: result}, having required that none comes twice."""
    found: dict[int, Any] = {}
    with closing(sample.build().run(function, jobs, workers=workers)) as finished:
        for position, result in finished:
            require(position not in found, f"job {position} has two results")
            found[position] = result
    return found


def given(sample: Sample) -> Sequence[int]:
    """Return some jobs."""
    return range(MANY)


def make(sample: Sample, jobs: Sequence[int]) -> dict[int, Square]:
    """Return the results of the jobs."""
    return _run(sample, _square, jobs, 2)


def check_each_job_is_run_once(sample: Sample) -> None:
    """Each job has one result, at its own position, with one worker and with more than jobs."""
    one, more = _run(sample, _square, range(MANY), 1), _run(sample, _square, range(2), 3)
    for workers, count, found in ((1, MANY, one), (2, MANY, used(sample).made), (3, 2, more)):
        require(set(found) == set(range(count)), f"{workers} workers: results of {sorted(found)}")
        for position, result in found.items():
            right = result.of == position and (result.value == position**2).all()
            require(right, f"{workers} workers: job {position} has the result of {result.of}")


def check_no_job_gives_nothing(sample: Sample) -> None:
    """Of no jobs there is no result, and no wait."""
    require(not _run(sample, _square, [], 2), "no job has a result")


def check_no_more_run_at_a_time_than_asked(sample: Sample) -> None:
    """``workers`` jobs run at a time at most: each was promised its part of the cores."""
    for workers in (1, 2):
        folder = Path(tempfile.mkdtemp(dir=sample.folder))
        _run(sample, partial(_noted, folder=folder, seconds=0.05), range(MANY), workers)
        times = [
            (float(start.read_text()), float(start.with_suffix(".end").read_text()))
            for start in folder.glob("*.start")
        ]
        most = max(sum(a <= start < b for a, b in times) for start, _ in times)
        require(most <= workers, f"{most} jobs ran at a time, asked for {workers}")


def check_what_a_job_raises_is_raised(sample: Sample) -> None:
    """The error of a job reaches the caller as it was raised, with its own text."""
    for workers in (1, 2):
        try:
            _run(sample, _fails, range(MANY), workers)
        except DataError as err:
            require(str(err) == "row 7: no number", f"the error's text became {str(err)!r}")
        except Exception as err:  # any other error is what the check is about
            raise ContractError(f"a DataError became a {type(err).__name__}: {err}") from err
        else:
            raise ContractError(f"{workers} workers: the error of a job was lost")


def check_closing_stops_the_rest(sample: Sample) -> None:
    """Closed after the first result, no more jobs are begun: so a run is interrupted."""
    folder = Path(tempfile.mkdtemp(dir=sample.folder))
    function = partial(_noted, folder=folder, seconds=0.2)
    with closing(sample.build().run(function, range(10), workers=2)) as finished:
        next(finished)
    begun = len(list(folder.glob("*.start")))
    time.sleep(0.5)
    later = len(list(folder.glob("*.start")))
    require(later < 10, "all 10 jobs ran although only the first result was taken")
    require(later == begun, f"{later - begun} jobs were begun after it was closed")


def check_a_lost_job_costs_no_other(sample: Sample) -> None:
    """A job whose process is killed is named in ``JobsLostError``; all others are done."""
    found: dict[int, int] = {}
    function = partial(_dies, parent=os.getpid())
    try:
        with closing(sample.build().run(function, range(MANY), workers=2)) as finished:
            found.update(finished)
    except JobsLostError as err:
        require(set(err.how) == {1}, f"job 1 was killed, lost are {sorted(err.how)}")
        require(err.how[1].strip(), "it is not said how the job was lost")
        left = set(range(MANY)) - {1}
        require(set(found) == left, f"job 1 was killed, and only {sorted(found)} are done")
        return
    applies(os.getpid() not in found.values(), "jobs run in this process")
    raise ContractError("job 1 was killed, and no JobsLostError was raised")
