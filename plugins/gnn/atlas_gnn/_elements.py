"""What the periodic table says about an element. Light: numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.api import MAX_Z

_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)

# Z = 1 to 103; "-" where there is no value.
# Pauling's electronegativity.
_ELECTRONEGATIVITY = (
    "2.2 - 0.98 1.57 2.04 2.55 3.04 3.44 3.98 - 0.93 1.31 1.61 1.9 2.19 2.58 3.16 - 0.82 1 1.36"
    " 1.54 1.63 1.66 1.55 1.83 1.88 1.91 1.9 1.65 1.81 2.01 2.18 2.55 2.96 3 0.82 0.95 1.22 1.33"
    " 1.6 2.16 1.9 2.2 2.28 2.2 1.93 1.69 1.78 1.96 2.05 2.1 2.66 2.6 0.79 0.89 1.1 1.12 1.13"
    " 1.14 1.13 1.17 1.2 1.2 1.1 1.22 1.23 1.24 1.25 1.1 1.27 1.3 1.5 2.36 1.9 2.2 2.2 2.28 2.54"
    " 2 1.62 2.33 2.02 2 2.2 2.2 0.7 0.9 1.1 1.3 1.5 1.38 1.36 1.28 1.3 1.3 1.3 1.3 1.3 1.3 1.3"
    " 1.3 1.3"
)
# Empirical atomic radius in Å (Slater 1964, 10.1063/1.1725697).
_RADIUS = (
    "0.25 - 1.45 1.05 0.85 0.7 0.65 0.6 0.5 - 1.8 1.5 1.25 1.1 1 1 1 0.71 2.2 1.8 1.6 1.4 1.35"
    " 1.4 1.4 1.4 1.35 1.35 1.35 1.35 1.3 1.25 1.15 1.15 1.15 - 2.35 2 1.8 1.55 1.45 1.45 1.35"
    " 1.3 1.35 1.4 1.6 1.55 1.55 1.45 1.45 1.4 1.4 - 2.6 2.15 1.95 1.85 1.85 1.85 1.85 1.85 1.85"
    " 1.8 1.75 1.75 1.75 1.75 1.75 1.75 1.75 1.55 1.45 1.35 1.35 1.3 1.35 1.35 1.35 1.5 1.9 1.8"
    " 1.6 1.9 - - - 2.15 1.95 1.8 1.8 1.75 1.75 1.75 1.75 - - - - - - - -"
)
# First ionization energy in eV.
_IONIZATION = (
    "13.6 24.59 5.39 9.32 8.3 11.26 14.53 13.62 17.42 21.56 5.14 7.65 5.99 8.15 10.49 10.36"
    " 12.97 15.76 4.34 6.11 6.56 6.83 6.75 6.77 7.43 7.9 7.88 7.64 7.73 9.39 6 7.9 9.79 9.75"
    " 11.81 14 4.18 5.69 6.22 6.63 6.76 7.09 7.12 7.36 7.46 8.34 7.58 8.99 5.79 7.34 8.61 9.01"
    " 10.45 12.13 3.89 5.21 5.58 5.54 5.47 5.53 5.58 5.64 5.67 6.15 5.86 5.94 6.02 6.11 6.18 6.25"
    " 5.43 6.83 7.55 7.86 7.83 8.44 8.97 8.96 9.23 10.44 6.11 7.42 7.29 8.42 9.32 10.75 4.07 5.28"
    " 5.38 6.31 5.89 6.19 6.27 6.03 5.97 5.99 6.2 6.28 6.37 6.5 6.58 6.63 4.96"
)


def _place(z: int) -> tuple[int, int, int, int]:
    """Return group (1-18), period (1-7), block (0 s, 1 p, 2 d, 3 f) and place in the period."""
    period = next(p for p, last in enumerate(_NOBLE) if z <= last)
    place = z - _NOBLE[period - 1]
    from_end = _NOBLE[period] - z  # 0 for a noble gas
    if place <= 2 and z != 2:
        return place, period, 0, place
    if from_end < 6:
        return 18 - from_end, period, 0 if z == 2 else 1, place
    if from_end < 16:
        return 18 - from_end, period, 2, place
    return 3, period, 3, place


def _standardized(text: str) -> npt.NDArray[np.float32]:
    """Return (119,) a property in standard deviations from its mean; 0 where it is unknown."""
    known = np.array([np.nan if word == "-" else float(word) for word in text.split()])
    column = np.zeros(MAX_Z + 1, dtype=np.float32)
    column[1 : len(known) + 1] = np.nan_to_num((known - np.nanmean(known)) / np.nanstd(known))
    return column


def descriptors() -> npt.NDArray[np.float32]:
    """Return (119, 33) float32: row z describes atomic number z; row 0 is zeros.

    Columns: group one-hot (18), period one-hot (7), block one-hot (4; f-block elements stand in
    group 3), how far the f shell is filled (0 to 1), and electronegativity, radius and ionization
    energy in standard deviations. An element that no training crystal holds shares most of this
    with elements that were seen, so what the network learned about those carries over to it; a
    learned embedding of its own would still be noise.
    """
    table = np.zeros((MAX_Z + 1, 33), dtype=np.float32)
    for z in range(1, MAX_Z + 1):
        group, period, block, place = _place(z)
        table[z, group - 1] = 1
        table[z, 18 + period - 1] = 1
        table[z, 25 + block] = 1
        table[z, 29] = (place - 2) / 14 if block == 3 else float(period >= 6 and place > 16)
    for column, text in enumerate((_ELECTRONEGATIVITY, _RADIUS, _IONIZATION), start=30):
        table[:, column] = _standardized(text)
    return table
