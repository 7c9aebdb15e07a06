"""The page of a screen: what was asked, how many may be believed, and the best in full."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atlas_core import __version__
from atlas_core.arrays import F8
from atlas_core.store import write_bytes
from atlas_pages import formatting, palette
from atlas_pages.page import render
from atlas_pages.panels import Drawn, Panel, legend, new_figure, panel
from atlas_screening.competition_page import NONE
from atlas_screening.folder import TABLE, TOP
from atlas_screening.held_page import held_view_of
from atlas_screening.page_rows import LABEL_TONE, groups, shown_axis
from atlas_screening.result import Facts, Screened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEMPLATE = Path(__file__).parent / "templates" / "screen.html.j2"
FEW = 100
"""Candidates up to which each is a dot of the figure."""
FEW_BINS, MOST_BINS = 25, 60
"""Most bins of the true values beside few candidates and beside many."""
MARKERS = ("o", "s", "^")
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
    wanted = "lowest" if facts.goal == "minimize" else "highest"
    axis = shown_axis(result)
    held = {} if result.held is None else held_view_of(result, result.held)
    intervals = any(np.isfinite(row["lower"]) for row in result.rows)
    return {
        "name": facts.candidates,
        "title": f"Which of {formatting.count(facts.screened, 'candidate')} have the {wanted}"
        f" {facts.words}, and which predictions may be used?",
        "answer": _answer(facts),
        "shares": _shares(facts),
        "caveat": facts.meaning.caveat,
        "lede": _lede(facts, facts.words),
        "light": palette.css(0),
        "dark": palette.css(1),
        "facts": _counts(facts),
        "sentences": _sentences(facts, unit),
        "remarks": _remarks(facts),
        "panel": _panel(result, facts.words, unit),
        "groups": () if held else groups(result, axis),
        "held": None,
        "held_sentences": (),
        "competition": NONE,
        "diagrams": (),
        "ticks": axis.ticks(_tick),
        "has_label": facts.labels is not None,
        "unit": unit.strip(),
        "predicted": f"P({facts.meaning.class_name(1)})" if facts.task == "binary" else "predicted",
        "columns": _columns(facts, intervals=intervals),
        "top": TOP,
        "table": TABLE,
        "unreadable": result.shown,
        "unread_more": facts.unreadable - len(result.shown),
        "provenance": _provenance(facts),
        "warnings": [*facts.remarks, *facts.warnings],
        "atlas": __version__,
        **held,
    }


def _columns(facts: Facts, *, intervals: bool) -> list[tuple[str, str]]:
    """Return the title and meaning of each column that does not speak for itself."""
    binary = facts.task == "binary"
    small = f"the {'label set' if binary else 'interval'} of"
    small += f" {formatting.percent_of_level(facts.level)}"
    usual = ""
    if facts.usual_distance is not None:
        usual = (
            f" The usual distance, {formatting.number(facts.usual_distance)}, is the median one of"
            " a training material from the nearest other."
        )
    line = "; the line is the interval" if intervals and not binary else ""
    found = [
        ("rank", "Place in the order of the prediction, the best first."),
        (
            f"P({facts.meaning.class_name(1)})" if binary else "predicted",
            f"The prediction{f', and below it {small}' if intervals else ''}.",
        ),
        (
            "on one axis",
            f"The dot is the prediction{line}."
            + ("" if binary else " Gray ticks are the values of the three nearest materials."),
        ),
    ]
    if facts.labels is not None:
        found += [
            ("risk", "Chance that the error exceeds the error tolerance."),
            (
                "expected error",
                "The error to expect; with more than twice the usual one, a candidate is deferred.",
            ),
        ]
    found += [
        ("why be careful", "What speaks against the prediction."),
        (
            "nearest in training",
            "The three nearest training materials with their true value, id and distance"
            f" {SPACE[facts.space]}.{usual}",
        ),
    ]
    return found


def _answer(facts: Facts) -> str:
    """Say how many may be used, or that nothing says so."""
    many = formatting.count(facts.screened, "candidate")
    if facts.labels is None:
        if facts.decisions is not None:
            return f"{many}; only calls have labels, values have none."
        return (
            f"{many}, ranked by the prediction. This run has no trust method, so nothing says"
            " which may be used; add “trust” to the spec."
        )
    rest = ", ".join(
        f"{formatting.fixed(n, 0)} {name}" for name, n in facts.labels.items() if name != "trust"
    )
    trusted = facts.labels["trust"]
    verb = "is" if trusted == 1 else "are"
    return f"Of {many}, {formatting.fixed(trusted, 0)} {verb} labeled trust, {rest}."


def _shares(facts: Facts) -> list[tuple[str, str, float]]:
    """Return each label with its share in words and in percent."""
    return [
        (name, formatting.percent(n / facts.screened), round(100 * n / facts.screened, 2))
        for name, n in (facts.labels or {}).items()
        if n
    ]


def _tick(value: float) -> str:
    return formatting.fixed(value, 10).rstrip("0").rstrip(".")


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
    fit = "the final fit" if facts.final else f"as fitted in the evaluation (fold {facts.fold})"
    return (
        f"Arm {facts.arm} of run {facts.run}, {fit}, trained on"
        f" {formatting.count(facts.trained_on, 'material')} to predict {target}{comma}.{erred}"
    )


def _counts(facts: Facts) -> list[tuple[str, str]]:
    counts = [
        ("screened", facts.screened),
        ("flagged as unlike the training data", facts.outside),
        ("with an element never seen in training", facts.unseen_elements),
        ("formulas of training materials", facts.in_training),
        ("repeat the formula of another", facts.repeated or None),
        ("impossible values", facts.impossible),
        ("with features that could not be made", facts.incomplete_features or None),
        (f"row{'' if facts.unreadable == 1 else 's'} left out", facts.unreadable),
    ]
    return [(what, formatting.fixed(n, 0)) for what, n in counts if n is not None]


def _sentences(facts: Facts, unit: str) -> list[str]:
    """Say what a label promises, and how the labels of this very fit fared."""
    if facts.reliability is None and facts.decisions is not None:
        return ["The arm has no trust region, so values have no labels; calls have."]
    if facts.reliability is None:
        return [
            "The arm has no trust region, so candidates have no labels; only the detector's"
            " flag and the interval limit its domain."
        ]
    error_tolerance, target_reliability = facts.reliability
    within = f"{formatting.number(error_tolerance)}{unit}"
    of = "candidates" if facts.decisions is None else "values"
    return [
        f"Of the {of} labeled trust, {formatting.percent(target_reliability)} should be"
        f" within {within} of the truth: a statement about all of them together.",
        *_record(facts, within),
    ]


def _remarks(facts: Facts) -> list[str]:
    """Say what holds of the whole list."""
    remarks = []
    if facts.extreme:
        end = "lowest" if facts.goal == "minimize" else "highest"
        remarks.append(
            f"Predicted among the {end} {formatting.percent(facts.extreme_share)} of all training"
            f" values or beyond: {formatting.fixed(facts.extreme, 0)} of the best"
            f" {formatting.fixed(facts.top, 0)}."
        )
    if facts.reliability is not None:
        remarks.append("Labels do not indicate true values beyond the range of the training data.")
        remarks.append("Deferred candidates are ranked behind all others.")
    if facts.charges:
        remarks.append(f"{facts.charges[0].upper()}{facts.charges[1:]}.")
    return remarks


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
            "not flagged": result.prediction[~result.outside],
            "flagged": result.prediction[result.outside],
        }
    else:
        groups = {"candidates": result.prediction}
    tones = ["good", "fair", "poor"] if result.labels is not None else ["in", "out"]

    drawn = "Dots" if len(result.prediction) <= FEW else "Filled"
    caption = (
        f"{drawn}: predictions for the candidates. Line: true values of the training materials."
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
    """Draw how predictions for candidates spread over the true values of training.

    Up to ``FEW`` are dots below the axis of shares, a line of them per group; more are stacked.

    Args:
        groups: {color: (name, predictions)}, from the bottom up.
        training: (t,) true values of the training materials.
        label: of the axis.
    """
    figure, axes = new_figure()
    total = sum(len(some) for _, some in groups.values())
    values = np.concatenate([training, *(some for _, some in groups.values())])
    edges = _edges(training, values, most=MOST_BINS if total > FEW else FEW_BINS)
    share = np.histogram(training, edges)[0] / max(len(training), 1)
    if total > FEW:
        _stacked(axes, groups, edges, total)
    line = f"training, n = {len(training)}"
    axes.stairs(share, edges, color=palette.SENTINELS["ink"], linewidth=1.0, label=line)
    if total <= FEW:
        _dots(axes, groups, float(share.max()) or 1.0)
    axes.set_xlabel(label)
    axes.set_ylabel("share of materials")
    legend(axes)
    return Drawn(figure)


def _edges(training: F8, values: F8, *, most: int) -> F8:
    """Return edges of bins over all values, as wide as Freedman and Diaconis advise for training.

    Source: Z. Wahrscheinlichkeitstheorie verw. Gebiete 57, 453 (1981).
    """
    low, high = float(values.min()), float(values.max())
    high = high if high > low else low + 1.0
    quarter, three_quarters = np.quantile(training, (0.25, 0.75)) if len(training) else (0.0, 0.0)
    width = 2 * (three_quarters - quarter) / max(len(training), 1) ** (1 / 3)
    bins = int(np.ceil((high - low) / width)) if width > (high - low) / most else most
    return np.linspace(low, high, bins + 1)


def _dots(axes: Axes, groups: Mapping[str, tuple[str, F8]], height: float) -> None:
    """Draw candidates in a strip of their own below the shares, a shaded line per group."""
    step = 0.1 * height
    axes.axhspan(
        -(len(groups) + 0.6) * step, 0.0, color=palette.SENTINELS["ref"], alpha=0.12, linewidth=0
    )
    for place, (color, (name, some)) in enumerate(groups.items(), start=1):
        axes.plot(
            some,
            np.full(len(some), (0.2 - place) * step),
            linestyle="none",
            marker=MARKERS[(place - 1) % len(MARKERS)],
            markersize=4.5,
            alpha=0.8,
            color=palette.SENTINELS[color],
            label=f"{name}, n = {len(some)}",
        )
    axes.axhline(0.0, color=palette.SENTINELS["ref"], linewidth=0.7)
    axes.set_ylim(-(len(groups) + 0.6) * step, 1.05 * height)
    axes.set_yticks([tick for tick in axes.get_yticks() if tick >= 0])


def _stacked(axes: Axes, groups: Mapping[str, tuple[str, F8]], edges: F8, total: int) -> None:
    floor = np.zeros(len(edges) - 1)
    for color, (name, some) in groups.items():
        top = floor + np.histogram(some, edges)[0] / total
        axes.stairs(
            top,
            edges,
            baseline=floor,
            fill=True,
            color=palette.SENTINELS[color],
            label=f"{name}, n = {len(some)}",
        )
        floor = top
