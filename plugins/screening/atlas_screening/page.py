"""The page of a screen: what was asked, how many may be believed, and the best in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_core import __version__
from atlas_core.arrays import F8
from atlas_core.metrics import digits
from atlas_core.report import figures, palette, words
from atlas_core.report.page import render
from atlas_core.report.plates import Plate, plate
from atlas_core.store import write_bytes

if TYPE_CHECKING:
    from atlas_screening.screen import Screened

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
    about = result.about
    unit = f" {about['unit']}" if about["unit"] else ""
    target = str(about["target"]).replace("_", " ")
    wanted = "lowest" if about["goal"] == "minimise" else "highest"
    places = words.decimals(float(np.ptp(result.prediction)) or 1.0)
    shown = result.top[:MOST]
    return {
        "name": str(about["candidates"]),
        "title": f"Which of {words.count(int(about['screened']), 'candidate')} have the {wanted}"
        f" {target}, and which predictions may be used?",
        "lede": _lede(about, target),
        "light": palette.css(0),
        "dark": palette.css(1),
        "facts": _counts(about),
        "sentences": _sentences(about, unit),
        "labels": [
            (name, words.count(int(n), "candidate"), LABEL_MEANS[name], LABEL_TONE[name])
            for name, n in (about["labels"] or {}).items()
        ],
        "plate": _plate(result, target, unit),
        "rows": [_row(row, places, binary=about["task"] == "binary") for row in shown],
        "more": len(result.top) - len(shown),
        "has_label": about["labels"] is not None,
        "has_interval": any(np.isfinite(row["lower"]) for row in shown),
        "level": words.percent_of_level(float(about["level"])),
        "unit": unit.strip(),
        "target": target,
        "space": SPACE[str(about["near_by"])],
        "unreadable": result.shown,
        "unread_more": int(about["unreadable"]) - len(result.shown),
        "provenance": _provenance(about),
        "warnings": [*about["remarks"], *about["warnings"]],
        "atlas": __version__,
    }


def _lede(about: Mapping[str, Any], target: str) -> str:
    judged = about["judged"]
    unit = f" {about['unit']}" if about["unit"] else ""
    held = [
        f"{words.number(judged[part])}{unit} {what}"
        for part, what in (("test", "in-domain"), ("shifted", "on its held-out class"))
        if part in judged
    ]
    comma = f",{unit}" if unit else ""
    erred = f" In the run it erred by {' and '.join(held)} (MAE)." if held else ""
    return (
        f"Arm {about['arm']} of run {about['run']}, the fit of fold {about['fold']}, trained on"
        f" {words.count(int(about['trained_on']), 'material')} to predict {target}{comma}.{erred}"
    )


def _counts(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [("screened", words.fixed(int(about["screened"]), 0))]
    if about["outside"] is not None:
        found.append(("flagged as unlike the training data", words.fixed(int(about["outside"]), 0)))
    found.append(("formulas of training materials", words.fixed(int(about["in_training"]), 0)))
    if about["repeated"]:
        found.append(("repeat the formula of another", words.fixed(int(about["repeated"]), 0)))
    found.append(("impossible values", words.fixed(int(about["impossible"]), 0)))
    if about["incomplete_features"]:
        n = words.fixed(int(about["incomplete_features"]), 0)
        found.append(("with features that could not be made", n))
    left = int(about["unreadable"])
    found.append((f"row{'' if left == 1 else 's'} left out", words.fixed(left, 0)))
    return found


def _sentences(about: Mapping[str, Any], unit: str) -> list[str]:
    told = []
    if about["extreme"]:
        end = "lowest" if about["goal"] == "minimise" else "highest"
        told.append(
            f"Predicted among the {end} {words.percent(about['extreme_share'])} of all training"
            f" values or beyond: {words.fixed(about['extreme'], 0)} of the best"
            f" {words.fixed(about['told'], 0)}."
        )
    if about["promise"] is not None:
        budget, confidence = about["promise"]
        told.append(
            f"Of the candidates labelled trust, {words.percent(confidence)} are meant to lie within"
            f" {words.number(budget)}{unit} of the truth: a promise about all of them together."
        )
        told.append("Labels give no sign of a true value beyond all that training knew.")
        told += _record(about, unit)
        told.append("Deferred candidates are ranked behind all others.")
    else:
        told.append(
            "The arm has no trust region, so no candidate is labelled; the detector's flag and the"
            " interval are all that it says of its own reach."
        )
    if about["charges"]:
        told.append(f"{about['charges'][0].upper()}{about['charges'][1:]}.")
    return told


def _record(about: Mapping[str, Any], unit: str) -> list[str]:
    """Say how the labels of this very fit fared where the truth was known."""
    record, within = about["record"], f"{words.number(about['promise'][0])}{unit}"
    told = []
    for part, what in (
        ("in_domain", "familiar test materials"),
        ("class", f"{about['held_out']}, which it never saw"),
    ):
        if part not in record:
            continue
        one = record[part]
        text = f"In its run, of {words.fixed(one['rows'], 0)} {what}, it labelled"
        if not one["trusted"]:
            told.append(f"{text} none trust.")
            continue
        told.append(
            f"{text} {words.fixed(one['trusted'], 0)} trust; {words.percent(one['hit'])} of these"
            f" lay within {within}."
        )
    if record and "class" not in record:
        told.append(
            "Its labels were never examined on a class that it had not seen. A run that holds one"
            " out (split: leave_elements_out, each: true) does that."
        )
    return told


def _row(row: Mapping[str, Any], places: int, *, binary: bool) -> dict[str, Any]:
    def fixed(value: float) -> str:
        if binary:
            return f"class {value:.0f}"
        return words.fixed(value, places) if np.isfinite(value) else words.number(value)

    lower, upper = float(row["lower"]), float(row["upper"])
    known = float(row["training_value"])
    flags = [text for text in (row["impossible"], row["charges"], row["note"]) if text]
    if np.isfinite(known):
        n = int(row["training_rows"])
        which = f" (the lowest of {n})" if n > 1 else ""
        flags.insert(0, f"its formula is in the training data, with {fixed(known)}{which}")
    return {
        "rank": row["rank"],
        "formula": words.formula(str(row["formula"])),
        "id": "" if row["id"] == row["formula"] else row["id"],
        "prediction": (
            digits.probability(float(row["prediction"]))
            if binary
            else fixed(float(row["prediction"]))
        ),
        "interval": _interval(lower, upper, fixed, binary=binary),
        "label": row.get("label", ""),
        "risk": words.chance(float(row["risk"])) if "risk" in row else "",
        "expected": words.number(float(row["expected_error"])) if "risk" in row else "",
        "tone": LABEL_TONE.get(str(row.get("label", "")), "ref"),
        "outside": bool(row.get("outside", False)),
        "reason": row["reason"],
        "flags": flags,
        "nearest": [
            (
                words.formula(one["formula"]),
                fixed(one["value"]),
                words.number(one["distance"], digits=2),
                one["id"],
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


def _provenance(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    made = [
        (kind, ", ".join(label.removeprefix(f"{kind} ") for label in labels))
        for kind, labels in about["components"].items()
    ]
    return [
        ("Candidates", str(about["candidates"])),
        ("Run", str(about["run"])),
        ("Science hash", str(about["science_hash"])),
        ("Arm and fold", f"{about['arm']}, {about['fold']}"),
        *made,
    ]


def _plate(result: Screened, target: str, unit: str) -> Plate:
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
        " A model seldom predicts beyond what it was trained on, whatever the candidates are."
    )
    label = f"{target} ({unit.strip()})" if unit.strip() else target
    return plate(
        "screen",
        "Predicted values",
        lambda: figures.candidates(
            dict(zip(tones, groups.items(), strict=False)), result.training, label=label
        ),
        caption=caption,
    )
