"""A run in a notebook: the verdict on each arm, and one figure of its errors."""

from __future__ import annotations

from html import escape

from atlas_core.api import FinishedRun, meaning_of
from atlas_core.printing import counted
from atlas_report.repeats import plus_minus

COLORS = {
    "trust": "#2e7d4f",
    "labels_reliable": "#2e7d4f",
    "caution": "#b07d12",
    "unknown": "#6b7280",
}
OTHERWISE = "#b3372f"
WIDTH, ROW, LEFT, RIGHT = 560, 22, 190, 90
MAIN = {"mae": "mean absolute error", "accuracy": "accuracy"}


def notebook_card(run: FinishedRun) -> str:
    """Return the verdict on each arm, and the errors of each part, as HTML."""
    title = run.manifest.get("question") or run.manifest.get("name") or run.run_id
    verdicts = "".join(
        _verdict(arm, run.verdict[arm]["grade"], run.verdict[arm]["headline"])
        for arm in run.arms
        if arm in run.verdict
    )
    return (
        '<div style="font-family:sans-serif;max-width:48em">'
        f"<strong>{escape(str(title))}</strong>{verdicts}{_errors(run)}{_trainings(run)}{_caveat(run)}</div>"
    )


def _caveat(run: FinishedRun) -> str:
    """Return what the target is not, where the data set says so."""
    caveat = meaning_of(run.manifest["dataset"]).caveat
    return f"<div><small>What is predicted: {escape(caveat)}.</small></div>" if caveat else ""


def _trainings(run: FinishedRun) -> str:
    """Return mean ± standard deviation of the main error over trainings; "" of one training."""
    name = _main(run)
    found = [
        f"{arm}, {part} {plus_minus(spreads[name], 'share' if name == 'accuracy' else 'target')}"
        for arm in run.arms
        for part, spreads in (run.metrics["arms"][arm].get("repeats") or {})
        .get("parts", {})
        .items()
        if part != "calibration" and name in spreads
    ]
    if not found:
        return ""
    number = counted(1 + len(run.repeats), "training")
    return f"<div><small>Over {number}: {escape('; '.join(found))}</small></div>"


def _main(run: FinishedRun) -> str:
    return "accuracy" if run.manifest["dataset"].get("task") == "binary" else "mae"


def _verdict(arm: str, grade: str, headline: str) -> str:
    color = COLORS.get(grade, OTHERWISE)
    return (
        f'<div style="border-left:4px solid {color};padding:.3em .8em;margin:.5em 0">'
        f'<span style="color:{color};font-weight:bold">{escape(arm)}:'
        f" {escape(grade.replace('_', ' '))}</span><br>{escape(headline)}</div>"
    )


def _errors(run: FinishedRun) -> str:
    """Return a figure as SVG: the main error of each arm and part with its interval."""
    name = _main(run)
    rows = [
        (f"{arm}, {part}", entry["value"], [entry[end] for end in ("low", "high") if end in entry])
        for arm in run.arms
        for part, scored in sorted(run.metrics["arms"][arm]["parts"].items(), reverse=True)
        # errors of the calibration part are those of the rows that set the intervals
        if part != "calibration" and (entry := scored["metrics"].get(name)) is not None
    ]
    if not rows:
        return ""
    scale = (WIDTH - LEFT - RIGHT) / (max(max([value, *ends]) for _, value, ends in rows) or 1.0)
    unit = str(run.manifest["dataset"].get("unit") or "") if name == "mae" else ""
    shown = [_text(0, 14, f"{MAIN[name]}{f', {unit}' if unit else ''}", bold=True)]
    for place, (label, value, ends) in enumerate(rows, start=1):
        y = place * ROW + 8
        shown.append(_text(0, y + 5, label))
        shown.append(
            f'<rect x="{LEFT}" y="{y - 5}" width="{value * scale:.1f}" height="10" fill="#4c78a8"/>'
        )
        if ends:
            low, high = (LEFT + end * scale for end in ends)
            line = f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="#1f2937"/>'
            shown.append(line)
        shown.append(_text(LEFT + max([value, *ends]) * scale + 6, y + 5, f"{value:.3g}"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{(len(rows) + 1) * ROW}"'
        f' role="img" aria-label="{MAIN[name]} of each arm and part">{"".join(shown)}</svg>'
    )


def _text(x: float, y: float, content: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="13" font-family="sans-serif"{weight}>'
        f"{escape(content)}</text>"
    )
