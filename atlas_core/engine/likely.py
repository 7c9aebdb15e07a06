"""How likely each row is what a loop seeks, learned from decisions on labeled rows. Light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atlas_core.arrays import F8, I8
from atlas_core.context import FitContext, derive_seed
from atlas_core.engine.arm import Arm, FittedArm
from atlas_core.engine.notes import Notes
from atlas_core.engine.view import ArmData


def learned_probability(
    arm: Arm, data: ArmData, border: F8, asked: I8, context: FitContext, *, notes: Notes, step: str
) -> F8:
    """Return (n,) how likely each row is to lie at or below its border.

    The arm's model is trained on the decision itself: 1 for a labeled row at or below its border, 0
    for one above. That asks less of it than the value does: materials that somebody computed lie
    near the border, and an error in the value that is small for the value is large for the side.

    Args:
        arm: whose model and uncertainty method are trained.
        data: of all materials, with the targets that are known.
        border: (m,) of all materials; read where a target is known and a border is finite.
        asked: n rows.
        context: of the round.
        notes: collect what the fit leaves.
        step: name of the stage.
    """
    rows = np.flatnonzero(np.isfinite(data.known) & np.isfinite(border))
    decided = np.full(len(data.known), np.nan)
    decided[rows] = data.known[rows] <= border[rows]
    if len(np.unique(decided[rows])) < 2:  # nothing tells them apart so far
        return np.full(len(asked), decided[rows].mean() if len(rows) else 0.5)
    # a folder is the other fit's, whose checkpoints are of other targets
    own = replace(context, seed=derive_seed(context.seed, "decision"), directory=None)
    seen = replace(data, known=decided, bounds=(0.0, 1.0))
    fitted = FittedArm.of_training(arm, seen, rows, own, notes=notes, step=step)
    likely = np.clip(fitted.view(seen, asked).prediction.mean, 0.0, 1.0)
    return np.asarray(np.where(np.isfinite(border[asked]), likely, 0.0), dtype=np.float64)
