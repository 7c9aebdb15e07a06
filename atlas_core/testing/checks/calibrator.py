"""What a calibrator promises. Light."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.component import Component
from atlas_core.errors import ContractError, DataError
from atlas_core.kinds.calibrator import Calibration, CalibrationRequest
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.prediction import Prediction
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import Sample, toy_compounds, toy_vectors

LEVELS = (0.5, 0.8, 0.9, 0.95)
CALIBRATION_ROWS, TEST_ROWS = 500, 2000


def _data(task: Task, n: int, seed: int) -> tuple[Prediction, F8]:
    """Return predictions that claim half their true std (or too sure a P(1)), and the truth."""
    rng = np.random.default_rng(seed)
    if task == "binary":
        score = rng.normal(0.0, 1.5, n)
        truth = (rng.random(n) < 1.0 / (1.0 + np.exp(-score))).astype(np.float64)
        claimed = 1.0 / (1.0 + np.exp(-2.0 * score))
        return Prediction(claimed, np.full(n, 0.1)), truth
    mean = rng.normal(size=n)
    sigma = rng.uniform(0.2, 1.0, n)
    truth = mean + sigma * rng.normal(size=n)
    return Prediction(mean, 0.4 * sigma, 0.3 * sigma), truth


def _inputs(component: Component, sample: Sample, prediction: Prediction) -> Inputs:
    """Return materials of as many rows, with what the component needs."""
    n = len(prediction)
    compounds = sample.once("compounds", partial(toy_compounds, TEST_ROWS))
    materials = compounds.take(np.arange(n))
    needs = component.needs_of(sample.config)
    embedded = "model:embedding" in needs
    vectors = toy_vectors(materials)
    return Inputs(
        materials,
        vectors,
        embedding=np.arcsinh(vectors.values) if embedded else None,
        std=prediction.std if "epistemic" in needs else None,
    )


def _request(
    component: Component, sample: Sample, prediction: Prediction, truth: F8, *, task: Task
) -> CalibrationRequest:
    inputs = _inputs(component, sample, prediction)
    return CalibrationRequest(prediction, truth, inputs, LEVELS, task, seed=0)


def _apply(
    component: Component, sample: Sample, calibration: Calibration, prediction: Prediction
) -> Prediction:
    return calibration(prediction, _inputs(component, sample, prediction))


def _calibrate(component: Component, sample: Sample, task: Task) -> Calibration:
    prediction, truth = _data(task, CALIBRATION_ROWS, 0)
    request = _request(component, sample, prediction, truth, task=task)
    calibration = component.build(sample.config).calibrate(request)
    require(callable(calibration), "calibrate must return a function")
    return calibration  # type: ignore[no-any-return]


def _calibrated(component: Component, sample: Sample, task: Task) -> tuple[Prediction, F8]:
    prediction, truth = _data(task, TEST_ROWS, 1)
    done = _apply(component, sample, _calibrate(component, sample, task), prediction)
    require(isinstance(done, Prediction), "the calibration returned no Prediction")
    require(len(done) == TEST_ROWS, f"{TEST_ROWS} rows gave {len(done)}")
    return done, truth


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
            require_close(done.mean, _data(task, TEST_ROWS, 1)[0].mean, "the mean")
        else:
            require(((done.mean >= 0) & (done.mean <= 1)).all(), "a P(1) is outside [0, 1]")


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
        prediction, _ = _data(task, 40, 2)
        inputs = _inputs(component, sample, prediction)
        lower, upper = _intervals(calibration(prediction, inputs))
        for rows in (np.array([5]), np.random.default_rng(0).permutation(40)):
            low, high = _intervals(calibration(prediction.take(rows), inputs.take(rows)))
            require_close(low, lower[:, rows], f"{task}: lower ends of other rows", tolerance=1e-9)
            require_close(high, upper[:, rows], f"{task}: upper ends of other rows", tolerance=1e-9)


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """Predictions and targets are only read."""
    for task in sample.tasks(component):
        prediction, truth = _data(task, CALIBRATION_ROWS, 0)
        mean, kept = prediction.mean.copy(), truth.copy()
        request = _request(component, sample, prediction, truth, task=task)
        component.build(sample.config).calibrate(request)(prediction, request.inputs)
        require(np.array_equal(prediction.mean, mean), "the prediction was changed")
        require(np.array_equal(truth, kept), "the target was changed")


def check_no_calibration_rows(component: Component, sample: Sample) -> None:
    """Without calibration rows it says so (a DataError of one line) or claims nothing false.

    Intervals without any data must be infinite, or come from the prediction's own std.
    """
    for task in sample.tasks(component):
        prediction, truth = _data(task, CALIBRATION_ROWS, 0)
        none = np.zeros(0, dtype=np.int64)
        request = _request(component, sample, prediction.take(none), truth[none], task=task)
        inputs = _inputs(component, sample, prediction)
        try:
            done = component.build(sample.config).calibrate(request)(prediction, inputs)
        except DataError as err:
            require(str(err).strip() and "\n" not in str(err), "the error must be one line")
            continue
        _intervals(done)
