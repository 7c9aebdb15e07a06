"""How likely each row is what a loop seeks, learned from decisions on labeled rows. Light."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from atlas_core.arrays import F8, I8, Str
from atlas_core.context import FitContext, derive_seed
from atlas_core.engine.arm import Arm, FittedArm
from atlas_core.engine.notes import Heard, Notes
from atlas_core.engine.view import ArmData

FOLDS = 5
"""Parts of the labeled rows, each of which shows how far the models of the others hold."""
SUREST = 0.01
"""No model's own answer counts as surer than this."""


def learned_probability(
    arm: Arm, data: ArmData, border: F8, asked: I8, context: FitContext, *, notes: Notes, step: str
) -> tuple[F8, Heard]:
    """Return (n,) how likely each row is to lie at or below its border, and what was heard.

    The arm's model is trained on the decision itself: 1 for a labeled row at or below its border, 0
    for one above. That asks less of it than the value does: materials that somebody computed lie
    near the border, and an error that is small for the value is large for the side. It is trained
    without each fifth of the labeled rows in turn; what these show makes a probability of its
    answers (Platt 1999), whose mean over the five is returned.

    Args:
        arm: whose model and uncertainty method are trained.
        data: of all materials, with the targets that are known.
        border: (m,) of all materials; read where a target is known.
        asked: n rows.
        context: of the round.
        notes: keep the time that it took.
        step: name of the stage.
    """
    rows = np.flatnonzero(np.isfinite(data.known))
    decided = np.full(len(data.known), np.nan)
    decided[rows] = data.known[rows] <= border[rows]
    heard = Heard()
    if min(decided[rows].sum(), (1 - decided[rows]).sum()) < FOLDS:  # too few to tell them apart
        return np.full(len(asked), decided[rows].mean()), heard
    seen = replace(data, known=decided, bounds=(0.0, 1.0))
    apart = replace(notes, records=[])  # records are of the fit that is scored
    inside, outside = np.zeros(len(rows)), np.zeros((FOLDS, len(asked)))
    for fold, left in enumerate(_folds(rows, decided[rows], data.every.ids[rows], context.seed)):
        # a folder is the other fit's, whose checkpoints are of other targets
        seed = derive_seed(context.seed, "decision", fold)
        own = replace(context, seed=seed, directory=None)
        train = np.setdiff1d(rows, rows[left])
        fitted = FittedArm.of_training(arm, seen, train, own, notes=apart, step=step)
        inside[left] = _odds(fitted.view(seen, rows[left]).prediction.mean)
        outside[fold] = _odds(fitted.view(seen, asked).prediction.mean)
        heard.add(fitted.trained.heard)
    slope, start = platt(inside, decided[rows])
    likely = (1.0 / (1.0 + np.exp(-slope * outside - start))).mean(axis=0)
    return np.asarray(likely, dtype=np.float64), heard


def _folds(rows: I8, decided: F8, ids: Str, seed: int) -> Iterator[I8]:
    """Yield places of a fifth of the rows each, as many of either side in each; chance by id."""
    number = np.random.default_rng(derive_seed(seed, "folds")).random(len(rows))
    by_id = np.empty(len(rows))
    by_id[np.argsort(ids, kind="stable")] = number
    order = np.lexsort((by_id, decided))
    for fold in range(FOLDS):
        yield np.sort(order[fold::FOLDS])


def _odds(answer: F8) -> F8:
    """Return (n,) log odds of answers between 0 and 1."""
    p = np.clip(answer, SUREST, 1.0 - SUREST)
    return np.asarray(np.log(p / (1.0 - p)), dtype=np.float64)


def platt(score: F8, true: F8) -> tuple[float, float]:
    """Return slope, >= 0, and start of the logistic curve of a score (Platt 1999, section 2.2).

    Args:
        score: (n,) on rows that it was not trained on.
        true: (n,) 1 or 0, some of each.
    """
    ones = true.sum()
    wanted = np.where(true > 0, (ones + 1) / (ones + 2), 1 / (len(true) - ones + 2))
    share = wanted.mean()
    level = float(np.log(share / (1 - share)))
    slope, start = 0.0, level
    columns = np.stack([score, np.ones(len(score))], axis=1)
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-slope * score - start))
        bend = (columns * (p * (1 - p))[:, None]).T @ columns + 1e-9 * np.eye(2)
        step = np.linalg.solve(bend, columns.T @ (wanted - p))
        slope, start = slope + float(step[0]), start + float(step[1])
        if np.abs(step).max() < 1e-10:
            break
    return (slope, start) if slope > 0 and np.isfinite(start) else (0.0, level)
