"""Set two runs, or the arms of one run, side by side on the same rows. Light: numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from atlas_core.api import Wording
from atlas_core.context import derive_seed
from atlas_core.data.predictions import SCORED_PARTS, Predictions
from atlas_core.errors import DataError, SpecError
from atlas_core.metrics.registry import Metrics
from atlas_core.observe import FinishedRun
from atlas_report.decided_pairs import DecisionDifference, decision_differences
from atlas_report.differences import (
    Difference,
    TrainedArm,
    absolute,
    aurocs,
    beside,
    bias,
    coverage,
    over_trainings,
    squared,
)
from atlas_report.paired import PairedScore, paired_scores
from atlas_report.run_differences import HASH, Change, changes, unlike_folds
from atlas_statistics.rows import without_empty_sigma

PART_WORD = {"test": "in-domain", "ood_test": "held-out"}
"""What the rows of a part are called in a reason."""


@dataclass(frozen=True)
class PartComparison:
    """Compare two arms on the rows of one part that both predicted.

    Attributes:
        part: ``test``, ``ood_test`` or ``calibration``.
        paired: rows with the same id, part and fold in both, of the folds that are the same.
        only_a: rows of A without a partner; they are in no figure here.
        only_b: rows of B without a partner.
        error: B - A of the MAE (``binary``: of the Brier score); None without a paired row.
        p_value: two-sided, of no difference in error.
        share_better: share of rows where B errs less, ties half.
        coverage: B - A of the coverage, by level, where both have intervals.
        scores: B against A by every score that both have, with the tests of
            :mod:`atlas_report.paired`; B is the first.
        bias: B - A of the mean signed error; None where ``error`` is None, and of classes.
        baseline: MAE of always predicting the training median, on the paired rows; None likewise,
            and where it is not known.
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
    bias: Difference | None = None
    baseline: float | None = None

    @property
    def repeated(self) -> bool:
        """Return whether one of the arms was trained several times."""
        return self.error is not None and self.error.trainings is not None


@dataclass(frozen=True)
class ArmComparison:
    """Compare two arms.

    Attributes:
        arm_a: its name in A.
        arm_b: its name in B.
        parts: one entry per part.
        auroc: of test against ood_test rows, for ``score`` and ``sigma``.
        refused: fold -> why its rows are not paired.
        decisions: of each part where both runs have decisions; {} where one has none.
    """

    arm_a: str
    arm_b: str
    parts: tuple[PartComparison, ...]
    auroc: Mapping[str, Difference]
    refused: Mapping[str, str]
    decisions: Mapping[str, DecisionDifference] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what the pair is called: the name that both share, or both names."""
        return self.arm_a if self.arm_a == self.arm_b else f"{self.arm_a} / {self.arm_b}"

    def part(self, name: str) -> PartComparison | None:
        """Return the comparison of one part, or None where neither arm has it."""
        return next((p for p in self.parts if p.part == name), None)


@dataclass(frozen=True)
class Comparison:
    """Compare two runs, A and B, arm by arm.

    Attributes:
        name_a: run A.
        name_b: run B.
        changes: what differs between the runs.
        metric: ``mae``, or ``brier`` for a binary task.
        labels: of metrics, by name.
        unit: of the errors; "" where there is none.
        arms: one entry a pair of arms.
        unpaired_a: arms of A that B lacks.
        unpaired_b: arms of B that A lacks.
        decided: what a material is at or below the border of A's reference.
    """

    name_a: str
    name_b: str
    changes: tuple[Change, ...]
    metric: str
    labels: Mapping[str, str]
    unit: str
    arms: tuple[ArmComparison, ...]
    unpaired_a: tuple[str, ...]
    unpaired_b: tuple[str, ...]
    decided: str = Wording.yes

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {name: value for name, value in asdict(self).items() if name != "labels"}


def compare(
    a: FinishedRun,
    b: FinishedRun,
    *,
    seed: int,
    metrics: Metrics,
    names: tuple[str, str] = ("A", "B"),
) -> Comparison:
    """Return B - A on the folds that both runs cut alike.

    Arms of one name are paired; where each run has a single arm, those are. Rows are paired within
    folds of one name that hold the same materials in every part: of another split the shared test
    materials are a chance remainder, of which models trained on other rows say nothing.

    Args:
        a: the run that is the reference.
        b: the other run.
        seed: of the resampling.
        metrics: whose rows are compared.
        names: what reasons call the runs.

    Raises:
        SpecError: the runs predict another target, unit or data, or share no arm.
        DataError: a table is broken.
    """
    _same_question(a, b)
    levels = [v for v in a.metrics["levels"] if v in b.metrics["levels"]]
    arms_a, arms_b = _arms(a, levels), _arms(b, levels)
    pairs = _pairs(arms_a, arms_b, f"{a.run_id} and {b.run_id}")
    task = str(a.manifest["dataset"]["task"])
    unlike = unlike_folds(a, b, names)
    words = Wording(**(a.manifest.get("reference") or {}).get("wording", {}))
    found = (
        _compare_rows(
            arms_a[x],
            arms_b[y],
            task=task,
            shares=_shares(a),
            unlike=unlike,
            seed=seed,
            metrics=metrics,
            names=names,
        )
        for x, y in pairs
    )
    return Comparison(
        name_a=a.run_id,
        name_b=b.run_id,
        changes=changes(a, b),
        metric=_metric(task),
        labels={one.name: one.label for one in metrics},
        unit=_unit(a),
        arms=tuple(_decided(one, a, b, seed) for one in found),
        decided=words.yes,
        unpaired_a=tuple(x for x in arms_a if x not in {p[0] for p in pairs}),
        unpaired_b=tuple(y for y in arms_b if y not in {p[1] for p in pairs}),
    )


def _decided(one: ArmComparison, a: FinishedRun, b: FinishedRun, seed: int) -> ArmComparison:
    """Return a comparison with that of the decisions of its arms."""
    arms = one.arm_a, one.arm_b
    return replace(one, decisions=decision_differences(a, b, arms, one.refused, seed=seed))


def _pairs(arms_a: Iterable[str], arms_b: Iterable[str], runs: str) -> list[tuple[str, str]]:
    """Return the arms of one name; where each run has a single arm, those.

    Raises:
        SpecError: there are none; ``runs`` names both.
    """
    ours, others = list(arms_a), list(arms_b)
    same = [(name, name) for name in ours if name in others]
    if not same and len(ours) == len(others) == 1:
        return [(ours[0], others[0])]
    if not same:
        raise SpecError(
            f"{runs}: no arm in common ({', '.join(ours)} against {', '.join(others)}); give one"
            " arm the same name"
        )
    return same


def _arms(run: FinishedRun, levels: Sequence[float]) -> dict[str, TrainedArm]:
    trained = []
    for predictions in (run.predictions, *run.repeats):
        predictions.require_finite()
        trained.append(predictions.at_levels(levels).by_arm())
    first, *others = trained
    return {
        arm: TrainedArm(arm, without_empty_sigma(own), [one[arm] for one in others])
        for arm, own in first.items()
    }


def _shares(run: FinishedRun) -> dict[str, float]:
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


def _unit(run: FinishedRun) -> str:
    about = run.manifest["dataset"]
    return "" if about["task"] == "binary" else str(about.get("unit") or "")


def _same_question(a: FinishedRun, b: FinishedRun) -> None:
    words = {"task": "task", "target": "target", "unit": "unit", "sha256": "data (sha256)"}
    for key, word in words.items():
        x, y = (run.manifest["dataset"].get(key) for run in (a, b))
        if x != y:
            raise SpecError(
                f"{a.run_id} and {b.run_id}: {word} differs ({_short(x)} against {_short(y)});"
                " only runs on the same data and target can be compared"
            )


def _short(value: object) -> str:
    text = str(value) if value else "none"
    return f"{text[:12]}…" if HASH.fullmatch(text) else text


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
    names: tuple[str, str],
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
            out[fold] = f"only {names[0 if fold in first else 1]} has this fold"
            continue
        parts = dict.fromkeys([*first[fold], *second[fold]])
        none: set[str] = set()
        unmatched = []
        for part in parts:
            x, y = first[fold].get(part, none), second[fold].get(part, none)
            if x != y:
                of = f"{PART_WORD.get(part, part)} rows of {names[0]} and {len(y)} of {names[1]}"
                unmatched.append(f"{len(x & y)} of {len(x)} {of}")
        if unmatched:
            out[fold] = f"it holds other materials in {names[1]}: they share {', '.join(unmatched)}"
        elif fold in unlike:
            out[fold] = unlike[fold]
    return out


def _compare_rows(
    a: TrainedArm,
    b: TrainedArm,
    *,
    task: str,
    shares: Mapping[str, float],
    unlike: Mapping[str, str],
    seed: int,
    metrics: Metrics,
    names: tuple[str, str],
) -> ArmComparison:
    keys_a, keys_b = _keys(a.rows, a.name), _keys(b.rows, b.name)
    _same_targets(a, b)
    refused = _refused(keys_a, keys_b, unlike, names)
    shared = [key for key in keys_a if key in keys_b and key[0] not in refused]
    paired_a = a.take(np.array([keys_a[k] for k in shared], dtype=np.int64))
    paired_b = b.take(np.array([keys_b[k] for k in shared], dtype=np.int64))
    present = set(a.rows.parts.tolist()) | set(b.rows.parts.tolist())
    parts = [p for p in SCORED_PARTS if p in present] + sorted(present - set(SCORED_PARTS))
    compared = []
    for part in parts:
        held = paired_a.rows.parts == part
        compared.append(
            _compare_part(
                part,
                paired_a.take(held),
                paired_b.take(held),
                sizes=(int((a.rows.parts == part).sum()), int((b.rows.parts == part).sum())),
                task=task,
                share=shares.get(part),
                seed=derive_seed(seed, "comparison", a.name, b.name, part),
                metrics=metrics,
            )
        )
    auroc_seed = derive_seed(seed, "comparison", a.name, b.name, "auroc")
    auroc = aurocs(paired_a.rows, paired_b.rows, auroc_seed)
    return ArmComparison(a.name, b.name, tuple(compared), auroc, refused)


def _same_targets(a: TrainedArm, b: TrainedArm) -> None:
    known = dict(zip(a.rows.ids.tolist(), a.rows.target.tolist(), strict=True))
    for name, target in zip(b.rows.ids.tolist(), b.rows.target.tolist(), strict=True):
        if known.get(name, target) != target:
            raise SpecError(
                f"arms {a.name} and {b.name}: id {name!r} has two different targets;"
                " only runs on the same data can be compared"
            )


def _compare_part(
    part: str,
    a: TrainedArm,
    b: TrainedArm,
    *,
    sizes: tuple[int, int],
    task: str,
    share: float | None,
    seed: int,
    metrics: Metrics,
) -> PartComparison:
    n = len(a.rows)
    only = (sizes[0] - n, sizes[1] - n)
    if not n:
        return PartComparison(part, 0, *only, None, None, None, {}, {})
    scores = paired_scores(
        b.rows, a.rows, task=task, test_over_train=share, seed=seed, metrics=metrics
    )
    error = scores[_metric(task)]
    over = over_trainings(a, b, squared if task == "binary" else absolute)
    return PartComparison(
        part=part,
        paired=n,
        only_a=only[0],
        only_b=only[1],
        error=replace(beside(error), trainings=over),
        p_value=error.bootstrap.p_value,
        share_better=error.bootstrap.share_better,
        coverage=coverage(a, b, seed),
        scores=scores,
        bias=None if task == "binary" else bias(a, b, seed),
        baseline=None if task == "binary" else _baseline(a.rows),
    )


def _baseline(rows: Predictions) -> float | None:
    error = float(np.abs(rows.baseline - rows.target).mean())
    return error if np.isfinite(error) else None
