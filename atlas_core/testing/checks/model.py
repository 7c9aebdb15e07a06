"""What a model promises. Light."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_core.interfaces import PROTOCOLS
from atlas_core.kinds.featurizer import Features, Graphs, Vectors
from atlas_core.testing.checks import shared
from atlas_core.testing.checks.shared import Arrays, Case, used
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import (
    Sample,
    reordered_sites,
    rotation_matrix,
    site_order,
    supercell,
    toy_features,
    toy_graphs,
    toy_labels,
    toy_target,
)

Data = tuple[Features, F8]
SHARED = (*shared.ROWWISE, "the_unit_does_not_matter", "jobs_change_nothing")
TRAIN, TEST = np.arange(45), np.arange(45, 60)
UNITS = (1e-12, 1e-6, 1e6, 1e12)
"""Factors by which a target is given in other units; those of physics span more."""
IN_THE_UNIT = ("predict", "members", "epistemic", "aleatoric", "samples", "quantiles", "snapshots")
POWERS = dict.fromkeys(IN_THE_UNIT, 1)
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])

ANSWERS: dict[str, Callable[[Any, Features], Arrays]] = {
    "model:members": lambda model, rows: {"members": model.members(rows)},
    "model:variance": lambda model, rows: dict(
        zip(("epistemic", "aleatoric"), model.predict_std(rows), strict=True)
    ),
    "model:dropout": lambda model, rows: {"samples": model.sample(rows, 3, 1)},
    "model:embedding": lambda model, rows: {"embedding": np.transpose(model.embed(rows))},
    "model:leaves": lambda model, rows: {"leaves": np.transpose(model.leaves(rows))},
    "model:quantiles": lambda model, rows: {"quantiles": model.quantiles(rows, LEVELS)},
    "model:snapshots": lambda model, rows: {"snapshots": model.snapshots(rows)},
    "model:inbag": lambda model, rows: {"inbag": model.inbag()},
}
"""What a model is asked for each capability; the rows are the last axis."""


def ask(provides: frozenset[str], model: Any, rows: Features) -> Arrays:
    """Return what a model says of rows in every way that it can."""
    found = {"predict": np.asarray(model.predict(rows))}
    for capability in sorted(provides & set(ANSWERS)):
        found |= ANSWERS[capability](model, rows)
    return {name: np.asarray(values) for name, values in found.items()}


def _target(sample: Sample, task: str) -> F8:
    """Return the (60,) target of all toy crystals."""
    return (toy_target if task == "regression" else toy_labels)(sample.materials())


def given(sample: Sample, factor: float = 1.0, offset: float = 0.0) -> Data:
    """Return features and target to train on, of the component's first task."""
    return _data(sample, sample.tasks()[0], factor, offset)


def _data(sample: Sample, task: str, factor: float = 1.0, offset: float = 0.0) -> Data:
    return sample.features().take(TRAIN), _target(sample, task)[TRAIN] * factor + offset


def _fit(sample: Sample, data: Data | None = None, **context: Any) -> Any:
    model = sample.build()
    model.fit(*(data or given(sample)), sample.context(**context))
    return model


def make(sample: Sample, data: Data, n_jobs: int = 1) -> list[Case]:
    """Return rows with a model that was fitted for them."""
    model = _fit(sample, data, n_jobs=n_jobs)
    return [Case("", model, sample.features().take(TEST), partial(ask, sample.provides))]


def _fitted(sample: Sample) -> tuple[Any, Features]:
    """Return the model that all checks share, and rows that it never saw."""
    (case,) = used(sample).made
    return case.fitted, case.rows


def check_predictions_are_finite(sample: Sample) -> None:
    """One finite float64 per row, in the target's unit."""
    model, test = _fitted(sample)
    predicted = model.predict(test)
    require(isinstance(predicted, np.ndarray), "predict must return an array")
    require(predicted.shape == (len(TEST),), f"predict returned shape {predicted.shape}")
    require(predicted.dtype == np.float64, f"predictions are {predicted.dtype}, not float64")
    require(np.isfinite(predicted).all(), "a prediction is not finite")


def check_learns_better_than_the_mean(sample: Sample) -> None:
    """On a smooth toy its error on rows it has not seen is below that of the training mean."""
    target = _target(sample, sample.tasks()[0])
    model, test = _fitted(sample)
    error = float(np.abs(model.predict(test) - target[TEST]).mean())
    mean = float(np.abs(target[TRAIN].mean() - target[TEST]).mean())
    require(error < 0.85 * mean, f"its mean error is {error:.3g}, that of the mean is {mean:.3g}")


def check_the_zero_does_not_matter(sample: Sample) -> None:
    """A target counted from another zero (degrees Celsius, kelvin) moves the predictions by it.

    Adding 1024 to targets of size 1 costs ten of their 52 bits, so this holds to 1e-4 of their
    spread, where the sums of a fit may round to another of two nearly equal answers.
    """
    applies("regression" in sample.tasks(), "P(1) has no zero to move")
    model, test = _fitted(sample)
    wanted = model.predict(test)
    moved = _fit(sample, given(sample, offset=1024.0)).predict(test) - 1024.0
    spread = np.ptp(_target(sample, "regression")[TRAIN])
    require_close(moved, wanted, "predictions of a moved target", tolerance=1e-4, size=spread)


def check_binary_predictions_are_probabilities(sample: Sample) -> None:
    """For a binary task ``predict`` returns P(1), and it is higher where the label is 1."""
    applies("binary" in sample.tasks(), "it only regresses")
    label = _target(sample, "binary")
    model = _fit(sample, _data(sample, "binary"), task="binary")
    p = np.asarray(model.predict(sample.features()))
    require(p.shape == (60,) and np.isfinite(p).all(), "a probability is missing or not finite")
    require(((p >= 0) & (p <= 1)).all(), "a probability is outside [0, 1]")
    expected = {name.removeprefix("check_") for name in sample.component.expected_failures}
    if "learns_better_than_the_mean" not in expected:
        require(p[label == 1].mean() > p[label == 0].mean(), "P(1) is higher where the label is 0")


def check_predicting_changes_nothing(sample: Sample) -> None:
    """Predicting twice gives the same bytes: no dropout left on, no running statistics."""
    model, test = _fitted(sample)
    first = np.array(model.predict(test))
    model.predict(sample.features())
    require(np.array_equal(first, model.predict(test)), "a second predict gave other values")


def check_global_random_state_is_left_alone(sample: Sample) -> None:
    """A fit neither reads nor moves numpy's global generator: parallel jobs would interfere."""
    state = np.random.get_state()  # noqa: NPY002 - the global state is what is looked at
    _fit(sample)
    after = np.random.get_state()  # noqa: NPY002 - as above
    same = state[2] == after[2] and np.array_equal(state[1], after[1])  # type: ignore[index]
    require(same, "fit moved numpy's global random state")


def check_accepts_the_forms_it_says(sample: Sample) -> None:
    """A model that names no form of features takes both, vectors and graphs."""
    requires = sample.requires
    named = any(need.startswith("features:") for need in requires)
    applies(not named, "it names the form that it needs")
    _, target = given(sample)
    for form in ("vectors", "graphs"):
        features = toy_features(sample.materials(), form)
        model = _fit(sample, (features.take(TRAIN), target))
        require(len(model.predict(features.take(TEST))) == len(TEST), f"{form}: rows are missing")


def check_missing_values_are_handled(sample: Sample) -> None:
    """Vectors may hold NaN (a property that is not tabulated): accept it, or say so in one line."""
    features = sample.features()
    applies(isinstance(features, Vectors), "graphs have no missing values")
    if not isinstance(features, Vectors):
        return
    values = features.values.copy()
    values[np.random.default_rng(3).random(values.shape) < 0.05] = np.nan
    holed = Vectors(values, features.labels)
    data = (holed.take(TRAIN), given(sample)[1])
    predicted = shared.one_line_or(lambda: _fit(sample, data).predict(holed.take(TEST)))
    finite = predicted is None or np.isfinite(predicted).all()
    require(finite, "NaN features gave a prediction that is not finite")


def check_checkpoints_change_nothing(sample: Sample) -> None:
    """A fit that saves, and one that resumes from what was saved, give the same predictions."""
    model, test = _fitted(sample)
    folder = sample.folder / "checkpoints"
    folder.mkdir(exist_ok=True)
    for what in (
        "a fit with a folder for checkpoints",
        "a fit resumed from its last checkpoint",
    ):
        again = _fit(sample, directory=folder)
        require_close(again.predict(test), model.predict(test), what)


def check_fits_at_once_change_nothing(sample: Sample) -> None:
    """Two fits in two threads of one process give the bytes of one after the other."""
    applies("model:threads" in sample.provides, "it does not give model:threads")
    _, test = _fitted(sample)

    def fit(seed: int) -> bytes:
        model = _fit(sample, seed=seed)
        return np.asarray(model.predict(test), dtype=np.float64).tobytes()

    alone = [fit(seed) for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(fit, (0, 1)))
    require(together == alone, "two fits at once give other predictions than one by one")


def check_capabilities_are_implemented(sample: Sample) -> None:
    """Each ``model:*`` capability has the methods of its protocol, and a finite answer per row."""
    provides = sample.provides
    model, test = _fitted(sample)
    for capability in sorted(provides & set(PROTOCOLS)):
        protocol = PROTOCOLS[capability]
        require(isinstance(model, protocol), f"{capability}: no {protocol.__name__}")
    for capability in sorted(provides & set(ANSWERS) - {"model:inbag"}):
        for part, found in ANSWERS[capability](model, test).items():
            wanted = 1 if capability == "model:variance" else 2
            shaped = np.ndim(found) == wanted and np.shape(found)[-1] == len(TEST)
            require(shaped, f"{capability}: {part} of {len(TEST)} rows has shape {np.shape(found)}")
            require(np.isfinite(found).all(), f"{capability}: {part} is not finite")


def _capable(sample: Sample, capability: str) -> tuple[Any, Features]:
    applies(capability in sample.provides, f"it does not give {capability}")
    return _fitted(sample)


def _require_average(sample: Sample, part: str) -> None:
    model, test = _capable(sample, f"model:{part}")
    found = np.asarray(getattr(model, part)(test))
    require(len(found) >= 2, f"{len(found)} of {part} has no spread")
    require_close(found.mean(axis=0), model.predict(test), f"the mean of the {part}")
    require(found.std(axis=0).max() > 0, f"all {part} predict the same")


def check_members_average_to_the_prediction(sample: Sample) -> None:
    """The mean of the committee's members is the model's prediction, and they do differ."""
    _require_average(sample, "members")


def check_snapshots_average_to_the_prediction(sample: Sample) -> None:
    """The mean over the snapshots is the model's prediction, and they do differ."""
    _require_average(sample, "snapshots")


def check_variance_is_a_variance(sample: Sample) -> None:
    """Both parts of its own std are >= 0. A part that it knows nothing of is 0, but not both."""
    model, test = _capable(sample, "model:variance")
    parts = np.asarray(model.predict_std(test))
    require((parts >= 0).all(), "a std is negative")
    require(parts.max() > 0, "both stds are 0 everywhere")


def check_dropout_samples_obey_the_seed(sample: Sample) -> None:
    """``sample`` returns (passes, n); the same seed the same bytes, another seed others."""
    model, test = _capable(sample, "model:dropout")
    before = np.array(model.predict(test))
    first = np.asarray(model.sample(test, 5, 7))
    require(first.shape == (5, len(TEST)), f"sample returned shape {first.shape}")
    require(first.std(axis=0).max() > 0, "all passes are the same: dropout is off")
    require(np.array_equal(first, model.sample(test, 5, 7)), "the same seed gave other samples")
    require(not np.array_equal(first, model.sample(test, 5, 8)), "the seed is ignored")
    require(np.array_equal(before, model.predict(test)), "sampling changed later predictions")


def check_rows_are_embedded_apart(sample: Sample) -> None:
    """``embed`` and ``leaves``, which is of whole numbers, tell rows apart."""
    provides = sample.provides & {"model:embedding", "model:leaves"}
    applies(provides, "it gives neither model:embedding nor model:leaves")
    model, test = _fitted(sample)
    for capability in sorted(provides):
        for part, found in ANSWERS[capability](model, test).items():
            require(np.ptp(found, axis=-1).max() > 0, f"{part}: all rows are the same")
            whole = part != "leaves" or np.issubdtype(found.dtype, np.integer)
            require(whole, f"leaves are {found.dtype}, no whole numbers")


def check_graph_representation_does_not_matter(sample: Sample) -> None:
    """Sites listed in another order, or a doubled cell, leave a prediction per atom as it is."""
    applies(sample.form() == "graphs", "it takes vectors")
    model, test = _fitted(sample)
    crystals = sample.materials().take(TEST)
    shuffled = reordered_sites(crystals, site_order(crystals))
    for what, same in {
        "sites in another order": shuffled,
        "a doubled cell": supercell(crystals),
    }.items():
        require_close(model.predict(toy_graphs(same)), model.predict(test), what, tolerance=1e-4)


def check_orientation_does_not_matter(sample: Sample) -> None:
    """A crystal that is turned or mirrored keeps its prediction, whatever its edges' vectors.

    Targets are scalars, and a file's choice of axes says nothing of the crystal: a model that reads
    vectors in fixed axes would learn that choice.
    """
    model, test = _fitted(sample)
    applies(isinstance(test, Graphs), "it takes vectors, not graphs")
    if not isinstance(test, Graphs) or test.vector is None:
        return
    turn = rotation_matrix()
    for name, matrix in (("turned", turn), ("mirrored", -np.eye(3)), ("both", -turn @ turn)):
        vector = (test.vector @ matrix.T).astype(np.float32)
        found = model.predict(replace(test, vector=vector))
        require_close(found, model.predict(test), f"crystals {name}")


def check_bags_are_drawn_from_the_training_rows(sample: Sample) -> None:
    """``inbag`` returns one row a member: whole counts >= 0 that sum to the training rows."""
    model, test = _capable(sample, "model:inbag")
    counts = np.asarray(model.inbag())
    members = len(model.members(test))
    require(counts.shape == (members, len(TRAIN)), f"inbag returned shape {counts.shape}")
    require(np.issubdtype(counts.dtype, np.integer), f"counts are {counts.dtype}")
    require((counts >= 0).all(), "a count is negative")
    require((counts.sum(axis=1) == len(TRAIN)).all(), "a member drew another number of rows")
    require(len(np.unique(counts, axis=0)) > 1, "all members drew the same rows")


def check_quantiles_rise_with_their_level(sample: Sample) -> None:
    """``quantiles`` returns (l, n) values that never fall as the level rises."""
    model, test = _capable(sample, "model:quantiles")
    found = np.asarray(model.quantiles(test, LEVELS))
    require(found.shape == (len(LEVELS), len(TEST)), f"quantiles returned shape {found.shape}")
    require((np.diff(found, axis=0) >= 0).all(), "a quantile lies below one of a lower level")
    require(np.ptp(found, axis=0).max() > 0, "all quantiles of a row are the same")
