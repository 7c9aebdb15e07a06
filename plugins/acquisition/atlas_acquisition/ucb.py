"""Upper confidence bound: mean plus kappa times sigma (Srinivas et al. 2010)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas_acquisition._signal import sigma, signed
from atlas_core.api import AcquisitionRequest, Selection, select_top

if TYPE_CHECKING:
    from atlas_acquisition.hooks import UCBConfig


@dataclass(frozen=True)
class UCB:
    """Choose by an optimistic bound."""

    config: UCBConfig

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by s mean + kappa sigma (Srinivas et al. 2010, eq. 6)."""
        mean = signed(request.prediction.mean, request.goal)
        return select_top(request, mean + self.config.kappa * sigma(request, "ucb"))
