"""Where an element stands in the periodic table, its properties, and statistics of them. Light."""

from __future__ import annotations

import numpy as np

from atlas_core.arrays import F8, I8, Bool
from atlas_core.elements import ELECTRONEGATIVITY, MAX_Z
from atlas_core.materials import Materials

_NOBLE = (2, 10, 18, 36, 54, 86, 118)
_RADIUS = (
    "31 28 128 96 84 76 71 66 57 58 166 141 121 111 107 105 102 106 203 176 170 160 153 139 139"
    " 132 126 124 132 122 122 120 119 120 120 116 220 195 190 175 164 154 147 146 142 139 145 144"
    " 142 139 139 138 139 140 244 215 207 204 203 201 199 198 198 196 194 192 192 189 190 187 187"
    " 175 170 162 151 144 141 136 136 132 145 146 148 140 150 150 260 221 215 206 200 196 190 187"
    " 180 169"
)

_MASS = (
    "1.008 4.002602 6.94 9.012183 10.81 12.011 14.007 15.999 18.998403 20.1797 22.989769 24.305"
    " 26.981538 28.085 30.973762 32.06 35.45 39.95 39.0983 40.078 44.955908 47.867 50.9415"
    " 51.9961 54.938044 55.845 58.933194 58.6934 63.546 65.38 69.723 72.63 74.921595 78.971"
    " 79.904 83.798 85.4678 87.62 88.90584 91.224 92.90637 95.95 98 101.07 102.9055 106.42"
    " 107.8682 112.414 114.818 118.71 121.76 127.6 126.90447 131.293 132.905452 137.327"
    " 138.90547 140.116 140.90766 144.242 145 150.36 151.964 157.25 158.92535 162.5 164.93033"
    " 167.259 168.93422 173.045 174.9668 178.49 180.94788 183.84 186.207 190.23 192.217 195.084"
    " 196.966569 200.592 204.38 207.2 208.9804 209 210 222 223 226 227 232.0377 231.03588"
    " 238.02891 237 244 243 247 247 251 252 257 258 259 262 267 268 269 270 269 278 281 282 285"
    " 286 289 290 293 294 294"
)


def _column(text: str) -> F8:
    values = [np.nan if word == "-" else float(word) for word in text.split()]
    return np.array([np.nan, *values, *[np.nan] * (MAX_Z - len(values))])


def electronegativity() -> F8:
    """Return (119,) Pauling electronegativities by atomic number; NaN where none is known.

    CRC Handbook of Chemistry and Physics; those of Pm, Eu, Tb and Yb are estimates.
    """
    return np.array(ELECTRONEGATIVITY)


def covalent_radius() -> F8:
    """Return (119,) covalent radii in pm by atomic number (Cordero et al. 2008), NaN if unknown.

    Those of C, Mn, Fe and Co are of sp3 carbon and of the low-spin metals (10.1039/b801115j).
    """
    return _column(_RADIUS)


def atomic_mass() -> F8:
    """Return (119,) atomic weights in g/mol by atomic number; NaN for entry 0.

    IUPAC 2021, abridged (10.1515/pac-2019-0603); of an element without stable isotopes, the mass
    number of the longest-lived one.
    """
    return _column(_MASS)


def periodic_row(z: I8) -> I8:
    """Return the rows 1 to 7 of the periodic table that atomic numbers stand in."""
    return np.searchsorted(np.array(_NOBLE), z).astype(np.int64) + 1


def periodic_group(z: I8) -> I8:
    """Return the columns 1 to 18 of the periodic table; 0 for lanthanoids and actinoids.

    The f-block are Z = 57 to 71 and 89 to 103 (IUPAC's words lanthanoids and actinoids), so La
    and Lu stand in no column.
    """
    z = np.asarray(z, dtype=np.int64)
    row = periodic_row(z)
    past = z - np.array([0, *_NOBLE])[row - 1]
    length = np.array([2, 8, 8, 18, 18, 32, 32])[row - 1]
    from_right = 18 - (length - past)
    column = np.where(past <= 2, past, from_right)
    column = np.where((row == 1) & (z == 2), 18, column)
    return np.where(f_block(z), 0, column).astype(np.int64)


def f_block(z: I8) -> Bool:
    """Tell which atomic numbers are lanthanoids or actinoids."""
    return ((z >= 57) & (z <= 71)) | ((z >= 89) & (z <= 103))


def element_statistics(materials: Materials) -> F8:
    """Return (n, d) mean, spread, least and largest of five properties of a material's elements.

    Electronegativity, covalent radius, column, row and valence (columns to the nearer edge of the
    table), then how evenly the atoms are shared and, where cells are known, the logarithm of the
    volume per atom. A property that is not known of an element is the mean of those known.
    """
    z = np.arange(1, MAX_Z + 1)
    column = periodic_group(z).astype(np.float64)
    column[column == 0] = 3.0  # lanthanoids and actinoids stand below the third column
    tables = (
        _filled(electronegativity()[1:]),
        _filled(covalent_radius()[1:]),
        column,
        periodic_row(z).astype(np.float64),
        np.minimum(column, 18.0 - column),
    )
    starts, owner = materials.offsets[:-1], materials.owner
    total = np.add.reduceat(materials.amounts, starts)
    weight = materials.amounts / total[owner]
    out = []
    for table in tables:
        values = table[materials.numbers - 1]
        mean = np.add.reduceat(weight * values, starts)
        spread = np.add.reduceat(weight * (values - mean[owner]) ** 2, starts)
        least, largest = (f.reduceat(values, starts) for f in (np.minimum, np.maximum))
        out += [mean, np.sqrt(spread), least, largest]
    out.append(np.sqrt((materials.element_fractions() ** 2).sum(axis=1)))
    if materials.lattice is not None:
        out.append(np.log(np.abs(np.linalg.det(materials.lattice)) / materials.counts))
    return np.stack(out, axis=1)


def _filled(table: F8) -> F8:
    return np.where(np.isfinite(table), table, np.nanmean(table))
