"""What a calibrator promises. Light."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist

import numpy as np

from atlas_core.arrays import I8
from atlas_core.errors import ContractError
from atlas_core.kinds.calibrator import Calibration, CalibrationRequest
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.featurizer import Features, Vectors
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.uq import Predictor
from atlas_core.testing.checks import shared
from atlas_core.testing.checks.shared import Arrays, Case, Rows, found_in, returned, used
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import Sample, toy_compounds, toy_inputs

SHARED = shared.ROWWISE
LEVELS = (0.5, 0.8, 0.9, 0.95)
TRAINING_ROWS, CALIBRATION_ROWS, TEST_ROWS = 500, 500, 2000
DRAWS = 100
STDS = ("epistemic", "aleatoric")


def _data(sample: Sample, task: Task, n: int, seed: int) -> Rows:
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
    requires = sample.requires
    if "samples" in requires:
        prediction = _drawn(prediction)
    # the first columns are the prediction, so that a toy model can be trained that predicts it
    stds = {name: found_in(prediction, name).get(name, np.zeros(n)) for name in STDS}
    materials = sample.once("compounds", partial(toy_compounds, TEST_ROWS)).take(np.arange(n))
    known = {"mean": prediction.mean, **stds}
    inputs = toy_inputs(materials, requires, std=prediction.std, known=known)
    return Rows(inputs, prediction, truth)


def _drawn(prediction: Prediction) -> Prediction:
    """Return the prediction with draws from it: the quantiles of a Gaussian, in one order."""
    z = np.array([NormalDist().inv_cdf((i + 0.5) / DRAWS) for i in range(DRAWS)])
    return prediction.replace(samples=prediction.mean + z[:, None] * np.asarray(prediction.std))


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


def _request(sample: Sample, toy: Rows, task: Task) -> CalibrationRequest:
    context = sample.context(task=task)
    request = CalibrationRequest(toy.prediction, toy.target, toy.inputs, LEVELS, context)
    requires = sample.requires
    if "refit" not in requires:
        return request
    train = _data(sample, task, TRAINING_ROWS, 3)

    def refit(rows: I8) -> Predictor:
        error = train.target[rows] - train.prediction.mean[rows]
        shift = 0.0 if task == "binary" else float(error.mean())
        return ToyRefit(shift, "samples" in requires)

    return replace(request, train=train.inputs, train_target=train.target, refit=refit)


def given(sample: Sample) -> list[CalibrationRequest]:
    """Return calibration rows of each task."""
    return [
        _request(sample, _data(sample, task, CALIBRATION_ROWS, 0), task) for task in sample.tasks()
    ]


def _apply(calibration: Calibration, rows: Rows) -> Prediction:
    done = calibration(rows.prediction, rows.inputs)
    return returned(done, Prediction, "the calibration", rows)


def _ask(calibration: Calibration, rows: Rows) -> Arrays:
    return found_in(_apply(calibration, rows), "mean", *STDS, "lower", "upper")


def _calibrate(sample: Sample, request: CalibrationRequest) -> Calibration:
    return returned(sample.build().calibrate(request), Calibration, "calibrate")


def make(sample: Sample, requests: list[CalibrationRequest]) -> list[Case]:
    """Return rows of each task with a calibration for them."""
    found = []
    for request in requests:
        task = request.context.task
        rows = _data(sample, task, TEST_ROWS, 1)
        found.append(Case(task, _calibrate(sample, request), rows, _ask, tolerance=1e-9))
    return found


def _calibrated(sample: Sample) -> dict[str, tuple[Prediction, Rows]]:
    """Return what became of the predictions for each task, and what they were."""
    made = used(sample).made
    return sample.once(
        "calibrated", lambda: {one.name: (_apply(one.fitted, one.rows), one.rows) for one in made}
    )


def _anew(sample: Sample, request: CalibrationRequest, rows: Rows) -> Prediction:
    """Return what becomes of predictions with a calibration of its own."""
    return _apply(_calibrate(sample, request), rows)


def check_intervals_at_every_level(sample: Sample) -> None:
    """Each level that was asked for has an interval for each row, inside those of higher levels."""
    for task, (done, _) in _calibrated(sample).items():
        lower, upper = shared.require_nested(done, LEVELS, f"{task}: ")
        require((upper[-1] > lower[0]).any(), f"{task}: all intervals have no width")


def check_coverage_keeps_its_word(sample: Sample) -> None:
    """On data like the calibration rows each level holds, within four binomial deviations.

    The toy predictions claim 0.5 of their true std. Sets of labels may cover more, never less.
    """
    for task, (done, toy) in _calibrated(sample).items():
        exact, where = task == "regression", f"{task}: "
        shared.require_coverage(toy, done, LEVELS, known=CALIBRATION_ROWS, exact=exact, where=where)


def check_mean_is_kept(sample: Sample) -> None:
    """Calibration of a regression changes widths, not means; a binary mean stays a P(1)."""
    for task, (done, toy) in _calibrated(sample).items():
        if task == "regression":
            require_close(done.mean, toy.prediction.mean, "the mean")
        else:
            require(((done.mean >= 0) & (done.mean <= 1)).all(), "a P(1) is outside [0, 1]")


def check_parts_of_std_are_scaled_alike(sample: Sample) -> None:
    """A new std is one of the whole: its parts keep their ratio, and none is lost or made up."""
    for task, (done, toy) in _calibrated(sample).items():
        old, new = (found_in(one, *STDS) for one in (toy.prediction, done))
        lost = sorted(old.keys() ^ new.keys())
        require(not lost, f"{task}: {lost} is there before or after calibration only")
        if len(old) == 2:
            one, other = (new[a] * old[b] for a, b in (STDS, STDS[::-1]))
            require_close(one, other, f"{task}: the ratio of parts")


def check_binary_order_is_kept(sample: Sample) -> None:
    """P(1) rises wherever it rose before: a ranking (ROC-AUC) is not blurred, even on rare ones."""
    applies("binary" in sample.tasks(), "it only calibrates a regression")
    toy = _data(sample, "binary", CALIBRATION_ROWS, 0)
    rare = replace(toy, target=toy.target * (np.arange(CALIBRATION_ROWS) % 10 == 0))
    new = _data(sample, "binary", TEST_ROWS, 1)
    done = _anew(sample, _request(sample, rare, "binary"), new).mean
    order = np.argsort(new.prediction.mean, kind="stable")
    before, after = np.diff(new.prediction.mean[order]), np.diff(done[order])
    require((after >= 0).all(), "a P(1) falls where it rose before calibration")
    require((after[before > 1e-9] > 0).all(), "rows with different P(1) have the same one now")


def check_binary_intervals_are_sets_of_labels(sample: Sample) -> None:
    """An interval of a binary task is [0, 0], [1, 1] or [0, 1]: a set of labels."""
    applies("binary" in sample.tasks(), "it only calibrates a regression")
    ends = shared.require_nested(_calibrated(sample)["binary"][0], LEVELS)
    require(np.isin(ends, (0.0, 1.0)).all(), "an interval end of a binary task is neither 0 nor 1")


def check_no_calibration_rows(sample: Sample) -> None:
    """Without calibration rows it says so (a DataError of one line) or claims nothing false.

    Intervals without any data must be infinite, or come from the prediction's own std, or from
    training rows that were predicted by models that had not seen them.
    """
    for task in sample.tasks():
        toy = _data(sample, task, CALIBRATION_ROWS, 0)
        request = _request(sample, toy.take([]), task)
        done = shared.one_line_or(partial(_anew, sample, request, toy))
        require(done is None or done.levels is not None, "there are no intervals")
