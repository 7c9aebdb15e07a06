"""Error and coverage per group of materials, and the groups whose coverage is too low.

A coverage attained on average can be too low for a whole family of chemistry. A group of fewer than
``SMALLEST`` materials says too little and is left out by name. Light: numpy, scipy's specials late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.data.predictions import Predictions
from atlas_evaluation.scoring.scorer import level_text
from atlas_evaluation.scoring.shares import shortfalls
from atlas_statistics.binomial import ROUNDING
from atlas_statistics.bootstrap import CONFIDENCE, Interval, numbered

SMALLEST = 30
"""Materials that a group needs: at a coverage of 0.9 its interval is then about 0.25 wide."""


def binomial_interval(hits: float, n: int) -> Interval:
    """Return hits / n with its exact 95 % interval (Clopper-Pearson); hits may be no whole number.

    Source: Clopper & Pearson, Biometrika 26, 404 (1934), as quantiles of beta distributions.

    Raises:
        ValueError: hits does not lie in 0 to n, or n is 0.
    """
    from scipy.special import betaincinv

    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"{hits} of {n} materials is no share")
    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return Interval(hits / n, low, high)


def large_groups(groups: Str, materials: I8) -> tuple[dict[str, Bool], dict[str, int]]:
    """Return the rows of each group that is scored, sorted by name, and the sizes of those not.

    Args:
        groups: (n,) name of each row's group; rows of "" have none.
        materials: (n,) number of the material each row belongs to; sizes count these.
    """
    names, place = np.unique(groups, return_inverse=True)
    pairs = np.unique(np.stack([place, materials]), axis=1)
    sizes = np.bincount(pairs[0], minlength=len(names))
    found = [(str(name), k, int(sizes[k])) for k, name in enumerate(names.tolist()) if name]
    masks = {name: np.asarray(place == k) for name, k, n in found if n >= SMALLEST}
    return masks, {name: n for name, _, n in found if n < SMALLEST}


def score_groups(
    rows: Predictions,
    groups: Mapping[str, Bool],
    errors: Mapping[str, Mapping[str, float]],
    *,
    of: str,
    calibration: int | None = None,
) -> dict[str, Any]:
    """Return size, error, coverage and width of each group as plain JSON.

    Sizes and coverage are of materials: one with several rows is one, and covered as often as the
    share of them. ``groups`` holds the groups, largest first; ``worst``, where there are two or
    more, the group with the largest error; ``coverage``, for each level, what
    :func:`atlas_evaluation.scoring.shares.shortfalls` finds: which groups lie below the level.

    Args:
        rows: n rows.
        groups: name -> (n,) which rows belong to it.
        errors: name -> mean error, ``value`` with ``low`` and ``high`` where it has an interval.
        of: what the error is, ``mae`` or ``brier``.
        calibration: materials that the intervals were calibrated on; None where not known.
    """
    found: dict[str, dict[str, Any]] = {}
    hits: dict[str, dict[str, float]] = {}
    for name, held in groups.items():
        own_rows = rows.take(held)
        own: dict[str, Any] = {"n": len(set(own_rows.ids.tolist())), of: dict(errors[name])}
        for level in rows.lower:
            covered = _covered(own_rows, level)
            if covered is None:
                continue
            inside, share, width = covered
            text = level_text(level)
            hits.setdefault(text, {})[name] = inside
            own[f"picp_{text}"] = share.as_dict()
            if width is not None:
                own[f"mpiw_{text}"] = width
        found[name] = own
    order = sorted(found, key=lambda name: (-found[name]["n"], name))
    out: dict[str, Any] = {"groups": {name: found[name] for name in order}}
    if len(found) > 1:
        name = max(found, key=lambda n: (found[n][of]["value"], n))
        out["worst"] = {of: {"group": name, "n": found[name]["n"], **found[name][of]}}
    coverage = {
        text: shortfalls(
            inside,
            {name: found[name]["n"] for name in inside},
            float(text),
            calibration=calibration,
        )
        for text, inside in hits.items()
    }
    return out | ({"coverage": coverage} if coverage else {})


def _covered(rows: Predictions, level: float) -> tuple[float, Interval, float | None] | None:
    """Return hits, coverage and mean finite width; None where a row has no interval."""
    lower, upper = rows.lower[level], rows.upper[level]
    if np.isnan(lower).any() or np.isnan(upper).any():
        return None
    inside = (lower <= rows.target) & (rows.target <= upper)
    width = upper - lower
    finite = width[np.isfinite(width)]
    hits, n = _materials_that_hold(inside, numbered(rows.ids))
    return hits, binomial_interval(hits, n), float(finite.mean()) if len(finite) else None


def _materials_that_hold(inside: Bool, materials: I8) -> tuple[float, int]:
    """Return the sum over materials of the share of their rows that hold, and their number."""
    size = np.bincount(materials)
    held: F8 = np.bincount(materials, inside) / size
    hits = float(held.sum())
    return (float(round(hits)) if abs(hits - round(hits)) < ROUNDING else hits), len(size)
