"""Largest uncertainty first, whatever the goal: pure exploration (MacKay 1992)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas_acquisition._signal import sigma
from atlas_core.api import AcquisitionRequest, Selection, select_top

if TYPE_CHECKING:
    from atlas_acquisition.hooks import MaxUncertaintyConfig


@dataclass(frozen=True)
class MaxUncertainty:
    """Choose what is known least."""

    config: MaxUncertaintyConfig

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by sigma alone (MacKay 1992, section 4)."""
        return select_top(request, sigma(request, "max_uncertainty"))
