"""What the page shows of one arm: its verdict card, its figures and its worst predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from markupsafe import Markup

from atlas_core.binomial import wilson
from atlas_core.coverage import MANY_INFINITE
from atlas_core.metrics import classification, digits
from atlas_core.metrics.ranked import FEWEST
from atlas_core.report import figures, periodic, words
from atlas_core.report.families import FamilyTable, family_table
from atlas_core.report.plates import Plate, plate
from atlas_core.report.source import HELD_OUT, IN_DOMAIN, Rows, Source
from atlas_core.report.words import count, number, slug
from atlas_core.verdict import held_out_classes, verdict_of_run

WORST = 15
LOPSIDED = 0.01
"""Share of half an interval by which its middle may miss the prediction and be shown as ±."""
GRADES = {
    "trust": "good",
    "keeps its word": "good",
    "caution": "fair",
    "do not trust": "poor",
    "unknown": "ref",
}


@dataclass(frozen=True)
class Stat:
    """Hold a headline number: what it is, its value and its 95 % interval in words."""

    label: str
    value: str
    unit: str
    interval: str


@dataclass(frozen=True)
class Card:
    """Hold the verdict on one arm."""

    arm: str
    anchor: str
    made_of: str
    headline: str
    sentences: tuple[str, ...]
    grade: str
    tone: str
    stats: tuple[Stat, ...]


@dataclass(frozen=True)
class Bad:
    """Hold one of the worst predictions, as text."""

    id: str
    formula: Markup
    true: str
    predicted: str
    spread: str
    error: str
    part: str
    held_out: bool
    outside: bool
    reason: str
    twin: str


@dataclass(frozen=True)
class Confusion:
    """Hold the counts of right and wrong answers of one part."""

    part: str
    n: int
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


@dataclass(frozen=True)
class ArmView:
    """Hold everything the page shows of one arm below the cards."""

    arm: str
    anchor: str
    plates: tuple[Plate, ...]
    missing: tuple[str, ...]
    confusion: tuple[Confusion, ...]
    tables: tuple[Plate, ...]
    families: FamilyTable | None
    worst: tuple[Bad, ...]
    spread: str
    has_flags: bool


def card(source: Source, arm: str) -> Card:
    """Return the verdict on an arm with its headline numbers."""
    metrics = source.metrics["arms"][arm]
    said = verdict_of_run(source.manifest, source.metrics, arm, exam=source.exam.get(arm))
    grade = str(said.grade)
    return Card(
        arm=arm,
        anchor=slug(arm),
        made_of=_made_of(source, arm),
        headline=said.headline,
        sentences=tuple(said.sentences),
        grade=grade,
        tone=GRADES.get(grade, "ref"),
        stats=(*_trust_stats(source.exam.get(arm)), *_stats(metrics, source)),
    )


def _made_of(source: Source, arm: str) -> str:
    chosen = (source.manifest.get("arms") or {}).get(arm) or {}
    named = [[chosen[k], *chosen[k].get("beside", ())] for k in words.KINDS if chosen.get(k)]
    return " · ".join(" + ".join(words.with_options(one) for one in together) for together in named)


def _trust_stats(exam: Mapping[str, Any] | None) -> list[Stat]:
    """Return how much of the held-out classes may be used, and whether that holds."""
    if exam is None:
        return []
    own = [one["methods"][exam["method"]]["class"] for one in exam["classes"]]
    n, trusted = sum(one["rows"] for one in own), sum(one["trusted"] for one in own)
    if not n:
        return []
    found = [Stat("may be used, held out", words.percent(trusted / n), "", "")]
    if trusted:
        hits = sum(one["within"] for one in own)
        low, high = wilson(hits / trusted, trusted)
        entry = {"value": hits / trusted, "low": low, "high": high}
        found.append(_stat("of these within budget", entry, "share", ""))
    return found


def _stats(metrics: Mapping[str, Any], source: Source) -> list[Stat]:
    parts = metrics.get("parts") or {}
    names = {IN_DOMAIN: "in-domain", HELD_OUT: "held out"}
    wanted = ["balanced_accuracy"] if source.task == "binary" else ["mae"]
    levels = [m for m in _metric_names(metrics) if m.startswith("picp_")]
    levels.sort(key=lambda m: abs(float(m.removeprefix("picp_")) - 0.9))
    wanted += levels[:1] or (["ece"] if source.task == "binary" else [])
    out = []
    for name in wanted:
        for part, where in names.items():
            entry = ((parts.get(part) or {}).get("metrics") or {}).get(name)
            about = words.metric(name)
            if entry and entry.get("value") is not None and about:
                stat = _stat(f"{about.label}, {where}", entry, about.scale, source.unit)
                out.append(replace(stat, interval=_infinite(parts[part], name) or stat.interval))
    score = (metrics.get("ood") or {}).get("score") or (metrics.get("ood") or {}).get("sigma")
    if score and score.get("auroc"):
        folds = len(score.get("folds") or ())
        mean = f", mean of {folds} folds" if folds else ""
        out.append(_stat(f"held out told apart, AUROC{mean}", score["auroc"], "plain", ""))
        if rule := (metrics.get("ood") or {}).get("rule"):
            label = f"AUROC of unseen elements alone{mean}"
            out.append(_stat(label, rule["auroc"], "plain", ""))
        if worst := score.get("worst"):
            entry = {"value": float(worst["auroc"])}
            name = held_out_classes(source.manifest).get(worst["fold"]) or worst["fold"]
            out.append(_stat(f"AUROC, worst: {name}", entry, "plain", ""))
    return out


def _infinite(part: Mapping[str, Any], name: str) -> str:
    """Return how many intervals say nothing, "" where these are few."""
    level = name.removeprefix("picp_")
    share = (part.get("metrics") or {}).get(f"infinite_share_{level}")
    if level == name or not share or share["value"] < MANY_INFINITE:
        return ""
    return f"{words.percent(share['value'])} say nothing"


def _metric_names(metrics: Mapping[str, Any]) -> list[str]:
    parts = (metrics.get("parts") or {}).values()
    return sorted({name for part in parts for name in part.get("metrics") or {}})


def _stat(label: str, entry: Mapping[str, float], scale: words.Scale, unit: str) -> Stat:
    shown_unit = unit if scale == "unit" else ""
    value = digits.auroc(entry) if "AUROC" in label else words.shown(entry, scale)
    return Stat(label, value, shown_unit, words.interval(entry, scale))


def arm_view(source: Source, arm: str) -> ArmView:
    """Draw the figures of one arm and list its worst predictions."""
    rows = source.rows[arm]
    parts = rows.shown()
    plates, missing = _plates(source, arm, parts)

    binary = source.task == "binary"
    worst, spread = worst_rows(rows, source.twins, binary=binary)
    return ArmView(
        arm=arm,
        anchor=slug(arm),
        plates=tuple(plates),
        missing=tuple(missing),
        confusion=tuple(confusion(part, r) for part, r in parts.items()) if binary else (),
        tables=tuple(_element_tables(source, arm)),
        families=family_table(source, arm),
        worst=worst,
        spread=spread,
        has_flags=rows.has_score,
    )


def _plates(source: Source, arm: str, parts: Mapping[str, Rows]) -> tuple[list[Plate], list[str]]:
    plates: list[Plate] = []
    missing: list[str] = []
    if parts:
        draw = _class_plates if source.task == "binary" else _value_plates
        plates += draw(source, arm, parts)
        plates += _trust_plates(source, arm, parts, missing)
        plates += _ood_plates(arm, parts, missing)
    else:
        missing.append("No test rows: there is nothing to draw.")
    curves = [
        record["content"]
        for record in source.records
        if record.get("arm") == arm and str(record.get("name")).endswith("learning_curve")
    ]
    curves = [c for c in curves if c.get("epoch")]
    if curves:
        fits = "the fit" if len(curves) == 1 else f"each of {len(curves)} fits"
        plates.append(
            plate(
                arm,
                "Learning curves",
                lambda: figures.learning_curves(curves, unit=source.unit),
                caption=f"Loss and validation error of {fits} after each pass over the training"
                " data; training has gone on long enough where the lines are flat, and too long"
                " where the validation error rises again.",
            )
        )
    return plates, missing


def _colours(source: Source, parts: Mapping[str, Rows]) -> str:
    blue = f"materials like {'the candidates' if source.loop else 'those learned from'}"
    if HELD_OUT not in parts:
        return f"Blue: {blue}."
    several = len(set(held_out_classes(source.manifest).values())) > 1
    held = f" ({source.held_out})" if source.held_out else ""
    orange = (
        "the class that is held out, another in each fold"
        if several
        else (f"the held-out class{held}")
    )
    return f"Orange: {orange}." if IN_DOMAIN not in parts else f"Blue: {blue}; orange: {orange}."


def _value_plates(source: Source, arm: str, parts: Mapping[str, Rows]) -> list[Plate]:
    return [
        plate(
            arm,
            "Predicted against true",
            lambda: figures.parity(parts, target=source.target, unit=source.unit),
            caption=f"{dots(parts)}, made without having seen it; on the grey line the prediction"
            f" is exact. {_colours(source, parts)}",
        )
    ]


def dots(parts: Mapping[str, Rows]) -> str:
    """Say what a dot is: with several folds a material may have more than one."""
    ids = np.concatenate([rows.ids for rows in parts.values()])
    counts = np.unique(ids, return_counts=True)[1]
    text = "Each dot is a prediction of one material"
    if counts.max() == 1:
        return text
    return (
        f"{text} ({count(len(ids), 'prediction')} of {count(len(counts), 'material')}, up to"
        f" {counts.max()} each, from different folds)"
    )


def _class_plates(source: Source, arm: str, parts: Mapping[str, Rows]) -> list[Plate]:
    plates = [
        plate(
            arm,
            "Reliability of probabilities",
            lambda: figures.reliability(parts),
            caption="Of the materials given a probability near x, the share y really belonged to"
            " class 1; on the grey line the probabilities can be taken at their word. Larger dots"
            f" hold more materials. {_colours(source, parts)}",
        )
    ]
    if any(0 < (rows.target > 0.5).mean() < 1 for rows in parts.values()):
        plates.append(
            plate(
                arm,
                "Separation of classes",
                lambda: figures.class_roc(parts),
                caption="Share of class 1 found against the share of class 0 called 1 by mistake,"
                " as the threshold falls; the closer to the upper left corner the better, the grey"
                " line is guessing.",
            )
        )
    return plates


def _trust_plates(
    source: Source, arm: str, parts: Mapping[str, Rows], missing: list[str]
) -> list[Plate]:
    binary = source.task == "binary"
    intervals = any(rows.has_intervals for rows in parts.values())
    spread = any(rows.has_std for rows in parts.values())
    plates = []
    if not binary and (spread or intervals):
        plates.append(
            plate(
                arm,
                "Calibration",
                lambda: figures.calibration(parts),
                caption="How often the truth lies inside an interval that promises to hold it with"
                " the probability on the horizontal axis; below the grey line the model is"
                " overconfident. Lines: intervals made from sigma; marks: those that the arm"
                " hands out.",
            )
        )
    if not spread:
        missing.append(
            "This arm states no sigma, so error against sigma and risk against coverage cannot"
            " be drawn."
        )
        return plates
    if not binary:
        plates.append(
            plate(
                arm,
                "Error against sigma",
                lambda: figures.error_against_sigma(parts, unit=source.unit),
                caption=f"{dots(parts)}; joined marks are the root-mean-square error of"
                " groups of similar sigma. On the grey line sigma is as large as the error it"
                " announces; above it the model is too sure.",
            )
        )
    plates.append(
        plate(
            arm,
            "Risk and coverage",
            lambda: figures.risk_coverage(parts, unit=source.unit, binary=binary),
            caption="Error that remains when only the most certain share of the materials is kept:"
            " the solid line should fall to the left. Dotted: the ideal order, by true error;"
            " dashed: a random order, that is, a sigma that knows nothing.",
        )
    )
    return plates


def _ood_plates(arm: str, parts: Mapping[str, Rows], missing: list[str]) -> list[Plate]:
    if not any(rows.has_score for rows in parts.values()):
        missing.append(
            "No detector scored this arm, so there is no distance from the training data."
        )
        return []
    plates = [
        plate(
            arm,
            "Distance from training data",
            lambda: figures.score_histograms(parts),
            caption=_histogram_caption(parts),
        )
    ]
    if IN_DOMAIN in parts and HELD_OUT in parts and all(r.has_score for r in parts.values()):
        plates.append(
            plate(
                arm,
                "Does it notice the held-out class?",
                lambda: figures.ood_roc(parts),
                caption=_roc_caption(parts),
            )
        )
    return plates


def _histogram_caption(parts: Mapping[str, Rows]) -> str:
    text = (
        "Distribution of the out-of-distribution (OOD) score; the less the two overlap, the better"
        " the detector tells new chemistry from known."
    )
    if not figures.several(parts):
        return f"{text} Materials beyond the upright line, where there is one, are flagged."
    text += " Each fold has a detector and a scale of its own, so its scores are shown"
    if figures.limits(parts) is not None:
        return (
            f"{text} as distances from its threshold (the upright line; beyond it a material is"
            " flagged), in standard deviations of its in-domain scores."
        )
    return (
        f"{text} as distances from the median of its in-domain scores, in their standard"
        " deviations; a fold in which all or no materials are flagged shows no threshold."
    )


def _roc_caption(parts: Mapping[str, Rows]) -> str:
    text = (
        "Share of the held-out materials that are flagged against the share of in-domain ones"
        " flagged by mistake, as the threshold falls. The area (AUROC) is 1 when they are told"
        " apart and 0.5 on the grey line, which is guessing."
    )
    if figures.several(parts):
        text += (
            " Thin lines: single folds; thick: their mean. Scores of different folds are not"
            " ranked together, as each fold has a detector and a scale of its own."
        )
    return text


def _element_tables(source: Source, arm: str) -> list[Plate]:
    elements = source.metrics["arms"][arm].get("elements") or {}
    tables = {part: elements.get(part) or {} for part in (IN_DOMAIN, HELD_OUT)}
    tables = {part: table for part, table in tables.items() if table}
    limits = periodic.edges(list(tables.values()))
    scale = " Both tables share one colour scale." if len(tables) > 1 else ""
    plates = []
    for part, table in tables.items():
        where = figures.PART_LABEL[part]
        title = f"Error by element, {where}"
        caption = (
            "Mean absolute error of the materials that contain an element; hover over a cell for"
            " the number. An element without a colour is not told from the others: its errors rank"
            " as theirs may by chance (5 % for all elements together). A dot marks elements in"
            f" fewer than {FEWEST} materials, which are too few to tell.{scale}"
        )
        above = [s for s in table if periodic.apart(table[s]) and table[s].get("above", True)]
        highest = sorted(above, key=lambda s: (-table[s]["mae"], s))[:3]
        unit = f" {source.unit}" if source.unit else ""
        named = ", ".join(f"{s} {number(table[s]['mae'])}{unit}" for s in highest)
        label = f"{title}, arm {arm}. " + (
            f"Larger errors than on the others: {named}"
            if named
            else "No element has larger errors than the others by more than chance."
        )
        svg = periodic.table(table, limits, unit=source.unit, label=label)
        name = f"{slug(arm)}-{slug(title)}"
        plates.append(Plate(name, title, Markup(svg), caption, wide=True))  # noqa: S704 - escaped there
    return plates


def confusion(part: str, rows: Rows) -> Confusion:
    """Count right and wrong answers at a threshold of one half."""
    tp, fp, fn, tn = classification.confusion_rows(rows.target, rows.mean).sum(axis=1)
    return Confusion(
        part=figures.PART_LABEL[part],
        n=len(rows),
        true_positive=int(tp),
        false_positive=int(fp),
        false_negative=int(fn),
        true_negative=int(tn),
    )


def worst_rows(
    rows: Rows, twins: Mapping[str, Mapping[str, float]], *, binary: bool = False
) -> tuple[tuple[Bad, ...], str]:
    """Return the rows with the largest errors, and what their ± is ("" where there is none).

    A class has no ±: a set of labels is no interval, and sigma of a probability no error bar.

    Args:
        rows: of the arm.
        twins: see :class:`atlas_core.report.source.Source`.
        binary: whether the target is a class.
    """
    seen = rows.where(np.isin(rows.part, (IN_DOMAIN, HELD_OUT)))
    if binary:
        order = np.lexsort((seen.fold, seen.ids, -seen.error))[:WORST]
        return tuple(
            _bad(seen, int(i), (np.nan, np.nan), places=2, twins=twins, binary=True) for i in order
        ), ""
    levels = sorted(seen.intervals, key=lambda level: abs(level - 0.9))
    ends: Any = np.full((2, len(seen)), np.nan)
    spread = ""
    for level in levels:
        if not np.isnan(seen.intervals[level][0]).all():
            ends = np.stack(seen.intervals[level])
            spread = f"± ({words.percent_of_level(level)})"
            break
    if not spread and np.isfinite(seen.std).any():
        ends, spread = np.stack([seen.mean - seen.std, seen.mean + seen.std]), "± sigma"
    order = np.lexsort((seen.fold, seen.ids, -seen.error))[:WORST]
    if not len(order):
        return (), spread
    places = words.decimals(float(seen.error[order].min()))
    places = places if places == 99 else min(places, 3)
    return tuple(
        _bad(seen, int(i), (float(ends[0, i]), float(ends[1, i])), places=places, twins=twins)
        for i in order
    ), spread


def _bad(
    rows: Rows,
    i: int,
    ends: tuple[float, float],
    *,
    places: int,
    twins: Mapping[str, Mapping[str, float]],
    binary: bool = False,
) -> Bad:

    def show(value: float) -> str:
        return digits.probability(value) if binary else words.fixed(value, places)

    return Bad(
        id=str(rows.ids[i]),
        formula=words.formula(str(rows.formula[i])),
        true=f"class {rows.target[i]:.0f}" if binary else show(float(rows.target[i])),
        predicted=show(float(rows.mean[i])),
        spread="" if binary else _spread(float(rows.mean[i]), ends, places),
        error=show(float(rows.error[i])),
        part=figures.PART_LABEL[str(rows.part[i])],
        held_out=str(rows.part[i]) == HELD_OUT,
        outside=bool(rows.outside[i]),
        reason=str(rows.reason[i]),
        twin=twin_text(rows, i, twins, show),
    )


def _spread(mean: float, ends: tuple[float, float], places: int) -> str:
    """Return half the width of an interval about a prediction; both ends where it is lopsided.

    One that is cut at the bounds of a target, or made of quantiles, is no prediction ± its half.
    """
    low, high = ends
    half = (high - low) / 2
    one_end = np.isinf(low) != np.isinf(high)
    if one_end or abs((low + high) / 2 - mean) > LOPSIDED * half:
        return f"{words.fixed(low, places)} to {words.fixed(high, places)}"
    return words.fixed(half, places)


def twin_text(
    rows: Rows,
    i: int,
    twins: Mapping[str, Mapping[str, float]],
    show: Callable[[float], str],
) -> str:
    """Return that the label may be wrong where a training material speaks for the prediction.

    It does where its target lies nearer to the prediction than to the row's own label.
    """
    twin = twins.get(str(rows.fold[i]), {}).get(str(rows.ids[i]))
    if twin is None or abs(twin - rows.mean[i]) >= abs(twin - rows.target[i]):
        return ""
    return (
        f"or the label is wrong, or of another phase: the same formula in training has {show(twin)}"
    )


def described(source: Source) -> str:
    """Return in a few sentences what was done."""
    data = source.manifest["dataset"]
    unit = f" in {source.unit}" if source.unit else ""
    size = f" ({count(int(data['rows']), 'material')})" if data.get("rows") else ""
    sentences = [
        f"Data: {data.get('name', 'unnamed')}{size}; what is predicted: {source.target}{unit}."
    ]
    names = list(source.rows)
    arms = f"Arm {names[0]}" if len(names) == 1 else f"Each of {words.listed(names)}"
    sizes: list[Mapping[str, int]] = [fold.get("sizes") or {} for fold in source.folds]
    if not sizes:
        sentences.append(f"{arms} was trained, then judged on unseen materials.")
        return " ".join(sentences)
    first = sizes[0]
    more = f", in {len(sizes)} folds (sizes of the first)" if len(sizes) > 1 else ""
    kept = _size(first, "calibration")
    calibrated = f", had its uncertainty calibrated on {kept}" if kept != "0" else ""
    learned = f"was trained on {_size(first, 'train')} of them"
    if source.active is not None and source.loop:
        candidates = int(first.get("train") or 0) + int(first.get("pool") or 0)
        low, high = (words.fixed(float(f(source.active["labelled"])), 0) for f in (np.min, np.max))
        learned = (
            f"began with {low} labelled materials of {words.fixed(candidates, 0)} candidates and"
            f" chose more, up to {high}"
        )
        calibrated = f", had its uncertainty calibrated on {kept} others" if calibrated else ""
    sentences.append(
        f"{arms} {learned}{calibrated} and was judged on {_size(first, 'test')} unseen ones of the"
        f" same kind{more}."
    )
    if any(size.get("shifted") for size in sizes):
        n = sum(int(size.get("shifted") or 0) for size in sizes)
        held = source.held_out or "a class of materials"
        one = len(set(held_out_classes(source.manifest).values())) < 2
        what = "Held out altogether" if one else "Held out altogether, one class in each fold"
        sentences.append(
            f"{what}: {held} ({count(n, 'material')}), to see whether the model notices what it has"
            " never been shown."
        )
    return " ".join(sentences)


def _size(sizes: Mapping[str, int], part: str) -> str:
    return words.fixed(int(sizes.get(part) or 0), 0)
