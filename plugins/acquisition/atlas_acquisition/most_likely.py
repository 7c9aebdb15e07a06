"""Most probable finds first, or most finds per cost of a label (Garnett et al. 2012)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atlas_acquisition._signal import signed
from atlas_core.api import AcquisitionRequest, DataError, Selection, select_top

if TYPE_CHECKING:
    from atlas_acquisition.hooks import MostLikelyConfig


@dataclass(frozen=True)
class MostLikely:
    """Choose by how likely each row is what is sought."""

    config: MostLikelyConfig

    def select(self, request: AcquisitionRequest) -> Selection:
        """Choose by probability, per cost where labels differ in it; ties by expected value.

        One step of active search (Garnett et al. 2012, with a horizon of one label). The utility is
        the rank of a row, from 0 for the worst; rows that are alike share one.

        Raises:
            DataError: no probability is handed over.
        """
        likely = request.probability
        if likely is None:
            raise DataError(
                "acquisition most_likely: no probability; name a reference, and goal: stable"
            )
        per_cost = likely if request.cost is None else likely / request.cost
        gain = signed(request.prediction.mean, request.goal)
        _, rank = np.unique(np.stack([per_cost, gain], axis=1), axis=0, return_inverse=True)
        return select_top(request, rank.reshape(-1).astype(np.float64))
