"""What an out-of-distribution detector promises. Light."""

from __future__ import annotations

import numpy as np

from atlas_core.arrays import I8
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import Detector, OODScore
from atlas_core.kinds.reason import texts
from atlas_core.testing.checks import shared
from atlas_core.testing.checks.shared import Arrays, Case, returned, used
from atlas_core.testing.outcome import require
from atlas_core.testing.samples import Sample, far_materials, toy_compounds, toy_inputs

SHARED = shared.ROWWISE
TRAIN, CALIBRATION, NEAR = np.arange(120), np.arange(120, 180), np.arange(180, 240)
NOTHING = np.zeros(0, dtype=np.int64)


def _rows(sample: Sample, rows: I8) -> Inputs:
    compounds = sample.once("compounds", toy_compounds)
    return toy_inputs(compounds.take(rows), sample.requires)


def given(sample: Sample, calibration: I8 = CALIBRATION) -> tuple[Inputs, Inputs]:
    """Return training and calibration rows."""
    return _rows(sample, TRAIN), _rows(sample, calibration)


def make(sample: Sample, rows: tuple[Inputs, Inputs]) -> list[Case]:
    """Return near and far rows with the detector that was fitted."""
    detector = returned(sample.build().fit(*rows, sample.context()), Detector, "fit")
    near, far = _rows(sample, NEAR), toy_inputs(far_materials(), sample.requires)
    return [Case("near", detector, near, _ask), Case("far", detector, far, _ask)]


def _ask(detector: Detector, rows: Inputs) -> Arrays:
    found = returned(detector.score(rows), OODScore, "score")
    require(len(found.score) == len(rows), f"{len(rows)} rows gave {len(found.score)} scores")
    reasons = texts(found.reasons, len(rows))
    return {"score": found.score, "threshold": np.array(found.threshold), "reasons": reasons}


def _flagged(case: Case) -> float:
    """Return the share of rows that stand above the threshold."""
    return float((case.whole["score"] > case.whole["threshold"]).mean())


def check_far_scores_above_near(sample: Sample) -> None:
    """Alkali halides score above oxides and sulfides of metals, the only things it has seen."""
    near, far = (case.whole["score"] for case in used(sample).made)
    above, level = far[:, None] > near, far[:, None] == near
    auroc = float(above.mean() + 0.5 * level.mean())
    require(auroc >= 0.9, f"AUROC of far against near materials is {auroc:.2f}, below 0.9")


def check_far_materials_are_flagged(sample: Sample) -> None:
    """Most materials of an unknown class stand above the threshold: that is what it is for."""
    share = _flagged(used(sample).made[1])
    require(share >= 0.5, f"only {share:.0%} of far materials are flagged")


def check_few_near_materials_are_flagged(sample: Sample) -> None:
    """At most 15 % of in-domain rows are flagged: a detector that cries wolf is switched off."""
    share = _flagged(used(sample).made[0])
    require(share <= 0.15, f"{share:.0%} of in-domain materials are flagged, more than 15 %")


def check_works_without_calibration_rows(sample: Sample) -> None:
    """Some splits keep no calibration rows: then the threshold comes from the training rows."""
    near, far = map(_flagged, make(sample, given(sample, NOTHING)))
    require(far > near, "far materials are not flagged more often")


def check_nothing_to_score(sample: Sample) -> None:
    """No rows give no scores, not an error: a split may have no held-out rows."""
    used(sample).made[0].answer(NOTHING)
