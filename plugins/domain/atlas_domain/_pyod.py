"""Detectors of PyOD behind this project's interface. Heavy: PyOD, which brings numba."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np

from atlas_core.api import F8, Detector, Inputs
from atlas_domain._representation import Representation, Scaling
from atlas_domain._verdict import Fitted, Verdict


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
    """Fit a detector of PyOD."""

    detector: str
    representation: Representation
    quantile: float

    def fit(self, train: Inputs, calibration: Inputs, seed: int) -> Detector:
        """Fit with PyOD's defaults, and with ``seed`` where it draws.

        Raises:
            DataError: fewer than two training rows.
        """
        scaling = Scaling.of(train, self.representation)
        make = getattr(import_module(f"pyod.models.{self.detector.lower()}"), self.detector)
        drawn = (
            {"random_state": seed % 2**32} if "random_state" in signature(make).parameters else {}
        )
        detector = make(**drawn).fit(scaling.apply(train))
        outlyingness = Outlyingness(scaling, detector)
        verdict = Verdict.of(
            train,
            calibration,
            self.quantile,
            score=outlyingness,
            training_scores=lambda: np.asarray(detector.decision_scores_, dtype=np.float64),
        )
        return Fitted(outlyingness, verdict)
