"""What a model promises. Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from atlas_core.arrays import F8
from atlas_core.interfaces import PROTOCOLS
from atlas_core.kinds.featurizer import Features, Graphs, Vectors
from atlas_core.testing import samples
from atlas_core.testing.checks import shared
from atlas_core.testing.checks.shared import Arrays, Case, case_of
from atlas_core.testing.outcome import applies, require, require_close
from atlas_core.testing.samples import Sample

Data = tuple[Features, F8]
SHARED = (*shared.ROWWISE, "the_unit_does_not_matter", "jobs_change_nothing")
TRAIN, TEST = np.arange(45), np.arange(45, 60)
UNITS = (1e-12, 1e-6, 1e6, 1e12)
"""Factors by which a target is given in other units; those of physics span more."""
IN_THE_UNIT = ("predict", "members", "epistemic", "aleatoric", "samples", "quantiles", "snapshots")
POWERS = dict.fromkeys(IN_THE_UNIT, 1)
"""Powers of the target's unit in answers that must follow it."""
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
    return (samples.toy_target if task == "regression" else samples.toy_labels)(sample.materials())


def given(sample: Sample, factor: float = 1.0, offset: float = 0.0, task: str = "") -> Data:
    """Return features and target to train on, of the component's first task or another one."""
    target = _target(sample, task or sample.tasks()[0])
    return sample.features().take(TRAIN), target[TRAIN] * factor + offset


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
    case = case_of(sample)
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
    moved = _fit(sample, given(sample, offset=1024.0)).predict(test) - 1024.0
    spread = np.ptp(given(sample)[1])
    what = "predictions of a moved target"
    require_close(moved, model.predict(test), what, tolerance=1e-4, size=spread)


def check_binary_predictions_are_probabilities(sample: Sample) -> None:
    """For a binary task ``predict`` returns P(1), and it is higher where the label is 1."""
    applies("binary" in sample.tasks(), "it only regresses")
    label = _target(sample, "binary")
    model = _fit(sample, given(sample, task="binary"), task="binary")
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
    named = any(need.startswith("features:") for need in sample.requires)
    applies(not named, "it names the form that it needs")
    _, target = given(sample)
    for form in ("vectors", "graphs"):
        features = samples.toy_features(sample.materials(), form)
        model = _fit(sample, (features.take(TRAIN), target))
        require(len(model.predict(features.take(TEST))) == len(TEST), f"{form}: rows are missing")


def check_missing_values_are_handled(sample: Sample) -> None:
    """Vectors may hold NaN (a property that is not tabulated): accept it, or say so in one line."""
    features: Any = sample.features()
    applies(isinstance(features, Vectors), "graphs have no missing values")
    lost = np.random.default_rng(3).random(features.values.shape) < 0.05
    holed = Vectors(np.where(lost, np.nan, features.values), features.labels)
    data = (holed.take(TRAIN), given(sample)[1])
    predicted = shared.one_line_or(lambda: _fit(sample, data).predict(holed.take(TEST)))
    finite = predicted is None or np.isfinite(predicted).all()
    require(finite, "NaN features gave a prediction that is not finite")


def check_checkpoints_change_nothing(sample: Sample) -> None:
    """A fit that saves, and one that resumes from what was saved, give the same predictions."""
    model, test = _fitted(sample)
    folder = sample.folder / "checkpoints"
    folder.mkdir(exist_ok=True)
    for what in ("with a folder for checkpoints", "resumed from its last checkpoint"):
        again = _fit(sample, directory=folder)
        require_close(again.predict(test), model.predict(test), f"a fit {what}")


def check_fits_at_once_change_nothing(sample: Sample) -> None:
    """Two fits in two threads of one process give the bytes of one after the other."""
    applies("model:threads" in sample.provides, "it does not give model:threads")
    first, test = _fitted(sample)

    def predicted(seed: int) -> Any:
        return _fit(sample, seed=seed).predict(test)

    alone = [first.predict(test), predicted(1)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(predicted, (0, 1)))
    same = shared.state_of(together) == shared.state_of(alone)
    require(same, "two fits at once give other predictions than one by one")


def check_capabilities_are_implemented(sample: Sample) -> None:
    """Each ``model:*`` capability has the methods of its protocol, and a finite answer per row."""
    case = case_of(sample)
    for capability in sorted(sample.provides & set(PROTOCOLS)):
        shared.returned(case.fitted, PROTOCOLS[capability], capability)
    for part in case.whole.keys() - {"inbag"}:
        found, flat = case.whole[part], part in ("predict", "epistemic", "aleatoric")
        shaped = found.ndim == (1 if flat else 2) and found.shape[-1] == len(TEST)
        require(shaped, f"{part} of {len(TEST)} rows has shape {found.shape}")
        require(np.isfinite(found).all(), f"{part} is not finite")


def _answers(sample: Sample, *capabilities: str) -> Arrays:
    """Return what a model with one of the capabilities answers for rows that it never saw."""
    given = sample.provides & set(capabilities)
    applies(given, f"it does not give {' or '.join(capabilities)}")
    return case_of(sample).whole


def _require_average(sample: Sample, part: str) -> None:
    answers = _answers(sample, f"model:{part}")
    found = answers[part]
    require(len(found) >= 2, f"{len(found)} of {part} has no spread")
    require_close(found.mean(axis=0), answers["predict"], f"the mean of the {part}")
    require(found.std(axis=0).max() > 0, f"all {part} predict the same")


def check_members_average_to_the_prediction(sample: Sample) -> None:
    """The mean of the committee's members is the model's prediction, and they do differ."""
    _require_average(sample, "members")


def check_snapshots_average_to_the_prediction(sample: Sample) -> None:
    """The mean over the snapshots is the model's prediction, and they do differ."""
    _require_average(sample, "snapshots")


def check_variance_is_a_variance(sample: Sample) -> None:
    """Both parts of its own std are >= 0. A part that it knows nothing of is 0, but not both."""
    answers = _answers(sample, "model:variance")
    parts = np.array([answers["epistemic"], answers["aleatoric"]])
    require((parts >= 0).all(), "a std is negative")
    require(parts.max() > 0, "both stds are 0 everywhere")


def check_dropout_samples_obey_the_seed(sample: Sample) -> None:
    """``sample`` returns (passes, n); the same seed the same bytes, another seed others."""
    applies("model:dropout" in sample.provides, "it does not give model:dropout")
    model, test = _fitted(sample)
    before = np.array(model.predict(test))
    first = np.asarray(model.sample(test, 5, 7))
    require(first.shape == (5, len(TEST)), f"sample returned shape {first.shape}")
    require(first.std(axis=0).max() > 0, "all passes are the same: dropout is off")
    require(np.array_equal(first, model.sample(test, 5, 7)), "the same seed gave other samples")
    require(not np.array_equal(first, model.sample(test, 5, 8)), "the seed is ignored")
    require(np.array_equal(before, model.predict(test)), "sampling changed later predictions")


def check_rows_are_embedded_apart(sample: Sample) -> None:
    """``embed`` and ``leaves``, which is of whole numbers, tell rows apart."""
    answers = _answers(sample, "model:embedding", "model:leaves")
    for part in answers.keys() & {"embedding", "leaves"}:
        found = answers[part]
        require(np.ptp(found, axis=-1).max() > 0, f"{part}: all rows are the same")
        whole = part != "leaves" or np.issubdtype(found.dtype, np.integer)
        require(whole, f"leaves are {found.dtype}, no whole numbers")


def check_graph_representation_does_not_matter(sample: Sample) -> None:
    """Sites listed in another order, or a doubled cell, leave a prediction per atom as it is."""
    applies(sample.form() == "graphs", "it takes vectors")
    crystals = sample.materials().take(TEST)
    shuffled = samples.reordered_sites(crystals, samples.site_order(crystals))
    same = {"sites in another order": shuffled, "a doubled cell": samples.supercell(crystals)}
    graphs = {name: samples.toy_graphs(materials) for name, materials in same.items()}
    _require_kept(sample, graphs, tolerance=1e-4)


def _require_kept(sample: Sample, rows: Mapping[str, Features], *, tolerance: float) -> None:
    """Require that rows shown otherwise get the predictions that they had."""
    model, test = _fitted(sample)
    for name, same in rows.items():
        require_close(model.predict(same), model.predict(test), name, tolerance=tolerance)


def check_orientation_does_not_matter(sample: Sample) -> None:
    """A crystal that is turned or mirrored keeps its prediction, whatever its edges' vectors.

    Targets are scalars, and a file's choice of axes says nothing of the crystal: a model that reads
    vectors in fixed axes would learn that choice.
    """
    test: Any = _fitted(sample)[1]
    applies(isinstance(test, Graphs), "it takes vectors, not graphs")
    if test.vector is not None:
        turn = samples.rotation_matrix()
        ways = {"turned": turn, "mirrored": -np.eye(3), "turned and mirrored": -turn @ turn}
        seen = {name: replace(test, vector=test.vector @ way.T) for name, way in ways.items()}
        _require_kept(sample, seen, tolerance=1e-5)


def check_bags_are_drawn_from_the_training_rows(sample: Sample) -> None:
    """``inbag`` returns one row a member: whole counts >= 0 that sum to the training rows."""
    counts = _answers(sample, "model:inbag")["inbag"]
    model, test = _fitted(sample)
    members = len(model.members(test))
    require(counts.shape == (members, len(TRAIN)), f"inbag returned shape {counts.shape}")
    require(np.issubdtype(counts.dtype, np.integer), f"counts are {counts.dtype}")
    require((counts >= 0).all(), "a count is negative")
    require((counts.sum(axis=1) == len(TRAIN)).all(), "a member drew another number of rows")
    require(len(np.unique(counts, axis=0)) > 1, "all members drew the same rows")


def check_quantiles_rise_with_their_level(sample: Sample) -> None:
    """``quantiles`` returns (l, n) values that never fall as the level rises."""
    found = _answers(sample, "model:quantiles")["quantiles"]
    require(found.shape == (len(LEVELS), len(TEST)), f"quantiles returned shape {found.shape}")
    require((np.diff(found, axis=0) >= 0).all(), "a quantile lies below one of a lower level")
    require(np.ptp(found, axis=0).max() > 0, "all quantiles of a row are the same")
