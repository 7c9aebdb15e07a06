"""Probability of improving on the best so far (Kushner 1964)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas_acquisition._improvement import gain_of, probability_of_gain
from atlas_acquisition._signal import sigma
from atlas_core.api import AcquisitionRequest, Selection, select_top

if TYPE_CHECKING:
    from atlas_acquisition.hooks import ProbabilityOfImprovementConfig


@dataclass(frozen=True)
class ProbabilityOfImprovement:
    """Choose by how likely there is a gain."""

    config: ProbabilityOfImprovementConfig

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by P[s (y - best) > xi]."""
        std = sigma(request, "probability_of_improvement")
        return select_top(request, probability_of_gain(gain_of(request, self.config.xi), std))
