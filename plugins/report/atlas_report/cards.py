"""The verdict card of an arm, with its headline numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from atlas_core.kinds.metric import Unit
from atlas_core.observe import held_out_classes
from atlas_core.printing import counted
from atlas_pages.formatting import number, percent
from atlas_report import metric_labels, repeats
from atlas_report.components import KINDS, with_options
from atlas_report.coverage import constant_interval
from atlas_report.source import HELD_OUT, IN_DOMAIN, Json, Source, metric_of
from atlas_statistics import digits
from atlas_statistics.binomial import wilson

TONES = {
    "trust": "good",
    "labels_reliable": "good",
    "caution": "fair",
    "do_not_trust": "poor",
    "unknown": "ref",
}
GRADES = {"labels_reliable": "labels reliable", "do_not_trust": "do not trust"}
"""Grades that are more than their code."""
NO_VERDICT: Json = {
    "grade": "unknown",
    "headline": "The run holds no verdict.",
    "sentences": (),
}
MANY_INFINITE = 0.1
"""Share of infinite intervals worth a note."""


@dataclass(frozen=True)
class Stat:
    """A headline number: what it is, its value, its 95 % interval and its trivial baseline.

    ``spread`` is its mean ± standard deviation over trainings, "" of one training.
    """

    label: str
    value: str
    unit: str
    interval: str
    trivial: str = ""
    spread: str = ""


@dataclass(frozen=True)
class Card:
    """The verdict on one arm."""

    made_of: str
    headline: str
    sentences: tuple[str, ...]
    grade: str
    tone: str
    stats: tuple[Stat, ...]


def card(source: Source, arm: str) -> Card:
    """Return the verdict on an arm with its headline numbers."""
    metrics = source.metrics["arms"][arm]
    exam = source.exam.get(arm)
    said = source.verdict.get(arm) or NO_VERDICT
    grade = str(said["grade"])
    return Card(
        made_of=_made_of(source, arm),
        headline=said["headline"],
        sentences=tuple(said["sentences"]),
        grade=GRADES.get(grade, grade),
        tone=TONES.get(grade, "ref"),
        stats=(*_trust_stats(exam), *_stats(metrics, source, arm)),
    )


def _made_of(source: Source, arm: str) -> str:
    chosen = (source.manifest.get("arms") or {}).get(arm) or {}
    named = [[chosen[k], *chosen[k].get("beside", ())] for k in KINDS if chosen.get(k)]
    return " · ".join(" + ".join(with_options(one) for one in together) for together in named)


def _trust_stats(exam: Mapping[str, Any] | None) -> list[Stat]:
    """Return how much of the held-out classes may be used, and whether that holds."""
    if exam is None:
        return []
    own = [one["methods"][exam["method"]]["class"] for one in exam["classes"]]
    n, trusted = sum(one["rows"] for one in own), sum(one["trusted"] for one in own)
    if not n:
        return []
    found = [Stat("labeled trust, held out", percent(trusted / n), "", "")]
    if trusted:
        hits = sum(one["within"] for one in own)
        low, high = wilson(hits / trusted, trusted)
        entry = {"value": hits / trusted, "low": low, "high": high}
        found.append(_stat("of these within tolerance", entry, "share", ""))
    return found


def _stats(metrics: Mapping[str, Any], source: Source, arm: str) -> list[Stat]:
    parts = metrics.get("parts") or {}
    names = {IN_DOMAIN: "in-domain", HELD_OUT: "held out"}
    wanted = ["balanced_accuracy"] if source.task == "binary" else ["mae"]
    levels = [m for m in _metric_names(metrics) if m.startswith("picp_")]
    levels.sort(key=lambda m: abs(float(m.removeprefix("picp_")) - 0.9))
    wanted += levels[:1] or (["ece"] if source.task == "binary" else [])
    out = []
    for name in wanted:
        for part, where in names.items():
            entry = metric_of(source, arm, part, name)
            about = metric_labels.metric(source.figures, name)
            if entry is not None and about is not None:
                stat = _stat(f"{about.label}, {where}", entry, about.unit, source.unit)
                interval = _infinite(parts[part], name) or stat.interval
                trivial = _trivial(source, arm, part, name)
                again = repeats.spread_of(source, arm, name, part=part)
                spread = _spread(again, about.unit)
                out.append(replace(stat, interval=interval, trivial=trivial, spread=spread))
    score = (metrics.get("ood") or {}).get("score") or (metrics.get("ood") or {}).get("sigma")
    if score and score.get("auroc"):
        folds = len(score.get("folds") or ())
        mean = f", mean of {folds} folds" if folds else ""
        stat = _stat(f"held out vs. in-domain, AUROC{mean}", score["auroc"], "plain", "")
        by = "score" if (metrics.get("ood") or {}).get("score") else "sigma"
        again = repeats.spread_of_detector(source, arm, "auroc", by=by)
        out.append(replace(stat, spread=_spread(again, "plain")))
        if rule := (metrics.get("ood") or {}).get("rule"):
            label = f"AUROC of unseen elements alone{mean}"
            out.append(_stat(label, rule["auroc"], "plain", ""))
        if worst := score.get("worst"):
            entry = {"value": float(worst["auroc"])}
            name = (
                held_out_classes(source.manifest.get("split")).get(worst["fold"]) or worst["fold"]
            )
            out.append(_stat(f"AUROC, worst: {name}", entry, "plain", ""))
    return out


def _spread(found: repeats.Spread | None, scale: Unit) -> str:
    if found is None:
        return ""
    trainings = counted(len(found["values"]), "training")
    return f"{repeats.plus_minus(found, scale)} over {trainings}"


def _trivial(source: Source, arm: str, part: str, name: str) -> str:
    """Return what the trivial baseline of a metric reaches on the same rows, "" without one."""
    if name == "mae":
        base = metric_of(source, arm, part, "mae_baseline")
        return f"training median: {number(base['value'], digits=2)}" if base else ""
    level = name.removeprefix("picp_")
    width = metric_of(source, arm, part, f"mpiw_{level}") if level != name else None
    if width is None:
        return ""
    if source.task == "binary":  # a label set of both classes is 1 wide, one of a single class 0
        return f"{percent(width['value'])} of the label sets hold both classes"
    constant = constant_interval(source, arm, part, float(level))
    text = f"mean width {number(width['value'], digits=2)}"
    if constant is None:
        return text
    return (
        f"{text}; a constant width of {number(constant[0], digits=2)} covers {percent(constant[1])}"
    )


def _infinite(part: Mapping[str, Any], name: str) -> str:
    """Return how many intervals say nothing, "" where these are few."""
    level = name.removeprefix("picp_")
    share = (part.get("metrics") or {}).get(f"infinite_share_{level}")
    if level == name or not share or share["value"] < MANY_INFINITE:
        return ""
    return f"{percent(share['value'])} uninformative"


def _metric_names(metrics: Mapping[str, Any]) -> list[str]:
    parts = (metrics.get("parts") or {}).values()
    return sorted({name for part in parts for name in part.get("metrics") or {}})


def _stat(label: str, entry: Mapping[str, float], scale: Unit, unit: str) -> Stat:
    shown_unit = unit if scale == "target" else ""
    value = digits.auroc(entry) if "AUROC" in label else metric_labels.shown(entry, scale)
    return Stat(label, value, shown_unit, metric_labels.interval(entry, scale))
