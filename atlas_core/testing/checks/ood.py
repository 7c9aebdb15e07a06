"""What an out-of-distribution detector promises. Light."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.component import Component
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import Detector, OODScore
from atlas_core.kinds.reason import texts
from atlas_core.materials import Materials
from atlas_core.testing.outcome import require, require_close
from atlas_core.testing.samples import Sample, far_materials, toy_compounds, toy_vectors
from atlas_core.testing.saved import require_same_bytes, saved_and_loaded

TRAIN, CALIBRATION, NEAR = np.arange(120), np.arange(120, 180), np.arange(180, 240)
NOTHING = np.zeros(0, dtype=np.int64)
_PROJECTION = np.random.default_rng(4).normal(size=(12, 10))
"""What stands for a trained model's inner representation."""


def _input(component: Component, sample: Sample, materials: Materials) -> Inputs:
    vectors = toy_vectors(materials)
    needs = component.requires_of(sample.config)
    hidden = np.arcsinh(vectors.values) @ _PROJECTION
    return Inputs.of(
        materials,
        vectors,
        embedding=hidden if "model:embedding" in needs else None,
        std=_toy_std(hidden) if "epistemic" in needs else None,
        leaves=_toy_leaves(vectors.values) if "model:leaves" in needs else None,
        columns={"source": np.full(len(materials), "toy")},
    )


def _toy_std(hidden: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what stands for a committee's sigma: it grows away from the oxides and sulphides."""
    centre = np.arcsinh(toy_vectors(toy_compounds()).values).mean(axis=0) @ _PROJECTION
    return np.asarray(0.05 + 0.01 * np.linalg.norm(hidden - centre, axis=1), dtype=np.float64)


def _toy_leaves(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the leaves of 32 random trees of four cuts each."""
    rng = np.random.default_rng(11)
    reference = toy_vectors(toy_compounds()).values
    leaves = np.zeros((len(values), 32), dtype=np.int64)
    for tree in range(32):
        for power, column in enumerate(rng.integers(0, values.shape[1], 4)):
            cut = np.quantile(reference[:, column], rng.uniform(0.1, 0.9))
            leaves[:, tree] += (values[:, column] > cut).astype(np.int64) << power
    return leaves


def _rows(component: Component, sample: Sample, rows: npt.NDArray[np.int64]) -> Inputs:
    return _input(component, sample, sample.once("compounds", toy_compounds).take(rows))


def _far(component: Component, sample: Sample) -> Inputs:
    return _input(component, sample, far_materials())


def _fit(component: Component, sample: Sample, calibration: npt.NDArray[np.int64]) -> Detector:
    detector = component.build(sample.config).fit(
        _rows(component, sample, TRAIN), _rows(component, sample, calibration), 0
    )
    require(isinstance(detector, Detector), "fit returned no Detector")
    return detector  # type: ignore[no-any-return]


def _score(detector: Detector, rows: Inputs) -> OODScore:
    score = detector.score(rows)
    require(isinstance(score, OODScore), "score returned no OODScore")
    require(len(score.score) == len(rows), f"{len(rows)} rows gave {len(score.score)} scores")
    return score


def _fitted(component: Component, sample: Sample) -> Detector:
    return sample.once("detector", lambda: _fit(component, sample, CALIBRATION))


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return scores, threshold and reasons of a new fit, for comparing bytes."""
    score = _score(_fit(component, sample, CALIBRATION), _rows(component, sample, NEAR))
    return {
        "score": score.score,
        "threshold": np.array([score.threshold]),
        "reasons": texts(score.reasons, len(score.score)),
    }


def _auroc(near: npt.NDArray[Any], far: npt.NDArray[Any]) -> float:
    above = (far[:, None] > near[None, :]).mean() + 0.5 * (far[:, None] == near[None, :]).mean()
    return float(above)


def check_far_scores_above_near(component: Component, sample: Sample) -> None:
    """Alkali halides score above oxides and sulphides of metals, the only things it has seen."""
    detector = _fitted(component, sample)
    near = _score(detector, _rows(component, sample, NEAR)).score
    far = _score(detector, _far(component, sample)).score
    auroc = _auroc(near, far)
    require(auroc >= 0.9, f"AUROC of far against near materials is {auroc:.2f}, below 0.9")


def check_far_materials_are_flagged(component: Component, sample: Sample) -> None:
    """Most materials of an unknown class stand above the threshold: that is what it is for."""
    outside = _score(_fitted(component, sample), _far(component, sample)).outside
    require(outside.mean() >= 0.5, f"only {outside.mean():.0%} of far materials are flagged")


def check_few_near_materials_are_flagged(component: Component, sample: Sample) -> None:
    """At most 15 % of in-domain rows are flagged: a detector that cries wolf is switched off."""
    score = _score(_fitted(component, sample), _rows(component, sample, NEAR))
    share = float(score.outside.mean())
    require(share <= 0.15, f"{share:.0%} of in-domain materials are flagged, more than 15 %")


def check_works_without_calibration_rows(component: Component, sample: Sample) -> None:
    """Some splits keep no calibration rows: then the threshold comes from the training rows."""
    detector = _fit(component, sample, NOTHING)
    near = _score(detector, _rows(component, sample, NEAR))
    require(np.isfinite(near.threshold), "the threshold is not finite")
    far = _score(detector, _far(component, sample))
    require(far.outside.mean() > near.outside.mean(), "far materials are not flagged more often")


def check_order_is_kept(component: Component, sample: Sample) -> None:
    """Score i belongs to row i, in whatever order rows come."""
    detector = _fitted(component, sample)
    order = np.random.default_rng(1).permutation(NEAR)
    whole = _score(detector, _rows(component, sample, NEAR))
    shuffled = _score(detector, _rows(component, sample, order))
    require_close(shuffled.score, whole.score[order - NEAR[0]], "scores of shuffled rows")


def check_batch_of_one_equals_the_batch(component: Component, sample: Sample) -> None:
    """A score depends on its own row alone: not on what else is screened that day."""
    detector = _fitted(component, sample)
    whole = _score(detector, _rows(component, sample, NEAR))
    for row in (0, 31):
        alone = _score(detector, _rows(component, sample, NEAR[[row]]))
        require_close(
            alone.score, whole.score[[row]], f"the score of row {row} alone", size=whole.score
        )
        require(alone.threshold == whole.threshold, "the threshold depends on the rows scored")


def check_nothing_to_score(component: Component, sample: Sample) -> None:
    """No rows give no scores, not an error: a split may have no held-out rows."""
    require(
        len(_score(_fitted(component, sample), _rows(component, sample, NOTHING)).score) == 0,
        "no rows gave a score",
    )


def check_inputs_unchanged(component: Component, sample: Sample) -> None:
    """Materials and features are only read."""
    train, rest = _rows(component, sample, TRAIN), _rows(component, sample, CALIBRATION)

    def state() -> tuple[str, ...]:
        found = []
        for rows in (train, rest):
            found.append(rows.fractions.tobytes().hex())
            if rows.features is not None:
                found.append(rows.features.fingerprint)
            if rows.embedding is not None:
                found.append(rows.embedding.tobytes().hex())
        return tuple(found)

    before = state()
    component.build(sample.config).fit(train, rest, 0).score(rest)
    require(state() == before, "an input was changed")


def check_saved_and_loaded_it_scores_alike(component: Component, sample: Sample) -> None:
    """A detector comes back from a file without pickle, and gives the same scores and reasons."""
    detector = _fitted(component, sample)
    again = saved_and_loaded(component, detector)
    for rows in (_rows(component, sample, NEAR), _far(component, sample)):
        before, after = (_score(one, rows) for one in (detector, again))
        require(before.threshold == after.threshold, "saved and loaded, the threshold differs")
        require_same_bytes(
            {"score": before.score, "reasons": texts(before.reasons, len(rows))},
            {"score": after.score, "reasons": texts(after.reasons, len(rows))},
        )
