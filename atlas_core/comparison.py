"""Set two runs, or the arms of one run, side by side on the same rows. Light: numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import derive_seed
from atlas_core.errors import DataError, SpecError
from atlas_core.evaluate import PARTS, Columns, read_arms
from atlas_core.metrics import bootstrap, weighted
from atlas_core.metrics.paired import FoldDifference, PairedScore, paired_scores
from atlas_core.metrics.scorer import Rows, level_text

SHOWN_LEVEL = 0.9
SCORE_NAMES = {
    "mae": "MAE",
    "crps": "CRPS",
    "nll": "NLL",
    "brier": "Brier score",
    "log_loss": "log loss",
}


@dataclass(frozen=True, eq=False)
class RunTables:
    """Hold what a comparison needs of a finished run.

    Attributes:
        name: what the run is called.
        manifest: the content of ``manifest.json``.
        metrics: the content of ``metrics.json``.
        predictions: columns of ``predictions.parquet``.
    """

    name: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    predictions: Columns


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
        paired: rows with the same id, part and fold (where there are several) in both.
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
    """Compare two arms; ``auroc`` is of test against shifted rows, for ``score`` and ``sigma``."""

    arm_a: str
    arm_b: str
    parts: tuple[PartComparison, ...]
    auroc: Mapping[str, Difference]

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
        metric: ``mae``, or ``brier`` for a binary task.
        unit: of the errors; "" where there is none.
        arms: one entry a pair of arms.
        unpaired_a: arms of A that B lacks.
        unpaired_b: arms of B that A lacks.
    """

    name_a: str
    name_b: str
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
            "metric": self.metric,
            "unit": self.unit,
            "arms": [arm.as_dict() for arm in self.arms],
            "unpaired_a": list(self.unpaired_a),
            "unpaired_b": list(self.unpaired_b),
        }


def compare(a: RunTables, b: RunTables, *, seed: int) -> Comparison:
    """Return B - A on the rows that both runs predicted.

    Arms of one name are paired; where each run has a single arm, those are. Rows are paired by id,
    part and fold; where both runs have one fold, by id and part.

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
    return Comparison(
        name_a=a.name,
        name_b=b.name,
        metric=_metric(task),
        unit=_unit(a),
        arms=tuple(
            _compare_rows((x, arms_a[x]), (y, arms_b[y]), task=task, shares=_shares(a), seed=seed)
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


def _keys(rows: Rows, arm: str, *, single: bool) -> dict[tuple[str, str, str], int]:
    folds = [""] * len(rows.fold) if single else rows.fold.tolist()
    keys = zip(rows.ids.tolist(), rows.part.tolist(), folds, strict=True)
    found: dict[tuple[str, str, str], int] = {}
    for row, key in enumerate(keys):
        if key in found:
            raise DataError(f"predictions: arm {arm}: id {key[0]!r} occurs twice in {key[1]}")
        found[key] = row
    return found


def _compare_rows(
    a: tuple[str, Rows],
    b: tuple[str, Rows],
    *,
    task: str,
    shares: Mapping[str, float],
    seed: int,
) -> ArmComparison:
    (arm_a, rows_a), (arm_b, rows_b) = a, b
    # one fold each: its name ("without F", "without Cl") says what was held out, not which fold
    single = all(len(set(rows.fold.tolist())) == 1 for rows in (rows_a, rows_b))
    keys_a, keys_b = _keys(rows_a, arm_a, single=single), _keys(rows_b, arm_b, single=single)
    shared = [key for key in keys_a if key in keys_b]
    paired_a = rows_a.at(np.array([keys_a[k] for k in shared], dtype=np.int64))
    paired_b = rows_b.at(np.array([keys_b[k] for k in shared], dtype=np.int64))
    differs = paired_a.target != paired_b.target
    if differs.any():
        raise SpecError(
            f"arms {arm_a} and {arm_b}: id {str(paired_a.ids[np.argmax(differs)])!r} has two"
            " different targets; only runs on the same data can be compared"
        )
    present = set(rows_a.part.tolist()) | set(rows_b.part.tolist())
    parts = [p for p in PARTS if p in present] + sorted(present - set(PARTS))
    compared = []
    for part in parts:
        held = paired_a.part == part
        compared.append(
            _compare_part(
                part,
                paired_a.take(held),
                paired_b.take(held),
                sizes=(int((rows_a.part == part).sum()), int((rows_b.part == part).sum())),
                task=task,
                share=shares.get(part),
                seed=derive_seed(seed, "comparison", arm_a, arm_b, part),
            )
        )
    auroc_seed = derive_seed(seed, "comparison", arm_a, arm_b, "auroc")
    return ArmComparison(arm_a, arm_b, tuple(compared), _auroc(paired_a, paired_b, auroc_seed))


def _compare_part(
    part: str,
    a: Rows,
    b: Rows,
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
        error=_beside(error),
        p_value=error.bootstrap.p_value,
        share_better=error.bootstrap.share_better,
        coverage=_coverage(a, b, bootstrap.numbered(a.ids), seed),
        scores=scores,
    )


def _beside(score: PairedScore) -> Difference:
    found = score.bootstrap
    return Difference(score.second, score.first, found.difference, found.low, found.high)


def _difference(a: F8, b: F8, found: bootstrap.PairedDifference) -> Difference:
    return Difference(float(a.mean()), float(b.mean()), found.difference, found.low, found.high)


def _coverage(a: Rows, b: Rows, materials: I8, seed: int) -> dict[str, Difference]:
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


def _auroc(a: Rows, b: Rows, seed: int) -> dict[str, Difference]:
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


def _sides(rows: Rows, fold: str) -> list[I8]:
    """Return the places of a fold's test rows and of its shifted rows."""
    return [np.flatnonzero((rows.part == p) & (rows.fold == fold)) for p in ("test", "shifted")]


def _areas(
    first: F8, second: F8, sides: Sequence[I8], held: Rows, seed: int
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


def format_comparison(comparison: Comparison) -> str:
    """Return the comparison as a plain-text table.

    The calibration part and all levels but the one nearest ``SHOWN_LEVEL`` are left to ``as_dict``.
    p is of the mean (bootstrap), p of ranks of the signed-rank test; the test over folds follows
    below.
    """
    unit = f" in {comparison.unit}" if comparison.unit else ""
    name = SCORE_NAMES[comparison.metric]
    lines = [
        f"A = {comparison.name_a}",
        f"B = {comparison.name_b}",
        f"{name}{unit} and more on the rows that both predicted; B - A with its 95 % interval",
        "",
    ]
    table: list[Sequence[str]] = [
        (
            *("arm", "part", "what", "A", "B", "B - A", "95 % interval"),
            *("p", "p of ranks", "B better", "rows"),
        )
    ]
    notes: list[str] = []
    for arm in comparison.arms:
        label = arm.arm_a if arm.arm_a == arm.arm_b else f"{arm.arm_a} / {arm.arm_b}"
        for part in arm.parts:
            if part.only_a or part.only_b:
                notes.append(
                    f"{label}, {part.part}: {part.only_a} rows only in A and {part.only_b} only"
                    " in B are in no figure"
                )
            if part.part == "calibration" or part.error is None:
                continue
            rows = str(part.paired)
            for what, score in _shown(part.scores):
                cells = _cells(_beside(score))
                table.append((label, part.part, what, *cells, *_tests(score), rows))
            over = part.scores[comparison.metric].folds
            if over is not None:
                notes.append(f"{label}, {part.part}: {_over_folds(over, name)}")
            if part.coverage:
                level = min(part.coverage, key=lambda v: abs(float(v) - SHOWN_LEVEL))
                cells = _cells(part.coverage[level])
                table.append((label, part.part, f"coverage {level}", *cells, "", "", "", rows))
        table.extend(
            (label, "test/shifted", f"AUROC {detector}", *_cells(found), "", "", "", "")
            for detector, found in arm.auroc.items()
        )
    notes += [f"arm {arm}: only in A" for arm in comparison.unpaired_a]
    notes += [f"arm {arm}: only in B" for arm in comparison.unpaired_b]
    if len(table) == 1:
        notes.append("no material stands in the same part (test, shifted) of both runs")
    lines += _aligned(table) if len(table) > 1 else []
    return "\n".join([*lines, *([""] if notes else []), *notes]).rstrip()


def _shown(scores: Mapping[str, PairedScore]) -> list[tuple[str, PairedScore]]:
    """Return the scores that the table shows, with their names in words."""
    out = [(SCORE_NAMES[name], score) for name, score in scores.items() if name in SCORE_NAMES]
    levels = {
        name.removeprefix("interval_score_"): score
        for name, score in scores.items()
        if name.startswith("interval_score_")
    }
    if levels:
        level = min(levels, key=lambda v: abs(float(v) - SHOWN_LEVEL))
        out.append((f"interval score {level}", levels[level]))
    return out


def _tests(score: PairedScore) -> tuple[str, str, str]:
    ranks = "" if score.wilcoxon_p is None else f"{score.wilcoxon_p:.3g}"
    return f"{score.bootstrap.p_value:.3g}", ranks, f"{score.bootstrap.share_better:.0%}"


def _over_folds(found: FoldDifference, name: str) -> str:
    return (
        f"over {found.folds} folds, each one observation, B - A of the {name} is"
        f" {found.difference:+.3g} ({found.low:+.3g} to {found.high:+.3g}), p {found.p_value:.3g};"
        f" B is better in {found.better:g} of {found.folds}"
    )


def _cells(found: Difference) -> tuple[str, str, str, str]:
    interval = f"{found.low:+.3g} to {found.high:+.3g}"
    return f"{found.a:.3g}", f"{found.b:.3g}", f"{found.difference:+.3g}", interval


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k < 3 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
