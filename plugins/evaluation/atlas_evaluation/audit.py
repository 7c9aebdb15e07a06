"""Say what a split tests before its name is believed: extrapolation, interpolation, or nothing.

A held-out class with a bold name can lie in the midst of the training data, or be most of the data
set, and an error on it then says nothing about new materials. Two views of a material that need no
plugin are used: its element fractions, in which every unseen element is far, and statistics of its
elements' properties, in which an unseen element may stand between known ones. The host alone calls
this: it reads targets. Light: numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_chemistry import element_statistics
from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.context import derive_seed
from atlas_core.elements import SYMBOLS
from atlas_core.kinds.split import Split
from atlas_core.materials import Materials
from atlas_core.metrics import weighted
from atlas_core.standardizer import Standardizer
from atlas_core.store import canonical_hash
from atlas_evaluation.judge.audit import (
    NEAR,
    NEIGHBORS,
    Figures,
    Relative,
    SplitAudit,
    judge,
    together,
)
from atlas_statistics.ranks import auroc

DISTINCT = 50  # in-domain rows with a new formula that suffice to be the yardstick alone
QUERIES = 1500  # rows per part of a fold at most
LEAST_QUERIES = 200
REFERENCES = 15_000  # training rows per fold at most
LEAST_REFERENCES = 2000
PAIRS = 60e6  # distances a view, over all folds: about two seconds
TWIN = 0.5  # standard deviations of the target between two materials of one formula
TWINS = 1000  # of one fold that are noted, the farthest apart
BLOCK = 256  # rows whose distances are held at a time

View = Callable[[I8], F8]


def nearest(queries: F8, references: F8, k: int) -> tuple[F8, I8]:
    """Return (q, k) Euclidean distances to the nearest references, and which they are.

    A distance below 1e-6 of the largest length is rounding and returned as 0.
    """
    squares = (references**2).sum(axis=1)
    distance = np.empty((len(queries), k))
    index = np.empty((len(queries), k), dtype=np.int64)
    own = (queries**2).sum(axis=1)
    noise = 1e-12 * max(float(squares.max(initial=0.0)), float(own.max(initial=0.0)))
    for start in range(0, len(queries), BLOCK):
        block = slice(start, start + BLOCK)
        table = own[block, None] + squares - 2.0 * (queries[block] @ references.T)
        found = np.argpartition(table, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(table, found, axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        values = np.take_along_axis(values, order, axis=1)
        distance[block] = np.sqrt(np.where(values > noise, values, 0.0))
        index[block] = np.take_along_axis(found, order, axis=1)
    return distance, index


@dataclass(frozen=True, eq=False)
class _Data:
    """All n materials as the audit looks at them.

    Attributes:
        ids: (n,) of all of them.
        present: (n, 118) which elements they have.
        formula: (n,) numbers, equal for one reduced formula.
        target: (n,) in the target's unit.
        views: from rows to their (k, d) descriptions, by name; those of ``VIEWS`` first.
    """

    ids: Str
    present: Bool
    formula: I8
    target: F8
    views: Mapping[str, View]

    def elements(self, rows: I8) -> list[str]:
        """Return the symbols of the elements that occur in these rows, in atomic order."""
        return [SYMBOLS[z + 1] for z in np.flatnonzero(self.present[rows].any(axis=0))]


def audit(
    splits: Sequence[Split],
    materials: Materials,
    target: F8,
    *,
    seed: int,
    vectors: Mapping[str, npt.NDArray[Any]] | None = None,
) -> SplitAudit:
    """Return what each fold, and the split as a whole, tests.

    Parts are sampled so that a data set of any size takes seconds; the figures say how many rows
    were compared. Shares of formulas are counted on all rows.

    Args:
        splits: the folds.
        materials: n materials.
        target: (n,) targets of all of them: the audit belongs to the host.
        seed: of the samples.
        vectors: {name: (n, d)} features of the run's arms, measured besides; they judge nothing.
    """
    fractions = materials.element_fractions()
    tables = {"fractions": fractions, "statistics": element_statistics(materials)}
    views: dict[str, View] = {
        name: partial(_rows_of, table) for name, table in (tables | dict(vectors or {})).items()
    }
    formula = np.unique(materials.formulas(), return_inverse=True)[1].astype(np.int64)
    data = _Data(materials.ids, fractions > 0, formula, np.asarray(target, dtype=np.float64), views)
    measured = [_measure(split, data, seed=seed, folds=len(splits)) for split in splits]
    folds = tuple(judge(split, own) for split, (own, _) in zip(splits, measured, strict=True))
    return together(folds, [relative for _, relative in measured])


def _measure(split: Split, data: _Data, *, seed: int, folds: int) -> tuple[Figures, Relative]:
    """Return the figures of one fold, and what is pooled over folds."""
    rng = np.random.default_rng(derive_seed(seed, "audit", split.name))
    known = taught = np.sort(np.concatenate([split.train, split.pool]))
    inside = split.test if len(split.test) else split.calibration
    if not len(inside):  # a tenth of the training rows stands in for an in-domain test
        apart = rng.permutation(len(known)) < max(1, len(known) // 10)
        known, inside = (known[~apart], known[apart]) if len(known) > 1 else (known, known)
    held = split.ood_test
    rows = sum(len(part) for part in split.parts().values())
    seen = {"in_domain": np.isin(data.formula[inside], data.formula[known])}
    seen["held_out"] = np.isin(data.formula[held], data.formula[known])
    queries = int(np.clip(2 * QUERIES // folds, LEAST_QUERIES, QUERIES))
    room = int(np.clip(PAIRS // (2 * queries * folds), LEAST_REFERENCES, REFERENCES))
    base = _some(known, room, rng)
    asked = {"in_domain": _some(inside, queries, rng), "held_out": _some(held, queries, rng)}
    new = ~np.isin(data.formula[asked["in_domain"]], data.formula[known])
    alone = int(new.sum()) >= DISTINCT
    yardstick = new if alone else np.ones(len(new), dtype=np.bool_)
    figures: Figures = {
        "rows": {"train": len(known), "in_domain": len(inside), "held_out": len(held)},
        "compared": {"train": len(base), **{part: len(r) for part, r in asked.items()}},
        "share_held_out": len(held) / rows,
        "shared_formula": {p: float(s.mean()) for p, s in seen.items() if len(s)},
        "yardstick": {"rows": int(yardstick.sum()), "new_formulas_only": alone},
        "elements": data.elements(taught),
        "training_ids": canonical_hash(sorted(data.ids[taught].tolist())),
        "twins": _twins(data, taught, np.concatenate([inside, held])),
        "views": {},
    }
    pooled: dict[str, dict[str, F8]] = {}
    for name in data.views:
        seen_as, near, relative = _seen(data, name, base=base, asked=asked, yardstick=yardstick)
        figures["views"][name] = seen_as
        if name == "fractions":
            figures["near_duplicates"] = near
        if relative:
            pooled[name] = relative
    if len(held):
        figures["target"] = _target_shift(data.target, held, np.concatenate([known, inside]))
    return figures, pooled


def _seen(
    data: _Data, name: str, *, base: I8, asked: Mapping[str, I8], yardstick: Bool
) -> tuple[Figures, dict[str, float], dict[str, F8]]:
    """Measure a fold in one view.

    Args:
        data: all materials.
        name: of the view.
        base: training rows that are compared.
        asked: rows of each part that are compared.
        yardstick: which of the in-domain ones are what the held-out ones are held against.

    Returns:
        Figures of the view, the share of each part with a training row close by, and what is pooled
        over folds, {} where nothing is held out.
    """
    view = data.views[name]
    training, tables = view(base), {p: view(rows) for p, rows in asked.items() if len(rows)}
    if name != "fractions":
        training, tables = _in_units_of(training, tables)
    distance, miss = {}, {}
    for part, table in tables.items():
        apart, index = nearest(table, training, min(NEIGHBORS, len(base)))
        distance[part] = apart[:, 0]
        miss[part] = np.abs(data.target[base][index].mean(axis=1) - data.target[asked[part]])
    near = {part: float((d <= NEAR).mean()) for part, d in distance.items()}
    own, own_miss = distance["in_domain"][yardstick], miss["in_domain"][yardstick]
    figures: Figures = {
        "distance_in_domain": float(np.median(own)), "error_in_domain": float(own_miss.mean()),
    }  # fmt: skip
    if "held_out" not in distance:
        return figures, near, {}
    far, far_miss = distance["held_out"], miss["held_out"]
    figures |= {
        "distance_held_out": float(np.median(far)),
        "auroc": auroc(own, far),
        "error_held_out": float(far_miss.mean()),
        **_ratio(far_miss, own_miss),
    }
    below = [np.searchsorted(np.sort(own), far, side=side) for side in ("left", "right")]
    relative = {
        "error": weighted.ratio(far_miss, own_miss.mean()),
        "typical": weighted.ratio(far_miss, np.median(own_miss)),
        "rank": (below[0] + below[1]) / (2.0 * len(own)),
    }
    return figures, near, relative


def _twins(data: _Data, known: I8, asked: I8) -> dict[str, float]:
    """Return {id: target of a training material of the same formula} where the two are far apart.

    Of several such training materials the one nearest in target counts: where even that is more
    than ``TWIN`` standard deviations away, another phase is meant, or one of the labels is wrong.
    """
    spread = float(data.target[known].std())
    shared = asked[np.isin(data.formula[asked], data.formula[known])]
    found: list[tuple[float, str, float]] = []
    by_formula: dict[int, F8] = {}
    order = known[np.argsort(data.formula[known], kind="stable")]
    ordered = data.formula[order]
    for row in shared.tolist():
        number = int(data.formula[row])
        if number not in by_formula:
            first, last = np.searchsorted(ordered, [number, number + 1])
            by_formula[number] = data.target[order[first:last]]
        values = by_formula[number]
        twin = float(values[np.argmin(np.abs(values - data.target[row]))])
        gap = abs(twin - float(data.target[row]))
        if gap > TWIN * spread:
            found.append((gap, str(data.ids[row]), twin))
    found.sort(key=lambda one: (-one[0], one[1]))
    return {name: twin for _, name, twin in sorted(found[:TWINS], key=lambda one: one[1])}


def _some(rows: I8, most: int, rng: np.random.Generator) -> I8:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _rows_of(table: npt.NDArray[Any], rows: I8) -> F8:
    return np.asarray(table[rows], dtype=np.float64)


def _in_units_of(training: F8, tables: Mapping[str, F8]) -> tuple[F8, dict[str, F8]]:
    """Return tables with columns centered and in units of training's spread; 0 for a NaN."""
    standard = Standardizer.of(training, relative=1e-12, absolute=0.0)
    return standard(training), {part: standard(table) for part, table in tables.items()}


def _ratio(held: F8, inside: F8) -> Figures:
    """Return the ratio of two mean errors, its standard error, and the ratio of their medians.

    None where one has no value. A few large errors carry a mean; the medians are of typical rows.
    """
    in_domain = float(np.median(inside))
    found: Figures = {
        "error_ratio": None,
        "error_ratio_std": None,
        "error_ratio_median": float(np.median(held)) / in_domain if in_domain > 0 else None,
    }
    if not inside.mean() > 0:
        return found
    found["error_ratio"] = ratio = float(held.mean() / inside.mean())
    if len(held) < 2 or len(inside) < 2 or not held.mean() > 0:
        return found
    relative = [float(x.var(ddof=1) / len(x) / x.mean() ** 2) for x in (held, inside)]
    return found | {"error_ratio_std": ratio * float(np.sqrt(sum(relative)))}


def _target_shift(target: F8, held: I8, inside: I8) -> Figures:
    from scipy.stats import ks_2samp

    own, other = target[inside], target[held]
    spread = float(own.std())
    outside = (other < own.min()) | (other > own.max())
    return {
        "ks": float(ks_2samp(own, other, method="asymp").statistic),
        "mean_shift": float(other.mean() - own.mean()) / spread if spread > 0 else None,
        "outside_range": float(outside.mean()),
    }
