"""Magpie: 132 statistics of 22 elemental properties of a formula (Ward et al. 2016)."""

from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np

from atlas_composition._formula import formulas_of
from atlas_composition.hooks import MagpieConfig
from atlas_core.api import F8, I8, SYMBOLS, DataError, Materials, Vectors

STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")
BLOCK = 2048
"""Materials at a time: a block of 22 properties stays in the processor's cache."""


def read_table() -> tuple[list[str], F8]:
    """Return the property names and a (119, 22) table; row z is atomic number z, row 0 is NaN.

    Raises:
        DataError: the file of this plugin is damaged.
    """
    text = (files("atlas_composition") / "data" / "magpie.csv").read_text()
    header, *rows = csv.reader(text.splitlines())
    if [row[0] for row in rows] != list(SYMBOLS[1:]):
        raise DataError("magpie.csv: the elements are not H to Og; install the plugin anew")
    values = [[float(field) if field else np.nan for field in row[1:]] for row in rows]
    return header[1:], np.vstack([np.full((1, len(header) - 1), np.nan), values])


class Magpie:
    """Turn compositions into Magpie's 132 columns."""

    def __init__(self, config: MagpieConfig) -> None:
        self.config = config
        self.properties, self.table = read_table()
        self.labels = np.asarray(
            [f"MagpieData {stat} {name}" for name in self.properties for stat in STATISTICS]
        )

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, 132) statistics in matminer's order; NaN where a property is unknown.

        A material of which nothing is known (elements beyond copernicium) stands
        in ``failures``.
        """
        formulas = formulas_of(materials)
        bounds = formulas.offsets
        n, width = len(materials), len(self.properties)
        out = np.empty((n, width, len(STATISTICS)))
        for start in range(0, n, BLOCK):
            stop = min(start + BLOCK, n)
            rows = slice(bounds[start], bounds[stop])
            counts = formulas.counts[start:stop]
            self._statistics(formulas.z[rows], formulas.amount[rows], counts, out[start:stop])
        values = out.reshape(n, width * len(STATISTICS))
        unknown = np.flatnonzero(np.isnan(values[:, 0]))  # few, so looked at as a whole
        unknown = unknown[np.isnan(values[unknown]).all(axis=1)]
        return Vectors(
            values, self.labels, tuple(self._failure(materials, int(i)) for i in unknown)
        )

    def _failure(self, materials: Materials, index: int) -> tuple[str, str]:
        rows = slice(materials.offsets[index], materials.offsets[index + 1])
        present = np.unique(materials.numbers[rows])
        empty = np.isnan(self.table[present]).all(axis=1)
        unknown = sorted(SYMBOLS[int(z)] for z in present[empty])
        return str(materials.ids[index]), f"Magpie has no data on {', '.join(unknown)}"

    def _statistics(self, z: I8, amount: F8, counts: I8, out: F8) -> None:
        """Write (b, 22, 6) statistics of b materials with ``counts`` elements each.

        The j-th elements of all materials are taken together, so that sums run over the elements of
        a material in order of atomic number, whatever else is in the block.
        """
        order = np.argsort(-counts, kind="stable")  # materials with many elements first
        first = (np.cumsum(counts) - counts)[order]
        having = [int((counts > j).sum()) for j in range(int(counts.max()))]
        # rows[j]: flat rows of the j-th element of the materials that have one
        rows = [first[:k] + j for j, k in enumerate(having)]
        total, top = np.zeros((len(counts), 1)), np.zeros(len(counts))
        for k, row in zip(having, rows, strict=True):
            total[:k, 0] += amount[row]
            np.maximum(top[:k], amount[row], out=top[:k])

        shape = (len(counts), len(self.properties))
        low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
        mean, deviation, mode = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
        for k, row in zip(having, rows, strict=True):
            value, share = self.table[z[row]], amount[row]
            np.minimum(low[:k], value, out=low[:k])
            np.maximum(high[:k], value, out=high[:k])
            mean[:k] += share[:, None] * value
            # the smallest value among the equally most abundant elements; equal as in numpy.isclose
            most = np.abs(share - top[:k]) <= 1e-8 + 1e-5 * top[:k]
            value[~most] = np.inf
            np.minimum(mode[:k], value, out=mode[:k])
        mean /= total
        for k, row in zip(having, rows, strict=True):
            away = np.abs(self.table[z[row]] - mean[:k])
            deviation[:k] += amount[row][:, None] * away
        deviation /= total
        for index, values in enumerate((low, high, high - low, mean, deviation, mode)):
            out[order, :, index] = values
