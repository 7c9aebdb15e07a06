"""Valence electrons in s, p, d and f orbitals: mean number and share (Ward et al. 2016)."""

from __future__ import annotations

import numpy as np

from atlas_composition._formula import formulas_of
from atlas_composition.hooks import ValenceOrbitalsConfig
from atlas_composition.magpie import read_table
from atlas_core.api import SYMBOLS, Materials, Vectors

ORBITALS = ("s", "p", "d", "f")


class ValenceOrbitals:
    """Turn compositions into mean numbers and shares of valence electrons."""

    def __init__(self, config: ValenceOrbitalsConfig) -> None:
        self.config = config
        properties, table = read_table()
        columns = [properties.index(f"N{orbital}Valence") for orbital in ORBITALS]
        self.electrons = np.ascontiguousarray(table[:, columns].T)  # (4, 119)
        self.all_electrons = table[:, properties.index("NValence")]
        self.labels = np.asarray(
            [
                f"{kind} {orbital} valence electrons"
                for kind in ("avg", "frac")
                for orbital in ORBITALS
            ]
        )

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, 8): electrons an atom in s, p, d, f; then each divided by all of them.

        A row is NaN where Magpie does not know an element (beyond copernicium); it stands in
        ``failures``.
        """
        formulas = formulas_of(materials)
        fractions = formulas.fractions()
        values = np.empty((len(materials), 2 * len(ORBITALS)))
        for column, electrons in enumerate(self.electrons):
            values[:, column] = formulas.total(fractions * electrons[formulas.z])
        whole = formulas.total(fractions * self.all_electrons[formulas.z])
        values[:, len(ORBITALS) :] = values[:, : len(ORBITALS)] / whole[:, None]
        failures = []
        for index in np.flatnonzero(np.isnan(whole)):
            present = formulas.z[formulas.offsets[index] : formulas.offsets[index + 1]]
            unknown = [SYMBOLS[int(z)] for z in present if np.isnan(self.all_electrons[z])]
            reason = f"Magpie has no data on {', '.join(sorted(unknown))}"
            failures.append((str(materials.ids[index]), reason))
        return Vectors(values, self.labels, tuple(failures))
