"""What becomes of a run when some of its jobs failed. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from atlas_core.engine.job import JobResult, Name
from atlas_core.errors import AtlasError


@dataclass(frozen=True)
class Failure:
    """Why a job failed, where the others can go on."""

    error: AtlasError


def of_the_system(error: AtlasError) -> bool:
    """Return whether an error comes from the disk: the next job would meet it, too."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            return True
        cause = cause.__cause__
    return False


def sorted_out(
    done: Mapping[Name, JobResult | Failure],
) -> tuple[dict[Name, JobResult], dict[Name, AtlasError]]:
    """Return the results of arms whose every job finished, and the errors of the others."""
    failed = {job: found.error for job, found in done.items() if isinstance(found, Failure)}
    broken = {arm for arm, *_ in failed}
    results = {
        job: found
        for job, found in done.items()
        if isinstance(found, JobResult) and job[0] not in broken
    }
    return results, failed


def failed_jobs(
    failed: Mapping[Name, AtlasError],
    jobs: int,
    *,
    arms: list[str] | None = None,
    report: Path | None = None,
) -> AtlasError:
    """Return the error of a run of which some jobs failed: which, and what was kept.

    Args:
        failed: errors by job.
        jobs: how many there were.
        arms: that the report shows.
        report: where it lies.
    """
    lines = [line for error in failed.values() for line in str(error).splitlines()]
    if kept := jobs - len(failed):
        shown = f"; {report} shows arm {', '.join(arms)}" if arms and report else ""
        lines.append(
            f"{len(failed)} of {jobs} jobs failed; the other"
            f" {'is' if kept == 1 else f'{kept} are'} kept{shown}; what was trained is not trained"
            " again"
        )
    return next(iter(failed.values())).again("\n".join(lines))
