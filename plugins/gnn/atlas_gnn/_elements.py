"""What the periodic table says about an element, from its number alone. Light: numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.api import MAX_Z

_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)


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


def descriptors() -> npt.NDArray[np.float32]:
    """Return (119, 30) float32: row z describes atomic number z; row 0 is zeros.

    Columns: group one-hot (18), period one-hot (7), block one-hot (4; f-block elements stand in
    group 3), and how far the f shell is filled (0 to 1). An element that no training crystal holds
    shares its group and its period with elements that were seen, so what the network learnt about
    those carries over to it; a learnt embedding of its own would still be noise.
    """
    table = np.zeros((MAX_Z + 1, 30), dtype=np.float32)
    for z in range(1, MAX_Z + 1):
        group, period, block, place = _place(z)
        table[z, group - 1] = 1
        table[z, 18 + period - 1] = 1
        table[z, 25 + block] = 1
        table[z, 29] = (place - 2) / 14 if block == 3 else float(period >= 6 and place > 16)
    return table
