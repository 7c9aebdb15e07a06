"""Best predicted value first, whatever its uncertainty: pure exploitation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas_acquisition._signal import signed
from atlas_core.api import AcquisitionRequest, Selection, select_top

if TYPE_CHECKING:
    from atlas_acquisition.hooks import GreedyConfig


@dataclass(frozen=True)
class Greedy:
    """Choose what is predicted best."""

    config: GreedyConfig

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by s mean."""
        return select_top(request, signed(request.prediction.mean, request.goal))
