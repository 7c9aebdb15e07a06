"""Say what a split tests before its name is believed: extrapolation, interpolation, or nothing.

A held-out class with a bold name can lie in the midst of the training data, or be most of the data
set, and an error on it then says nothing about new materials. Two views of a material that need no
plug-in are used: its element fractions, in which every unseen element is far, and statistics of its
elements' properties, in which an unseen element may stand between known ones. The host alone calls
this: it reads targets. Light: numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8
from atlas_core.context import derive_seed
from atlas_core.elements import SYMBOLS
from atlas_core.kinds.split import Split
from atlas_core.materials import Materials
from atlas_core.metrics import digits
from atlas_core.metrics.ood import auroc
from atlas_core.periodic_table import element_statistics

Kind = Literal["extrapolation", "interpolation", "mixed", "degenerate", "in-domain"]

WORSE = 1.5  # times the in-domain error; as the verdict on an arm has it
FARTHER = 0.7  # AUROC of the distance; below it most held-out rows have in-domain distances
MOSTLY = 0.8  # share of the judged folds that names a split of several
MOST = 0.6  # share of all rows in one class, from which the class is the rule and not the exception
FEW = 20  # rows; an error ratio of fewer is off by a quarter or more by chance
NEAR = 0.03  # distance of fractions; one atom in fifty exchanged moves a material by 0.028
LEAKED = 0.05  # share of test rows with a formula in training that is worth a sentence
SHIFTED_TARGET = 0.5  # Kolmogorov-Smirnov distance; half of the targets would have to move
NEIGHBOURS = 5  # of the trivial model
DISTINCT = 50  # in-domain rows with a new formula that suffice to be the yardstick alone
QUERIES = 1500  # rows a part of a fold at most
LEAST_QUERIES = 200
REFERENCES = 15_000  # training rows a fold at most
LEAST_REFERENCES = 2000
PAIRS = 60e6  # distances a view, over all folds: about two seconds
BLOCK = 256  # rows whose distances are held at a time

VIEWS = ("fractions", "statistics")
NAMES = {"fractions": "element fractions", "statistics": "element properties"}

Figures = dict[str, Any]
View = Callable[[I8], F8]


@dataclass(frozen=True)
class FoldAudit:
    """Hold what one fold tests.

    Attributes:
        fold: its name.
        held_out: the held-out class in words, "" where there is none.
        kind: ``extrapolation``, ``interpolation``, ``degenerate`` or ``in-domain``.
        reasons: what the judgement rests on, each a sentence with its figures.
        figures: every judged number, as plain data.
    """

    fold: str
    held_out: str
    kind: Kind
    reasons: tuple[str, ...]
    figures: Figures


@dataclass(frozen=True)
class SplitAudit:
    """Hold what a split tests.

    Attributes:
        kind: as of a fold, or ``mixed``.
        sentence: the judgement; all that some readers will read.
        reasons: what it rests on.
        folds: one audit a fold.
        figures: numbers of all folds together.
    """

    kind: Kind
    sentence: str
    reasons: tuple[str, ...]
    folds: tuple[FoldAudit, ...]
    figures: Figures

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, with the limits that it was judged by."""
        return {**asdict(self), "limits": LIMITS}


LIMITS = {
    "worse": WORSE,
    "farther": FARTHER,
    "mostly": MOSTLY,
    "most": MOST,
    "few": FEW,
    "near": NEAR,
    "leaked": LEAKED,
    "shifted_target": SHIFTED_TARGET,
    "neighbours": NEIGHBOURS,
}


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


def kolmogorov_smirnov(first: F8, second: F8) -> float:
    """Return the largest gap between two empirical distribution functions, 0 to 1."""
    values = np.concatenate([first, second])
    steps = [np.searchsorted(np.sort(part), values, side="right") for part in (first, second)]
    return float(np.abs(steps[0] / len(first) - steps[1] / len(second)).max())


@dataclass(frozen=True, eq=False)
class _Data:
    """Hold all n materials as the audit looks at them.

    Attributes:
        materials: all of them.
        formula: (n,) numbers, equal for one reduced formula.
        target: (n,) in the target's unit.
        views: from rows to their (k, d) descriptions, by name; those of ``VIEWS`` first.
    """

    materials: Materials
    formula: I8
    target: F8
    views: Mapping[str, View]

    def elements(self, rows: I8) -> list[str]:
        """Return the symbols of the elements that occur in these rows, in atomic order."""
        return [SYMBOLS[z] for z in np.unique(self.materials.take(rows).numbers)]


@dataclass(frozen=True, eq=False)
class _Measured:
    """Hold one fold's figures, and what is pooled over folds: (rows,) relative to in-domain.

    Attributes:
        figures: as in ``FoldAudit``.
        errors: {view: (h,)} errors of held-out rows over the fold's mean in-domain error.
        ranks: {view: (h,)} share of in-domain rows that are nearer than a held-out row.
    """

    figures: Figures
    errors: Mapping[str, F8] = field(default_factory=dict)
    ranks: Mapping[str, F8] = field(default_factory=dict)


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
    views: dict[str, View] = {
        "fractions": partial(_described, materials, Materials.element_fractions),
        "statistics": partial(_described, materials, element_statistics),
    }
    if len(splits) > 1:  # describe each row once, not once a fold
        views = {n: partial(_rows_of, view(np.arange(len(materials)))) for n, view in views.items()}
    for name, table in (vectors or {}).items():
        views[name] = partial(_rows_of, table)
    formula = np.unique(materials.formulas(), return_inverse=True)[1].astype(np.int64)
    data = _Data(materials, formula, np.asarray(target, dtype=np.float64), views)
    measured = [_measure(split, data, seed=seed, folds=len(splits)) for split in splits]
    folds = tuple(_judge(split, m.figures) for split, m in zip(splits, measured, strict=True))
    return _together(folds, measured)


def _measure(split: Split, data: _Data, *, seed: int, folds: int) -> _Measured:
    """Return the figures of one fold."""
    rng = np.random.default_rng(derive_seed(seed, "audit", split.name))
    known = np.sort(np.concatenate([split.train, split.pool]))
    inside = split.test if len(split.test) else split.calibration
    if not len(inside):  # a tenth of the training rows stands in for an in-domain test
        apart = rng.permutation(len(known)) < max(1, len(known) // 10)
        known, inside = (known[~apart], known[apart]) if len(known) > 1 else (known, known)
    held = split.shifted
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
        "elements": data.elements(np.concatenate([split.train, split.pool])),
        "views": {},
    }
    errors: dict[str, F8] = {}
    ranks: dict[str, F8] = {}
    for name, view in data.views.items():
        training, tables = view(base), {p: view(rows) for p, rows in asked.items() if len(rows)}
        if name != "fractions":
            training, tables = _in_units_of(training, tables)
        found = {
            part: nearest(table, training, min(NEIGHBOURS, len(base)))
            for part, table in tables.items()
        }
        miss = {
            part: np.abs(data.target[base][index].mean(axis=1) - data.target[asked[part]])
            for part, (_, index) in found.items()
        }
        if name == "fractions":
            figures["near_duplicates"] = {
                part: float((d[:, 0] <= NEAR).mean()) for part, (d, _) in found.items()
            }
        own, own_miss = found["in_domain"][0][yardstick, 0], miss["in_domain"][yardstick]
        seen_as: Figures = {"distance_in_domain": _median(own), "error_in_domain": _mean(own_miss)}
        if "held_out" in found:
            far = found["held_out"][0][:, 0]
            typical = float(own_miss.mean())
            seen_as |= {
                "distance_held_out": _median(far),
                "auroc": auroc(own, far),
                "error_held_out": _mean(miss["held_out"]),
                **_ratio(miss["held_out"], own_miss),
            }
            below = [np.searchsorted(np.sort(own), far, side=side) for side in ("left", "right")]
            ranks[name] = (below[0] + below[1]) / (2.0 * len(own))
            errors[name] = miss["held_out"] / typical if typical > 0 else np.full(len(far), np.nan)
        figures["views"][name] = seen_as
    if len(held):
        figures["target"] = _target_shift(data.target, held, np.concatenate([known, inside]))
    return _Measured(figures, errors, ranks)


def _some(rows: I8, most: int, rng: np.random.Generator) -> I8:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _described(materials: Materials, describe: Callable[[Materials], F8], rows: I8) -> F8:
    return describe(materials.take(rows))


def _rows_of(table: npt.NDArray[Any], rows: I8) -> F8:
    return np.asarray(table[rows], dtype=np.float64)


def _in_units_of(training: F8, tables: Mapping[str, F8]) -> tuple[F8, dict[str, F8]]:
    """Return tables with columns centred and in units of training's spread; 0 for a NaN."""
    known = np.isfinite(training)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, training, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, training - centre, 0.0) ** 2).sum(axis=0) / count)
    spread = np.where(spread > 1e-12 * np.abs(centre), spread, 1.0)

    def scaled(table: F8) -> F8:
        return np.asarray(np.nan_to_num((table - centre) / spread), dtype=np.float64)

    return scaled(training), {part: scaled(table) for part, table in tables.items()}


def _median(values: F8) -> float:
    return float(np.median(values))


def _mean(values: F8) -> float:
    return float(values.mean())


def _ratio(held: F8, inside: F8) -> Figures:
    """Return the ratio of two mean errors and its standard error; None where it has no value."""
    if not inside.mean() > 0:
        return {"error_ratio": None, "error_ratio_std": None}
    ratio = float(held.mean() / inside.mean())
    if len(held) < 2 or len(inside) < 2 or not held.mean() > 0:
        return {"error_ratio": ratio, "error_ratio_std": None}
    relative = [float(x.var(ddof=1) / len(x) / x.mean() ** 2) for x in (held, inside)]
    return {"error_ratio": ratio, "error_ratio_std": ratio * float(np.sqrt(sum(relative)))}


def _target_shift(target: F8, held: I8, inside: I8) -> Figures:
    own, other = target[inside], target[held]
    spread = float(own.std())
    outside = (other < own.min()) | (other > own.max())
    return {
        "ks": kolmogorov_smirnov(own, other),
        "mean_shift": float(other.mean() - own.mean()) / spread if spread > 0 else None,
        "outside_range": float(outside.mean()),
    }


def _best(views: Mapping[str, Figures]) -> tuple[str, Figures] | None:
    """Return the core's own view in which held-out rows are easiest, or None without a ratio."""
    known = {n: views[n] for n in VIEWS if views.get(n, {}).get("error_ratio") is not None}
    return min(known.items(), key=lambda item: float(item[1]["error_ratio"])) if known else None


def _judge(split: Split, figures: Figures) -> FoldAudit:
    """Return the judgement of one fold."""

    def say(kind: Kind, *reasons: str) -> FoldAudit:
        shown = [*reasons, *_about_target(figures), *_about_formulas(figures, kind)]
        return FoldAudit(split.name, split.held_out, kind, tuple(shown), figures)

    held, share = figures["rows"]["held_out"], figures["share_held_out"]
    if not held:
        return say("in-domain")
    size = f"The class has {_rows(held)}, {_percent(share)} of all."
    if held < FEW:
        return say("degenerate", f"The class has {_rows(held)}: too few to say anything.")
    if share > MOST:
        return say(
            "degenerate",
            f"The class holds {_percent(share)} of all rows ({held}): it is the rule and the"
            f" {figures['rows']['train']} training rows are the exception.",
        )
    best = _best(figures["views"])
    if best is None:
        return say("degenerate", size, "Neighbours make no error in-domain: nothing to compare.")
    kind: Kind = "extrapolation" if best[1]["error_ratio"] >= WORSE else "interpolation"
    return say(kind, size, *_about_neighbours(figures["views"], kind))


def _about_neighbours(views: Mapping[str, Figures], kind: Kind) -> list[str]:
    """Return what distances and the errors of neighbours say."""
    ratios = {n: views[n]["error_ratio"] for n in VIEWS if views[n]["error_ratio"] is not None}
    areas = {n: views[n]["auroc"] for n in VIEWS}
    times = " and ".join(f"{r:.2f} times by {NAMES[n]}" for n, r in ratios.items())
    said = [
        f"The mean of the {NEIGHBOURS} nearest training materials errs more on it than in-domain:"
        f" {times}."
        if kind == "extrapolation"
        else f"The mean of the {NEIGHBOURS} nearest training materials errs on it, over its"
        f" in-domain error: {times}."
    ]
    far = " and ".join(f"{areas[n]:.2f} by {NAMES[n]}" for n in VIEWS)
    if min(areas.values()) >= FARTHER:
        ends = "." if kind == "extrapolation" else ": the ground is new, the errors are not larger."
        said.append(f"The class lies apart from training (AUROC of the distance {far}){ends}")
    elif max(areas.values()) >= FARTHER:
        said.append(f"It lies apart from training in one view only (AUROC of the distance {far}).")
    else:
        said.append(f"It lies no farther from training than in-domain rows (AUROC {far}).")
    return said


def _about_target(figures: Figures) -> list[str]:
    target = figures.get("target")
    if not target or target["ks"] < SHIFTED_TARGET:
        return []
    shift = target["mean_shift"]
    by = "" if shift is None else f", mean {shift:+.1f} in-domain standard deviations away"
    return [f"The target itself moves (KS {target['ks']:.2f}{by})."]


def _about_formulas(figures: Figures, kind: Kind) -> list[str]:
    """Return what crosses the border between training and what is asked."""
    said = []
    for part, words in (("held_out", "held-out"), ("in_domain", "in-domain test")):
        share = figures["shared_formula"].get(part, 0.0)
        if share > LEAKED:
            said.append(
                f"{_percent(share)} of the {words} rows share a reduced formula with a training"
                " row" + (": polymorphs cross the border." if kind == "in-domain" else ".")
            )
    return said


def _together(folds: tuple[FoldAudit, ...], measured: Sequence[_Measured]) -> SplitAudit:
    """Return the judgement of a whole split."""
    held = np.array([fold.figures["rows"]["held_out"] for fold in folds])
    kinds = [fold.kind for fold in folds]
    figures: Figures = {
        "folds": len(folds),
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
    }
    if not held.any():
        return _in_domain(folds, figures)
    shares = np.array([fold.figures["share_held_out"] for fold in folds])
    largest = int(np.argmax(shares))
    figures |= {
        "held_out_rows": {"least": int(held.min()), "most": int(held.max())},
        "largest_share": float(shares[largest]),
        "too_few": int((held < FEW).sum()),
        "pooled": _pooled(measured),
    }
    if len(folds) == 1:
        fold = folds[0]
        sentence = _sentence(fold.kind, fold.held_out or fold.fold, fold.figures["views"])
        return SplitAudit(fold.kind, sentence, fold.reasons, folds, figures)
    if shares[largest] > MOST:
        name = folds[largest].held_out or folds[largest].fold
        sentence = (
            f"Degenerate: {name} hold {_percent(shares[largest])} of all rows, and"
            f" {figures['too_few']} of {len(folds)} classes have fewer than {FEW}; no mean over"
            " these folds says what one class alone does not."
        )
        return SplitAudit("degenerate", sentence, _counts(folds), folds, figures)
    pooled = figures["pooled"]
    best = _best(pooled["views"])
    judged = [kind for kind in kinds if kind in ("extrapolation", "interpolation")]
    if not judged and (pooled["rows"] < FEW or best is None):
        sentence = f"Degenerate: {_rows(pooled['rows'])} are held out in all, too few to judge."
        return SplitAudit("degenerate", sentence, _counts(folds), folds, figures)
    if 2 * len(judged) < len(folds) and best is not None:  # most classes are too small alone
        kind: Kind = "extrapolation" if best[1]["error_ratio"] >= WORSE else "interpolation"
        sentence = _sentence(kind, "the held-out rows of all folds together", pooled["views"])
        return SplitAudit(kind, sentence, _counts(folds), folds, figures)
    new = judged.count("extrapolation") / len(judged)
    if max(new, 1.0 - new) < MOSTLY:
        sentence = (
            f"Mixed: {judged.count('extrapolation')} of {len(judged)} classes are extrapolation,"
            f" {judged.count('interpolation')} are interpolation; a mean over all folds is neither."
        )
        return SplitAudit("mixed", sentence, _counts(folds), folds, figures)
    kind = "extrapolation" if new > 0.5 else "interpolation"
    many = judged.count(kind)
    what = "all" if many == len(judged) else f"{many} of"
    sentence = _sentence(kind, f"{what} {len(judged)} held-out classes", _of(kind, folds))
    return SplitAudit(kind, sentence, _counts(folds), folds, figures)


def _of(kind: Kind, folds: Sequence[FoldAudit]) -> dict[str, Figures]:
    """Return the typical error ratio of the folds of a kind, as one view."""
    ratios = [
        best[1]["error_ratio"]
        for fold in folds
        if fold.kind == kind and (best := _best(fold.figures["views"])) is not None
    ]
    return {VIEWS[0]: {"error_ratio": float(np.median(ratios))}}


def _pooled(measured: Sequence[_Measured]) -> Figures:
    """Return figures of all held-out rows, each measured against its own fold's in-domain rows."""
    views: dict[str, Figures] = {}
    names = dict.fromkeys(name for m in measured for name in m.ranks)
    for name in names:
        errors = np.concatenate([m.errors[name] for m in measured if name in m.errors])
        ranks = np.concatenate([m.ranks[name] for m in measured if name in m.ranks])
        known = errors[np.isfinite(errors)]
        views[name] = {
            "rows": len(ranks),
            "auroc": float(ranks.mean()),
            "error_ratio": float(known.mean()) if len(known) else None,
        }
    return {"rows": sum(len(m.errors.get(VIEWS[0], ())) for m in measured), "views": views}


def _in_domain(folds: tuple[FoldAudit, ...], figures: Figures) -> SplitAudit:
    rows = np.array([fold.figures["rows"]["in_domain"] for fold in folds])
    shared = np.array([fold.figures["shared_formula"].get("in_domain", 0.0) for fold in folds])
    near = np.array([fold.figures["near_duplicates"]["in_domain"] for fold in folds])
    figures |= {
        "shared_formula": float(rows @ shared / rows.sum()),
        "near_duplicates": float(rows @ near / rows.sum()),
    }
    sentence = "In-domain only: nothing is held out, so no figure of this run speaks of new ground."
    reasons = []
    if figures["shared_formula"] > LEAKED:
        reasons.append(
            f"{_percent(figures['shared_formula'])} of the test rows share a reduced formula with"
            " a training row (polymorphs): errors on them flatter a model that reads compositions."
            " Keep formulas together (group_by_formula) to know the error on new ones."
        )
    if figures["near_duplicates"] > figures["shared_formula"] + LEAKED:
        reasons.append(
            f"{_percent(figures['near_duplicates'])} of the test rows have a training row within"
            f" {NEAR} of their composition."
        )
    return SplitAudit("in-domain", sentence, tuple(reasons), folds, figures)


def _sentence(kind: Kind, what: str, views: Mapping[str, Figures]) -> str:
    best = _best(views)
    if kind == "degenerate" or best is None:
        return f"Degenerate: {what} are no class that an error could be stated for."
    times = _times(best[1]["error_ratio"])
    if kind == "extrapolation":
        return f"Extrapolation: on {what} even the better of two trivial models errs {times}."
    return (
        f"This is interpolation: on {what} a trivial model of the nearest training materials errs"
        f" only {times}."
    )


def _counts(folds: Sequence[FoldAudit]) -> tuple[str, ...]:
    """Return how many folds are what, with names where they are few."""
    said = []
    for kind in ("extrapolation", "interpolation", "degenerate", "in-domain"):
        names = [fold.fold for fold in folds if fold.kind == kind]
        if names:
            listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            said.append(f"{len(names)} of {len(folds)} folds: {kind} ({listed}).")
    return tuple(said)


def _rows(n: int) -> str:
    return f"{n} row" if n == 1 else f"{n} rows"


def _percent(share: float) -> str:
    return f"{digits.percentage(share)} %"


def _times(ratio: float) -> str:
    return f"{ratio:.2f} times its in-domain error"
