"""With ``final: true`` each arm is fitted once more on all rows, calibrated by cross-fitting.

An evaluation withholds rows, so its fits know less than the data set does. The final fit knows all
of it; nothing is left to measure it on, and what is known of its errors are those of the
evaluation, measured on fits with fewer rows. `atlas predict`, `atlas screen` and `Run.arm` take it
where it is kept, and say so; `--fold` names a fit of the evaluation instead. The evaluation is the
same to the byte with it or without it. The run folder keeps it as the fit of a fold named
`all rows`.

Its intervals and trust region are learned from out-of-fold predictions. The compositions of the
data set are dealt into five folds, each row is predicted by a fit on the other four, and the
calibrator and the trust method are given these predictions as calibration rows; the trust method's
nested leave-group-out starts from all rows. The error of a fit on its own training rows enters
nowhere. Since each of the five learned from four fifths of the rows, intervals are, if anything, a
little wide; they hold for materials like those of the data set. A calibrator that trains by itself
(`cross_conformal`) does so on all rows. A detector sets its threshold by the training rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from atlas_core.arrays import I8, Str
from atlas_core.context import FitContext, Notify, derive_seed
from atlas_core.engine.arm import FittedArm
from atlas_core.engine.fits import FitCache
from atlas_core.engine.job import Job, JobResult
from atlas_core.engine.nested import learn_trust
from atlas_core.engine.notes import Heard, Notes, quiet
from atlas_core.engine.view import View
from atlas_core.errors import DataError
from atlas_core.kinds.dataset import Dataset
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.split import Split
from atlas_core.printing import counted

FINAL = "all rows"
"""What stands in place of a fold's name."""
FOLDS = 5
"""Fits that each leave a fifth of the compositions out, to calibrate with."""
_NONE = np.zeros(0, dtype=np.int64)


def run_final(job: Job, fits: FitCache, notify: Notify) -> JobResult:
    """Fit an arm on every row of its data, and keep the fit.

    Raises:
        AtlasError: a component failed; the line names the arm and the component.
    """
    notes, heard = job.notes(notify), Heard()
    context = job.context("final", notes)
    with quiet() as caught:
        fitted = FittedArm.of_training(
            job.arm, job.data, job.split.train, context, notes=notes, fits=fits, step="final fit"
        )
        with fitted.left_behind(notes):
            if _needs_predictions(fitted):
                aside: View = out_of_fold(fitted, context, notes=notes, fits=fits, heard=heard)
            else:
                aside = fitted.view(job.data, _NONE)
            fitted.calibrate(aside, context, notes)
            fitted.detect(fitted.view(job.data, _NONE), context, notes)
            if job.trust is not None:
                heard.add(learn_trust(fitted, job.trust, context, notes=notes, fits=fits))
            if job.keep is not None:
                fitted.save(job.keep, notes)
    heard.listen(caught)
    heard.add(fitted.trained.heard)
    for text in sorted(heard.said):
        notes.say(f"warning: {text}")
    # what is recorded of the evaluation stands for itself
    nothing = fitted.table(fitted.ask(job.data, _NONE), "")
    return JobResult(nothing, [], notes.stages)


class AllRows(Split):
    """The fold that withholds nothing, so that nothing is left to test on."""

    def __post_init__(self) -> None:
        """Take every row."""


def all_rows(n: int) -> Split:
    """Return the fold of a final fit on n rows."""
    return AllRows(name=FINAL, train=np.arange(n, dtype=np.int64))


def about_final(dataset: Dataset) -> dict[str, Any]:
    """Return what the manifest says of final fits."""
    return {"fold": FINAL, "rows": len(dataset), "cross_fits": FOLDS}


def remark(rows: int) -> str:
    """Return what is said wherever a final fit is used."""
    return (
        f"fitted on all {counted(rows, 'row')} of the data set; its errors are those of the"
        " evaluation, measured on fits with fewer rows"
    )


def _needs_predictions(fitted: FittedArm) -> bool:
    """Return whether anything learns from predictions of rows that were not trained on."""
    calibrator = fitted.arm.components.get("calibrator")
    trains = calibrator is None or "refit" in calibrator.requires
    return not trains or "trust" in fitted.arm.components


class CrossFitted(View):
    """The training rows of a fit, as fits without their compositions predicted them.

    What the model makes of a row (embedding, leaves) is the final model's: those of the others lie
    in spaces of their own.
    """

    def __init__(self, train: View, prediction: Prediction, score: OODScore | None) -> None:
        """Hold what the other fits say of the rows of ``train``."""
        super().__init__(train.data, train.rows, train.trained)
        self.prediction, self.score = prediction, score


def out_of_fold(
    fitted: FittedArm, context: FitContext, *, notes: Notes, fits: FitCache | None, heard: Heard
) -> CrossFitted:
    """Return the training rows, each predicted by a fit that saw no row of its composition.

    Args:
        fitted: what is calibrated.
        context: of its fit.
        notes: collect what takes how long.
        fits: what earlier fits answered.
        heard: takes what the other fits warned of.

    Raises:
        DataError: there is only one composition.
    """
    train, arm = fitted.train, fitted.arm
    fold = _folds(train.plain.formulas, context.seed)
    trust = "trust" in arm.components
    own = replace(notes, records=[])
    rows, said, scored = [], [], []
    for number in range(fold.max() + 1):
        step = f"cross-fit {number + 1}"
        notes.step(f"{step} of {fold.max() + 1}")
        at = None if context.directory is None else context.directory.parent / step
        there = replace(context, seed=derive_seed(context.seed, "cross-fit", number), directory=at)
        part = FittedArm.of_training(
            arm,
            train.data,
            train.rows[fold != number],
            there,
            notes=own,
            fits=fits,
            step=step,
        )
        if trust:
            part.detect(part.view(train.data, _NONE), there, own)
        rows.append(np.flatnonzero(fold == number))
        seen = part.view(train.data, train.rows[rows[-1]])
        said.append(seen.prediction)
        scored.append(part.score(seen))
        heard.said |= {f"in a cross-fit: {text}" for text in part.trained.heard.said}
    order = np.argsort(np.concatenate(rows))
    return CrossFitted(train, joined(said).take(order), _scores(scored, order))


def _folds(formulas: Str, seed: int) -> I8:
    """Return (n,) the fold of each row, from 0; all rows of a composition share one."""
    found, group = np.unique(formulas, return_inverse=True)
    if len(found) < 2:
        raise DataError(f"final: all rows are {found[0]}, so nothing is left to calibrate with")
    count = min(FOLDS, len(found))
    fold = np.random.default_rng(derive_seed(seed, "folds")).permutation(len(found)) % count
    return np.asarray(fold[group], dtype=np.int64)


def joined(parts: Sequence[Prediction]) -> Prediction:
    """Return predictions of the rows of the first, then of the second, and so on.

    What only some of them give is left out.
    """
    names = ["epistemic", "aleatoric", "lower", "upper"]
    if len({None if part.samples is None else len(part.samples) for part in parts}) == 1:
        names.append("samples")
    given = {name: [getattr(part, name) for part in parts] for name in names}
    found = {
        name: np.concatenate(values, axis=-1)
        for name, values in given.items()
        if all(one is not None for one in values)
    }
    levels = parts[0].levels if "lower" in found else None
    return Prediction(np.concatenate([part.mean for part in parts]), levels=levels, **found)


def _scores(parts: Sequence[OODScore | None], order: I8) -> OODScore | None:
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    threshold = float(np.median([part.threshold for part in known]))
    return OODScore(np.concatenate([part.score for part in known])[order], threshold)
