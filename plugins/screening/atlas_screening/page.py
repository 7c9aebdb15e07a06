"""The page of a screen: what was asked, how many may be believed, and the best in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core import __version__
from atlas_core.arrays import F8
from atlas_core.store import write_bytes
from atlas_pages import formatting, palette
from atlas_pages.page import render
from atlas_pages.panels import Drawn, Panel, legend, new_figure, panel
from atlas_screening.result import Facts, Screened
from atlas_statistics import digits

TEMPLATE = Path(__file__).parent / "templates" / "screen.html.j2"
MOST = 200
"""Rows of the table on the page; the file has all that were asked for."""
LABEL_TONE = {"trust": "good", "verify": "fair", "defer": "poor"}
LABEL_MEANS = {
    "trust": "use the value",
    "verify": "check it by a calculation or a measurement",
    "defer": "do not even rank by it: its expected error is more than twice the usual one",
}
SPACE = {
    "features": "in the arm's features, each over its spread",
    "embedding": "in the model's own representation",
    "fractions": "in element fractions",
}


def write_page(result: Screened, path: Path) -> None:
    """Write the page of a screen, in one file that needs no other."""
    write_bytes(path, render(_view(result), TEMPLATE).encode("utf-8", "backslashreplace"))


def _view(result: Screened) -> dict[str, Any]:
    facts = result.facts
    unit = f" {facts.unit}" if facts.unit else ""
    target = facts.words
    wanted = "lowest" if facts.goal == "minimize" else "highest"
    places = formatting.decimals(float(np.ptp(result.prediction)) or 1.0)
    shown = result.top[:MOST]
    return {
        "name": facts.candidates,
        "title": f"Which of {formatting.count(facts.screened, 'candidate')} have the {wanted}"
        f" {target}, and which predictions may be used?",
        "lede": _lede(facts, target),
        "light": palette.css(0),
        "dark": palette.css(1),
        "facts": _counts(facts),
        "sentences": _sentences(facts, unit),
        "labels": [
            (name, formatting.count(int(n), "candidate"), LABEL_MEANS[name], LABEL_TONE[name])
            for name, n in (facts.labels or {}).items()
        ],
        "panel": _panel(result, target, unit),
        "rows": [_row(row, places, facts) for row in shown],
        "more": len(result.top) - len(shown),
        "has_label": facts.labels is not None,
        "has_interval": any(np.isfinite(row["lower"]) for row in shown),
        "level": formatting.percent_of_level(facts.level),
        "unit": unit.strip(),
        "predicted": f"P({facts.meaning.class_name(1)})" if facts.task == "binary" else "predicted",
        "interval": "label set" if facts.task == "binary" else "interval",
        "target": target,
        "space": SPACE[facts.space],
        "unreadable": result.shown,
        "unread_more": facts.unreadable - len(result.shown),
        "provenance": _provenance(facts),
        "warnings": [*facts.remarks, *facts.warnings],
        "atlas": __version__,
    }


def _lede(facts: Facts, target: str) -> str:
    unit = f" {facts.unit}" if facts.unit else ""
    held = [
        f"{formatting.number(facts.mae[part])}{unit} {what}"
        for part, what in (("test", "in-domain"), ("ood_test", "on its held-out class"))
        if part in facts.mae
    ]
    comma = f",{unit}" if unit else ""
    who = "the fits of the evaluation, on fewer rows," if facts.final else "it"
    erred = f" In the run {who} had errors of {' and '.join(held)} (MAE)." if held else ""
    fit = "the final fit" if facts.final else f"the fit of fold {facts.fold}"
    return (
        f"Arm {facts.arm} of run {facts.run}, {fit}, trained on"
        f" {formatting.count(facts.trained_on, 'material')} to predict {target}{comma}.{erred}"
    )


def _counts(facts: Facts) -> list[tuple[str, str]]:
    counts = [
        ("screened", facts.screened),
        ("flagged as unlike the training data", facts.outside),
        ("formulas of training materials", facts.in_training),
        ("repeat the formula of another", facts.repeated or None),
        ("impossible values", facts.impossible),
        ("with features that could not be made", facts.incomplete_features or None),
        (f"row{'' if facts.unreadable == 1 else 's'} left out", facts.unreadable),
    ]
    return [(what, formatting.fixed(n, 0)) for what, n in counts if n is not None]


def _sentences(facts: Facts, unit: str) -> list[str]:
    sentences = []
    if facts.extreme:
        end = "lowest" if facts.goal == "minimize" else "highest"
        sentences.append(
            f"Predicted among the {end} {formatting.percent(facts.extreme_share)} of all training"
            f" values or beyond: {formatting.fixed(facts.extreme, 0)} of the best"
            f" {formatting.fixed(facts.top, 0)}."
        )
    if facts.reliability is not None:
        error_tolerance, target_reliability = facts.reliability
        sentences.append(
            f"Of the candidates labeled trust, {formatting.percent(target_reliability)} should be"
            f" within {formatting.number(error_tolerance)}{unit} of the truth: a statement"
            " about all of them together."
        )
        sentences.append(
            "Labels do not indicate true values beyond the range of the training data."
        )
        sentences += _record(facts, f"{formatting.number(error_tolerance)}{unit}")
        sentences.append("Deferred candidates are ranked behind all others.")
    else:
        sentences.append(
            "The arm has no trust region, so candidates have no labels; only the detector's"
            " flag and the interval limit its domain."
        )
    if facts.charges:
        sentences.append(f"{facts.charges[0].upper()}{facts.charges[1:]}.")
    return sentences


def _record(facts: Facts, within: str) -> list[str]:
    """Say how the labels of this very fit fared where the truth was known."""
    record, sentences = facts.record, []
    for part, what in (
        ("in_domain", "familiar test materials"),
        ("class", f"{facts.held_out}, which it was not trained on"),
    ):
        if part not in record:
            continue
        one = record[part]
        text = f"In its run, of {formatting.fixed(one['rows'], 0)} {what}, it labeled"
        if not one["trusted"]:
            sentences.append(f"{text} none trust.")
            continue
        sentences.append(
            f"{text} {formatting.fixed(one['trusted'], 0)} trust; {formatting.percent(one['hit'])}"
            f" of these lay within {within}."
        )
    if record and "class" not in record:
        sentences.append(
            "Its labels were never evaluated on a class that it had not seen. A run whose split"
            " holds classes out in turn does that."
        )
    return sentences


def _row(row: Mapping[str, Any], places: int, facts: Facts) -> dict[str, Any]:
    binary = facts.task == "binary"

    def fixed(value: float) -> str:
        if binary:
            return facts.meaning.class_name(int(value))
        return formatting.fixed(value, places) if np.isfinite(value) else formatting.number(value)

    lower, upper = float(row["lower"]), float(row["upper"])
    known = float(row["training_value"])
    flags = [text for text in (row["impossible"], row["charges"], row["note"]) if text]
    if np.isfinite(known):
        n = int(row["training_rows"])
        which = f" (the lowest of {n})" if n > 1 else ""
        flags.insert(0, f"its formula is in the training data, with {fixed(known)}{which}")
    return {
        "rank": row["rank"],
        "formula": formatting.formula(str(row["formula"])),
        "id": "" if row["id"] == row["formula"] else row["id"],
        "prediction": (
            digits.probability(float(row["prediction"]))
            if binary
            else fixed(float(row["prediction"]))
        ),
        "interval": _interval(lower, upper, fixed, binary=binary),
        "label": row.get("label", ""),
        "risk": formatting.chance(float(row["risk"])) if "risk" in row else "",
        "expected": formatting.number(float(row["expected_error"])) if "risk" in row else "",
        "tone": LABEL_TONE.get(str(row.get("label", "")), "ref"),
        "outside": bool(row.get("outside", False)),
        "reason": row["reason"],
        "flags": flags,
        "nearest": [
            (
                formatting.formula(one["formula"]),
                fixed(one["value"]),
                formatting.number(one["distance"], digits=2),
                formatting.linked(one["id"], facts.meaning.url),
            )
            for one in row["nearest"]
        ],
    }


def _interval(lower: float, upper: float, show: Callable[[float], str], *, binary: bool) -> str:
    if np.isnan(lower):
        return ""
    if binary:
        return "either class" if lower != upper else show(lower)
    return f"{show(lower)} to {show(upper)}"


def _provenance(facts: Facts) -> list[tuple[str, str]]:
    made = [(kind, ", ".join(labels)) for kind, labels in facts.components.items()]
    return [
        ("Candidates", facts.candidates),
        ("Run", facts.run),
        ("Science hash", facts.science_hash),
        ("Arm and fold", f"{facts.arm}, {facts.fold}"),
        *made,
    ]


def _panel(result: Screened, target: str, unit: str) -> Panel:
    groups: dict[str, F8] = {}
    if result.labels is not None:
        groups = {f"{name}": result.prediction[result.labels == name] for name in LABEL_TONE}
    elif result.outside is not None:
        groups = {
            "like the training data": result.prediction[~result.outside],
            "flagged": result.prediction[result.outside],
        }
    else:
        groups = {"candidates": result.prediction}
    tones = ["good", "fair", "poor"] if result.labels is not None else ["in", "out"]

    caption = (
        "Filled: predictions for the candidates. Line: true values of the training materials."
        " A model rarely predicts beyond the range it was trained on, whatever the candidates."
    )
    label = f"{target} ({unit.strip()})" if unit.strip() else target
    return panel(
        "screen",
        "Predicted values",
        lambda: candidate_figure(
            dict(zip(tones, groups.items(), strict=False)), result.training, label=label
        ),
        caption=caption,
    )


def candidate_figure(groups: Mapping[str, tuple[str, F8]], training: F8, *, label: str) -> Drawn:
    """Draw how predictions for candidates spread, stacked, over the true values of training.

    Args:
        groups: {color: (name, predictions)}, from the bottom up.
        training: (t,) true values of the training materials.
        label: of the axis.
    """
    figure, axes = new_figure()
    values = np.concatenate([training, *(some for _, some in groups.values())])
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1.0, 61)
    total = sum(len(some) for _, some in groups.values())
    floor = np.zeros(60)
    for color, (name, some) in groups.items():
        top = floor + np.histogram(some, edges)[0] / max(total, 1)
        axes.stairs(
            top,
            edges,
            baseline=floor,
            fill=True,
            color=palette.SENTINELS[color],
            label=f"{name}, n = {len(some)}",
        )
        floor = top
    share = np.histogram(training, edges)[0] / max(len(training), 1)
    line = f"training, n = {len(training)}"
    axes.stairs(share, edges, color=palette.SENTINELS["ink"], linewidth=1.0, label=line)
    axes.set_xlabel(label)
    axes.set_ylabel("share of materials")
    legend(axes)
    return Drawn(figure)
