"""The hooks a plugin may implement: one a kind, and three that only look on. Light.

A component's module implements the hook of its kind and stands in the entry-point group of that
kind (``atlas.uq``, ...); an observer stands in ``atlas.observer``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from atlas_core.component import Component
    from atlas_core.observe import Export, FinishedRun, ReportSection, RunInfo, StageInfo

hookspec = pluggy.HookspecMarker("atlas")
hookimpl = pluggy.HookimplMarker("atlas")


@hookspec
def atlas_dataset() -> list[Component]:
    """Return components whose ``build(config)`` is a ``DatasetSource``."""


@hookspec
def atlas_split() -> list[Component]:
    """Return components whose ``build(config)`` is a ``Splitter``."""


@hookspec
def atlas_featurizer() -> list[Component]:
    """Return components whose ``build(config)`` is a ``Featurizer``."""


@hookspec
def atlas_model() -> list[Component]:
    """Return components whose ``build(config)`` is a new unfitted ``Model``."""


@hookspec
def atlas_uq() -> list[Component]:
    """Return components whose ``build(config)`` is a ``UQMethod``."""


@hookspec
def atlas_calibrator() -> list[Component]:
    """Return components whose ``build(config)`` is a ``Calibrator``."""


@hookspec
def atlas_ood() -> list[Component]:
    """Return components whose ``build(config)`` is an ``OODMethod``."""


@hookspec
def atlas_trust() -> list[Component]:
    """Return components whose ``build(config)`` is a ``TrustMethod``."""


@hookspec
def atlas_acquisition() -> list[Component]:
    """Return components whose ``build(config)`` is an ``Acquisition``."""


@hookspec
def atlas_metric() -> list[Component]:
    """Return components whose ``build(config)`` is a ``Metric``, or a list of some."""


@hookspec
def atlas_report() -> list[Component]:
    """Return components whose ``build(config)`` is a ``Reporter``."""


@hookspec
def atlas_command() -> list[Component]:
    """Return components whose ``build(config)`` is a ``click.Command`` of the component's name."""


@hookspec
def atlas_executor() -> list[Component]:
    """Return components whose ``build(config)`` is an ``Executor``."""


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
