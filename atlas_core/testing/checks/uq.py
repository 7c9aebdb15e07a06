"""What an uncertainty method promises. Light."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.featurizer import Vectors
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.uq import Predictor
from atlas_core.testing.checks import shared
from atlas_core.testing.checks.shared import Arrays, Case, case_of, found_in, returned
from atlas_core.testing.outcome import applies, require
from atlas_core.testing.samples import Sample
from atlas_core.testing.toy_model import ToyModel

SHARED = (*shared.ROWWISE, "the_unit_does_not_matter", "jobs_change_nothing")
UNITS = (1e-12, 1e-6, 1e6, 1e12)
"""Factors by which a target is given in other units."""
ANSWERS = ("mean", "epistemic", "aleatoric", "samples", "lower", "upper")
POWERS = dict.fromkeys(ANSWERS, 1)
"""Powers of the target's unit in answers that must follow it."""


def _line(n: int, seed: int, *, task: Task = "regression", far: bool = False) -> tuple[Vectors, F8]:
    """Return (n, 2) inputs in [-1, 1] (or 4 to 6 away) and a noisy, nearly linear target.

    The label of a binary task is whether the target is above its median.
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (n, 2))
    if far:
        x = np.sign(x) * rng.uniform(4.0, 6.0, (n, 2))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] + 0.1 * rng.normal(size=n)
    y = (y > np.median(y)).astype(np.float64) if task == "binary" else y
    return Vectors(x, np.array(["x0", "x1"])), y


_ROWS, _FAR = _line(50, 1)[0], _line(50, 2, far=True)[0]


def given(sample: Sample, factor: float = 1.0) -> tuple[Vectors, F8]:
    """Return features and target to train on."""
    features, target = _line(80, 0, task=sample.tasks()[0])
    return features, target * factor


def fit(sample: Sample, data: tuple[Vectors, F8], **context: Any) -> tuple[Predictor, ToyModel]:
    """Return predictor and model."""
    found = sample.build().fit(ToyModel, *data, sample.context(**context))
    pair = isinstance(found, tuple) and len(found) == 2
    require(pair, "fit returned no pair of a predictor and its model")
    return returned(found[0], Predictor, "fit"), found[1]


def ask(predictor: Predictor, rows: Vectors) -> Arrays:
    """Return all that is predicted."""
    found = returned(predictor.predict(rows), Prediction, "predict", rows)
    levels = np.array(repr(None if found.levels is None else found.levels.tolist()))
    return {"levels": levels, **found_in(found, *ANSWERS)}


def make(sample: Sample, data: tuple[Vectors, F8], n_jobs: int = 1) -> list[Case]:
    """Return rows with a predictor of them."""
    return [Case("", fit(sample, data, n_jobs=n_jobs)[0], _ROWS, ask)]


def check_gives_what_it_declares(sample: Sample) -> None:
    """``epistemic``, ``aleatoric`` and ``samples`` are there where ``provides`` names them."""
    for name in sample.provides & {"epistemic", "aleatoric", "samples"}:
        require(name in case_of(sample).whole, f"it gives {name} but returned None")


def check_sigma_is_not_zero(sample: Sample) -> None:
    """No std is 0 everywhere: a std of 0 claims certainty."""
    whole = case_of(sample).whole
    for name in whole.keys() & {"epistemic", "aleatoric"}:
        require(whole[name].max() > 0, f"{name}: 0 everywhere")


def check_mean_follows_the_data(sample: Sample) -> None:
    """Uncertainty is no excuse for a bad mean: the toy line is learned."""
    target = _line(50, 1, task=sample.tasks()[0])[1]
    error = float(np.abs(case_of(sample).whole["mean"] - target).mean())
    baseline = float(np.abs(target - target.mean()).mean())
    require(error < 0.6 * baseline, f"mean error {error:.3g}; that of a constant {baseline:.3g}")


def check_sigma_grows_off_the_data(sample: Sample) -> None:
    """Four to six widths away from the training data the epistemic std at least doubles."""
    applies("epistemic" in sample.provides, "it gives no epistemic std")
    case = case_of(sample)
    answers = (case.whole, ask(case.fitted, _FAR))
    near, away = (float(answer["epistemic"].mean()) for answer in answers)
    problem = f"mean epistemic std {near:.3g} on the data, {away:.3g} far from it"
    require(away > 2.0 * near, problem)


def check_binary_means_are_probabilities(sample: Sample) -> None:
    """For a binary task the mean is P(1)."""
    applies("binary" in sample.tasks(), "it only regresses")
    predictor, _ = fit(sample, _line(80, 0, task="binary"), task="binary")
    mean = ask(predictor, _FAR)["mean"]
    require(((mean >= 0) & (mean <= 1)).all(), "a mean is outside [0, 1]")


def check_the_model_comes_with_it(sample: Sample) -> None:
    """A trained model comes with the predictor: who needs embedding or leaves asks that."""
    _, model = fit(sample, given(sample))
    require(isinstance(model, ToyModel), "fit returned another model than it was to make")
    require(len(model.center) > 0, "fit returned a model that was not trained")


def check_each_predictor_is_its_own(sample: Sample) -> None:
    """Fitting again leaves the first predictor as it was: arms and folds share the method."""
    method, context = sample.build(), sample.context()
    features, target = given(sample)
    first, _ = method.fit(ToyModel, features, target, context)
    before = first.predict(_ROWS).mean.copy()
    other = 1.0 - target if context.task == "binary" else -target
    method.fit(ToyModel, features, other, replace(context, seed=1))
    require(np.array_equal(before, first.predict(_ROWS).mean), "a second fit changed the first")
