"""Where cells run: here one after another, or in local worker processes. Light."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class JobsLostError(Exception):
    """Workers died in the middle of jobs; the others are done.

    Attributes:
        how: {position of the job: how its worker ended}.
    """

    def __init__(self, how: Mapping[int, str]) -> None:
        self.how = dict(how)
        super().__init__(self.how)


class Executor(Protocol):
    """Run independent jobs; a cluster engine fits behind the same two lines."""

    def run(
        self, function: Callable[[Job], Result], jobs: Sequence[Job]
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield (position of the job, its result) as they finish; closing it stops the rest.

        Raises:
            JobsLostError: a process that had a job is gone; raised when all others are done.
        """
        ...


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class LocalExecutor:
    """Run jobs on this machine.

    Attributes:
        workers: processes; 1 runs the jobs in this process.
    """

    workers: int = 1

    def run(
        self, function: Callable[[Job], Result], jobs: Sequence[Job]
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield (position of the job, its result) as they finish; closing it stops the rest.

        Raises:
            JobsLostError: workers were killed or crashed; raised when all other jobs are done.
        """
        if self.workers == 1 or len(jobs) <= 1:
            for position, job in enumerate(jobs):
                yield position, function(job)
            return
        from atlas_core.runner.workers import Pool, Worker, WorkerDiedError

        waiting = deque(enumerate(jobs))
        lost: dict[int, str] = {}
        with Pool() as pool:
            busy = 0

            def next_job(worker: Worker | None) -> None:
                nonlocal busy
                if waiting:
                    position, job = waiting.popleft()
                    (worker or pool.start()).give(position, function, job)
                    busy += 1
                elif worker is not None:
                    pool.drop(worker)

            for _ in range(min(self.workers, len(jobs))):
                next_job(None)
            while busy:
                for worker in pool.ready():
                    busy -= 1
                    position = worker.position
                    try:
                        result = worker.answer()
                    except WorkerDiedError as died:
                        lost[position] = str(died)
                        pool.drop(worker)
                        next_job(None)
                        continue
                    next_job(worker)
                    yield position, result
        if lost:
            raise JobsLostError(lost)
