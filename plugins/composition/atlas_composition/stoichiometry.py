"""Stoichiometry: number of elements and norms of their fractions (Ward et al. 2016)."""

from __future__ import annotations

import numpy as np

from atlas_composition._formula import formulas_of
from atlas_composition.hooks import StoichiometryConfig
from atlas_core.api import Materials, Vectors

NORMS = (0, 2, 3, 5, 7, 10)


class Stoichiometry:
    """Turn compositions into the norms of their fractions."""

    def __init__(self, config: StoichiometryConfig) -> None:
        self.config = config
        self.labels = np.asarray([f"{p}-norm" for p in NORMS])

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, 6): the number of elements, then (sum of fraction^p)^(1/p) for each p."""
        formulas = formulas_of(materials)
        one = formulas.fractions()
        # products, because numpy's power takes ten times as long
        two = one * one
        five = two * two * one
        values = np.empty((len(materials), len(NORMS)))
        values[:, 0] = formulas.counts
        values[:, 1] = np.sqrt(formulas.total(two))
        values[:, 2] = np.cbrt(formulas.total(two * one))
        values[:, 3] = formulas.total(five) ** (1 / 5)
        values[:, 4] = formulas.total(five * two) ** (1 / 7)
        values[:, 5] = formulas.total(five * five) ** (1 / 10)
        return Vectors(values, self.labels)
