"""Processes of this machine; a single worker is this process itself.

It is part of the core: no job can run without a place, and its processes share the guard of those
that observers run in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence

from atlas_core.component import Component, Config
from atlas_core.hookspecs import hookimpl
from atlas_core.kinds.executor import Job, JobsLostError, Result


class LocalConfig(Config):
    """No options."""


class LocalExecutor:
    """Run jobs on this machine."""

    def run(
        self, function: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield (position of the job, its result) as they finish; closing it stops the rest.

        Raises:
            JobsLostError: workers were killed or crashed; raised when all other jobs are done.
        """
        if workers == 1 or len(jobs) <= 1:
            for position, job in enumerate(jobs):
                yield position, function(job)
            return
        from atlas_core.engine.workers import Pool, Worker, WorkerDiedError

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

            for _ in range(min(workers, len(jobs))):
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


@hookimpl
def atlas_executor() -> list[Component]:
    """Offer the executor."""
    return [Component("local", LocalConfig, lambda _config: LocalExecutor())]
