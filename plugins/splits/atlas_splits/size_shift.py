"""Train on small cells or few elements, hold out the large ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas_core.api import F8, Materials, Split, SplitRequest
from atlas_splits._columns import amounts_of_formulas
from atlas_splits._parts import hold_out, size_of
from atlas_splits.hooks import SizeShiftConfig


class SizeShift:
    """Put the materials of one end of the sizes into ``ood_test``."""

    def __init__(self, config: SizeShiftConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one fold, such as ``large atoms``; materials of one size stay together.

        Raises:
            DataError: all materials have one size, or too few remain.
        """
        config = self.config
        size = sizes(request.materials, config.measure)
        count = size_of(config.fraction, len(size))
        if config.side == "large":
            edge, sign = np.sort(size)[-count], "or more"
            held = size >= edge
        else:
            edge, sign = np.sort(size)[count - 1], "or fewer"
            held = size <= edge
        where = " in the cell" if request.materials.has_structure else " in the formula"
        where = where if config.measure == "atoms" else ""
        return [
            hold_out(
                f"{config.side} {config.measure}",
                held,
                config=config,
                materials=request.materials,
                seed=request.context.seed,
                held_out=f"materials with {edge:g} {sign} {config.measure}{where}",
            )
        ]


def sizes(materials: Materials, measure: str) -> F8:
    """Return (n,) how many atoms or different elements a material has."""
    if measure == "elements":
        systems = materials.chemical_systems()
        return np.array([system.count("-") + 1.0 for system in systems])
    if materials.has_structure:
        return materials.counts.astype(np.float64)
    return np.array([sum(amounts) for amounts in amounts_of_formulas(materials.formulas())])
