"""The nearest rows by Euclidean distance, the same for a row whatever stands beside it. Light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8

BLOCK = 256
"""Rows whose distances to all others are held at a time."""

Table = npt.NDArray[np.floating]


def nearest(
    reference: Table, rows: Table, count: int, *, decimals: int | None = None
) -> tuple[F8, I8]:
    """Return (n, k) ascending distances and places of the k = min(count, r) nearest rows.

    Equally near ones come in the order of the reference rows. A product of matrices finds
    candidates fast and rounds as its batch does; so these are measured again, each pair alone.

    Args:
        reference: (r, d).
        rows: (n, d).
        count: how many are looked for.
        decimals: to which distances are rounded before they are compared, and returned; None: not.
    """
    count = min(count, len(reference))
    apart, place = np.zeros((len(rows), count)), np.zeros((len(rows), count), dtype=np.int64)
    length = np.einsum("ij,ij->i", reference, reference)
    for i in range(0, len(rows) if count else 0, BLOCK):
        some = rows[i : i + BLOCK]
        squared = some @ reference.T
        squared *= -2.0
        squared += length  # but for the rows' own squares
        last = np.partition(squared, count - 1, axis=1)[:, count - 1]
        limit = _limit(last, some, float(length.max()), decimals)
        for row, near in enumerate(squared <= limit[:, None]):
            found = np.flatnonzero(near)
            exact = np.linalg.norm(reference[found].astype(np.float64) - some[row], axis=1)
            if decimals is not None:
                exact = np.round(exact, decimals)
            order = np.argsort(exact, kind="stable")[:count]
            apart[i + row], place[i + row] = exact[order], found[order]
    return apart, place


def _limit(last: Table, rows: Table, longest: float, decimals: int | None) -> Table:
    """Return (n,) up to which square a row may be among the nearest, rounding considered.

    A product of d terms is off by about d roundings of the lengths at most.

    Args:
        last: (n,) square of the last of the nearest as it was rounded.
        rows: (n, d).
        longest: square of the longest reference row.
        decimals: to which distances are rounded, or None.
    """
    own = np.einsum("ij,ij->i", rows, rows)
    off = 4 * max(rows.shape[1], 1) * np.finfo(last.dtype).eps * (own + longest)
    unit = 0.0 if decimals is None else 10.0**-decimals
    wide = unit * (2 * np.sqrt(np.maximum(last + own, 0.0)) + unit)
    return np.asarray(last + off + wide, dtype=last.dtype)
