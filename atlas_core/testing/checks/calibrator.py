"""What a calibrator promises. Light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8
from atlas_core.component import Component
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.calibrator import Calibration, CalibrationRequest
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.featurizer import Features, Vectors
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.uq import Predictor
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.plain import not_plain
from atlas_core.testing.samples import Sample, toy_compounds, toy_vectors
from atlas_core.testing.saved import require_same_bytes, saved_and_loaded

LEVELS = (0.5, 0.8, 0.9, 0.95)
TRAINING_ROWS, CALIBRATION_ROWS, TEST_ROWS = 500, 500, 2000
DRAWS = 100


def _data(component: Component, sample: Sample, task: Task, n: int, seed: int) -> _Toy:
    """Return predictions that claim half their true std (or too sure a P(1)), and the truth."""
    rng = np.random.default_rng(seed)
    if task == "binary":
        score = rng.normal(0.0, 1.5, n)
        truth = (rng.random(n) < 1.0 / (1.0 + np.exp(-score))).astype(np.float64)
        claimed = 1.0 / (1.0 + np.exp(-2.0 * score))
        prediction = Prediction(claimed, np.full(n, 0.1))
    else:
        mean = rng.normal(size=n)
        sigma = rng.uniform(0.2, 1.0, n)
        truth = mean + sigma * rng.normal(size=n)
        prediction = Prediction(mean, 0.4 * sigma, 0.3 * sigma)
    needs = component.requires_of(sample.config)
    if "samples" in needs:
        prediction = _drawn(prediction)
    return _Toy(prediction, truth, _inputs(needs, sample, prediction))


def _drawn(prediction: Prediction) -> Prediction:
    """Return the prediction with draws from it: the quantiles of a Gaussian, in one order."""
    std = prediction.epistemic if prediction.std is None else prediction.std
    gaussian = NormalDist()
    z = np.array([gaussian.inv_cdf((i + 0.5) / DRAWS) for i in range(DRAWS)])
    return prediction.replace(samples=prediction.mean + z[:, None] * np.asarray(std))


def _inputs(needs: frozenset[str], sample: Sample, prediction: Prediction) -> Inputs:
    """Return materials of as many rows, with what the component needs.

    The first columns of their features are the prediction itself, so that a toy model can be
    trained that predicts it.
    """
    n = len(prediction)
    compounds = sample.once("compounds", partial(toy_compounds, TEST_ROWS))
    materials = compounds.take(np.arange(n))
    vectors = toy_vectors(materials)
    known = [prediction.mean, _or_zero(prediction.epistemic, n), _or_zero(prediction.aleatoric, n)]
    values = np.column_stack([*known, vectors.values])
    labels = np.concatenate([["mean", "epistemic", "aleatoric"], vectors.labels])
    return Inputs.of(
        materials,
        Vectors(values, labels),
        embedding=np.arcsinh(vectors.values) if "model:embedding" in needs else None,
        std=prediction.std if "epistemic" in needs else None,
        leaves=(values[:, :8] > 0).astype(np.int64) if "model:leaves" in needs else None,
        columns={"source": np.where(np.arange(n) % 3 == 0, "one", "other")},
    )


def _or_zero(std: F8 | None, n: int) -> F8:
    return np.zeros(n) if std is None else std


@dataclass(frozen=True, eq=False)
class _Toy:
    """Hold n toy predictions, their true values, and what a calibrator sees of the rows."""

    prediction: Prediction
    target: F8
    inputs: Inputs

    def take(self, rows: npt.ArrayLike) -> _Toy:
        i = np.asarray(rows, dtype=np.int64)
        return _Toy(self.prediction.take(i), self.target[i], self.inputs.take(i))


@dataclass(frozen=True)
class ToyRefit:
    """Predict what the features say, plus the mean error of the rows that it was trained on."""

    shift: float
    samples: bool

    def predict(self, features: Features) -> Prediction:
        """Return the predictions."""
        if not isinstance(features, Vectors):
            raise ContractError("toy refit: it takes vectors")
        mean, epistemic, aleatoric = features.values[:, :3].T
        found = Prediction(mean + self.shift, epistemic, aleatoric)
        return _drawn(found) if self.samples else found


def _request(component: Component, sample: Sample, toy: _Toy, *, task: Task) -> CalibrationRequest:
    request = CalibrationRequest(toy.prediction, toy.target, toy.inputs, LEVELS, task, seed=0)
    needs = component.requires_of(sample.config)
    if "refit" not in needs:
        return request
    train = _data(component, sample, task, TRAINING_ROWS, 3)

    def refit(rows: I8) -> Predictor:
        error = train.target[rows] - train.prediction.mean[rows]
        shift = 0.0 if task == "binary" else float(error.mean())
        return ToyRefit(shift, "samples" in needs)

    return replace(request, train=train.inputs, train_target=train.target, refit=refit)


def _calibrate(component: Component, sample: Sample, task: Task) -> Calibration:
    toy = _data(component, sample, task, CALIBRATION_ROWS, 0)
    request = _request(component, sample, toy, task=task)
    calibration = component.build(sample.config).calibrate(request)
    require(isinstance(calibration, Calibration), "calibrate returned no Calibration")
    return calibration  # type: ignore[no-any-return]


def _calibrated(component: Component, sample: Sample, task: Task) -> tuple[Prediction, F8]:
    toy = _data(component, sample, task, TEST_ROWS, 1)
    done = _calibrate(component, sample, task)(toy.prediction, toy.inputs)
    require(isinstance(done, Prediction), "the calibration returned no Prediction")
    require(len(done) == TEST_ROWS, f"{TEST_ROWS} rows gave {len(done)}")
    return done, toy.target


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return calibrated predictions of each task, for comparing bytes."""
    names = ("mean", "epistemic", "aleatoric", "levels", "lower", "upper")
    found = {}
    for task in sample.tasks(component):
        done = _calibrated(component, sample, task)[0]
        found.update({f"{task} {name}": getattr(done, name) for name in names})
    return found


def _intervals(done: Prediction) -> tuple[F8, F8]:
    if done.lower is None or done.upper is None or done.levels is None:
        raise ContractError("there are no intervals")
    require_close(done.levels, np.array(LEVELS), "the levels", tolerance=1e-12)
    return done.lower, done.upper


def check_intervals_at_every_level(component: Component, sample: Sample) -> None:
    """Each level that was asked for has an interval for each row."""
    for task in sample.tasks(component):
        lower, upper = _intervals(_calibrated(component, sample, task)[0])
        require(lower.shape == (len(LEVELS), TEST_ROWS), f"intervals have shape {lower.shape}")
        require((upper >= lower).all(), "an interval is upside down")


def check_higher_levels_are_wider(component: Component, sample: Sample) -> None:
    """An interval lies inside those of higher levels."""
    for task in sample.tasks(component):
        lower, upper = _intervals(_calibrated(component, sample, task)[0])
        nested = (np.diff(lower, axis=0) <= 1e-12).all() and (
            np.diff(upper, axis=0) >= -1e-12
        ).all()
        require(nested, f"{task}: an interval sticks out of that of a higher level")
        require((upper[-1] > lower[0]).any(), f"{task}: all intervals have no width")


def check_coverage_keeps_its_word(component: Component, sample: Sample) -> None:
    """On data like the calibration rows each level holds, within four binomial deviations.

    The toy predictions claim 0.5 of their true std. Sets of labels may cover more, never less.
    """
    for task in sample.tasks(component):
        done, truth = _calibrated(component, sample, task)
        lower, upper = _intervals(done)
        for level, low, high in zip(LEVELS, lower, upper, strict=True):
            covered = float(((truth >= low - 1e-9) & (truth <= high + 1e-9)).mean())
            variance = level * (1 - level) * (1 / CALIBRATION_ROWS + 1 / TEST_ROWS)
            slack = 4.0 * float(np.sqrt(variance)) + 1.0 / CALIBRATION_ROWS
            fair = covered >= level - slack and (task == "binary" or covered <= level + slack)
            require(fair, f"{task}: {covered:.3f} of rows covered at level {level} (± {slack:.3f})")


def check_mean_is_kept(component: Component, sample: Sample) -> None:
    """Calibration of a regression changes widths, not means; a binary mean stays a P(1)."""
    for task in sample.tasks(component):
        done, _ = _calibrated(component, sample, task)
        if task == "regression":
            toy = _data(component, sample, task, TEST_ROWS, 1)
            require_close(done.mean, toy.prediction.mean, "the mean")
        else:
            require(((done.mean >= 0) & (done.mean <= 1)).all(), "a P(1) is outside [0, 1]")


def check_parts_of_std_are_scaled_alike(component: Component, sample: Sample) -> None:
    """A new std is one of the whole: its parts keep their ratio, and none is lost or made up."""
    for task in sample.tasks(component):
        toy = _data(component, sample, task, TEST_ROWS, 1)
        before, (after, _) = toy.prediction, _calibrated(component, sample, task)
        for part in ("epistemic", "aleatoric"):
            lost = (getattr(before, part) is None) != (getattr(after, part) is None)
            require(not lost, f"{task}: {part} is there before or after calibration only")
        parts = [(b, a) for b, a in _stds(before, after) if b is not None and a is not None]
        if len(parts) == 2:
            (old_one, new_one), (old_other, new_other) = parts
            require_close(new_one * old_other, new_other * old_one, f"{task}: the ratio of parts")


def _stds(before: Prediction, after: Prediction) -> list[tuple[F8 | None, F8 | None]]:
    return [(before.epistemic, after.epistemic), (before.aleatoric, after.aleatoric)]


def check_binary_order_is_kept(component: Component, sample: Sample) -> None:
    """P(1) rises wherever it rose before: a ranking (ROC-AUC) is not blurred, even on rare ones."""
    applies("binary" in sample.tasks(component), "it only calibrates a regression")
    toy = _data(component, sample, "binary", CALIBRATION_ROWS, 0)
    rare = replace(toy, target=toy.target * (np.arange(CALIBRATION_ROWS) % 10 == 0))
    request = _request(component, sample, rare, task="binary")
    calibration = component.build(sample.config).calibrate(request)
    new = _data(component, sample, "binary", TEST_ROWS, 1)
    done = calibration(new.prediction, new.inputs).mean
    order = np.argsort(new.prediction.mean, kind="stable")
    before, after = np.diff(new.prediction.mean[order]), np.diff(done[order])
    require((after >= 0).all(), "a P(1) falls where it rose before calibration")
    require((after[before > 1e-9] > 0).all(), "rows that P(1) told apart have the same one now")


def check_binary_intervals_are_sets_of_labels(component: Component, sample: Sample) -> None:
    """An interval of a binary task is [0, 0], [1, 1] or [0, 1]: a set of labels."""
    applies("binary" in sample.tasks(component), "it only calibrates a regression")
    lower, upper = _intervals(_calibrated(component, sample, "binary")[0])
    labels = np.isin(lower, (0.0, 1.0)).all() and np.isin(upper, (0.0, 1.0)).all()
    require(labels, "an interval end of a binary task is neither 0 nor 1")


def check_rows_are_independent(component: Component, sample: Sample) -> None:
    """A row's interval depends on its own prediction alone, in whatever order rows come."""
    for task in sample.tasks(component):
        calibration = _calibrate(component, sample, task)
        toy = _data(component, sample, task, 40, 2)
        lower, upper = _intervals(calibration(toy.prediction, toy.inputs))
        for rows in (np.array([5]), np.random.default_rng(0).permutation(40)):
            some = toy.take(rows)
            low, high = _intervals(calibration(some.prediction, some.inputs))
            require_close(low, lower[:, rows], f"{task}: lower ends of other rows", tolerance=1e-9)
            require_close(high, upper[:, rows], f"{task}: upper ends of other rows", tolerance=1e-9)


def check_calibration_is_plain_data(component: Component, sample: Sample) -> None:
    """A calibration is an object of a module-level class that holds plain data: it can be saved.

    A closure cannot: a run that is opened on another machine must calibrate as this one does.
    """
    for task in sample.tasks(component):
        calibration = _calibrate(component, sample, task)
        function = isinstance(calibration, FunctionType | MethodType)
        require(not function, f"{task}: the calibration is a function; return an object of a class")
        found = not_plain(calibration, type(calibration).__name__)
        require(not found, f"{task}: {found}")


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """Predictions and targets are only read."""
    for task in sample.tasks(component):
        toy = _data(component, sample, task, CALIBRATION_ROWS, 0)
        mean, kept = toy.prediction.mean.copy(), toy.target.copy()
        request = _request(component, sample, toy, task=task)
        component.build(sample.config).calibrate(request)(toy.prediction, toy.inputs)
        require(np.array_equal(toy.prediction.mean, mean), "the prediction was changed")
        require(np.array_equal(toy.target, kept), "the target was changed")


def check_no_calibration_rows(component: Component, sample: Sample) -> None:
    """Without calibration rows it says so (a DataError of one line) or claims nothing false.

    Intervals without any data must be infinite, or come from the prediction's own std, or from
    training rows that were predicted by models that had not seen them.
    """
    for task in sample.tasks(component):
        toy = _data(component, sample, task, CALIBRATION_ROWS, 0)
        request = _request(component, sample, toy.take([]), task=task)
        try:
            done = component.build(sample.config).calibrate(request)(toy.prediction, toy.inputs)
        except DataError as err:
            require(str(err).strip() and "\n" not in str(err), "the error must be one line")
            continue
        _intervals(done)


def check_saved_and_loaded_it_calibrates_alike(component: Component, sample: Sample) -> None:
    """A calibration comes back from a file without pickle, and gives the same intervals."""
    for task in sample.tasks(component):
        toy = _data(component, sample, task, CALIBRATION_ROWS, 1)
        calibration = _calibrate(component, sample, task)
        again = saved_and_loaded(component, calibration)
        for part in ("mean", "epistemic", "aleatoric", "lower", "upper"):
            before, after = (
                getattr(one(toy.prediction, toy.inputs), part) for one in (calibration, again)
            )
            require_same_bytes({f"{task} {part}": before}, {f"{task} {part}": after})
