"""Expected improvement on the best so far (Jones, Schonlau & Welch 1998)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas_acquisition._improvement import expected_gain, gain_of
from atlas_acquisition._signal import sigma
from atlas_core.api import AcquisitionRequest, Selection, select_top

if TYPE_CHECKING:
    from atlas_acquisition.hooks import ExpectedImprovementConfig


@dataclass(frozen=True)
class ExpectedImprovement:
    """Choose by the gain that is expected."""

    config: ExpectedImprovementConfig

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by E[max(s (y - best) - xi, 0)]."""
        std = sigma(request, "expected_improvement")
        return select_top(request, expected_gain(gain_of(request, self.config.xi), std))
