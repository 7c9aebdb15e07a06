"""The rules that make a verdict of one arm: the first that applies decides.

The reader is a physicist who opens the report and reads nothing else. Every rule has its threshold
as a named constant with its reason and is decided by what the interval of its figure excludes
(:mod:`.figures`), so that a verdict does not flip with the next split; a figure that is missing is
never guessed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from atlas_core.api import Grade, Wording, meaning_of
from atlas_core.observe import held_out, held_out_classes
from atlas_evaluation.judge import exam
from atlas_evaluation.judge.cautions import reported_in_headline
from atlas_evaluation.judge.decisions import decision_findings, limit_of
from atlas_evaluation.judge.evidence import evidence
from atlas_evaluation.judge.facts import (
    ENOUGH_ROWS,
    NOTICES_PARTLY,
    RANK,
    WORSE,
    WORTHLESS_MAE,
    Facts,
    ends,
    noticing,
)
from atlas_evaluation.judge.figures import FEW_ROWS, Figure
from atlas_evaluation.judge.finding import About, Finding, Verdict

RANKS = 0.3  # rank correlation of prediction and truth from which "use it to rank" is advice
RANKS_CLASSES = 0.6  # ROC AUC from which it is

Findings = Iterator[Finding]
of = Finding.of


@dataclass(frozen=True)
class Ruling:
    """What a rule decides: the headline, whose first finding grades it, and what to do."""

    headline: tuple[Finding, ...]
    advice: tuple[Finding, ...] = ()
    grade: Grade | None = None


def verdict(
    metrics_of_arm: Mapping[str, Any],
    about: About,
    *,
    classes: Mapping[str, str] | None = None,
    kept: Sequence[int] = (),
    examined: exam.Exam | None = None,
    others: Sequence[Grade] = (),
) -> Verdict:
    """Return the judgment of one arm.

    Args:
        metrics_of_arm: ``metrics["arms"][arm]`` of ``metrics.json``.
        about: the arm.
        classes: fold -> its held-out class; the worst of several folds is named by it.
        kept: calibration rows of each fold; () where they are not known.
        examined: the exam of its trust method, where it has one: what it says of single predictions
            then comes before what it says of all of them together.
        others: grades of the other trainings, each judged alone: what they contradict is not
            trusted. No matter to an arm whose labels are examined, which are of the first.
    """
    facts = Facts(metrics_of_arm, about, classes or {}, kept)
    if not facts.test.n or facts.test.value("brier" if about.binary else "mae") is None:
        return Verdict(about, "unknown", (of("no_test_rows"),), _caveat(about))
    ruling = next(filter(None, (rule(facts) for rule in RULES)))
    own: list[Finding] = []
    judged = facts.test.n >= FEW_ROWS and facts.quality in {"good", "weak"}
    if examined is None:
        labels = metrics_of_arm.get("labels") or {}
        own = exam.unexamined(labels)
        if judged:
            ruling = replace(ruling, advice=(*exam.in_domain_advice(labels), *ruling.advice))
    elif judged:
        reliability_reached = exam.headline(examined, facts.classes)
        in_domain = of("in_domain_error", in_domain=facts.typical)
        ruling = Ruling((reliability_reached, in_domain), (of("follow_labels"),))
        own = list(exam.evidence(examined, facts.classes))
    headline, grade = ruling.headline, ruling.grade or ruling.headline[0].grade or "unknown"
    cautions = [of(one["code"], **one["figures"]) for one in facts.cautions]
    if cautions and grade != "do_not_trust":
        headline = (*headline, *reported_in_headline(cautions))
        grade = "unknown" if grade == "unknown" else "caution"
    if examined is None and set(others) - {grade}:
        headline = (*headline, _disagreement(grade, others))
        grade = "caution" if grade == "trust" else grade
    decided = decision_findings(metrics_of_arm.get("decisions"), about, facts.classes)
    caveat = () if decided else _caveat(about)
    if (limited := limit_of(decided)) is not None:
        headline = (*headline, limited)
        grade = "caution" if grade in ("trust", "labels_reliable") else grade
    calibrator = bool(own) and examined is not None
    return Verdict(
        about,
        grade,
        headline,
        (*decided, *own, *cautions, *evidence(facts, calibrator=calibrator), *caveat),
        ruling.advice,
    )


def _caveat(about: About) -> tuple[Finding, ...]:
    """Return what the target is not, where the data set says so; decisions say what they are."""
    caveat = about.meaning.caveat
    return (of("target_is_not", caveat=caveat),) if caveat else ()


def _disagreement(grade: Grade, others: Sequence[Grade]) -> Finding:
    """Return how many trainings would get another grade than the first, and which."""
    counted = [{"grade": one, "trainings": n} for one, n in Counter(others).items() if one != grade]
    return of("trainings_disagree", trainings=1 + len(others), others=counted)


# --- the rules, in the order in which they are asked ------------------------------------------


def _targets_alike(facts: Facts) -> Ruling | None:
    return (
        Ruling((of("targets_constant"),), (of("test_other_values"),)) if not facts.quality else None
    )


def _class_rare(facts: Facts) -> Ruling | None:
    if facts.answers is None or facts.answers.few is None:
        return None
    figures = {"class": facts.answers.few[0], "in_domain": facts.typical}
    return Ruling((of("class_too_rare", **figures),), (of("test_both_classes"),))


def _worthless(facts: Facts) -> Ruling | None:
    """Judge an arm that knows next to nothing in-domain."""
    if facts.quality != "worthless":
        return None
    auc, share = facts.test.metrics.get("roc_auc"), facts.test.share_of_constant
    typical: dict[str, Any] = {"in_domain": facts.typical}
    if share is not None and share.low < WORTHLESS_MAE:  # no constant errs less, but by its squares
        return Ruling((of("no_variance_explained", **typical, r2=facts.test.metrics["r2"]),))
    lost = auc is not None and auc.high < 0.5
    if not facts.about.binary:
        lost = share is not None and share.low > 1
        typical["constant"] = facts.constant
    return Ruling((of("worse_than_constant" if lost else "no_better_than_constant", **typical),))


def _failing(facts: Facts) -> Ruling | None:
    """Judge an arm that fails on the held-out class: does it say so by itself?"""
    inside, outside = facts.wide_enough
    if facts.shift != "worse" and outside != "too_low":
        return None
    if not any(facts.warns(name) for name in facts.auroc):
        sure = all(found.high < NOTICES_PARTLY for found in facts.auroc.values())
        how = _how_much(facts) if facts.shift == "worse" else {}
        code = "fails_undetected" if sure else "fails_maybe_undetected"
        return Ruling((of(code, in_domain=facts.typical, **how),), (of("check_by_hand"),))
    opening, _ = _opening(facts)
    if inside == "too_low" and opening.startswith("trust"):
        opening = "trust_predictions"
    if facts.rough:
        opening = "rough_guide_there"
    there = of("not_on_held_out", **_failure(facts))
    headline = (_use(opening, facts), there, *_noticed(facts), *_silent(facts))
    advice = "lower_threshold"
    if facts.warns("detector") and facts.flagged is not None and not facts.flags_few:
        advice = "heed_flags"
    elif facts.warns("sigma"):
        advice = "heed_sigma"
    ranking = _ranking(facts) if opening == "rough_guide_there" else ()
    return Ruling(headline, (of(advice), *ranking), "caution")


def _no_uncertainty(facts: Facts) -> Ruling | None:
    if facts.uncertain:
        return None
    tested = True if facts.ood_test.n else None
    return Ruling(
        (of("no_uncertainty", in_domain=facts.typical, held_out=tested),), (of("add_uncertainty"),)
    )


def _few_materials(facts: Facts) -> Ruling | None:
    if facts.test.n >= FEW_ROWS:
        return None
    opening = of("too_few_materials", in_domain=facts.typical)
    return Ruling((opening, *_silent(facts)), (of("test_more"),))


def _rough_guide(facts: Facts) -> Ruling | None:
    if not facts.rough:
        return None
    test, binary = facts.test, facts.about.binary
    share = None if binary else test.share_of_constant
    auc = test.metrics["roc_auc"] if binary else None
    constant = None if binary else facts.constant
    opening = of(
        "rough_guide", in_domain=facts.typical, share=share, constant=constant, roc_auc=auc
    )
    few = (of("test_in_folds", enough=ENOUGH_ROWS),) if test.n < ENOUGH_ROWS else ()
    headline = (opening, *_rough_there(facts), *_silent(facts))
    return Ruling(headline, (*_ranking(facts), *few))


def _intervals_empty(facts: Facts) -> Ruling | None:
    if not (silent := _silent(facts)):
        return None
    return Ruling((_believe(facts), *silent), (of("keep_more_calibration"),), "caution")


def _intervals_narrow(facts: Facts) -> Ruling | None:
    if facts.wide_enough[0] != "too_low":
        return None
    return Ruling((_believe(facts), of("not_its_intervals")), (of("calibrate"),), "caution")


def _good(facts: Facts) -> Ruling:
    """Judge an arm that is good in-domain, with error bars that hold there."""
    code, grade = _opening(facts)
    opening, reserves, more = _use(code, facts), _reserves(facts), of("test_held_out")
    outside = facts.outside
    if facts.few_others:
        return Ruling((opening, *reserves, of("held_out_few")), (more,), "caution")
    if not facts.ood_test.n:
        advice = of("nothing_known_beyond")
        return Ruling((opening, *reserves, of("nothing_else_tested")), (advice,), grade)
    if facts.shift == "unclear":
        clause = of("held_out_errors_unclear", **_how_much(facts))
        return Ruling((opening, *reserves, clause), (more,), "caution")
    if outside is not None and outside.state == "unclear":
        clause = of("held_out_coverage_unclear", n=facts.ood_test.n)
        return Ruling((opening, *reserves, clause), (more,), "caution")
    if outside and (outside.state == "nothing" or (outside.many_empty and not outside.binary)):
        clause = of("held_out_intervals_uninformative", **outside.nothing)
        return Ruling((opening, *reserves, clause), (of("errors_small_on_average"),), "caution")
    advice = of("other_classes_unknown")
    return Ruling((opening, of("also_on_held_out"), *reserves), (advice,), grade)


RULES: tuple[Callable[[Facts], Ruling | None], ...] = (
    _targets_alike,
    _class_rare,
    _worthless,
    _failing,
    _no_uncertainty,
    _few_materials,
    _rough_guide,
    _intervals_empty,
    _intervals_narrow,
    _good,
)
"""Asked one after the other; the last decides whatever is left."""


# --- what the rules share ---------------------------------------------------------------------


def _use(code: str, facts: Facts) -> Finding:
    """Return how far predictions may be used in-domain."""
    return of(code, in_domain=facts.typical)


def _opening(facts: Facts) -> tuple[str, Grade]:
    """Return how far predictions like those of the training set may be believed."""
    inside, off = facts.inside, facts.probabilities or ""
    if facts.answers is not None and not facts.answers.beat_one_answer:
        return "rank_only", "caution"
    if off.startswith("off"):
        return f"trust_answers_{off}", "caution"
    if facts.cautions:
        return "use_with_caution", "caution"
    holds = inside is None or (
        inside.state == "attained" and (inside.binary or not inside.many_empty)
    )  # fmt: skip
    return "trust_in_domain", "trust" if holds else "caution"


def _believe(facts: Facts) -> Finding:
    """Return how far predictions without their intervals may be believed in-domain."""
    lost = facts.answers is not None and not facts.answers.beat_one_answer
    return _use("rank_only" if lost else "trust_predictions_only", facts)


def _ranking(facts: Facts) -> tuple[Finding, ...]:
    """Return whether weak predictions are of use for ranking, () where they are not weak."""
    if facts.quality != "weak":
        return ()
    binary = facts.about.binary
    name, least = ("roc_auc", RANKS_CLASSES) if binary else ("rank_correlation", RANKS)
    order = facts.test.metrics.get(name)
    ranks = order is not None and order.low >= least
    return (of("use_to_rank" if ranks else "not_shown_to_rank"),)


def _rough_there(facts: Facts) -> tuple[Finding, ...]:
    """Return how a rough guide does on the held-out class, () where nothing was held out."""
    if facts.few_others:
        return (of("held_out_few"),)
    part = facts.ood_test
    if not part.n:
        return ()
    if facts.about.binary:
        auc = part.metrics.get("roc_auc")
        return (of("held_out_rough", roc_auc=auc, helps=auc is not None and auc.low > 0.5),)
    share = part.share_of_constant
    helps = share is not None and share.high < 1
    times = facts.ratios.get("mae")
    times = times if times is not None and times.known else None
    mae = part.metrics["mae"]
    return (of("held_out_rough", mae=mae, times=times, share=share, helps=helps),)


def _failure(facts: Facts) -> dict[str, Any]:
    """Return what fails on the held-out class: the error, where it grows, or the intervals."""
    if facts.shift != "worse":
        return {"failed": "intervals"}
    mean = facts.ratios.get("mae")
    if mean is None or mean.low < WORSE:
        return _how_much(facts)
    over = facts.trainings("mae") or {}
    trainings = {"n": over["n"], **over["held_out"]} if "held_out" in over else None
    return {"mae": facts.ood_test.metrics["mae"], "trainings": trainings}


def _silent(facts: Facts) -> tuple[Finding, ...]:
    """Return that most in-domain intervals say nothing, () where they do not."""
    inside = facts.inside
    silent = inside is not None and inside.state == "nothing"
    return (of("most_intervals_uninformative", **inside.nothing),) if inside and silent else ()


def _reserves(facts: Facts) -> tuple[Finding, ...]:
    """Return what a headline must add to trust, () where there is nothing."""
    inside, own = facts.inside, facts.test.sigma
    if inside is None:
        large = own is not None and own.size == "too_large"
        return (of("sigma_larger_than_needed"),) if large else ()
    if inside.too_wide:
        return (of("intervals_wider_than_needed"),)
    if inside.state == "unclear":
        return (of("coverage_not_shown", n=facts.test.n),)
    if inside.many_empty and not inside.binary:
        return (of("some_intervals_uninformative", **inside.nothing),)
    small = own is not None and own.size == "too_small"
    return (of("sigma_smaller_than_needed"),) if small else ()


def _how_much(facts: Facts) -> dict[str, Any]:
    """Return how much larger errors on the held-out class are, by the figure that says most.

    Of several trainings it is said of each: all of them have the same test materials.
    """
    name, found = max(facts.ratios.items(), key=lambda item: item[1].low)
    if not math.isfinite(found.value):
        return {"measure": name, "times": "infinite"}
    inside, outside = (facts.values(name, part) for part in ("test", "ood_test"))
    times = [far / near for near, far in zip(inside, outside, strict=False) if near > 0]
    trainings = {"n": len(times), **ends(times)} if times and len(times) == len(inside) else None
    return {"measure": name, "times": found, "trainings": trainings}


def _noticed(facts: Facts) -> Findings:
    """Yield which of detector and sigma warns: a detector may see what the model does not."""
    well = {name: noticing(found) for name, found in facts.auroc.items()}
    first, *rest = sorted(well, key=lambda name: -RANK.index(well[name]))
    if facts.detector_is_no_better and well["detector"] in ("in_part", "well"):
        rule = 0.0 if facts.rule is None else facts.rule.auroc
        how = min(well["detector"], noticing(Figure(rule, rule, rule)), key=RANK.index)
        better = "not_shown" if facts.auroc["detector"].value > rule else None
        yield of("rule_detects", how=how, better=better, sigma=well.get("sigma"))
        return
    same = bool(rest) and well[rest[0]] == well[first]
    other = {"by": rest[0], "how": well[rest[0]]} if rest and not same else None
    by = ["detector", "sigma"] if same else [first]
    yield of("held_out_detected", by=by, how=well[first], other=other)
    if first in facts.worst:
        fold, area = facts.worst[first]
        if RANK.index(noticing(Figure(area, area, area))) < RANK.index(well[first]):
            yield of("detected_worst", **facts.named(fold), auroc=area)


# --- of a whole run ---------------------------------------------------------------------------


def verdicts_of_run(
    metrics: Mapping[str, Any],
    exams: Mapping[str, exam.Exam],
    *,
    dataset: Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    chose: Collection[str] = (),
    others: Sequence[Mapping[str, Any]] = (),
    reference: Mapping[str, Any] | None = None,
) -> dict[str, Verdict]:
    """Return the judgment of each arm.

    Args:
        metrics: what ``metrics.json`` holds.
        exams: what ``exam.json`` holds, {} where no arm has a trust method.
        dataset: what the manifest says of it.
        split: what the manifest says of it.
        chose: arms that chose what they learned from.
        others: what ``metrics.json`` would hold of each other training.
        reference: what the manifest says of it; None without one.
    """
    asked: dict[str, Any] = {}
    if reference is not None:
        asked["wording"] = Wording(**reference["wording"])
        asked["target_reliability"] = float(reference["target_reliability"])
    alone = [verdicts_of_run(one, {}, dataset=dataset, split=split, chose=chose) for one in others]
    folds = (split or {}).get("folds") or ()
    return {
        arm: verdict(
            found,
            About(
                arm=arm,
                task=str(dataset["task"]),
                target=str(dataset["target"]),
                unit=str(dataset.get("unit") or ""),
                held_out=held_out(split),
                chose=arm in chose,
                bounded=dataset.get("bounds") is not None,
                meaning=meaning_of(dataset),
                **asked,
            ),
            classes=held_out_classes(split),
            kept=[int((fold.get("sizes") or {}).get("calibration") or 0) for fold in folds],
            examined=exams.get(arm),
            others=[one[arm].grade for one in alone],
        )
        for arm, found in metrics["arms"].items()
    }
