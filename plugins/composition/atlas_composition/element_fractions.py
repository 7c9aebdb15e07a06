"""Atomic fractions of the elements: one column per element."""

from __future__ import annotations

import numpy as np

from atlas_composition.hooks import ElementFractionsConfig
from atlas_core.api import ATOMIC_NUMBER, SYMBOLS, Materials, Vectors


class ElementFractions:
    """Turn compositions into atomic fractions."""

    def __init__(self, config: ElementFractionsConfig) -> None:
        self.symbols = SYMBOLS[1:] if config.elements is None else config.elements

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, d) fractions of all atoms; a row of all 118 columns sums to 1."""
        columns = [ATOMIC_NUMBER[symbol] - 1 for symbol in self.symbols]
        return Vectors(materials.element_fractions()[:, columns], np.asarray(self.symbols))
