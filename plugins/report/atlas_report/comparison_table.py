"""Write a comparison of two runs as plain text: what differs, the table, what is not paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atlas_core.printing import counted, on_one_line
from atlas_report.comparison import Comparison, Difference, beside
from atlas_report.paired import FoldDifference, PairedScore
from atlas_report.run_differences import first_line

SHOWN_LEVEL = 0.9
OVER_MATERIALS = (
    "p and intervals are over materials, for one training each: another seed can change them"
)


def format_comparison(comparison: Comparison) -> str:
    """Return the comparison as plain text: the first line says what differs between the runs.

    The calibration part and all levels but the one nearest ``SHOWN_LEVEL`` are left to ``as_dict``.
    p is of the mean (bootstrap), p of ranks of the signed-rank test; the test over folds follows
    below.
    """
    unit = f" in {on_one_line(comparison.unit)}" if comparison.unit else ""
    name = comparison.labels[comparison.metric]
    lines = [
        first_line(comparison.changes),
        f"A = {on_one_line(comparison.name_a)}",
        f"B = {on_one_line(comparison.name_b)}",
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
        notes += [f"{label}, fold {fold}: not paired, {why}" for fold, why in arm.refused.items()]
        for part in arm.parts:
            if part.part == "calibration" or part.error is None:
                continue
            rows = str(part.paired)
            for what, score in _shown(part.scores, comparison.labels):
                cells = _cells(beside(score))
                table.append((label, part.part, what, *cells, *_tests(score), rows))
            over = part.scores[comparison.metric].folds
            if over is not None:
                notes.append(f"{label}, {part.part}: {_over_folds(over, name)}")
            if part.coverage:
                level = min(part.coverage, key=lambda v: abs(float(v) - SHOWN_LEVEL))
                cells = _cells(part.coverage[level])
                table.append((label, part.part, f"coverage {level}", *cells, "", "", "", rows))
        table.extend(
            (label, "test/ood_test", f"AUROC {detector}", *_cells(found), "", "", "", "")
            for detector, found in arm.auroc.items()
        )
    notes += [f"arm {arm}: only in A" for arm in comparison.unpaired_a]
    notes += [f"arm {arm}: only in B" for arm in comparison.unpaired_b]
    if len(table) == 1:
        notes.append(
            "nothing is paired: B - A would be of other test materials or other training rows; read"
            " each run's own report, or run one spec with a single option changed"
        )
    else:
        lines += [
            f"{name}{unit} and more on the folds that both share; B - A with its 95 % interval",
            OVER_MATERIALS,
            "",
            *_aligned(table),
        ]
    return "\n".join([*lines, *([""] if notes else []), *notes]).rstrip()


def _shown(
    scores: Mapping[str, PairedScore], labels: Mapping[str, str]
) -> list[tuple[str, PairedScore]]:
    """Return the scores that the table shows, with their names in words: of levels, the nearest."""
    out = [(labels[name], score) for name, score in scores.items() if name in labels]
    levels: dict[str, list[str]] = {}
    for name in scores:
        base, _, level = name.rpartition("_")
        if name not in labels and base in labels:
            levels.setdefault(base, []).append(level)
    for base, some in levels.items():
        level = min(some, key=lambda v: abs(float(v) - SHOWN_LEVEL))
        out.append((f"{labels[base]} {level}", scores[f"{base}_{level}"]))
    return out


def _tests(score: PairedScore) -> tuple[str, str, str]:
    ranks = "" if score.wilcoxon_p is None else f"{score.wilcoxon_p:.3g}"
    return f"{score.bootstrap.p_value:.3g}", ranks, f"{score.bootstrap.share_better:.0%}"


def _over_folds(found: FoldDifference, name: str) -> str:
    return (
        f"over {counted(found.folds, 'fold')}, each one observation, B - A of the {name} is"
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
