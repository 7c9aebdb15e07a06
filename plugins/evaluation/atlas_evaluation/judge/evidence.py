"""What the headline of an arm rests on, figure by figure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from atlas_evaluation.judge import bars, sigma
from atlas_evaluation.judge.errors import direction
from atlas_evaluation.judge.facts import NOTICES_PARTLY, WORSE, Facts, noticing
from atlas_evaluation.judge.figures import FEW_ROWS
from atlas_evaluation.judge.finding import Finding
from atlas_evaluation.judge.probabilities import probability_findings

PARTS = {"in_domain": "test", "held_out": "ood_test"}

Findings = Iterator[Finding]
of = Finding.of


def evidence(facts: Facts, *, calibrator: bool) -> Findings:
    """Yield what a headline rests on: errors, intervals, sigma, what warns, and few materials.

    Args:
        facts: of the arm.
        calibrator: whether another method has intervals of its own beside.
    """
    test, ood_test, binary = facts.test, facts.ood_test, facts.about.binary
    yield from _classified(facts) if binary else _errors(facts)
    yield from _medians(facts)
    yield from bars.coverage(facts.inside, facts.outside, calibrator=calibrator)
    yield from bars.calibration_rows(
        [test.metrics, ood_test.metrics], facts.kept, binary=binary, bounded=facts.about.bounded
    )
    if binary:
        yield from sigma.at_wrong_answers(test.wrong, ood_test.wrong)
    else:
        yield from sigma.size(test.sigma, ood_test.sigma, bars=bool(facts.level))
        order = test.metrics.get("spearman") if test.n >= FEW_ROWS else None
        yield from sigma.order(order, ood_test.metrics.get("spearman"))
    yield from _detection(facts)
    if test.n < FEW_ROWS:
        yield of("test_materials_few", n=test.n)
    if facts.few_others:
        yield of("held_out_materials_few", n=facts.few_others)


def _classified(facts: Facts) -> Findings:
    if facts.answers is not None:
        test = facts.test
        yield from facts.answers.findings(
            facts.ood_test.metrics.get("accuracy"), facts.trainings("balanced_accuracy")
        )
        yield from probability_findings(test.metrics, test.n, test.reliability)


def _errors(facts: Facts) -> Findings:
    test, ood_test = facts.test, facts.ood_test
    times = facts.ratios.get("mae")
    yield of(
        "errors", in_domain=test.metrics["mae"], held_out=ood_test.metrics.get("mae"),
        times=times if times is None or math.isfinite(times.value) else "infinite",
        trainings=facts.trainings("mae"),
    )  # fmt: skip
    for part, name in ((test, "in_domain"), (ood_test, "held_out")):
        yield from direction(
            None if part.errs_by_nothing else part.metrics.get("mean_error"),
            mae=part.value("mae"),
            share_too_high=part.value("share_too_high"),
            n=part.n,
            part=name,
            trainings=facts.values("mean_error", PARTS[name]),
        )
    if facts.hardest is not None:
        fold, error = facts.hardest
        yield of("errors_largest", **facts.named(fold), mae=error)
    if (base := test.constant_error) is not None:
        floor = ood_test.value("mae_baseline")
        yield of("errors_of_constant", constant=facts.constant, in_domain=base, held_out=floor)


def _medians(facts: Facts) -> Findings:
    """Yield by how much the median error grows where that decides: a tail may hide it."""
    found = facts.ratios.get("median_ae")
    if found is None or found.low <= 1 or found.high < WORSE or not math.isfinite(found.value):
        return
    inside, outside = (part.metrics["median_ae"] for part in (facts.test, facts.ood_test))
    yield of("median_error_grows", in_domain=inside, held_out=outside, times=found)


def _detection(facts: Facts) -> Findings:
    """Yield what warns of the held-out class, and how well."""
    if not facts.ood_test.n:
        return
    rule, detection = facts.rule, facts.auroc
    if not detection:
        auroc = rule.auroc if rule is not None and rule.auroc >= NOTICES_PARTLY else None
        yield of("no_sigma_no_detector", rule=auroc)
        return
    ranked = sorted(detection, key=lambda name: -detection[name].value)
    folds = facts.folds if facts.folds > 1 else None
    if rule is not None and facts.detector_is_no_better and rule.auroc >= NOTICES_PARTLY:
        yield of("rule_separates", rule=rule.auroc, detector=detection["detector"], folds=folds)
        if "sigma" in detection:
            how = noticing(detection["sigma"])
            yield of("sigma_separates", auroc=detection["sigma"], how=how)
    else:
        best = ranked[0]
        yield of(
            f"separated_{noticing(detection[best])}", by=best, auroc=detection[best],
            also=[{"by": name, "auroc": detection[name]} for name in ranked[1:]],
            rule=None if rule is None else rule.auroc, folds=folds,
        )  # fmt: skip
    worst = [
        {"by": name, **facts.named(facts.worst[name][0]), "auroc": facts.worst[name][1]}
        for name in ranked
        if name in facts.worst
    ]
    if worst:
        yield of("separated_worst", worst=worst)
    if facts.flagged is not None:
        shares = {"in_domain": facts.flagged[0].value, "held_out": facts.flagged[1].value}
        by = rule and {"in_domain": rule.flagged[0], "held_out": rule.flagged[1]}
        yield of("flagged", **shares, rule=by)
