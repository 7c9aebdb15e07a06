'''The ``executor`` kind: where the jobs of a run are computed. Light.

A whole plugin, in a module ``atlas_polite``::

    """One job after another at low priority, so that others can work on the machine."""

    import os

    from atlas_core.api import Component, Config, Field, hookimpl


    class PoliteConfig(Config):
        """How much it stands back."""

        by: int = Field(10, ge=1, le=19, description="Steps that the priority is lowered by.")


    class Polite:
        """Run jobs in this process."""

        def __init__(self, config):
            self.by = config.by

        def run(self, function, jobs, *, workers):
            """Yield (position of the job, its result)."""
            os.nice(self.by)
            for position, job in enumerate(jobs):
                yield position, function(job)


    @hookimpl
    def atlas_executor():
        """Offer the executor."""
        return [Component("polite", PoliteConfig, Polite)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.executor"]
    polite = "atlas_polite"

``atlas run SPEC --executor polite --executor-set by=19`` then computes the jobs so. An executor
decides where and when a job runs and never what it returns: it is no part of a run's identity, and
a run that one of them began another may go on with.
'''

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from atlas_core.kinds.kind import Kind

Job = TypeVar("Job")
Result = TypeVar("Result")


class JobsLostError(Exception):
    """Jobs whose process or machine is gone; the others are done.

    Attributes:
        how: {position of the job: how it was lost, after "its worker ", such as "was killed"}.
    """

    def __init__(self, how: Mapping[int, str]) -> None:
        self.how = dict(how)
        super().__init__(self.how)


@runtime_checkable
class Executor(Protocol):
    """Run independent jobs, each once, at any place and in any order."""

    def run(
        self, function: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int
    ) -> Generator[tuple[int, Result], None, None]:
        """Yield (position of the job, its result) as they finish; closing it stops the rest.

        Args:
            function: runs one job; it, the jobs and the results can be pickled. What it reports
                of its progress is shown where it runs in this process; once pickled, it is silent.
            jobs: any number of them.
            workers: how many may run at a time, at least 1.

        Raises:
            JobsLostError: jobs were lost on the way; raised when all others are done.
            Exception: whatever ``function`` raised, as it was; no more jobs are begun.
        """
        ...


KIND = Kind("executor", Executor)
