"""Write a comparison of two runs as plain text: what differs, sentences, figures, the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atlas_core.printing import counted, on_one_line
from atlas_core.text_table import columns
from atlas_report.comparison import Comparison, PartComparison
from atlas_report.comparison_sentences import SHOWN_LEVEL, said, scope
from atlas_report.differences import Difference, beside
from atlas_report.paired import FoldDifference, PairedScore
from atlas_report.run_differences import first_line
from atlas_report.source import PART_LABEL

WHAT_WARNS = {"score": "the detector"}
FIRST = 2
"""Sentences on an arm in a part: which run errs less, and what a constant would err."""
HEADER = ("", "A", "B", "B - A", "95 % interval", "p", "B better")
COLUMNS = {
    "p": "how often a difference at least this large is found where there is none",
    "B better": "share of rows on which B is better, ties half",
}
"""What the columns of tests are, for the line below the tables."""


def format_comparison(comparison: Comparison, width: int | None = None) -> str:
    """Return the comparison as plain text: what differs, a sentence per arm and part, the figures.

    The calibration part and all levels but the one nearest ``SHOWN_LEVEL`` are left to ``as_dict``.
    p is of the mean (bootstrap); the test over folds follows below.

    Args:
        comparison: of two runs.
        width: characters of a line, for which columns are left out; None: any number.
    """
    lines = [
        first_line(comparison.changes),
        f"A = {on_one_line(comparison.name_a)}",
        f"B = {on_one_line(comparison.name_b)}",
    ]
    sentences = [
        f"{one.arm}, {one.part}: {' '.join(one.sentences[:FIRST])}"
        for one in said(comparison, ("A", "B"))
    ]
    tables: list[str] = []
    notes: list[str] = []
    for arm in comparison.arms:
        notes += [
            f"{arm.name}, fold {fold}: not paired, {why}" for fold, why in arm.refused.items()
        ]
        for part in arm.parts:
            if part.part == "calibration" or part.error is None:
                continue
            where = f"{arm.name}, {PART_LABEL.get(part.part, part.part)}"
            count = counted(part.paired, "row")
            tables += ["", f"{where}, {count}", _table(part, comparison.labels, width)]
            decided = arm.decisions.get(part.part)
            if decided is not None and decided.brier is not None:
                what = f"{where}, P({comparison.decided}), {counted(decided.paired, 'decision')}"
                rows = [("Brier score", *_cells(decided.brier))]
                tables += ["", what, _columns(rows, width)]
            folds = part.scores[comparison.metric].folds
            if folds is not None:
                notes.append(f"{where}: {_over_folds(folds, comparison.labels[comparison.metric])}")
        if arm.auroc:
            rows = [
                (f"AUROC of {WHAT_WARNS.get(name, name)}", *_cells(found))
                for name, found in arm.auroc.items()
            ]
            tables += ["", f"{arm.name}, held out against in-domain", _columns(rows, width)]
    notes += [f"arm {arm}: only in A" for arm in comparison.unpaired_a]
    notes += [f"arm {arm}: only in B" for arm in comparison.unpaired_b]
    if tables:
        repeated = any(part.repeated for arm in comparison.arms for part in arm.parts)
        over = f"p and intervals are {scope(repeated=repeated)}"
        lines += ["", *sentences, over, *tables, "", _explained(tables)]
    else:
        notes.append(
            "nothing is paired: B - A would be of other test materials or other training rows; read"
            " each run's own report, or run one spec with a single option changed"
        )
    return "\n".join([*lines, *([""] if notes else []), *notes]).rstrip()


def _table(part: PartComparison, labels: Mapping[str, str], width: int | None) -> str:
    """Return every figure of a part, a line each."""
    rows = [
        (what, *_cells(beside(score)), *_tests(score))
        for what, score in _shown(part.scores, labels)
    ]
    if part.coverage:
        level = min(part.coverage, key=lambda v: abs(float(v) - SHOWN_LEVEL))
        rows.append((f"coverage {level}", *_cells(part.coverage[level]), "", ""))
    return _columns(rows, width)


def _columns(rows: Sequence[Sequence[str]], width: int | None) -> str:
    header = HEADER[: len(rows[0])]
    spare = [name for name in ("B better",) if name in header]
    return columns(rows, header, width=width, spare=spare, numbers=header[1:])


def _explained(tables: Sequence[str]) -> str:
    """Say what the columns are that some table shows."""
    headers = {name for table in tables for name in HEADER if name in table.partition("\n")[0]}
    return "\n".join(f"{name}: {what}" for name, what in COLUMNS.items() if name in headers)


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


def _tests(score: PairedScore) -> tuple[str, str]:
    return f"{score.bootstrap.p_value:.3g}", f"{score.bootstrap.share_better:.0%}"


def _over_folds(found: FoldDifference, name: str) -> str:
    return (
        f"over {counted(found.folds, 'fold')}, each one observation, B - A of the {name} is"
        f" {found.difference:+.3g} ({found.low:+.3g} to {found.high:+.3g}), p {found.p_value:.3g};"
        f" B is better in {found.better:g} of {found.folds}"
    )


def _cells(found: Difference) -> tuple[str, str, str, str]:
    interval = f"{found.low:+.3g} to {found.high:+.3g}"
    return f"{found.a:.3g}", f"{found.b:.3g}", f"{found.difference:+.3g}", interval
