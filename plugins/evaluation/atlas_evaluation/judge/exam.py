"""What came of the exam of an arm's labels, as findings.

Whatever is found here rests on the grades of :mod:`atlas_evaluation.exam`; a class of which next to
nothing is trusted is never called a success.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from atlas_core.api import Grade
from atlas_evaluation.judge.bars import MANY_INFINITE
from atlas_evaluation.judge.figures import ENOUGH_TRUSTED, Figure, Reliability, reliability_of
from atlas_evaluation.judge.finding import Finding
from atlas_statistics.binomial import surely_least, wilson

Exam = Mapping[str, Any]
"""What ``exam.json`` holds of one arm."""

MOSTLY = 0.75
"""Share of the tested classes that must be reached: with fewer, missing one is no exception."""
WORSE = 1.5
"""Times the in-domain error from which a class is harder; as the split audit has it."""
LEAST_IN_DOMAIN = 0.1
"""Share of the in-domain predictions below which next to none of these is trusted, either."""

of = Finding.of


def named(exam: Exam, classes: Mapping[str, str]) -> list[str]:
    """Return the held-out classes in words, in the order of the exam.

    Args:
        exam: of one arm.
        classes: fold -> its held-out class in words.
    """
    folds = [str(one["class"]) for one in exam["classes"]]
    words = [classes.get(fold) or fold for fold in folds]
    return [
        f"{text} (fold {fold})" if words.count(text) > 1 else text
        for fold, text in zip(folds, words, strict=True)
    ]


def kind_of(names: Sequence[str]) -> str:
    """Return what the classes are: ``elements``, or just ``classes``."""
    elements = all(re.fullmatch(r"materials with [A-Z][a-z]?", name) for name in names)
    return "elements" if elements else "classes"


def _own(exam: Exam, part: str = "class") -> list[Mapping[str, Any]]:
    """Return what came of each class by the deciding method."""
    return [one["methods"][exam["method"]][part] for one in exam["classes"]]


def _missed_in_domain(exam: Exam) -> int:
    """Return in how many folds the target reliability was missed in-domain."""
    return sum(one["grade"] == "missed" for one in _own(exam, "in_domain"))


def headline(exam: Exam, classes: Mapping[str, str]) -> Finding:
    """Return how far the deciding method reached the target reliability on the held-out classes."""
    names = named(exam, classes)
    own = dict(zip(names, _own(exam), strict=True))
    grades = dict(zip(names, [one["grade"] for one in exam["classes"]], strict=True))
    tested = [name for name in names if grades[name] != "abstained"]
    figures: dict[str, Any] = {"kind": kind_of(names), "classes": len(names)}
    if not tested:
        in_domain_record = float(exam["summary"][exam["method"]]["share_in_domain"] or 0.0)
        nowhere = True if in_domain_record < LEAST_IN_DOMAIN else None
        return of("labels_abstain", **figures, name=names[0], nor_in_domain=nowhere)
    missed, below = ([n for n in tested if grades[n] == one] for one in ("missed", "below"))
    by_chance = bool(below) and all(own[name].get("by_chance") for name in below)
    not_reached = [name for name in tested if name in missed or name in below]
    figures |= {
        "tested": tested, "abstained": len(names) - len(tested),
        "reached": len(tested) - len(not_reached), "not_reached": not_reached,
        "missed": missed, "below": below, "by_chance": by_chance,
    }  # fmt: skip
    if len(names) == 1 and not_reached:
        return of("labels_missed" if missed else "labels_fell_short", **figures)
    if len(not_reached) > (1 - MOSTLY) * len(tested):
        return of("labels_unreliable" if missed else "labels_fell_short", **figures)
    # a target reliability that was hardly ever tested is no success
    few = {
        name: int(one["trusted"])
        for name, one in own.items()
        if one["grade"] == "reached" and not one.get("shown", True)
    }
    shown = not missed and figures["abstained"] + len(few) <= len(names) / 2
    grade: Grade = "labels_reliable" if shown and not _missed_in_domain(exam) else "caution"
    found = of(
        "labels_reached_on_most" if not_reached else "labels_reached_on_all", **figures, few=few
    )
    return replace(found, grade=grade)


def evidence(exam: Exam, classes: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what the headline of an exam rests on."""
    names = named(exam, classes)
    yield _reliability(exam, names)
    without = [
        name
        for name, one in zip(names, exam["classes"], strict=True)
        if one["grade"] == "abstained"
    ]
    if without and len(without) < len(names):
        yield of("labels_abstain_on_some", names=without, kind=kind_of(names))
    if missed := _missed_in_domain(exam):
        yield of("labels_missed_in_domain", missed=missed, folds=len(names))
    yield from _intervals(exam, names)
    yield from comparisons(exam, names)


def comparisons(exam: Exam, names: Sequence[str]) -> Iterator[Finding]:
    """Yield what mean and median say, how all methods fared, and how the forecasts did."""
    yield from _typical(exam, names)
    if exam["others"]:
        names_of = (exam["method"], *exam["others"])
        counts = ("classes", "reached", "abstained", "below", "missed")
        methods = [
            {"name": name, **{key: exam["summary"][name][key] for key in counts}}
            for name in names_of
        ]
        yield of("labels_compared", methods=methods)
    yield from _forecast(exam, names)


def unexamined(labels: Mapping[str, Any]) -> list[Finding]:
    """Return how the labels of an arm fared where no class was held out to examine them.

    Args:
        labels: of :func:`atlas_evaluation.exam.in_domain_record`; {} for an arm without labels.
    """
    if not labels:
        return []
    rows, trusted, hits = labels["rows"], labels["trusted"], labels["within"]
    share = hits / trusted if trusted else 0.0
    within = Figure(share, *wilson(share, trusted)) if trusted else None
    return [
        of(
            "labels_not_tested",
            share=trusted / rows,
            within=within,
            grade=_in_domain(labels).grade,
            error_tolerances=_ends(labels["error_tolerances"]),
            target_reliability=labels["target_reliability"],
        )
    ]


def _in_domain(labels: Mapping[str, Any]) -> Reliability:
    target = float(labels["target_reliability"])
    return reliability_of(int(labels["within"]), int(labels["trusted"]), target)


def in_domain_advice(labels: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return whether to follow labels where no class was held out; () where that is not known.

    Args:
        labels: as of :func:`unexamined`.
    """
    found = _in_domain(labels) if labels else None
    if found is not None and found.shown:
        return (of("follow_labels_in_domain"),)
    missed = found is not None and found.grade == "missed"
    return (of("do_not_follow_labels"),) if missed else ()


def _ends(values: Sequence[float]) -> list[float]:
    return [min(values), max(values)]


def _reliability(exam: Exam, names: Sequence[str]) -> Finding:
    """Return how much is labeled trust, the target reliability, and the observed one."""
    own = _own(exam)
    rows, n, hits = (sum(one[key] for one in own) for key in ("rows", "trusted", "within"))
    return of(
        "labels_reliability",
        name=names[0] if len(names) == 1 else None,
        kind=kind_of(names),
        share=n / rows,
        shares=_ends([one["share"] for one in own]) if len(own) > 1 else None,
        in_domain=exam["summary"][exam["method"]]["share_in_domain"],
        target_reliability=exam["classes"][0]["target_reliability"],
        error_tolerances=_ends([one["error_tolerance"] for one in exam["classes"]]),
        hits=hits / n if n else None,
        least=least_of(exam, names) if n else None,
    )


def least_of(exam: Exam, names: Sequence[str]) -> dict[str, Any] | None:
    """Return the class with the significantly lowest reliability, and that; None if none is."""
    own = _own(exam)
    enough = [pair for pair in zip(own, names, strict=True) if pair[0]["trusted"] >= ENOUGH_TRUSTED]
    sizes = [int(one["trusted"]) for one, _ in enough]
    worst = surely_least([int(one["within"]) for one, _ in enough], sizes)
    return None if worst is None else {"name": enough[worst][1], "share": enough[worst][0]["hit"]}


def _intervals(exam: Exam, names: Sequence[str]) -> Iterator[Finding]:
    """Yield how often the trust region's own intervals held, and what they cost in width."""
    known = [
        (region, name, int(one["rows"]))
        for one, name in zip(exam["classes"], names, strict=True)
        if (region := (one.get("intervals") or {}).get("trust_class"))
    ]
    empty = [name for one, name, _ in known if one.get("infinite", 0.0) >= MANY_INFINITE]
    held = [(one, name, rows) for one, name, rows in known if name not in empty]
    level = float(exam["level"])
    if held:
        shares, sizes = [one["coverage"] for one, _, _ in held], [rows for _, _, rows in held]
        hits = [round(share * n) for share, n in zip(shares, sizes, strict=True)]
        worst = surely_least(hits, sizes)
        widths = [one["width"] for one, _, _ in held if one.get("width") is not None]
        yield of(
            "labels_intervals",
            level=level,
            coverage=sum(shares) / len(shares),
            classes=len(held),
            least=None if worst is None else {"name": held[worst][1], "share": shares[worst]},
            # else there was no width to compare with
            width=sum(widths) / len(widths) if len(widths) == len(held) else None,
            empty=empty or None,
        )
    elif empty:
        yield of("labels_intervals_uninformative", level=level, empty=empty)


def _typical(exam: Exam, names: Sequence[str]) -> Iterator[Finding]:
    """Yield on which classes mean and median judge differently whether errors are larger there.

    A few large in-domain errors hide that the typical material of a class is harder, and a few
    large errors of a class make it look hard that is not.
    """
    classes = [
        {"name": name, "mean": one["mae_rise"], "median": one["median_rise"]}
        for one, name in zip(exam["classes"], names, strict=True)
        if one.get("mae_rise") is not None
        and one.get("median_rise") is not None
        and (one["mae_rise"] >= WORSE) != (one["median_rise"] >= WORSE)
    ]
    if classes:
        yield of("labels_median_errors", classes=classes)


def _forecast(exam: Exam, names: Sequence[str]) -> Iterator[Finding]:
    """Yield how well the error of a class was forecast before any of its labels was known."""
    ratios = [
        (one["forecast_ratio"], name)
        for one, name in zip(exam["classes"], names, strict=True)
        if "forecast_ratio" in one
    ]
    if not ratios:  # no class has an error
        return
    low, high = ({"ratio": r, "name": name} for r, name in (min(ratios), max(ratios)))
    within = exam["forecast"]["within_twofold"]
    if len(names) == 1:
        yield of("labels_forecast", classes=1, name=names[0], ratio=ratios[0][0])
    else:
        yield of("labels_forecast", classes=len(names), within=within, least=low, most=high)
