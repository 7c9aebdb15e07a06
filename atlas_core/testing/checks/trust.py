"""What a trust method promises. Light.

The toy arm: errors are as large as sigma says where it was trained. Of a class that was held out
errors are several times larger and sigma rises too little; of alkali halides both are huge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.component import Component
from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.errors import DataError
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.reason import texts
from atlas_core.kinds.trust import LABELS, Assessment, Evidence, Promise, TrustRegion
from atlas_core.materials import Materials
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.plain import not_plain
from atlas_core.testing.samples import Sample, toy_compounds, toy_target, toy_vectors
from atlas_core.testing.saved import require_same_bytes, saved_and_loaded

LEVELS = (0.5, 0.8, 0.9)
ROWS = 1000
TRAIN, CALIBRATION, TEST = np.arange(400), np.arange(400, 640), np.arange(640, ROWS)
NOTHING = np.zeros(0, dtype=np.int64)
HELD_OUT = {"Ca": 3.0, "Fe": 4.0, "Zr": 5.0, "S": 4.0}
"""Classes that the rehearsals hold out of the training rows, and how much larger errors get."""
SCORED = 70
FAR = 60
HUGE = 20.0
PROMISE = Promise(budget=0.2, confidence=0.9)
"""Four in five in-domain errors of the toy arm lie within this budget."""
_PROJECTION = np.random.default_rng(4).normal(size=(12, 10))
"""What stands for a trained model's inner representation."""


@dataclass(frozen=True, eq=False)
class _Toy:
    """Hold n rows as a trust region sees them, and their true values."""

    inputs: Inputs
    prediction: Prediction
    ood: OODScore
    target: F8

    def take(self, rows: npt.ArrayLike) -> _Toy:
        i = np.asarray(rows, dtype=np.int64)
        score = OODScore(self.ood.score[i], self.ood.threshold)
        return _Toy(self.inputs.take(i), self.prediction.take(i), score, self.target[i])


def _predicted(
    component: Component, sample: Sample, materials: Materials, factor: F8, *, seed: int
) -> _Toy:
    """Return what the toy arm says of materials whose errors are ``factor`` times as large."""
    rng = np.random.default_rng(seed)
    n = len(materials)
    size = rng.uniform(0.04, 0.3, n)
    target = toy_target(materials)
    mean = target + factor * size * rng.normal(size=n)
    sigma = np.sqrt(factor) * size * np.exp(0.1 * rng.normal(size=n))
    vectors = toy_vectors(materials)
    needs = component.requires_of(sample.config)
    hidden = np.arcsinh(vectors.values) @ _PROJECTION
    inputs = Inputs.of(
        materials,
        vectors,
        embedding=hidden if "model:embedding" in needs else None,
        std=sigma,
        columns={"source": np.full(n, "toy")},
    )
    score = OODScore(rng.uniform(0.5, 1.5, n) + np.log(factor), 1.6)
    return _Toy(inputs, Prediction(mean, sigma), score, target)


def _compounds(sample: Sample) -> Materials:
    return sample.once("compounds", partial(toy_compounds, ROWS))


def _known(component: Component, sample: Sample) -> _Toy:
    """Return the materials of the data set, predicted by the arm's own training."""

    def make() -> _Toy:
        return _predicted(component, sample, _compounds(sample), np.ones(ROWS), seed=0)

    return sample.once("known", make)


def _far(component: Component, sample: Sample) -> _Toy:
    """Return fluorides of two alkali metals, with huge errors and a large sigma."""
    rng = np.random.default_rng(8)
    formulas = []
    for _ in range(FAR):
        a, b = rng.choice(["Li", "Na", "K", "Rb", "Cs"], 2, replace=False)
        x, y, z = rng.integers(1, 5, 3)
        formulas.append(f"{a}{x}{b}{y}F{z}")
    materials = Materials.from_formulas([f"far-{i:02d}" for i in range(FAR)], formulas)
    return _predicted(component, sample, materials, np.full(FAR, HUGE), seed=1)


def _evidence(toy: _Toy, train: _Toy, *, name: str, shifted: Bool, detector: bool) -> Evidence:
    return Evidence(
        name=name,
        train=train.inputs,
        train_target=train.target,
        inputs=toy.inputs,
        prediction=toy.prediction,
        target=toy.target,
        ood=toy.ood if detector else None,
        shifted=shifted,
    )


def _home(component: Component, sample: Sample, rows: I8, *, detector: bool = True) -> Evidence:
    known = _known(component, sample)
    inside = np.zeros(len(rows), dtype=np.bool_)
    return _evidence(
        known.take(rows), known.take(TRAIN), name="in-domain", shifted=inside, detector=detector
    )


def _rehearsals(component: Component, sample: Sample, *, detector: bool = True) -> list[Evidence]:
    """Return one training without each class: rows of the class, and as many others."""
    known = _known(component, sample)
    present = known.inputs.fractions[TRAIN] > 0
    found = []
    for place, (symbol, factor) in enumerate(HELD_OUT.items()):
        member = present[:, ATOMIC_NUMBER[symbol] - 1]
        outside, rest = TRAIN[member][:SCORED], TRAIN[~member]
        rows = np.concatenate([outside, rest[:SCORED]])
        shifted = np.arange(len(rows)) < len(outside)
        materials = _compounds(sample).take(rows)
        toy = _predicted(
            component, sample, materials, np.where(shifted, factor, 1.0), seed=10 + place
        )
        name, train = f"without {symbol}", known.take(rest[SCORED:])
        found.append(_evidence(toy, train, name=name, shifted=shifted, detector=detector))
    return found


def _fit(
    component: Component,
    sample: Sample,
    *,
    rows: I8 = CALIBRATION,
    confidence: float = PROMISE.confidence,
    detector: bool = True,
) -> TrustRegion:
    region = component.build(sample.config).fit(
        _home(component, sample, rows, detector=detector),
        _rehearsals(component, sample, detector=detector),
        promise=Promise(PROMISE.budget, confidence),
        levels=LEVELS,
        seed=0,
    )
    require(isinstance(region, TrustRegion), "fit returned no TrustRegion")
    return region  # type: ignore[no-any-return]


def _watched(component: Component, sample: Sample) -> tuple[TrustRegion, bool]:
    """Return a region, and whether its fit and an assessment left their inputs as they were."""
    home, rehearsals = _home(component, sample, CALIBRATION), _rehearsals(component, sample)
    before = _state([home, *rehearsals])
    region = component.build(sample.config).fit(
        home, rehearsals, promise=PROMISE, levels=LEVELS, seed=0
    )
    require(isinstance(region, TrustRegion), "fit returned no TrustRegion")
    region.assess(home.inputs, home.prediction, home.ood)
    return region, _state([home, *rehearsals]) == before


def _state(shown: list[Evidence]) -> list[bytes]:
    found = []
    for one in shown:
        arrays = [one.target, one.train_target, one.prediction.mean, one.shifted]
        arrays += [one.ood.score] if one.ood is not None else []
        found += [array.tobytes() for array in arrays]
        for rows in (one.inputs, one.train):
            found.append(rows.fractions.tobytes())
            if rows.features is not None:
                found.append(rows.features.fingerprint.encode())
    return found


def _fitted(component: Component, sample: Sample) -> TrustRegion:
    return sample.once("watched", lambda: _watched(component, sample))[0]


def _assess(region: TrustRegion, toy: _Toy, *, detector: bool = True) -> Assessment:
    found = region.assess(toy.inputs, toy.prediction, toy.ood if detector else None)
    require(isinstance(found, Assessment), "assess returned no Assessment")
    require(len(found) == len(toy.target), f"{len(toy.target)} rows gave {len(found)}")
    return found


def _label(region: TrustRegion, found: Assessment) -> Str:
    labels = np.asarray(region.label(found))
    require(labels.shape == (len(found),), f"{len(found)} rows gave labels {labels.shape}")
    unknown = sorted(set(labels.tolist()) - set(LABELS))
    require(not unknown, f"unknown labels {unknown}; the labels are {', '.join(LABELS)}")
    return labels.astype(np.str_)


def _test(component: Component, sample: Sample) -> _Toy:
    return _known(component, sample).take(TEST)


def _parts(said: Assessment) -> dict[str, npt.NDArray[Any] | None]:
    """Return an assessment as arrays, for comparing bytes."""
    names = ("risk", "expected_error", "lower", "upper")
    reasons = texts(said.reasons, len(said))
    return {**{name: getattr(said, name) for name in names}, "reasons": reasons}


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return the assessment of in-domain and far rows by a new fit, for comparing bytes."""
    region = _fit(component, sample)
    found: dict[str, npt.NDArray[Any] | None] = {}
    for name, toy in (("near", _test(component, sample)), ("far", _far(component, sample))):
        said = _assess(region, toy)
        found |= {f"{name} {part}": values for part, values in _parts(said).items()}
        found[f"{name} label"] = _label(region, said)
    return found


def check_risk_is_a_probability(component: Component, sample: Sample) -> None:
    """Risk lies in [0, 1], the expected error is finite and not negative, also far away."""
    region = _fitted(component, sample)
    for toy in (_test(component, sample), _far(component, sample)):
        found = _assess(region, toy)
        require(((found.risk >= 0) & (found.risk <= 1)).all(), "a risk lies outside [0, 1]")
        error = found.expected_error
        require((np.isfinite(error) & (error >= 0)).all(), "an expected error is not finite")


def check_labels_of_a_list(component: Component, sample: Sample) -> None:
    """Each candidate of a list gets ``trust``, ``verify`` or ``defer``; an empty list gets none."""
    region = _fitted(component, sample)
    for toy in (_test(component, sample), _far(component, sample)):
        _label(region, _assess(region, toy))
    _label(region, _assess(region, _test(component, sample).take(NOTHING)))


def check_order_is_kept(component: Component, sample: Sample) -> None:
    """Answer and label i belong to row i, in whatever order the candidates are listed."""
    region, toy = _fitted(component, sample), _test(component, sample)
    order = np.random.default_rng(1).permutation(len(toy.target))
    whole, shuffled = _assess(region, toy), _assess(region, toy.take(order))
    require_close(shuffled.risk, whole.risk[order], "risks of shuffled rows")
    require_close(
        shuffled.expected_error, whole.expected_error[order], "expected errors of shuffled rows"
    )
    same = np.array_equal(_label(region, shuffled), _label(region, whole)[order])
    require(same, "labels depend on the order of the list")


def check_batch_of_one_equals_the_batch(component: Component, sample: Sample) -> None:
    """Risk and expected error of a row depend on that row alone; only a label may need the list."""
    region, toy = _fitted(component, sample), _test(component, sample)
    whole = _assess(region, toy)
    for row in (0, 57):
        alone = _assess(region, toy.take([row]))
        for name in ("risk", "expected_error"):
            values = getattr(whole, name)
            require_close(
                getattr(alone, name), values[[row]], f"{name} of row {row} alone", size=values
            )


def check_promise_is_kept_in_domain(component: Component, sample: Sample) -> None:
    """Of trusted in-domain rows the promised share lies within the budget, binomially.

    Four deviations are allowed, for the calibration rows and for the trusted ones.
    """
    region, toy = _fitted(component, sample), _test(component, sample)
    trusted = _label(region, _assess(region, toy)) == "trust"
    n, share = int(trusted.sum()), PROMISE.confidence
    applies(n, "it trusts nothing")
    within = np.abs(toy.target - toy.prediction.mean)[trusted] <= PROMISE.budget
    slack = 4.0 * float(np.sqrt(share * (1 - share) * (1 / n + 1 / len(CALIBRATION))))
    kept = float(within.mean())
    require(kept >= share - slack, f"{kept:.2f} of {n} trusted rows hold, promised {share:.2f}")


def check_trusts_some_in_domain(component: Component, sample: Sample) -> None:
    """At home, where four in five errors lie within the budget, it trusts a tenth at least.

    A region that refuses everything breaks no promise and is of no use.
    """
    region = _fitted(component, sample)
    labels = _label(region, _assess(region, _test(component, sample)))
    share = float((labels == "trust").mean())
    require(share >= 0.1, f"only {share:.0%} of in-domain rows are trusted")


def check_huge_errors_are_not_trusted(component: Component, sample: Sample) -> None:
    """Of a class with huge errors and a large sigma at most a tenth is trusted."""
    region = _fitted(component, sample)
    share = float((_label(region, _assess(region, _far(component, sample))) == "trust").mean())
    require(share <= 0.1, f"{share:.0%} of rows with huge errors are trusted")


def check_expected_error_has_the_right_size(component: Component, sample: Sample) -> None:
    """The mean expected error is right to a factor of two in-domain, and larger far away."""
    region, toy = _fitted(component, sample), _test(component, sample)
    said = float(_assess(region, toy).expected_error.mean())
    true = float(np.abs(toy.target - toy.prediction.mean).mean())
    require(0.5 * true <= said <= 2.0 * true, f"it expects {said:.3g}, the errors are {true:.3g}")
    far = float(_assess(region, _far(component, sample)).expected_error.mean())
    require(
        far >= 1.5 * said, f"it expects {far:.3g} of a class with huge errors, {said:.3g} at home"
    )


def check_lower_confidence_never_trusts_fewer(component: Component, sample: Sample) -> None:
    """Who asks for less certainty gets at least as many predictions to use."""
    toy = _test(component, sample)
    strict, loose = _fitted(component, sample), _fit(component, sample, confidence=0.7)
    counts = [int((_label(one, _assess(one, toy)) == "trust").sum()) for one in (strict, loose)]
    require(counts[0] <= counts[1], f"{counts[0]} trusted at 0.9, {counts[1]} at 0.7")


def check_the_unit_does_not_matter(component: Component, sample: Sample) -> None:
    """Targets, predictions and budget in another unit: the same risk, errors in that unit, to 1e-9.

    Only what a trust region was told may decide, not how numbers are rounded in their unit.
    """
    wanted = _assess(_fitted(component, sample), _test(component, sample))
    for factor in (1e-12,):  # a fit takes seconds
        region = component.build(sample.config).fit(
            _in_unit(_home(component, sample, CALIBRATION), factor),
            [_in_unit(one, factor) for one in _rehearsals(component, sample)],
            promise=Promise(PROMISE.budget * factor, PROMISE.confidence),
            levels=LEVELS,
            seed=0,
        )
        toy = _test(component, sample)
        shown = _seen_in_unit(toy.inputs, factor)
        found = region.assess(shown, _predicted_in_unit(toy.prediction, factor), toy.ood)
        told = f"with targets times {factor:g}"
        require_close(found.risk, wanted.risk, f"the risk {told}", tolerance=1e-9)
        error = found.expected_error / factor
        require_close(error, wanted.expected_error, f"the error {told}", tolerance=1e-9)
        if wanted.lower is not None and found.lower is not None:
            require_close(found.lower / factor, wanted.lower, f"ends {told}", tolerance=1e-9)


def _in_unit(evidence: Evidence, factor: float) -> Evidence:
    return replace(
        evidence,
        train=_seen_in_unit(evidence.train, factor),
        train_target=evidence.train_target * factor,
        inputs=_seen_in_unit(evidence.inputs, factor),
        prediction=_predicted_in_unit(evidence.prediction, factor),
        target=evidence.target * factor,
    )


def _seen_in_unit(inputs: Inputs, factor: float) -> Inputs:
    return replace(inputs, std=None if inputs.std is None else inputs.std * factor)


def _predicted_in_unit(prediction: Prediction, factor: float) -> Prediction:
    std = prediction.epistemic
    return Prediction(prediction.mean * factor, None if std is None else std * factor)


def check_intervals_keep_their_word(component: Component, sample: Sample) -> None:
    """Intervals, where it gives any: at every level, nested, and they hold in-domain."""
    region, toy = _fitted(component, sample), _test(component, sample)
    found = _assess(region, toy)
    applies(found.levels is not None, "it gives no intervals")
    levels, lower, upper = (np.asarray(x) for x in (found.levels, found.lower, found.upper))
    require_close(levels, np.array(LEVELS), "the levels", tolerance=1e-12)
    nested = (np.diff(lower, axis=0) <= 1e-12).all() and (np.diff(upper, axis=0) >= -1e-12).all()
    require(nested, "an interval sticks out of that of a higher level")
    for level, low, high in zip(LEVELS, lower, upper, strict=True):
        covered = float(((toy.target >= low) & (toy.target <= high)).mean())
        variance = level * (1 - level) * (1 / len(CALIBRATION) + 1 / len(TEST))
        slack = 4.0 * float(np.sqrt(variance)) + 1 / len(CALIBRATION)
        require(covered >= level - slack, f"{covered:.2f} of rows covered at level {level}")


def check_works_without_a_detector(component: Component, sample: Sample) -> None:
    """An arm may have no detector: then there is no score, neither to learn from nor to judge."""
    region = _fit(component, sample, detector=False)
    _label(region, _assess(region, _test(component, sample), detector=False))


def check_no_calibration_rows(component: Component, sample: Sample) -> None:
    """Without rows to learn from it says so: a DataError of one line."""
    try:
        _fit(component, sample, rows=NOTHING)
    except DataError as err:
        require(str(err).strip() and "\n" not in str(err), "the error must be one line")
        return
    require(False, "it fitted a region without calibration rows")


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """Materials, features, predictions and true values are only read."""
    _, unchanged = sample.once("watched", lambda: _watched(component, sample))
    require(unchanged, "an input was changed")


def check_region_is_plain_data(component: Component, sample: Sample) -> None:
    """A region is an object of a module-level class that holds plain data: it can be saved.

    A closure cannot: a run that is opened on another machine must trust as this one does.
    """
    region = _fitted(component, sample)
    found = not_plain(region, type(region).__name__)
    require(not found, found)


def check_saved_and_loaded_it_assesses_alike(component: Component, sample: Sample) -> None:
    """A trust region comes back from a file without pickle, and trusts the same candidates."""
    region = _fitted(component, sample)
    again = saved_and_loaded(component, region)
    for toy in (_test(component, sample), _far(component, sample)):
        said, repeated = (_assess(one, toy) for one in (region, again))
        require_same_bytes(_parts(said), _parts(repeated))
        require_same_bytes({"label": _label(region, said)}, {"label": _label(again, repeated)})
