"""Set two runs, or the arms of one run, side by side on the same rows. Light: numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import derive_seed
from atlas_core.data.predictions import SCORED_PARTS, Predictions
from atlas_core.errors import DataError, SpecError
from atlas_core.evaluate import read_arms
from atlas_core.metrics import bootstrap, weighted
from atlas_core.metrics.paired import PairedScore, paired_scores
from atlas_core.metrics.scorer import level_text
from atlas_report.run_differences import Change, RunTables, changes, unlike_folds


@dataclass(frozen=True)
class Difference:
    """Hold one figure of A and of B on the same rows, and B - A with its 95 % interval."""

    a: float
    b: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class PartComparison:
    """Compare two arms on the rows of one part that both predicted.

    Attributes:
        part: ``test``, ``shifted`` or ``calibration``.
        paired: rows with the same id, part and fold in both, of the folds that are the same.
        only_a: rows of A without a partner; they are in no figure here.
        only_b: rows of B without a partner.
        error: B - A of the MAE (``binary``: of the Brier score); None without a paired row.
        p_value: two-sided, of no difference in error.
        share_better: share of rows where B errs less, ties half.
        coverage: B - A of the coverage, by level, where both have intervals.
        scores: B against A by every score that both have, with the tests of
            :mod:`atlas_core.metrics.paired`; B is the first.
    """

    part: str
    paired: int
    only_a: int
    only_b: int
    error: Difference | None
    p_value: float | None
    share_better: float | None
    coverage: Mapping[str, Difference]
    scores: Mapping[str, PairedScore]


@dataclass(frozen=True)
class ArmComparison:
    """Compare two arms.

    Attributes:
        arm_a: its name in A.
        arm_b: its name in B.
        parts: one entry per part.
        auroc: of test against shifted rows, for ``score`` and ``sigma``.
        refused: fold -> why its rows are not paired.
    """

    arm_a: str
    arm_b: str
    parts: tuple[PartComparison, ...]
    auroc: Mapping[str, Difference]
    refused: Mapping[str, str]

    def part(self, name: str) -> PartComparison | None:
        """Return the comparison of one part, or None where neither arm has it."""
        return next((p for p in self.parts if p.part == name), None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**asdict(self), "parts": [asdict(p) for p in self.parts]}


@dataclass(frozen=True)
class Comparison:
    """Compare two runs, A and B, arm by arm.

    Attributes:
        name_a: run A.
        name_b: run B.
        changes: what differs between the runs.
        metric: ``mae``, or ``brier`` for a binary task.
        unit: of the errors; "" where there is none.
        arms: one entry a pair of arms.
        unpaired_a: arms of A that B lacks.
        unpaired_b: arms of B that A lacks.
    """

    name_a: str
    name_b: str
    changes: tuple[Change, ...]
    metric: str
    unit: str
    arms: tuple[ArmComparison, ...]
    unpaired_a: tuple[str, ...]
    unpaired_b: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "name_a": self.name_a,
            "name_b": self.name_b,
            "changes": [asdict(change) for change in self.changes],
            "metric": self.metric,
            "unit": self.unit,
            "arms": [arm.as_dict() for arm in self.arms],
            "unpaired_a": list(self.unpaired_a),
            "unpaired_b": list(self.unpaired_b),
        }


def compare(a: RunTables, b: RunTables, *, seed: int) -> Comparison:
    """Return B - A on the folds that both runs cut alike.

    Arms of one name are paired; where each run has a single arm, those are. Rows are paired within
    folds of one name that hold the same materials in every part: of another split the shared test
    materials are a chance remainder, of which models trained on other rows say nothing.

    Args:
        a: the run that is the reference.
        b: the other run.
        seed: of the resampling.

    Raises:
        SpecError: the runs predict another target, unit or data, or share no arm.
        DataError: a table is broken.
    """
    _same_question(a, b)
    levels = [v for v in a.metrics["levels"] if v in b.metrics["levels"]]
    arms_a, arms_b = read_arms(a.predictions, levels), read_arms(b.predictions, levels)
    pairs = [(name, name) for name in arms_a if name in arms_b]
    if not pairs and len(arms_a) == len(arms_b) == 1:
        pairs = [(next(iter(arms_a)), next(iter(arms_b)))]
    if not pairs:
        raise SpecError(
            f"{a.name} and {b.name}: no arm in common"
            f" ({', '.join(arms_a)} against {', '.join(arms_b)}); give one arm the same name"
        )
    task = str(a.manifest["dataset"]["task"])
    unlike = unlike_folds(a, b)
    return Comparison(
        name_a=a.name,
        name_b=b.name,
        changes=changes(a, b),
        metric=_metric(task),
        unit=_unit(a),
        arms=tuple(
            _compare_rows(
                (x, arms_a[x]),
                (y, arms_b[y]),
                task=task,
                shares=_shares(a),
                unlike=unlike,
                seed=seed,
            )
            for x, y in pairs
        ),
        unpaired_a=tuple(x for x in arms_a if x not in {p[0] for p in pairs}),
        unpaired_b=tuple(y for y in arms_b if y not in {p[1] for p in pairs}),
    )


def _shares(run: RunTables) -> dict[str, float]:
    """Return rows of each part over training rows, the mean over the folds; by part."""
    sizes = [fold["sizes"] for fold in (run.manifest.get("split") or {}).get("folds") or ()]
    parts = {part for own in sizes for part in own} - {"train"}
    return {
        part: float(np.mean([own.get(part, 0) / own["train"] for own in sizes]))
        for part in parts
        if all(own.get("train") for own in sizes)
    }


def _metric(task: str) -> str:
    return "brier" if task == "binary" else "mae"


def _unit(run: RunTables) -> str:
    about = run.manifest["dataset"]
    return "" if about["task"] == "binary" else str(about.get("unit") or "")


def _same_question(a: RunTables, b: RunTables) -> None:
    words = {"task": "task", "target": "target", "unit": "unit", "sha256": "data (sha256)"}
    for key, word in words.items():
        x, y = (run.manifest["dataset"].get(key) for run in (a, b))
        if x != y:
            raise SpecError(
                f"{a.name} and {b.name}: {word} differs ({_short(x)} against {_short(y)});"
                " only runs on the same data and target can be compared"
            )


def _short(value: object) -> str:
    text = str(value) if value else "none"
    return text if len(text) <= 24 else text[:12]


def _keys(rows: Predictions, arm: str) -> dict[tuple[str, str, str], int]:
    """Return {(fold, part, id): row}."""
    keys = zip(rows.fold.tolist(), rows.parts.tolist(), rows.ids.tolist(), strict=True)
    found: dict[tuple[str, str, str], int] = {}
    for row, key in enumerate(keys):
        if key in found:
            raise DataError(f"predictions: arm {arm}: id {key[2]!r} occurs twice in {key[1]}")
        found[key] = row
    return found


def _refused(
    a: Mapping[tuple[str, str, str], int],
    b: Mapping[tuple[str, str, str], int],
    unlike: Mapping[str, str],
) -> dict[str, str]:
    """Return {fold: why its rows are not paired}; folds that are the same are left out."""
    out: dict[str, str] = {}
    members: list[dict[str, dict[str, set[str]]]] = [{}, {}]
    for place, keys in enumerate((a, b)):
        for fold, part, name in keys:
            members[place].setdefault(fold, {}).setdefault(part, set()).add(name)
    first, second = members
    for fold in dict.fromkeys([*first, *second]):
        if fold not in first or fold not in second:
            out[fold] = f"only {'A' if fold in first else 'B'} has this fold"
            continue
        parts = dict.fromkeys([*first[fold], *second[fold]])
        none: set[str] = set()
        told = []
        for part in parts:
            x, y = first[fold].get(part, none), second[fold].get(part, none)
            if x != y:
                told.append(f"{len(x & y)} of {len(x)} {part} rows of A and {len(y)} of B")
        if told:
            out[fold] = f"it holds other materials in B: they share {', '.join(told)}"
        elif fold in unlike:
            out[fold] = unlike[fold]
    return out


def _compare_rows(
    a: tuple[str, Predictions],
    b: tuple[str, Predictions],
    *,
    task: str,
    shares: Mapping[str, float],
    unlike: Mapping[str, str],
    seed: int,
) -> ArmComparison:
    (arm_a, rows_a), (arm_b, rows_b) = a, b
    keys_a, keys_b = _keys(rows_a, arm_a), _keys(rows_b, arm_b)
    _same_targets(a, b)
    refused = _refused(keys_a, keys_b, unlike)
    shared = [key for key in keys_a if key in keys_b and key[0] not in refused]
    paired_a = rows_a.take(np.array([keys_a[k] for k in shared], dtype=np.int64))
    paired_b = rows_b.take(np.array([keys_b[k] for k in shared], dtype=np.int64))
    present = set(rows_a.parts.tolist()) | set(rows_b.parts.tolist())
    parts = [p for p in SCORED_PARTS if p in present] + sorted(present - set(SCORED_PARTS))
    compared = []
    for part in parts:
        held = paired_a.parts == part
        compared.append(
            _compare_part(
                part,
                paired_a.take(held),
                paired_b.take(held),
                sizes=(int((rows_a.parts == part).sum()), int((rows_b.parts == part).sum())),
                task=task,
                share=shares.get(part),
                seed=derive_seed(seed, "comparison", arm_a, arm_b, part),
            )
        )
    auroc_seed = derive_seed(seed, "comparison", arm_a, arm_b, "auroc")
    auroc = _auroc(paired_a, paired_b, auroc_seed)
    return ArmComparison(arm_a, arm_b, tuple(compared), auroc, refused)


def _same_targets(a: tuple[str, Predictions], b: tuple[str, Predictions]) -> None:
    (arm_a, rows_a), (arm_b, rows_b) = a, b
    known = dict(zip(rows_a.ids.tolist(), rows_a.target.tolist(), strict=True))
    for name, target in zip(rows_b.ids.tolist(), rows_b.target.tolist(), strict=True):
        if known.get(name, target) != target:
            raise SpecError(
                f"arms {arm_a} and {arm_b}: id {name!r} has two different targets;"
                " only runs on the same data can be compared"
            )


def _compare_part(
    part: str,
    a: Predictions,
    b: Predictions,
    *,
    sizes: tuple[int, int],
    task: str,
    share: float | None,
    seed: int,
) -> PartComparison:
    n = len(a)
    only = (sizes[0] - n, sizes[1] - n)
    if not n:
        return PartComparison(part, 0, *only, None, None, None, {}, {})
    scores = paired_scores(b, a, task=task, test_over_train=share, seed=seed)
    error = scores[_metric(task)]
    return PartComparison(
        part=part,
        paired=n,
        only_a=only[0],
        only_b=only[1],
        error=beside(error),
        p_value=error.bootstrap.p_value,
        share_better=error.bootstrap.share_better,
        coverage=_coverage(a, b, bootstrap.numbered(a.ids), seed),
        scores=scores,
    )


def beside(score: PairedScore) -> Difference:
    """Return a score of A and of B, and B - A."""
    found = score.bootstrap
    return Difference(score.second, score.first, found.difference, found.low, found.high)


def _difference(a: F8, b: F8, found: bootstrap.PairedDifference) -> Difference:
    return Difference(float(a.mean()), float(b.mean()), found.difference, found.low, found.high)


def _coverage(a: Predictions, b: Predictions, materials: I8, seed: int) -> dict[str, Difference]:
    out: dict[str, Difference] = {}
    for level in a.lower:
        ends = (a.lower.get(level), a.upper.get(level), b.lower.get(level), b.upper.get(level))
        if any(end is None or np.isnan(end).any() for end in ends):
            continue
        inside_a, inside_b = (
            ((rows.lower[level] <= rows.target) & (rows.target <= rows.upper[level])).astype(float)
            for rows in (a, b)
        )
        found = bootstrap.paired_difference(inside_b, inside_a, seed=seed, materials=materials)
        out[level_text(level)] = _difference(inside_a, inside_b, found)
    return out


def _auroc(a: Predictions, b: Predictions, seed: int) -> dict[str, Difference]:
    """Return AUROC differences on the paired rows, as means over the folds that hold both sides.

    Scores of two folds are never ranked together; test and shifted rows are resampled apart.
    """
    every = {fold: _sides(a, fold) for fold in dict.fromkeys(a.fold.tolist())}
    folds = {fold: sides for fold, sides in every.items() if all(len(side) for side in sides)}
    if not folds:
        return {}
    rows = np.concatenate([side for sides in folds.values() for side in sides])
    out: dict[str, Difference] = {}
    for name, first, second in (
        ("score", a.ood_score, b.ood_score),
        ("sigma", a.std, b.std),
    ):
        if not (np.isfinite(first[rows]).all() and np.isfinite(second[rows]).all()):
            continue
        found = []
        for fold, sides in folds.items():
            own = seed if len(folds) == 1 else derive_seed(seed, "fold", fold)
            found.append(_areas(first, second, sides, a, own))
        x, y = (float(np.mean([values[k] for values, _ in found])) for k in (0, 1))
        draws = np.mean([drawn for _, drawn in found], axis=0)
        ends = bootstrap.percentile_ends(draws)
        if ends is not None:
            out[name] = Difference(x, y, y - x, *ends)
    return out


def _sides(rows: Predictions, fold: str) -> list[I8]:
    """Return the places of a fold's test rows and of its shifted rows."""
    return [np.flatnonzero((rows.parts == p) & (rows.fold == fold)) for p in ("test", "shifted")]


def _areas(
    first: F8, second: F8, sides: Sequence[I8], held: Predictions, seed: int
) -> tuple[tuple[float, float], F8]:
    """Return both AUROC of one fold, and draws of second - first."""
    rows = np.concatenate(list(sides))
    positive = np.repeat([0.0, 1.0], [len(side) for side in sides])
    blocks = [
        bootstrap.resample(
            bootstrap.numbered(held.ids[side]),
            resamples=bootstrap.RANK_RESAMPLES,
            seed=derive_seed(seed, name),
        )
        for side, name in zip(sides, ("test", "shifted"), strict=True)
    ]
    counts = np.concatenate([np.concatenate(list(block)) for block in blocks], axis=1)
    ones = weighted.unit_weights(len(rows))
    x, y = (float(_area(s[rows], positive, ones)[0]) for s in (first, second))
    draws = _area(second[rows], positive, counts) - _area(first[rows], positive, counts)
    return (x, y), draws


def _area(score: F8, positive: F8, weights: F8) -> F8:
    return weighted.auroc(weighted.Ranking(score), positive, weights)
