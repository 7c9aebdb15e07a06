"""A detector of the package PyOD, by name (Zhao, Nasrullah & Li 2019); requires its extra.

Light: PyOD, which brings numba, is imported when a detector is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.api import F8, Detector, FitContext, FoldFacts, Inputs, PluginError
from atlas_domain._checks import spread
from atlas_domain._representation import Scaling
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import PyODConfig


def require_pyod() -> None:
    """Make sure that PyOD is installed.

    Raises:
        PluginError: it is not.
    """
    if find_spec("pyod") is None:
        raise PluginError(
            "ood pyod: the package PyOD is not installed; pip install"
            " 'atlas-materials-domain[pyod]', or use ecod, lof or novelty"
        )


def check(config: PyODConfig, facts: FoldFacts) -> list[str]:
    """Return why the training rows cannot be distinguished.

    Raises:
        PluginError: PyOD is not installed.
    """
    require_pyod()
    return spread(config, facts)


def contract_options(folder: Path) -> dict[str, object]:
    """Return no options; the contract does not apply where PyOD is not installed.

    Raises:
        PluginError: PyOD is not installed.
    """
    require_pyod()
    return {}


@dataclass(frozen=True)
class Outlyingness:
    """Take a PyOD detector's score.

    Attributes:
        scaling: what is read and how it is scaled.
        detector: fitted.
    """

    scaling: Scaling
    detector: Any

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) scores; higher = farther, as everywhere in PyOD."""
        if not len(rows):
            return np.zeros(0)
        found = self.detector.decision_function(self.scaling.apply(rows))
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True)
class PyOD:
    """Fit a detector of PyOD.

    Raises:
        PluginError: PyOD is not installed.
    """

    config: PyODConfig

    def __post_init__(self) -> None:
        require_pyod()

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Fit with PyOD's defaults, and with ``seed`` where it draws.

        Raises:
            DataError: fewer than two training rows.
        """
        scaling = Scaling.of(train, self.config.representation)
        name = self.config.detector
        make = getattr(import_module(f"pyod.models.{name.lower()}"), name)
        drawn = (
            {"random_state": context.seed % 2**32}
            if "random_state" in signature(make).parameters
            else {}
        )
        detector = make(**drawn).fit(scaling.apply(train))
        outlyingness = Outlyingness(scaling, detector)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=outlyingness,
            training_scores=lambda: np.asarray(detector.decision_scores_, dtype=np.float64),
        )
        return Fitted(outlyingness, verdict)
