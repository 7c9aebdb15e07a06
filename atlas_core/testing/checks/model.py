"""What a model promises. Light."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8
from atlas_core.component import Component
from atlas_core.context import FitContext
from atlas_core.errors import AtlasError
from atlas_core.interfaces import (
    PROTOCOLS,
    HasDropout,
    HasEmbedding,
    HasLeaves,
    HasMembers,
    HasQuantiles,
    HasVariance,
)
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.featurizer import Features, Graphs, Vectors
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
from atlas_core.testing.saved import require_same_bytes, saved_and_loaded

TRAIN, TEST = np.arange(45), np.arange(45, 60)
UNITS = (1e-12, 1e-6, 1e6, 1e12)
"""Factors by which a target is given in other units; those of physics span more."""


def _target(sample: Sample, task: Task) -> F8:
    make = toy_target if task == "regression" else toy_labels
    return make(sample.materials())[TRAIN].copy()


def _fit(
    component: Component, sample: Sample, task: Task, *, seed: int = 0, folder: Path | None = None
) -> Any:
    model = component.build(sample.config)
    features = sample.features(component).take(TRAIN)
    model.fit(features, _target(sample, task), FitContext(seed=seed, task=task, directory=folder))
    return model


def _fitted(component: Component, sample: Sample) -> Any:
    """Return the model of the component's first task, fitted once for all checks."""
    task = sample.tasks(component)[0]
    return sample.once("model", lambda: _fit(component, sample, task))


def _test(component: Component, sample: Sample) -> Features:
    return sample.features(component).take(TEST)


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return predictions of a new fit, for comparing bytes."""
    task = sample.tasks(component)[0]
    model = _fit(component, sample, task)
    return {"predict": np.asarray(model.predict(sample.features(component)))}


def check_predictions_are_finite(component: Component, sample: Sample) -> None:
    """One finite float64 a row, in the target's unit."""
    predicted = _fitted(component, sample).predict(_test(component, sample))
    require(isinstance(predicted, np.ndarray), "predict must return an array")
    require(predicted.shape == (len(TEST),), f"predict returned shape {predicted.shape}")
    require(predicted.dtype == np.float64, f"predictions are {predicted.dtype}, not float64")
    require(np.isfinite(predicted).all(), "a prediction is not finite")


def check_learns_better_than_the_mean(component: Component, sample: Sample) -> None:
    """On a smooth toy its error on rows it has not seen is below that of the training mean."""
    task = sample.tasks(component)[0]
    make = toy_target if task == "regression" else toy_labels
    target = make(sample.materials())
    predicted = _fitted(component, sample).predict(_test(component, sample))
    error = float(np.abs(predicted - target[TEST]).mean())
    mean = float(np.abs(target[TRAIN].mean() - target[TEST]).mean())
    require(error < 0.85 * mean, f"its mean error is {error:.3g}, that of the mean is {mean:.3g}")


def check_the_unit_does_not_matter(component: Component, sample: Sample) -> None:
    """The same target in another unit gives the same predictions in that unit, to 1e-9.

    Every number is rounded anew in another unit, and nothing may hang on that: neither a stopping
    rule with a fixed tolerance nor which of two equally good cuts is taken.
    """
    applies("regression" in sample.tasks(component), "P(1) has no unit")
    wanted = _in_unit(component, sample, factor=1.0)
    for factor in UNITS:
        for name, values in _in_unit(component, sample, factor=factor).items():
            told = f"{name} of a target times {factor:g}, divided by it"
            require_close(values / factor, wanted[name], told, tolerance=1e-9)


def check_the_zero_does_not_matter(component: Component, sample: Sample) -> None:
    """A target counted from another zero (degrees Celsius, kelvin) moves the predictions by it.

    Adding 1024 to targets of size 1 costs ten of their 52 bits, so this holds to 1e-4 of their
    spread, where the sums of a fit may round to another of two nearly equal answers.
    """
    applies("regression" in sample.tasks(component), "P(1) has no zero to move")
    wanted = _in_unit(component, sample, factor=1.0)["predict"]
    moved = _in_unit(component, sample, factor=1.0, offset=1024.0)["predict"] - 1024.0
    spread = np.ptp(_target(sample, "regression"))
    require_close(moved, wanted, "predictions of a moved target", tolerance=1e-4, size=spread)


def _in_unit(
    component: Component, sample: Sample, *, factor: float, offset: float = 0.0
) -> dict[str, F8]:
    """Return what a model that was fitted to ``factor`` x target + ``offset`` says of new rows."""
    model = component.build(sample.config)
    target = _target(sample, "regression") * factor + offset
    model.fit(sample.features(component).take(TRAIN), target, FitContext(seed=0))
    test, gives = _test(component, sample), component.provides_of(sample.config)
    found = {"predict": model.predict(test)}
    if "model:members" in gives:
        found["members"] = model.members(test)
    if "model:variance" in gives:
        found["epistemic std"], found["aleatoric std"] = model.predict_std(test)
    if "model:quantiles" in gives:
        found["quantiles"] = model.quantiles(test, np.array([0.1, 0.5, 0.9]))
    if "model:snapshots" in gives:
        found["snapshots"] = model.snapshots(test)
    if "model:dropout" in gives:
        found["dropout samples"] = model.sample(test, 3, 1)
    return found


def check_binary_predictions_are_probabilities(component: Component, sample: Sample) -> None:
    """For a binary task ``predict`` returns P(1), and it is higher where the label is 1."""
    applies("binary" in sample.tasks(component), "it only regresses")
    model = _fit(component, sample, "binary")
    p = np.asarray(model.predict(sample.features(component)))
    require(p.shape == (60,) and np.isfinite(p).all(), "a probability is missing or not finite")
    require(((p >= 0) & (p <= 1)).all(), "a probability is outside [0, 1]")
    told = {name.removeprefix("check_") for name in component.expected_failures}
    if "learns_better_than_the_mean" not in told:
        label = toy_labels(sample.materials())
        require(p[label == 1].mean() > p[label == 0].mean(), "P(1) is higher where the label is 0")


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """Features and target are only read: the next member of an ensemble gets them too."""
    task = sample.tasks(component)[0]
    features, target = sample.features(component).take(TRAIN), _target(sample, task)
    before, kept = features.fingerprint, target.copy()
    model = component.build(sample.config)
    model.fit(features, target, FitContext(seed=0, task=task))
    model.predict(features)
    require(features.fingerprint == before, "the features were changed")
    require(np.array_equal(target, kept), "the target was changed")


def check_order_is_kept(component: Component, sample: Sample) -> None:
    """Prediction i belongs to row i, in whatever order rows come."""
    model, test = _fitted(component, sample), _test(component, sample)
    order = np.random.default_rng(1).permutation(len(TEST))
    shuffled = model.predict(test.take(order))
    require_close(shuffled, model.predict(test)[order], "shuffled rows")


def check_batch_of_one_equals_the_batch(component: Component, sample: Sample) -> None:
    """A prediction does not depend on its companions (batch statistics left on would show)."""
    model, test = _fitted(component, sample), _test(component, sample)
    together = model.predict(test)
    alone = np.concatenate([model.predict(test.take([i])) for i in range(len(TEST))])
    require_close(alone, together, "rows predicted one by one")


def check_predicting_changes_nothing(component: Component, sample: Sample) -> None:
    """Predicting twice gives the same bytes: no dropout left on, no running statistics."""
    model, test = _fitted(component, sample), _test(component, sample)
    first = np.array(model.predict(test))
    model.predict(sample.features(component))
    require(np.array_equal(first, model.predict(test)), "a second predict gave other values")


def check_global_random_state_is_left_alone(component: Component, sample: Sample) -> None:
    """A fit neither reads nor moves numpy's global generator: parallel cells would interfere."""
    task = sample.tasks(component)[0]
    state = np.random.get_state()  # noqa: NPY002 - the global state is what is looked at
    _fit(component, sample, task)
    after = np.random.get_state()  # noqa: NPY002 - as above
    same = state[2] == after[2] and np.array_equal(state[1], after[1])  # type: ignore[index]
    require(same, "fit moved numpy's global random state")


def check_accepts_the_forms_it_says(component: Component, sample: Sample) -> None:
    """A model that names no form of features takes both, vectors and graphs."""
    needs = component.requires_of(sample.config)
    named = any(need.startswith("features:") for need in needs)
    applies(not named, "it names the form that it needs")
    task = sample.tasks(component)[0]
    for form in ("vectors", "graphs"):
        features = toy_features(sample.materials(), form)
        model = component.build(sample.config)
        model.fit(features.take(TRAIN), _target(sample, task), FitContext(seed=0, task=task))
        require(len(model.predict(features.take(TEST))) == len(TEST), f"{form}: rows are missing")


def check_missing_values_are_handled(component: Component, sample: Sample) -> None:
    """Vectors may hold NaN (a property that is not tabulated): accept it, or say so in one line."""
    features = sample.features(component)
    applies(isinstance(features, Vectors), "graphs have no missing values")
    if not isinstance(features, Vectors):
        return
    task = sample.tasks(component)[0]
    values = features.values.copy()
    values[np.random.default_rng(3).random(values.shape) < 0.05] = np.nan
    holed = Vectors(values, features.labels)
    model = component.build(sample.config)
    try:
        model.fit(holed.take(TRAIN), _target(sample, task), FitContext(seed=0, task=task))
        predicted = model.predict(holed.take(TEST))
    except AtlasError as err:
        require(str(err).strip() and "\n" not in str(err), "the error must be one line")
        return
    require(np.isfinite(predicted).all(), "NaN features gave a prediction that is not finite")


def check_checkpoints_change_nothing(component: Component, sample: Sample) -> None:
    """A fit that saves, and one that resumes from what was saved, give the same predictions."""
    task = sample.tasks(component)[0]
    test = _test(component, sample)
    folder = sample.folder / "checkpoints"
    folder.mkdir(exist_ok=True)
    wanted = _fitted(component, sample).predict(test)
    saved = _fit(component, sample, task, folder=folder)
    require_close(saved.predict(test), wanted, "a fit with a folder for checkpoints")
    resumed = _fit(component, sample, task, folder=folder)
    require_close(resumed.predict(test), wanted, "a fit resumed from its last checkpoint")


def check_jobs_change_nothing(component: Component, sample: Sample) -> None:
    """``n_jobs`` is a share of the machine and part of no hash: it must change no byte."""
    task = sample.tasks(component)[0]
    features, test = sample.features(component).take(TRAIN), _test(component, sample)
    found = []
    for n_jobs in (1, 2):
        model = component.build(sample.config)
        model.fit(features, _target(sample, task), FitContext(seed=0, task=task, n_jobs=n_jobs))
        found.append(np.asarray(model.predict(test)).tobytes())
    require(found[0] == found[1], "predictions differ between one job and two")


def check_fits_at_once_change_nothing(component: Component, sample: Sample) -> None:
    """Two fits in two threads of one process give the bytes of one after the other."""
    applies(
        "model:threads" in component.provides_of(sample.config), "it does not give model:threads"
    )
    task = sample.tasks(component)[0]
    test = _test(component, sample)

    def fit(seed: int) -> bytes:
        model = _fit(component, sample, task, seed=seed)
        return np.asarray(model.predict(test), dtype=np.float64).tobytes()

    alone = [fit(seed) for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(fit, (0, 1)))
    require(together == alone, "two fits at once give other predictions than one by one")


def check_capabilities_are_implemented(component: Component, sample: Sample) -> None:
    """Each ``model:*`` capability that it gives has the methods of its protocol."""
    model = _fitted(component, sample)
    for capability in sorted(component.provides_of(sample.config) & set(PROTOCOLS)):
        protocol = PROTOCOLS[capability]
        require(isinstance(model, protocol), f"{capability}: no {protocol.__name__}")


def _capable(component: Component, sample: Sample, capability: str) -> Any:
    applies(capability in component.provides_of(sample.config), f"it does not give {capability}")
    return _fitted(component, sample)


def check_members_average_to_the_prediction(component: Component, sample: Sample) -> None:
    """The mean of the committee's members is the model's prediction, and they do differ."""
    model = _capable(component, sample, "model:members")
    test = _test(component, sample)
    members = np.asarray(model.members(test))
    require(members.ndim == 2 and members.shape[1] == len(TEST), f"members: {members.shape}")
    require(len(members) >= 2, "a committee has at least two members")
    require_close(members.mean(axis=0), model.predict(test), "the mean of the members")
    require(members.std(axis=0).max() > 0, "all members predict the same")


def check_variance_is_a_variance(component: Component, sample: Sample) -> None:
    """Both parts of its own std are finite and >= 0, one a row, whatever the batch.

    A part that it knows nothing of is 0, but not both.
    """
    model = _capable(component, sample, "model:variance")
    test = _test(component, sample)
    parts = model.predict_std(test)
    require(len(parts) == 2, "predict_std returns epistemic and aleatoric std")
    alone = model.predict_std(test.take([3]))
    for name, std, one in zip(("epistemic", "aleatoric"), parts, alone, strict=True):
        require(np.shape(std) == (len(TEST),), f"{name} std has shape {np.shape(std)}")
        require((np.isfinite(std) & (np.asarray(std) >= 0)).all(), f"{name} std: negative or NaN")
        require_close(
            one, np.asarray(std)[[3]], f"{name} std of a row alone", tolerance=1e-4, size=std
        )
    require(np.asarray(parts).max() > 0, "both stds are 0 everywhere")


def check_dropout_samples_obey_the_seed(component: Component, sample: Sample) -> None:
    """``sample`` returns (passes, n); the same seed the same bytes, another seed others."""
    model = _capable(component, sample, "model:dropout")
    test = _test(component, sample)
    before = np.array(model.predict(test))
    first = np.asarray(model.sample(test, 5, 7))
    require(first.shape == (5, len(TEST)), f"sample returned shape {first.shape}")
    require(np.isfinite(first).all(), "a sample is not finite")
    require(first.std(axis=0).max() > 0, "all passes are the same: dropout is off")
    require(np.array_equal(first, model.sample(test, 5, 7)), "the same seed gave other samples")
    require(not np.array_equal(first, model.sample(test, 5, 8)), "the seed is ignored")
    require(np.array_equal(before, model.predict(test)), "sampling changed later predictions")


def check_embedding_is_row_wise(component: Component, sample: Sample) -> None:
    """``embed`` returns (n, d) finite vectors that depend on each row alone."""
    model = _capable(component, sample, "model:embedding")
    test = _test(component, sample)
    whole = np.asarray(model.embed(test))
    require(whole.ndim == 2 and len(whole) == len(TEST), f"embed returned shape {whole.shape}")
    require(np.isfinite(whole).all(), "an embedding is not finite")
    require(np.ptp(whole, axis=0).max() > 0, "all rows have the same embedding")
    require_close(
        model.embed(test.take([3])), whole[[3]], "the embedding of a row alone", size=whole
    )


def check_graph_representation_does_not_matter(component: Component, sample: Sample) -> None:
    """Sites listed in another order, or a doubled cell, leave a prediction per atom as it is."""
    applies(sample.form(component) == "graphs", "it takes vectors")
    model = _fitted(component, sample)
    crystals = sample.materials().take(TEST)
    wanted = model.predict(_test(component, sample))
    shuffled = toy_graphs(reordered_sites(crystals, site_order(crystals)))
    require_close(model.predict(shuffled), wanted, "sites in another order", tolerance=1e-4)
    doubled = toy_graphs(supercell(crystals))
    require_close(model.predict(doubled), wanted, "a doubled cell", tolerance=1e-4)


def check_orientation_does_not_matter(component: Component, sample: Sample) -> None:
    """A crystal that is turned or mirrored keeps its prediction, whatever its edges' vectors.

    Targets are scalars, and a file's choice of axes says nothing of the crystal: a model that reads
    vectors in fixed axes would learn that choice.
    """
    test = _test(component, sample)
    applies(isinstance(test, Graphs), "it takes vectors, not graphs")
    if not isinstance(test, Graphs) or test.vector is None:
        return
    model = _fitted(component, sample)
    wanted = model.predict(test)
    turn = rotation_matrix()
    for name, matrix in (("turned", turn), ("mirrored", -np.eye(3)), ("both", -turn @ turn)):
        vector = (test.vector @ matrix.T).astype(np.float32)
        found = model.predict(replace(test, vector=vector))
        require_close(found, wanted, f"crystals {name}")


def check_leaves_are_row_wise(component: Component, sample: Sample) -> None:
    """``leaves`` returns (n, k) whole numbers that depend on each row alone."""
    model = _capable(component, sample, "model:leaves")
    test = _test(component, sample)
    whole = np.asarray(model.leaves(test))
    require(whole.ndim == 2 and len(whole) == len(TEST), f"leaves returned shape {whole.shape}")
    require(np.issubdtype(whole.dtype, np.integer), f"leaves are {whole.dtype}, no whole numbers")
    require(np.ptp(whole, axis=0).max() > 0, "all rows lie in the same leaves")
    require(np.array_equal(model.leaves(test.take([3])), whole[[3]]), "a row alone lies elsewhere")


def check_bags_are_drawn_from_the_training_rows(component: Component, sample: Sample) -> None:
    """``inbag`` returns one row a member: whole counts >= 0 that sum to the training rows."""
    model = _capable(component, sample, "model:inbag")
    counts = np.asarray(model.inbag())
    members = len(model.members(_test(component, sample)))
    require(counts.shape == (members, len(TRAIN)), f"inbag returned shape {counts.shape}")
    require(np.issubdtype(counts.dtype, np.integer), f"counts are {counts.dtype}")
    require((counts >= 0).all(), "a count is negative")
    require((counts.sum(axis=1) == len(TRAIN)).all(), "a member drew another number of rows")
    require(len(np.unique(counts, axis=0)) > 1, "all members drew the same rows")


def check_quantiles_rise_with_their_level(component: Component, sample: Sample) -> None:
    """``quantiles`` returns (l, n) finite values that never fall as the level rises."""
    model = _capable(component, sample, "model:quantiles")
    test, levels = _test(component, sample), np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    found = np.asarray(model.quantiles(test, levels))
    require(found.shape == (5, len(TEST)), f"quantiles returned shape {found.shape}")
    require(np.isfinite(found).all(), "a quantile is not finite")
    require((np.diff(found, axis=0) >= 0).all(), "a quantile lies below one of a lower level")
    require(np.ptp(found, axis=0).max() > 0, "all quantiles of a row are the same")
    alone = model.quantiles(test.take([3]), levels)
    require_close(alone, found[:, [3]], "quantiles of a row alone", size=found)


def check_snapshots_average_to_the_prediction(component: Component, sample: Sample) -> None:
    """The mean over the snapshots is the model's prediction, and they do differ."""
    model = _capable(component, sample, "model:snapshots")
    test = _test(component, sample)
    found = np.asarray(model.snapshots(test))
    require(found.ndim == 2 and found.shape[1] == len(TEST), f"snapshots: {found.shape}")
    require(len(found) >= 2, "one snapshot has no spread")
    require_close(found.mean(axis=0), model.predict(test), "the mean of the snapshots")
    require(found.std(axis=0).max() > 0, "all snapshots predict the same")


def check_saved_and_loaded_it_predicts_alike(component: Component, sample: Sample) -> None:
    """A fitted model comes back from a file without pickle, and predicts the same bytes.

    What screens candidates next month, or elsewhere, is the model that was judged.
    """
    model, test = _fitted(component, sample), _test(component, sample)
    again = saved_and_loaded(component, model)
    gives = component.provides_of(sample.config)
    require_same_bytes(_said(model, test, gives), _said(again, test, gives))


def _said(model: Any, rows: Features, gives: Collection[str]) -> dict[str, npt.NDArray[Any] | None]:
    """Return what a model says of rows in every way that it can."""
    found: dict[str, npt.NDArray[Any] | None] = {"predict": np.asarray(model.predict(rows))}
    if isinstance(model, HasMembers):
        found["members"] = model.members(rows)
    if isinstance(model, HasVariance):
        found["epistemic"], found["aleatoric"] = model.predict_std(rows)
    if isinstance(model, HasDropout):
        found["sample"] = model.sample(rows, 3, 1)
    if isinstance(model, HasEmbedding):
        found["embed"] = model.embed(rows)
    if isinstance(model, HasLeaves):
        found["leaves"] = model.leaves(rows)
    if isinstance(model, HasQuantiles):
        found["quantiles"] = model.quantiles(rows, np.array([0.1, 0.5, 0.9]))
    if "model:inbag" in gives:
        found["inbag"] = model.inbag()
    if "model:snapshots" in gives:
        found["snapshots"] = model.snapshots(rows)
    return found
