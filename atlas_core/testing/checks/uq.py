"""What an uncertainty method promises. Light."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.component import Component
from atlas_core.context import FitContext
from atlas_core.errors import ContractError
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.uq import Predictor
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import Sample, ToyModel, line_data
from atlas_core.testing.saved import require_same_bytes, saved_and_loaded

UNITS = (1e-12, 1e-6, 1e6, 1e12)
"""Factors by which a target is given in other units."""


def _fit(component: Component, sample: Sample, task: Task, *, folder: Path | None = None) -> Any:
    """Return predictor and model."""
    features, target = line_data(80, 0)
    if task == "binary":
        target = (target > np.median(target)).astype(np.float64)
    method = component.build(sample.config)
    context = FitContext(seed=0, task=task, directory=folder)
    found = method.fit(ToyModel, features, target, context)
    pair = isinstance(found, tuple) and len(found) == 2
    require(pair, "fit returned no pair of a predictor and its model")
    require(isinstance(found[0], Predictor), "fit returned no Predictor")
    return found


def _made(component: Component, sample: Sample) -> Any:
    task = sample.tasks(component)[0]
    return sample.once("fit", lambda: _fit(component, sample, task))


def _fitted(component: Component, sample: Sample) -> Any:
    return _made(component, sample)[0]


def _predict(component: Component, sample: Sample) -> Prediction:
    predicted = _fitted(component, sample).predict(line_data(50, 1)[0])
    require(isinstance(predicted, Prediction), "predict returned no Prediction")
    require(len(predicted) == 50, f"50 rows gave {len(predicted)} predictions")
    return predicted  # type: ignore[no-any-return]


def _stds(prediction: Prediction) -> dict[str, npt.NDArray[Any]]:
    parts = {"epistemic": prediction.epistemic, "aleatoric": prediction.aleatoric}
    return {name: std for name, std in parts.items() if std is not None}


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return predictions of a new fit, for comparing bytes."""
    predictor, _ = _fit(component, sample, sample.tasks(component)[0])
    predicted = predictor.predict(line_data(50, 1)[0])
    names = ("mean", "epistemic", "aleatoric", "samples")
    return {name: getattr(predicted, name) for name in names}


def check_gives_what_it_declares(component: Component, sample: Sample) -> None:
    """``epistemic``, ``aleatoric`` and ``samples`` are there where ``gives`` names them."""
    predicted = _predict(component, sample)
    gives = component.provides_of(sample.config)
    for name in ("epistemic", "aleatoric", "samples"):
        if name in gives:
            require(getattr(predicted, name) is not None, f"it gives {name} but returned None")


def check_sigma_is_finite_and_not_negative(component: Component, sample: Sample) -> None:
    """Each std is finite, >= 0 and not 0 everywhere: a std of 0 claims certainty."""
    for name, std in _stds(_predict(component, sample)).items():
        require((np.isfinite(std) & (std >= 0)).all(), f"{name}: negative or not finite")
        require(std.max() > 0, f"{name}: 0 everywhere")


def check_mean_follows_the_data(component: Component, sample: Sample) -> None:
    """Uncertainty is no excuse for a bad mean: the toy line is learned."""
    target = line_data(50, 1)[1]
    if sample.tasks(component)[0] == "binary":
        target = (target > np.median(target)).astype(np.float64)
    error = float(np.abs(_predict(component, sample).mean - target).mean())
    baseline = float(np.abs(target - target.mean()).mean())
    require(error < 0.6 * baseline, f"mean error {error:.3g}; that of a constant {baseline:.3g}")


def check_sigma_grows_off_the_data(component: Component, sample: Sample) -> None:
    """Four to six widths away from the training data the epistemic std at least doubles."""
    applies("epistemic" in component.provides_of(sample.config), "it gives no epistemic std")
    near = _predict(component, sample).epistemic
    away = _fitted(component, sample).predict(line_data(50, 2, far=True)[0]).epistemic
    if near is None or away is None:
        raise ContractError("it gives epistemic but returned None")
    require(
        away.mean() > 2.0 * near.mean(),
        f"mean epistemic std {near.mean():.3g} on the data, {away.mean():.3g} far from it",
    )


def check_the_unit_does_not_matter(component: Component, sample: Sample) -> None:
    """The same target in another unit gives the same mean, stds and draws in that unit, to 1e-9."""
    applies("regression" in sample.tasks(component), "P(1) has no unit")
    features, target = line_data(80, 0)
    rows = line_data(50, 1)[0]

    def told(factor: float) -> dict[str, npt.NDArray[Any]]:
        method = component.build(sample.config)
        predictor, _ = method.fit(ToyModel, features, target * factor, FitContext(seed=0))
        found = predictor.predict(rows)
        parts = ("mean", "epistemic", "aleatoric", "samples", "lower", "upper")
        values = {part: getattr(found, part) for part in parts}
        return {part: v / factor for part, v in values.items() if v is not None}

    wanted = told(1.0)
    for factor in UNITS:
        for part, values in told(factor).items():
            what = f"{part} of a target times {factor:g}, divided by it"
            require_close(values, wanted[part], what, tolerance=1e-9)


def check_order_is_kept(component: Component, sample: Sample) -> None:
    """Prediction i belongs to row i, in whatever order rows come."""
    order = np.random.default_rng(1).permutation(50)
    shuffled = _fitted(component, sample).predict(line_data(50, 1)[0].take(order))
    whole = _predict(component, sample).take(order)
    require_close(shuffled.mean, whole.mean, "means of shuffled rows")
    for name, std in _stds(whole).items():
        require_close(getattr(shuffled, name), std, f"{name} std of shuffled rows")


def check_batch_of_one_equals_the_batch(component: Component, sample: Sample) -> None:
    """Mean and std of a row do not depend on its companions."""
    whole = _predict(component, sample)
    rows = line_data(50, 1)[0]
    for row in (0, 17):
        alone = _fitted(component, sample).predict(rows.take([row]))
        require_close(alone.mean, whole.mean[[row]], f"mean of row {row} alone", size=whole.mean)
        for name, std in _stds(whole).items():
            require_close(
                getattr(alone, name), std[[row]], f"{name} std of row {row} alone", size=std
            )


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """Features and target are only read."""
    features, target = line_data(80, 0)
    if (task := sample.tasks(component)[0]) == "binary":
        target = (target > np.median(target)).astype(np.float64)
    before, kept = features.fingerprint, target.copy()
    method = component.build(sample.config)
    method.fit(ToyModel, features, target, FitContext(seed=0, task=task))[0].predict(features)
    require(features.fingerprint == before, "the features were changed")
    require(np.array_equal(target, kept), "the target was changed")


def check_binary_means_are_probabilities(component: Component, sample: Sample) -> None:
    """For a binary task the mean is P(1)."""
    applies("binary" in sample.tasks(component), "it only regresses")
    rows = line_data(50, 2, far=True)[0]
    mean = _fit(component, sample, "binary")[0].predict(rows).mean
    require(((mean >= 0) & (mean <= 1)).all(), "a mean is outside [0, 1]")


def check_the_model_comes_with_it(component: Component, sample: Sample) -> None:
    """A trained model comes with the predictor: who needs embedding or leaves asks that."""
    model = _made(component, sample)[1]
    require(isinstance(model, ToyModel), "fit returned another model than it was to make")
    require(len(model.centre) > 0, "fit returned a model that was not trained")


def check_each_predictor_is_its_own(component: Component, sample: Sample) -> None:
    """Fitting again leaves the first predictor as it was: arms and folds share the method."""
    method = component.build(sample.config)
    task = sample.tasks(component)[0]
    features, target = line_data(80, 0)
    if task == "binary":
        target = (target > np.median(target)).astype(np.float64)
    rows = line_data(50, 1)[0]
    first, _ = method.fit(ToyModel, features, target, FitContext(seed=0, task=task))
    before = first.predict(rows).mean.copy()
    other = 1.0 - target if task == "binary" else -target
    method.fit(ToyModel, features, other, FitContext(seed=1, task=task))
    require(np.array_equal(before, first.predict(rows).mean), "a second fit changed the first")


def check_jobs_change_nothing(component: Component, sample: Sample) -> None:
    """``n_jobs`` is a share of the machine and part of no hash: it must change no byte."""
    features, target = line_data(80, 0)
    task = sample.tasks(component)[0]
    if task == "binary":
        target = (target > np.median(target)).astype(np.float64)
    rows = line_data(50, 1)[0]
    found = []
    for n_jobs in (1, 2):
        method = component.build(sample.config)
        context = FitContext(seed=0, task=task, n_jobs=n_jobs)
        predicted = method.fit(ToyModel, features, target, context)[0].predict(rows)
        stds = _stds(predicted)
        found.append([predicted.mean.tobytes(), *(stds[name].tobytes() for name in sorted(stds))])
    require(found[0] == found[1], "predictions differ between one job and two")


def check_saved_and_loaded_it_predicts_alike(component: Component, sample: Sample) -> None:
    """A predictor comes back from a file without pickle, and predicts the same bytes."""
    rows = line_data(50, 1)[0]
    predictor = _fitted(component, sample)
    again = saved_and_loaded(component, predictor)
    for part in ("mean", "epistemic", "aleatoric", "samples", "levels", "lower", "upper"):
        before, after = (getattr(one.predict(rows), part) for one in (predictor, again))
        require_same_bytes({part: before}, {part: after})
