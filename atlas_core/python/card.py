"""A run in Jupyter: one card per arm, and one figure. Light."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COLORS = {"trust": "#2e7d4f", "promise_kept": "#2e7d4f", "caution": "#b07d12"}
OTHERWISE, UNKNOWN = "#b3372f", "#6b7280"
WIDTH, ROW, LEFT, RIGHT = 560, 22, 190, 90


@dataclass(frozen=True)
class ArmVerdict:
    """Hold what a run says of one arm.

    Attributes:
        grade: a fixed code, such as ``trust`` or ``do_not_trust``.
        headline: the same in one sentence.
        findings: what it rests on: codes, grades and figures, as in ``verdict.json``.
        text: the sentences.
    """

    grade: str
    headline: str
    findings: tuple[Mapping[str, Any], ...]
    text: tuple[str, ...]


def card(
    title: str,
    where: str,
    verdicts: Mapping[str, ArmVerdict],
    scores: Mapping[str, Any],
    *,
    unit: str,
) -> str:
    """Return the verdict of each arm, and the errors of each part, as HTML.

    Args:
        title: the question of the run.
        where: its folder.
        verdicts: {arm: verdict}.
        scores: {arm: its entry in ``metrics.json``}.
        unit: of the target.
    """
    cards = "".join(_verdict(arm, verdict) for arm, verdict in verdicts.items())
    figure = errors({arm: scores[arm]["parts"] for arm in verdicts}, unit)
    return (
        '<div style="font-family:sans-serif;max-width:48em">'
        f"<strong>{html.escape(title)}</strong>{cards}{figure}"
        f'<div style="color:#6b7280;font-size:85%">{html.escape(where)}</div></div>'
    )


def _verdict(arm: str, verdict: ArmVerdict) -> str:
    color = UNKNOWN if verdict.grade == "unknown" else COLORS.get(verdict.grade, OTHERWISE)
    grade = html.escape(verdict.grade.replace("_", " "))
    return (
        f'<div style="border-left:4px solid {color};padding:.3em .8em;margin:.5em 0">'
        f'<span style="color:{color};font-weight:bold">{html.escape(arm)}: {grade}</span><br>'
        f"{html.escape(verdict.headline)}</div>"
    )


def errors(parts_of: Mapping[str, Mapping[str, Any]], unit: str) -> str:
    """Return a figure as SVG: the main error of each arm and part with its interval."""
    rows = []
    for arm, own in parts_of.items():
        for part, scored in sorted(own.items(), reverse=True):
            if part == "calibration":  # its errors are those of the rows that set the intervals
                continue
            name = "mae" if "mae" in scored["metrics"] else "accuracy"
            entry = scored["metrics"].get(name)
            if entry is not None:
                ends = [entry["low"], entry["high"]] if "low" in entry else []
                rows.append((f"{arm}, {part}", name, entry["value"], ends))
    if not rows:
        return ""
    longest = max(max([value, *ends]) for _, _, value, ends in rows) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / longest
    unit = html.escape(unit)
    name = {"mae": "mean absolute error", "accuracy": "accuracy"}[rows[0][1]]
    parts = [
        _text(0, 14, f"{name}{f', {unit}' if unit and rows[0][1] == 'mae' else ''}", bold=True)
    ]
    for place, (label, _, value, ends) in enumerate(rows, start=1):
        y = place * ROW + 8
        parts.append(_text(0, y + 5, html.escape(label)))
        parts.append(
            f'<rect x="{LEFT}" y="{y - 5}" width="{value * scale:.1f}" height="10" fill="#4c78a8"/>'
        )
        if ends:
            low, high = (LEFT + end * scale for end in ends)
            parts.append(
                f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="#1f2937"/>'
            )
        end = LEFT + max([value, *ends]) * scale
        parts.append(_text(end + 6, y + 5, f"{value:.3g}"))
    height = (len(rows) + 1) * ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img"'
        f' aria-label="{name} of each arm and part">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, content: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="13" font-family="sans-serif"{weight}>'
        f"{content}</text>"
    )
