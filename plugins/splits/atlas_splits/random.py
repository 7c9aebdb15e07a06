"""Random split into train, calibration and test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas_core.api import Split, SplitRequest
from atlas_splits._parts import split_in_domain
from atlas_splits.hooks import RandomConfig


class Random:
    """Cut all rows at random."""

    def __init__(self, config: RandomConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold named ``random``.

        Raises:
            DataError: too few rows for the parts.
        """
        rows = np.arange(len(request.materials))
        return [
            split_in_domain(
                "random",
                rows,
                config=self.config,
                materials=request.materials,
                seed=request.context.seed,
            )
        ]
