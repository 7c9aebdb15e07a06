"""What a trust method promises. Light.

The toy arm: errors are as large as sigma says where it was trained. Of a class that was held out
errors are several times larger and sigma rises too little; of alkali halides both are huge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.context import FitContext
from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.reason import texts
from atlas_core.kinds.trust import LABELS, Assessment, Evidence, ReliabilityTarget, TrustRegion
from atlas_core.materials import Materials
from atlas_core.testing.checks import shared
from atlas_core.testing.checks.shared import Arrays, Case, found_in, used
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

Given = tuple[Evidence, Sequence[Evidence], ReliabilityTarget]


@dataclass(frozen=True, eq=False)
class _Toy:
    """The n rows as a trust region sees them, and their true values."""

    inputs: Inputs
    prediction: Prediction
    ood: OODScore | None
    target: F8

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: npt.ArrayLike) -> _Toy:
        i = np.asarray(rows, dtype=np.int64)
        ood = None if self.ood is None else self.ood.take(i)
        return _Toy(self.inputs.take(i), self.prediction.take(i), ood, self.target[i])

    def evidence(self, name: str, train: _Toy, ood_test: Bool) -> Evidence:
        """Return it as evidence of a training on other rows."""
        return Evidence(
            name=name,
            train=train.inputs,
            train_target=train.target,
            inputs=self.inputs,
            prediction=self.prediction,
            target=self.target,
            ood=self.ood,
            ood_test=ood_test,
        )


def _predicted(sample: Sample, materials: Materials, factor: F8, *, seed: int) -> _Toy:
    """Return what the toy arm says of materials whose errors are ``factor`` times as large."""
    rng = np.random.default_rng(seed)
    n = len(materials)
    size = rng.uniform(0.04, 0.3, n)
    target = toy_target(materials)
    mean = target + factor * size * rng.normal(size=n)
    sigma = np.sqrt(factor) * size * np.exp(0.1 * rng.normal(size=n))
    inputs = toy_inputs(materials, sample.requires, std=sigma)
    score = OODScore(rng.uniform(0.5, 1.5, n) + np.log(factor), 1.6)
    return _Toy(inputs, Prediction(mean, sigma), score, target)


def _compounds(sample: Sample) -> Materials:
    return sample.once("compounds", partial(toy_compounds, ROWS))


def _known(sample: Sample) -> _Toy:
    """Return the materials of the data set, predicted by the arm's own training."""

    def make() -> _Toy:
        return _predicted(sample, _compounds(sample), np.ones(ROWS), seed=0)

    return sample.once("known", make)


def _far(sample: Sample) -> _Toy:
    """Return fluorides of two alkali metals, with huge errors and a large sigma."""
    rng = np.random.default_rng(8)
    formulas = []
    for _ in range(FAR):
        a, b = rng.choice(["Li", "Na", "K", "Rb", "Cs"], 2, replace=False)
        x, y, z = rng.integers(1, 5, 3)
        formulas.append(f"{a}{x}{b}{y}F{z}")
    materials = Materials.from_formulas([f"far-{i:02d}" for i in range(FAR)], formulas)
    return _predicted(sample, materials, np.full(FAR, HUGE), seed=1)


def _nested(sample: Sample) -> list[Evidence]:
    """Return one training without each class: rows of the class, and as many others."""
    known = _known(sample)
    present = known.inputs.fractions[TRAIN] > 0
    found = []
    for place, (symbol, factor) in enumerate(HELD_OUT.items()):
        member = present[:, ATOMIC_NUMBER[symbol] - 1]
        outside, rest = TRAIN[member][:SCORED], TRAIN[~member]
        rows = np.concatenate([outside, rest[:SCORED]])
        ood_test = np.arange(len(rows)) < len(outside)
        materials = _compounds(sample).take(rows)
        errors = np.where(ood_test, factor, 1.0)
        toy = _predicted(sample, materials, errors, seed=10 + place)
        found.append(toy.evidence(f"without {symbol}", known.take(rest[SCORED:]), ood_test))
    return found


def given(sample: Sample, rows: I8 = CALIBRATION) -> Given:
    """Return the arm's own training, its nested fits, and the promise."""
    known = _known(sample)
    inside = np.zeros(len(rows), dtype=np.bool_)
    in_domain = known.take(rows).evidence("in-domain", known.take(TRAIN), inside)
    return in_domain, _nested(sample), RELIABILITY


def _fit(sample: Sample, evidence: Given) -> TrustRegion:
    in_domain, nested, reliability = evidence
    method = sample.build()
    region: TrustRegion = method.fit(
        in_domain, nested, reliability=reliability, levels=LEVELS, context=FitContext(0)
    )
    require(isinstance(region, TrustRegion), "fit returned no TrustRegion")
    return region


def make(sample: Sample, evidence: Given) -> list[Case]:
    """Return in-domain and far rows with the region that was fitted."""
    region = _fit(sample, evidence)
    near = _known(sample).take(TEST)
    return [Case("near", region, near, _ask), Case("far", region, _far(sample), _ask)]


def _assess(region: TrustRegion, toy: _Toy) -> Assessment:
    found = region.assess(toy.inputs, toy.prediction, toy.ood)
    require(isinstance(found, Assessment), "assess returned no Assessment")
    require(len(found) == len(toy), f"{len(toy)} rows gave {len(found)}")
    return found


def _label(region: TrustRegion, found: Assessment) -> Str:
    labels = np.asarray(region.label(found))
    require(labels.shape == (len(found),), f"{len(found)} rows gave labels {labels.shape}")
    unknown = sorted(set(labels.tolist()) - set(LABELS))
    require(not unknown, f"unknown labels {unknown}; the labels are {', '.join(LABELS)}")
    return labels.astype(np.str_)


def _ask(region: TrustRegion, toy: _Toy) -> Arrays:
    said = _assess(region, toy)
    words = {"reasons": texts(said.reasons, len(said)), "label": _label(region, said)}
    return {**found_in(said, "risk", "expected_error", "lower", "upper"), **words}


def in_unit(sample: Sample, factor: float) -> Arrays:
    """Return risks, and errors divided by the factor in which they were given."""
    near = used(sample).made[0]
    if factor == 1.0:
        found = near.answer()
    else:
        in_domain, nested, _ = given(sample)
        region = _fit(
            sample,
            (
                _in_unit(in_domain, factor),
                [_in_unit(one, factor) for one in nested],
                ReliabilityTarget(
                    RELIABILITY.error_tolerance * factor, RELIABILITY.target_reliability
                ),
            ),
        )
        found = _ask(region, _in_unit(near.rows, factor))
    parts: Arrays = {
        p: found[p] / factor for p in ("expected_error", "lower", "upper") if p in found
    }
    return {"risk": found["risk"], **parts}


def _in_unit(rows: Any, factor: float) -> Any:
    """Return evidence, toy rows, inputs or a prediction with all that has the target's unit."""
    changed: dict[str, Any] = {}
    for one in fields(rows):
        value = getattr(rows, one.name)
        if isinstance(value, Inputs | Prediction):
            changed[one.name] = _in_unit(value, factor)
        elif one.name in ("target", "train_target", "mean", "epistemic", "std"):
            changed[one.name] = None if value is None else value * factor
    return replace(rows, **changed)


def _both(sample: Sample) -> Iterator[tuple[TrustRegion, _Toy]]:
    """Yield the region with in-domain rows, then with far ones."""
    for case in used(sample).made:
        yield case.fitted, case.rows


def _trusted(region: TrustRegion, toy: _Toy) -> Bool:
    return np.asarray(_label(region, _assess(region, toy)) == "trust")


def check_labels_of_a_list(sample: Sample) -> None:
    """Each candidate of a list gets ``trust``, ``verify`` or ``defer``; an empty list gets none."""
    for region, toy in _both(sample):
        for rows in (toy, toy.take(NOTHING)):
            _label(region, _assess(region, rows))


def check_reliability_is_reached_in_domain(sample: Sample) -> None:
    """Of trusted in-domain rows the promised share lies within the tolerance, binomially.

    Four deviations are allowed, for the calibration rows and for the trusted ones.
    """
    region, toy = next(_both(sample))
    trusted = _trusted(region, toy)
    n, share = int(trusted.sum()), RELIABILITY.target_reliability
    applies(n, "it trusts nothing")
    within = np.abs(toy.target - toy.prediction.mean)[trusted] <= RELIABILITY.error_tolerance
    slack = 4.0 * float(np.sqrt(share * (1 - share) * (1 / n + 1 / len(CALIBRATION))))
    kept = float(within.mean())
    require(kept >= share - slack, f"{kept:.2f} of {n} trusted rows hold, promised {share:.2f}")


def check_trusts_some_in_domain(sample: Sample) -> None:
    """In-domain, where four in five errors lie within the tolerance, it trusts a tenth at least.

    A region that refuses everything breaks no promise and is of no use.
    """
    share = float(_trusted(*next(_both(sample))).mean())
    require(share >= 0.1, f"only {share:.0%} of in-domain rows are trusted")


def check_huge_errors_are_not_trusted(sample: Sample) -> None:
    """Of a class with huge errors and a large sigma at most a tenth is trusted."""
    _, far = _both(sample)
    share = float(_trusted(*far).mean())
    require(share <= 0.1, f"{share:.0%} of rows with huge errors are trusted")


def check_expected_error_has_the_right_size(sample: Sample) -> None:
    """The mean expected error is right to a factor of two in-domain, and larger far away."""
    near, far = _both(sample)
    said, away = (float(_assess(*one).expected_error.mean()) for one in (near, far))
    toy = near[1]
    true = float(np.abs(toy.target - toy.prediction.mean).mean())
    require(0.5 * true <= said <= 2.0 * true, f"it expects {said:.3g}, the errors are {true:.3g}")
    problem = f"it expects {away:.3g} of a class with huge errors, {said:.3g} in-domain"
    require(away >= 1.5 * said, problem)


def check_lower_reliability_never_trusts_fewer(sample: Sample) -> None:
    """Who asks for less certainty gets at least as many predictions to use."""
    strict, toy = next(_both(sample))
    in_domain, nested, _ = given(sample)
    loose = _fit(sample, (in_domain, nested, ReliabilityTarget(RELIABILITY.error_tolerance, 0.7)))
    counts = [int(_trusted(one, toy).sum()) for one in (strict, loose)]
    require(counts[0] <= counts[1], f"{counts[0]} trusted at 0.9, {counts[1]} at 0.7")


def check_intervals_keep_their_word(sample: Sample) -> None:
    """Intervals, where it gives any: at every level, nested, and they hold in-domain."""
    region, toy = next(_both(sample))
    found = _assess(region, toy)
    applies(found.levels is not None, "it gives no intervals")
    for level, lower, upper in zip(LEVELS, *shared.require_nested(found, LEVELS), strict=True):
        rows = len(CALIBRATION)
        shared.require_coverage(toy.target, lower, upper, level, rows=rows, exact=False)


def check_works_without_a_detector(sample: Sample) -> None:
    """An arm may have no detector: then there is no score, neither to learn from nor to judge."""
    in_domain, nested, reliability = given(sample)
    blind = [replace(one, ood=None) for one in (in_domain, *nested)]
    region = _fit(sample, (blind[0], blind[1:], reliability))
    _ask(region, replace(_known(sample).take(TEST), ood=None))


def check_no_calibration_rows(sample: Sample) -> None:
    """Without rows to learn from it says so: a DataError of one line."""
    made = shared.one_line_or(lambda: _fit(sample, given(sample, NOTHING)))
    require(made is None, "it fitted a region without calibration rows")
