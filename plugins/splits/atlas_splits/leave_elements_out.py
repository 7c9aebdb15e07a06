"""Hold out every material that contains one of the given elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas_core.api import ATOMIC_NUMBER, DataError, Split, SplitRequest
from atlas_splits._parts import hold_out
from atlas_splits.hooks import LeaveElementsOutConfig


class LeaveElementsOut:
    """Put materials with any of the elements into ``ood_test``."""

    def __init__(self, config: LeaveElementsOutConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold named after the elements, such as ``without F``; or one for each.

        Raises:
            DataError: an element is in no material, every material has one of them, or too few
                rows remain.
        """
        symbols = self.config.elements
        groups = [(symbol,) for symbol in symbols] if self.config.each else [symbols]
        return [self._without(group, request) for group in groups]

    def _without(self, symbols: Sequence[str], request: SplitRequest) -> Split:
        materials = request.materials
        held = np.zeros(len(materials), dtype=np.bool_)
        for symbol in symbols:
            owners = materials.owner[materials.numbers == ATOMIC_NUMBER[symbol]]
            if not len(owners):
                raise DataError(
                    f"leave_elements_out: no material contains {symbol};"
                    " take an element that the data set has"
                )
            held[owners] = True
        return hold_out(
            f"without {'+'.join(symbols)}",
            held,
            config=self.config,
            materials=materials,
            seed=request.context.seed,
            held_out=f"materials with {' or '.join(symbols)}",
        )
