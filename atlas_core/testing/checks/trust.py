"""What a trust method promises. Light.

The toy arm: errors are as large as sigma says where it was trained. Of a class that was held out
errors are several times larger and sigma rises too little; of alkali halides both are huge.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from atlas_core.arrays import F8, I8, Bool
from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.reason import texts
from atlas_core.kinds.trust import LABELS, Assessment, Evidence, ReliabilityTarget, TrustRegion
from atlas_core.materials import Materials
from atlas_core.testing.checks import shared
from atlas_core.testing.checks.shared import Arrays, Case, Rows, found_in, returned, used
from atlas_core.testing.outcome import applies, require
from atlas_core.testing.samples import Sample, toy_compounds, toy_inputs, toy_target

SHARED = (*shared.ROWWISE, "the_unit_does_not_matter")
LEVELS = (0.5, 0.8, 0.9)
ROWS = 1000
TRAIN, CALIBRATION, TEST = np.arange(400), np.arange(400, 640), np.arange(640, ROWS)
NOTHING = np.zeros(0, dtype=np.int64)
HELD_OUT = {"Ca": 3.0, "Fe": 4.0, "Zr": 5.0, "S": 4.0}
"""Classes that the nested fits hold out of the training rows, and how much larger errors get."""
SCORED = 70
FAR = 60
HUGE = 20.0
RELIABILITY = ReliabilityTarget(error_tolerance=0.2, target_reliability=0.9)
"""Four in five in-domain errors of the toy arm lie within this error tolerance."""
UNITS = (1e-12,)  # a fit takes seconds
"""Factors by which targets, predictions and error tolerance are given in other units."""
POWERS = {"risk": 0, "expected_error": 1, "lower": 1, "upper": 1}
"""Powers of the target's unit in answers that must follow it."""


class Given(NamedTuple):
    """What a trust method is handed.

    Attributes:
        in_domain: the arm's own training.
        nested: its nested fits.
        reliability: the promise.
        near: in-domain rows to assess.
        far: fluorides of two alkali metals, with huge errors and a large sigma.
    """

    in_domain: Evidence
    nested: list[Evidence]
    reliability: ReliabilityTarget
    near: Rows
    far: Rows


def given(sample: Sample, factor: float = 1.0, calibration: I8 = CALIBRATION) -> Given:
    """Return the arm's own training, its nested fits, the promise, and rows to assess."""
    compounds = sample.once("compounds", partial(toy_compounds, ROWS))
    arm = partial(_predicted, sample, factor)
    known = arm(compounds, 1.0, seed=0)
    nested = []
    for place, (symbol, larger) in enumerate(HELD_OUT.items()):
        member = known.inputs.fractions[TRAIN, ATOMIC_NUMBER[symbol] - 1] > 0
        outside, rest = TRAIN[member][:SCORED], TRAIN[~member]
        rows = np.concatenate([outside, rest[:SCORED]])
        ood_test = np.arange(len(rows)) < len(outside)
        toy = arm(compounds.take(rows), np.where(ood_test, larger, 1.0), seed=10 + place)
        nested.append(_evidence(f"without {symbol}", known.take(rest[SCORED:]), toy, ood_test))
    inside = np.zeros(len(calibration), dtype=np.bool_)
    in_domain = _evidence("in-domain", known.take(TRAIN), known.take(calibration), inside)
    tolerance = RELIABILITY.error_tolerance * factor
    fluorides = toy_compounds(FAR, "far", metals=("Cs", "K", "Li", "Na", "Rb"), anions=("F",))
    return Given(
        in_domain,
        nested,
        replace(RELIABILITY, error_tolerance=tolerance),
        near=known.take(TEST),
        far=arm(fluorides, HUGE, seed=1),
    )


def _predicted(
    sample: Sample, factor: float, materials: Materials, larger: F8 | float, *, seed: int
) -> Rows:
    """Return what the toy arm says of materials whose errors are so many times as large."""
    rng = np.random.default_rng(seed)
    n = len(materials)
    size = factor * rng.uniform(0.04, 0.3, n)
    target = factor * toy_target(materials)
    mean = target + larger * size * rng.normal(size=n)
    sigma = np.sqrt(larger) * size * np.exp(0.1 * rng.normal(size=n))
    score = OODScore(rng.uniform(0.5, 1.5, n) + np.log(larger), 1.6)
    inputs = toy_inputs(materials, sample.requires, std=sigma)
    return Rows(inputs, Prediction(mean, sigma), target, score)


def _evidence(name: str, train: Rows, rows: Rows, ood_test: Bool) -> Evidence:
    """Return rows as evidence of a training on other rows."""
    return Evidence(
        name=name,
        train=train.inputs,
        train_target=train.target,
        inputs=rows.inputs,
        prediction=rows.prediction,
        target=rows.target,
        ood=rows.ood,
        ood_test=ood_test,
    )


def _fit(sample: Sample, handed: Given) -> TrustRegion:
    region = sample.build().fit(
        handed.in_domain,
        handed.nested,
        reliability=handed.reliability,
        levels=LEVELS,
        context=sample.context(),
    )
    return returned(region, TrustRegion, "fit")


def make(sample: Sample, handed: Given) -> list[Case]:
    """Return in-domain and far rows with the region that was fitted."""
    region = _fit(sample, handed)
    return [Case("near", region, handed.near, _ask), Case("far", region, handed.far, _ask)]


def _assess(region: TrustRegion, rows: Rows) -> Assessment:
    found = region.assess(rows.inputs, rows.prediction, rows.ood)
    return returned(found, Assessment, "assess", rows)


def _ask(region: TrustRegion, rows: Rows) -> Arrays:
    said = _assess(region, rows)
    labels = np.asarray(region.label(said))
    require(labels.shape == (len(rows),), f"{len(rows)} rows gave labels {labels.shape}")
    unknown = sorted(set(labels.tolist()) - set(LABELS))
    require(not unknown, f"unknown labels {unknown}; the labels are {', '.join(LABELS)}")
    words = {"reasons": texts(said.reasons, len(said)), "label": labels.astype(np.str_)}
    return {**found_in(said, "risk", "expected_error", "lower", "upper"), **words}


def _cases(sample: Sample) -> tuple[Case, Case]:
    """Return in-domain rows and far ones with the region that all checks share."""
    near, far = used(sample).made
    return near, far


def _trusted(answer: Arrays) -> Bool:
    return np.asarray(answer["label"] == "trust")


def check_labels_of_a_list(sample: Sample) -> None:
    """Each candidate of a list gets ``trust``, ``verify`` or ``defer``; an empty list gets none."""
    for case in _cases(sample):
        case.answer(NOTHING)


def check_reliability_is_reached_in_domain(sample: Sample) -> None:
    """Of trusted in-domain rows the promised share lies within the tolerance, binomially.

    Four deviations are allowed, for the calibration rows and for the trusted ones.
    """
    near, _ = _cases(sample)
    trusted = _trusted(near.whole)
    n, share = int(trusted.sum()), RELIABILITY.target_reliability
    applies(n, "it trusts nothing")
    kept = float((near.rows.error[trusted] <= RELIABILITY.error_tolerance).mean())
    slack = 4.0 * float(np.sqrt(share * (1 - share) * (1 / n + 1 / len(CALIBRATION))))
    require(kept >= share - slack, f"{kept:.2f} of {n} trusted rows hold, target {share:.2f}")


def check_trusts_some_in_domain(sample: Sample) -> None:
    """In-domain, where four in five errors lie within the tolerance, it trusts a tenth at least.

    A region that refuses everything breaks no promise and is of no use.
    """
    near, _ = _cases(sample)
    share = float(_trusted(near.whole).mean())
    require(share >= 0.1, f"only {share:.0%} of in-domain rows are trusted")


def check_huge_errors_are_not_trusted(sample: Sample) -> None:
    """Of a class with huge errors and a large sigma at most a tenth is trusted."""
    _, far = _cases(sample)
    share = float(_trusted(far.whole).mean())
    require(share <= 0.1, f"{share:.0%} of rows with huge errors are trusted")


def check_expected_error_has_the_right_size(sample: Sample) -> None:
    """The mean expected error is right to a factor of two in-domain, and larger far away."""
    near, far = _cases(sample)
    said, away = (float(case.whole["expected_error"].mean()) for case in (near, far))
    true = float(near.rows.error.mean())
    require(0.5 * true <= said <= 2.0 * true, f"it expects {said:.3g}, the errors are {true:.3g}")
    problem = f"it expects {away:.3g} of a class with huge errors, {said:.3g} in-domain"
    require(away >= 1.5 * said, problem)


def check_lower_reliability_never_trusts_fewer(sample: Sample) -> None:
    """Who asks for less certainty gets at least as many predictions to use."""
    near, _ = _cases(sample)
    handed = given(sample)
    less = replace(handed.reliability, target_reliability=0.7)
    loose = _ask(_fit(sample, handed._replace(reliability=less)), near.rows)
    strict, more = (int(_trusted(answer).sum()) for answer in (near.whole, loose))
    require(strict <= more, f"{strict} trusted at 0.9, {more} at 0.7")


def check_intervals_keep_their_word(sample: Sample) -> None:
    """Intervals, where it gives any: at every level, nested, and they hold in-domain."""
    near, _ = _cases(sample)
    found = _assess(near.fitted, near.rows)
    applies(found.levels is not None, "it gives no intervals")
    shared.require_coverage(near.rows, found, LEVELS, known=len(CALIBRATION), exact=False)


def check_works_without_a_detector(sample: Sample) -> None:
    """An arm may have no detector: then there is no score, neither to learn from nor to judge."""
    handed = given(sample)
    in_domain, *nested = (replace(one, ood=None) for one in (handed.in_domain, *handed.nested))
    region = _fit(sample, handed._replace(in_domain=in_domain, nested=nested))
    _ask(region, replace(handed.near, ood=None))


def check_no_calibration_rows(sample: Sample) -> None:
    """Without rows to learn from it says so: a DataError of one line."""
    handed = given(sample, calibration=NOTHING)
    made = shared.one_line_or(lambda: _fit(sample, handed))
    require(made is None, "it fitted a region without calibration rows")
