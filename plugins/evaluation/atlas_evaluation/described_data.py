"""Describe the data of a run for a report: target by part, elements, repeated formulas. numpy only.

The host alone calls this: it reads targets of all parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.elements import SYMBOLS
from atlas_core.kinds.split import Split
from atlas_core.materials import Materials

BINS = 40
TAIL = 0.005  # share of all rows at either end that may lie beyond the edges
FAR = 0.25  # of the width between those two: an extreme that near is an edge itself
LISTED = 300  # formulas whose values disagree that are noted, the farthest apart


def described_data(splits: Sequence[Split], materials: Materials, target: F8) -> Mapping[str, Any]:
    """Return plain JSON types: what the parts hold, and which formulas have several values.

    A row counts once in each part that it is in, in whatever folds: ``train`` (with calibration
    rows and the pool), ``test`` and ``ood_test``. ``edges`` bound bins of the target, ``counts``
    rows in them by part; rows beyond count in the last bin, ``beyond`` says how many. ``elements``
    has {part: {symbol: rows}}. ``repeated`` counts ``formulas`` with several rows, those ``rows``,
    and formulas with two ``equal`` values. ``disagreeing`` has, of each formula with different
    values, ids and values of the two that are farthest apart; ``more`` counts formulas left out.

    Args:
        splits: the folds.
        materials: n materials.
        target: (n,) in the target's unit.
    """
    rows = _rows(splits)
    used = np.unique(np.concatenate(list(rows.values())))
    edges = _edges(target[used])
    return {
        "rows": {part: len(own) for part, own in rows.items()},
        "edges": edges.tolist(),
        "counts": {
            part: np.histogram(np.clip(target[own], edges[0], edges[-1]), edges)[0].tolist()
            for part, own in rows.items()
        },
        "beyond": int(((target[used] < edges[0]) | (target[used] > edges[-1])).sum()),
        "elements": {part: _elements(materials, own) for part, own in rows.items()},
        **_repeated(materials, target, used),
    }


def _rows(splits: Sequence[Split]) -> dict[str, I8]:
    """Return the rows that are in a part in some fold; parts without any are left out."""
    parts = {
        "train": [own for s in splits for own in (s.train, s.calibration, s.pool)],
        "test": [s.test for s in splits],
        "ood_test": [s.ood_test for s in splits],
    }
    found = {part: np.unique(np.concatenate(own)) for part, own in parts.items()}
    return {part: own.astype(np.int64) for part, own in found.items() if len(own)}


def _edges(values: F8) -> F8:
    """Return the ends of bins; of classes 0 and 1 of a bin each."""
    if np.isin(values, (0.0, 1.0)).all():
        return np.array([-0.5, 0.5, 1.5])
    low, high = (float(v) for v in np.quantile(values, (TAIL, 1 - TAIL)))
    room = FAR * (high - low)
    least, most = float(values.min()), float(values.max())
    low = least if least >= low - room else low
    high = most if most <= high + room else high
    if not high > low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def _elements(materials: Materials, rows: I8) -> dict[str, int]:
    """Return {symbol: how many of the rows contain it}, in atomic order."""
    chosen = np.zeros(len(materials), dtype=np.bool_)
    chosen[rows] = True
    kept = chosen[materials.owner]
    pairs = np.unique(materials.owner[kept] * len(SYMBOLS) + materials.numbers[kept])
    counts = np.bincount(pairs % len(SYMBOLS), minlength=len(SYMBOLS))
    return {SYMBOLS[z]: int(counts[z]) for z in np.flatnonzero(counts)}


def _repeated(materials: Materials, target: F8, used: I8) -> dict[str, Any]:
    """Return what became of formulas with several rows."""
    own = materials.take(used)
    values, ids = target[used], own.ids
    number = np.unique(own.formulas(), return_inverse=True)[1]
    order = np.lexsort((ids, values, number))
    starts = np.flatnonzero(np.append(True, np.diff(number[order]) > 0))
    ends = np.append(starts[1:], len(order))
    several = ends - starts > 1
    first, last = order[starts[several]], order[ends[several] - 1]
    gap = values[last] - values[first]
    same = np.append(False, (np.diff(values[order]) == 0) & (np.diff(number[order]) == 0))
    equal = np.unique(number[order][same])
    apart = np.flatnonzero(gap > 0)
    apart = apart[np.lexsort((ids[first[apart]], -gap[apart]))]
    listed = apart[:LISTED]
    names = own.take(first[listed]).written() if len(listed) else []
    return {
        "formulas": len(starts),
        "repeated": {
            "formulas": int(several.sum()),
            "rows": int((ends - starts)[several].sum()),
            "equal": len(equal),
        },
        "disagreeing": [
            {
                "formula": name,
                "ids": [str(ids[first[i]]), str(ids[last[i]])],
                "values": [float(values[first[i]]), float(values[last[i]])],
                "rows": int((ends - starts)[several][i]),
            }
            for name, i in zip(names, listed.tolist(), strict=True)
        ],
        "more": len(apart) - len(listed),
    }
