"""The hooks a plugin may implement: one per kind, and three that only look on. Light.

A component's module implements the hook of its kind and stands in the entry-point group of that
kind (``atlas.uq``, ...); an observer stands in ``atlas.observer``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pluggy

from atlas_core.kinds import KINDS

if TYPE_CHECKING:
    from atlas_core.component import Component
    from atlas_core.observe import Export, FinishedRun, ReportSection, RunInfo, StageInfo

hookspec = pluggy.HookspecMarker("atlas")
hookimpl = pluggy.HookimplMarker("atlas")


def offering(kind: str) -> Callable[[], list[Component]]:
    """Return the hook of a kind: its components, whose ``build(config)`` is what the kind makes."""

    def hook() -> list[Component]: ...

    hook.__name__ = hook.__qualname__ = f"atlas_{kind}"
    return hookspec(hook)


Offering = type("Offering", (), {f"atlas_{kind}": staticmethod(offering(kind)) for kind in KINDS})
"""The hook of each kind, for pluggy."""


@hookspec
def atlas_run_started(run: RunInfo) -> None:
    """Look on as a run starts, once its data are known and before anything is trained."""


@hookspec
def atlas_stage_finished(stage: StageInfo) -> None:
    """Look on as a stage ends: its name, arm, fold and seconds."""


@hookspec
def atlas_report_sections(run: FinishedRun) -> Sequence[ReportSection]:
    """Return sections to add at the end of a report; they cannot change a result."""


@hookspec
def atlas_run_exports(run: FinishedRun) -> Sequence[Export]:
    """Return files to add to the run folder (a record in another project's format, say)."""
