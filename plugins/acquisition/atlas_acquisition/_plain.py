"""Acquisition functions that are one line of arithmetic. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_acquisition._signal import rank_by_id, sigma, signed
from atlas_core.api import AcquisitionRequest, Selection, select_top


@dataclass(frozen=True)
class UCB:
    """Choose by an optimistic bound."""

    kappa: float

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by s mean + kappa sigma (Srinivas et al. 2010, eq. 6)."""
        mean = signed(request.prediction.mean, request.goal)
        return select_top(request, mean + self.kappa * sigma(request, "ucb"))


@dataclass(frozen=True)
class MaxUncertainty:
    """Choose what is known least."""

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by sigma alone (MacKay 1992, section 4)."""
        return select_top(request, sigma(request, "max_uncertainty"))


@dataclass(frozen=True)
class Greedy:
    """Choose what is predicted best."""

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by s mean."""
        return select_top(request, signed(request.prediction.mean, request.goal))


@dataclass(frozen=True)
class Random:
    """Choose by chance."""

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by a uniform number an id, drawn from the request's seed."""
        numbers = np.random.default_rng(request.seed).random(len(request.ids))
        return select_top(request, numbers[rank_by_id(request)])
