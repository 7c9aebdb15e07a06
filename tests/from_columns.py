"""What is computed from tables of predictions, for tests that write their columns by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import Columns, table_of
from atlas_core.metrics.registry import installed_metrics
from atlas_evaluation import exam as examining
from atlas_evaluation.scoring import evaluate as evaluating
from atlas_registry.loading import Registry
from atlas_statistics.rows import without_empty_sigma

METRICS = installed_metrics(Registry())


def predictions(columns: Columns) -> Predictions:
    """Return the table of some columns; one id and one fold where these are not given."""
    return Predictions.from_columns(_named(columns))


def _named(columns: Columns) -> Columns:
    n = len(next(iter(columns.values())))
    return {"id": np.full(n, ""), "fold": np.full(n, ""), **columns}


def evaluate(columns: Columns, **asked: Any) -> dict[str, Any]:
    return evaluating.evaluate(predictions(columns), **{"metrics": METRICS, **asked})


def read_arms(columns: Columns, levels: list[float]) -> dict[str, Predictions]:
    table = predictions(columns)
    table.require_finite()
    arms = table.at_levels(levels).by_arm()
    return {arm: without_empty_sigma(own) for arm, own in arms.items()}


def examine(trust: Columns, columns: Columns, **asked: Any) -> dict[str, Any]:
    said = table_of(Assessments, _named(trust), "trust")
    return examining.examine(said, predictions(columns), **asked)
