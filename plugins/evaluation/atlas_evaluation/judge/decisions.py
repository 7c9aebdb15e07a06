"""What came of decisions against a border: calls, P, the most confident calls, and labels.

A decision is worth something where it beats one call for all, and P where it says more than the
base rate; where that is not shown, nothing else of it is praised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from atlas_evaluation.judge.figures import (
    ENOUGH_TRUSTED,
    FEW_ROWS,
    Figure,
    Reliability,
    of_share,
    reliability_of,
)
from atlas_evaluation.judge.finding import About, Finding
from atlas_evaluation.judge.probabilities import probabilities_of
from atlas_evaluation.scoring.decided import SURE
from atlas_statistics.binomial import surely_least

Findings = Iterator[Finding]
of = Finding.of

PARTS = {"test": "in_domain", "ood_test": "held_out"}


def decision_findings(
    decided: Mapping[str, Any] | None, about: About, classes: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return what was asked of an arm's predictions, and how the decisions on it fared.

    Args:
        decided: ``decisions`` of the arm in ``metrics.json``; None where there are none.
        about: the arm.
        classes: fold -> its held-out class in words.
    """
    if decided is None or about.wording is None:
        return ()
    found = [of("decided_against")]
    for part, name in PARTS.items():
        own = decided["parts"].get(part)
        if own is not None:
            found += _of_part(own, decided.get("base"), about.target_reliability, name, classes)
    return tuple(found)


LIMITS = {
    "p_worse_than_base": "worse",
    "p_no_more_than_base": "base",
    "trusted_calls_missed": "missed",
}
"""What a headline has to say of decisions, the most limiting first."""


def limit_of(findings: Sequence[Finding]) -> Finding | None:
    """Return for what decisions may not be used, part by part; None where nothing forbids it."""
    found: dict[str, str] = {}
    for code, limit in LIMITS.items():
        for one in findings:
            if one.code == code:
                found.setdefault(str(one.figures["part"]), limit)
    parts = {part: found.get(part) for part in PARTS.values()}
    return of("decisions_limited", **parts) if found else None


def _of_part(
    own: Mapping[str, Any],
    base: float | None,
    target: float,
    part: str,
    classes: Mapping[str, str],
) -> Findings:
    n = int(own["n_materials"])
    metrics = {name: Figure.of(entry) for name, entry in own["metrics"].items()}
    right = of_share(metrics["accuracy"], n)
    if n < FEW_ROWS:
        yield of("calls_few", part=part, n=n, right=right)
        return
    beyond = {name: Figure.of(entry) for name, entry in own["beyond"].items()}
    ones = metrics["class_1_share"].value
    constant = {"yes": ones > 0.5, "right": max(ones, 1.0 - ones)}
    side = beyond["right"].side(0.0)
    code = {"above": "calls_better", "below": "calls_worse", "": "calls_no_better"}[side]
    yield of(code, part=part, n=n, right=right, constant=constant, gain=beyond["right"])
    side = beyond["brier"].side(0.0)
    code = {"above": "p_informative", "below": "p_worse_than_base", "": "p_no_more_than_base"}[side]
    rate = ones if base is None else base
    yield of(
        code, part=part, brier=metrics["brier"], base=rate,
        base_brier=own.get("base_brier", ones * (1.0 - ones)), gain=beyond["brier"],
    )  # fmt: skip
    yield from _calibration(own, metrics, beyond, part, informative=side == "above")
    named = classes if part == "held_out" else {}
    for one in _confident(own, ones, part, named):
        yield one if side == "above" or one.grade != "trust" else replace(one, grade=None)
    trusted = {fold: one["trust"] for fold, one in own["classes"].items() if "trust" in one}
    yield from _trusted(own["labels"], target, constant, part, _least(trusted, named))


def _calibration(
    own: Mapping[str, Any],
    metrics: Mapping[str, Figure],
    beyond: Mapping[str, Figure],
    part: str,
    *,
    informative: bool,
) -> Findings:
    """Yield whether P can be read as a probability, and in which direction it is off.

    That P is calibrated is no merit where it says no more than the base rate, which is as well.
    """
    n = int(own["n_materials"])
    judged = probabilities_of(metrics, n, own.get("reliability") or {})
    code = "off_in_places" if judged in ("off_at_ends", "off_in_between") else judged
    if code is not None and (informative or code != "calibrated"):
        yield of(f"p_{code}", part=part, n=n, gap=metrics["ece"].value)
    for name, above, below in (
        ("too_sure", "p_overconfident", "p_underconfident"),
        ("too_high", "p_too_high", "p_too_low"),
    ):
        figure = beyond[name]
        if side := figure.side(0.0):
            low, high = sorted((abs(figure.low), abs(figure.high)))
            by = Figure(abs(figure.value), low, high)
            yield of(above if side == "above" else below, part=part, by=by)


def _confident(
    own: Mapping[str, Any], ones: float, part: str, classes: Mapping[str, str]
) -> Findings:
    """Yield whether the most confident calls are as right as stated, and more than of all."""
    for side, found in own["sure"].items():
        share = ones if side == "yes" else 1.0 - ones
        right = Figure(found["right"], found["low"], found["high"])
        n = int(found["materials"])
        if n < ENOUGH_TRUSTED:
            yield of("confident_few", part=part, side=side, n=n)
            continue
        kept = _kept(found, SURE)
        code = "confident_unclear"
        if kept.grade == "missed":
            code = "confident_missed"
        elif kept.shown:
            code = "confident_right" if right.low > share else "confident_as_all"
        least = _least(own["folds"], classes) if side == "yes" else None
        yield of(code, part=part, side=side, n=n, right=right, share=share, least=least)


def _least(folds: Mapping[str, Any], classes: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the class whose calls of a kind surely are right least often; None if none is."""
    names = [
        fold
        for fold, one in folds.items()
        if classes.get(fold) and one["materials"] >= ENOUGH_TRUSTED
    ]
    sizes = [int(folds[fold]["materials"]) for fold in names]
    hits = [round(folds[fold]["right"] * n) for fold, n in zip(names, sizes, strict=True)]
    worst = surely_least(hits, sizes)
    if worst is None:
        return None
    return {"name": classes[names[worst]], "share": folds[names[worst]]["right"]}


def _trusted(
    labels: Mapping[str, Any],
    target: float,
    constant: Mapping[str, Any],
    part: str,
    least: Mapping[str, Any] | None,
) -> Findings:
    """Yield whether decisions labeled trust reached the target reliability.

    Where one call for all reaches it as well, that is no merit of the labels.
    """
    rows = sum(int(one["n"]) for one in labels.values())
    found = labels.get("trust")
    figures: dict[str, Any] = {"part": part, "target_reliability": target}
    if found is None:
        yield of("trusted_calls_none", **figures)
        return
    kept = _kept(found, target)
    figures |= {
        "share": int(found["n"]) / rows,
        "n": int(found["materials"]),
        "right": Figure(found["right"], found["low"], found["high"]),
        "least": least,
    }
    if kept.grade == "abstained":
        yield of("trusted_calls_few", **figures)
    elif kept.grade == "missed":
        yield of("trusted_calls_missed", **figures)
    elif kept.grade == "below":
        yield of("trusted_calls_short", **figures, by_chance=kept.by_chance)
    else:
        trivial = constant if constant["right"] >= target else None
        code = "trusted_calls_as_constant" if trivial else "trusted_calls_reached"
        reached = of(code, **figures, constant=trivial, shown=kept.shown)
        yield reached if kept.shown or trivial else replace(reached, grade="unknown")


def _kept(found: Mapping[str, Any], target: float) -> Reliability:
    n = int(found["materials"])
    return reliability_of(round(found["right"] * n), n, target)
