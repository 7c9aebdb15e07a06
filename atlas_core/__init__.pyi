from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy.typing as npt
from pandas import DataFrame

from atlas_core.data.predictions import Predictions as Predictions
from atlas_core.metrics.registry import Metrics
from atlas_core.python.calls import components as components
from atlas_core.python.calls import load_run as load_run
from atlas_core.python.calls import run as run
from atlas_core.python.calls import validate as validate
from atlas_core.python.runs import Run as Run
from atlas_core.python.specs import HeldDataset
from atlas_core.python.specs import Spec as Spec

__version__: str

def from_pandas(
    frame: DataFrame,
    *,
    target: str,
    formula: str | None = None,
    structure: str | None = None,
    id: str | None = None,  # noqa: A002
    unit: str = "",
    task: Literal["regression", "binary"] = "regression",
    columns: Sequence[str] = (),
    **options: Any,
) -> HeldDataset: ...
def score_predictions(
    target: npt.ArrayLike,
    mean: npt.ArrayLike,
    *,
    std: npt.ArrayLike | None = None,
    intervals: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]] | None = None,
    formulas: npt.ArrayLike | None = None,
    materials: npt.ArrayLike | None = None,
    task: str = "regression",
    seed: int | None = 0,
    metrics: Metrics | None = None,
) -> dict[str, Any]: ...
