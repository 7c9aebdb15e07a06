"""Seeded random choice: the baseline that others must beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_acquisition._signal import rank_by_id
from atlas_core.api import AcquisitionRequest, Selection, select_top

if TYPE_CHECKING:
    from atlas_acquisition.hooks import RandomConfig


@dataclass(frozen=True)
class Random:
    """Choose by chance."""

    config: RandomConfig

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by a uniform number per id, drawn from the request's seed."""
        numbers = np.random.default_rng(request.context.seed).random(len(request.ids))
        return select_top(request, numbers[rank_by_id(request)])
