"""Judge what a split tests, from the figures of :mod:`atlas_core.audit`, in words. Light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from atlas_core.arrays import F8
from atlas_core.binomial import Z_95
from atlas_core.kinds.split import Split
from atlas_core.metrics import digits

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

VIEWS = ("fractions", "statistics")
NAMES = {"fractions": "element fractions", "statistics": "element properties"}

Figures = dict[str, Any]


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


@dataclass(frozen=True, eq=False)
class Measured:
    """Hold one fold's figures, and what is pooled over folds: (rows,) relative to in-domain.

    Attributes:
        figures: as in ``FoldAudit``.
        errors: {view: (h,)} errors of held-out rows over the fold's mean in-domain error.
        typical: {view: (h,)} the same over its median in-domain error.
        ranks: {view: (h,)} share of in-domain rows that are nearer than a held-out row.
    """

    figures: Figures
    errors: Mapping[str, F8] = field(default_factory=dict)
    typical: Mapping[str, F8] = field(default_factory=dict)
    ranks: Mapping[str, F8] = field(default_factory=dict)


def _best(views: Mapping[str, Figures]) -> tuple[str, Figures] | None:
    """Return the core's own view in which held-out rows are easiest, or None without a ratio."""
    known = {n: views[n] for n in VIEWS if views.get(n, {}).get("error_ratio") is not None}
    return min(known.items(), key=lambda item: _harder(item[1])) if known else None


def _harder(view: Figures) -> float:
    """Return how much larger held-out errors are, by mean or by median, whichever is more.

    Errors have heavy tails: a class whose typical row is ``WORSE`` times as hard is new ground
    though a few large in-domain errors level the means, and so is one with few but large errors.
    """
    ratios = [view.get("error_ratio"), view.get("error_ratio_median")]
    return max(float(ratio) for ratio in ratios if ratio is not None)


def _ends(view: Figures) -> tuple[float, float] | None:
    """Return the 95 % interval of the ratio of mean errors over rows, None where it is unknown."""
    ratio, std = view.get("error_ratio"), view.get("error_ratio_std")
    if ratio is None or std is None:
        return None
    return max(0.0, ratio - Z_95 * std), ratio + Z_95 * std


def interval(view: Figures) -> str:
    """Return the interval of the ratio in brackets, "" where it is unknown."""
    ends = _ends(view)
    return "" if ends is None else f" ({ends[0]:.2f} to {ends[1]:.2f})"


def undecided(view: Figures) -> str:
    """Say where the interval of the ratio holds the border, so that chance decided; else ""."""
    ends, median = _ends(view), view.get("error_ratio_median") or 0.0
    if ends is None or median >= WORSE or not ends[0] < WORSE <= ends[1]:
        return ""  # where the median decides, the interval of the mean says nothing of it
    return (
        f"{WORSE:g} times is the border between interpolation and extrapolation, and the interval"
        " holds it: other rows may decide otherwise."
    )


def _kind(view: Figures) -> Kind:
    return "extrapolation" if _harder(view) >= WORSE else "interpolation"


def judge(split: Split, figures: Figures) -> FoldAudit:
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
            f" {digits.counted(figures['rows']['train'], 'training row')} are the exception.",
        )
    best = _best(figures["views"])
    if best is None:
        return say("degenerate", size, "Neighbours make no error in-domain: nothing to compare.")
    kind = _kind(best[1])
    border = [text] if (text := undecided(best[1])) else []
    return say(kind, size, *_about_neighbours(figures["views"], kind), *border)


def _about_neighbours(views: Mapping[str, Figures], kind: Kind) -> list[str]:
    """Return what distances and the errors of neighbours say."""
    ratios = {n: views[n]["error_ratio"] for n in VIEWS if views[n]["error_ratio"] is not None}
    areas = {n: views[n]["auroc"] for n in VIEWS}
    times = " and ".join(
        f"{r:.2f} times{interval(views[n])} by {NAMES[n]}{_by_median(views[n])}"
        for n, r in ratios.items()
    )
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
    by = ""
    if shift is not None:
        signed = f"{shift:+.1f}".replace("-", digits.MINUS)
        by = f", mean {signed} in-domain standard deviations away"
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


def together(folds: tuple[FoldAudit, ...], measured: Sequence[Measured]) -> SplitAudit:
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
        kind = _kind(best[1])
        sentence = _sentence(kind, "the held-out rows of all folds together", pooled["views"])
        return SplitAudit(kind, sentence, _counts(folds), folds, figures)
    new = judged.count("extrapolation") / len(judged)
    if max(new, 1.0 - new) < MOSTLY:
        sentence = (
            f"Mixed: of {digits.counted(len(judged), 'class', 'classes')}"
            f" {_are(judged.count('extrapolation'))} extrapolation and"
            f" {_are(judged.count('interpolation'))} interpolation; a mean over all folds is"
            " neither."
        )
        return SplitAudit("mixed", sentence, _counts(folds), folds, figures)
    kind = "extrapolation" if new > 0.5 else "interpolation"
    many = judged.count(kind)
    nouns = ("held-out class", "held-out classes")
    what = digits.all_of(many, *nouns)
    if many < len(judged):
        what = f"{many} of {digits.counted(len(judged), *nouns)}"
    sentence = _sentence(kind, what, _of(kind, folds))
    return SplitAudit(kind, sentence, _counts(folds), folds, figures)


def _of(kind: Kind, folds: Sequence[FoldAudit]) -> dict[str, Figures]:
    """Return the typical error ratios of the folds of a kind, a view each."""
    own = [fold.figures["views"] for fold in folds if fold.kind == kind]
    names = dict.fromkeys(name for views in own for name in views)
    found: dict[str, Figures] = {}
    for name in names:
        found[name] = {}
        for key in ("error_ratio", "error_ratio_median"):
            ratios = [views[name].get(key) for views in own if name in views]
            known = [ratio for ratio in ratios if ratio is not None]
            found[name][key] = float(np.median(known)) if known else None
        if len(own) == 1:  # of several folds the spread over them is another matter
            found[name]["error_ratio_std"] = own[0][name].get("error_ratio_std")
    return found


def _pooled(measured: Sequence[Measured]) -> Figures:
    """Return figures of all held-out rows, each measured against its own fold's in-domain rows."""
    views: dict[str, Figures] = {}
    names = dict.fromkeys(name for m in measured for name in m.ranks)
    for name in names:
        errors = np.concatenate([m.errors[name] for m in measured if name in m.errors])
        ranks = np.concatenate([m.ranks[name] for m in measured if name in m.ranks])
        typical = np.concatenate([m.typical[name] for m in measured if name in m.typical])
        known, middle = errors[np.isfinite(errors)], typical[np.isfinite(typical)]
        views[name] = {
            "rows": len(ranks),
            "auroc": float(ranks.mean()),
            "error_ratio": float(known.mean()) if len(known) else None,
            "error_ratio_median": float(np.median(middle)) if len(middle) else None,
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
    name, view = best
    model = f"the mean of the nearest training materials by {NAMES[name]}"
    times = f"{_times(view['error_ratio'])}{interval(view)}{_by_median(view)}"
    border = f" {text}" if (text := undecided(view)) else ""
    if kind == "interpolation":
        only = "" if border else "only "
        text = f"This is interpolation: on {what} a trivial model, {model}, errs {only}{times}."
        return text + border
    text = f"Extrapolation: on {what} a trivial model, {model}, errs {times}"
    easier = {
        n: r
        for n, other in views.items()
        if n not in VIEWS
        and (r := other.get("error_ratio")) is not None
        and r < view["error_ratio"]
    }
    if easier:  # the features of an arm may see what the core's own views do not
        least = min(easier, key=lambda n: easier[n])
        text += f"; by {least} {easier[least]:.2f} times"
    return f"{text}.{border}"


def _by_median(view: Figures) -> str:
    """Return the ratio of the medians where it judges otherwise than that of the means."""
    mean, median = view.get("error_ratio"), view.get("error_ratio_median")
    if mean is None or median is None or (mean >= WORSE) == (median >= WORSE):
        return ""
    return f" ({median:.2f} times by the median)"


def _are(n: int) -> str:
    return f"{n} {'is' if n == 1 else 'are'}"


def _counts(folds: Sequence[FoldAudit]) -> tuple[str, ...]:
    """Return how many folds are what, with names where they are few."""
    said = []
    for kind in ("extrapolation", "interpolation", "degenerate", "in-domain"):
        names = [fold.fold for fold in folds if fold.kind == kind]
        if names:
            listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            said.append(f"{len(names)} of {digits.counted(len(folds), 'fold')}: {kind} ({listed}).")
    return tuple(said)


def _rows(n: int) -> str:
    return digits.counted(n, "row")


def _percent(share: float) -> str:
    return f"{digits.percentage(share)} %"


def _times(ratio: float) -> str:
    return f"{ratio:.2f} times its in-domain error"
