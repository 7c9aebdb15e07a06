"""What a loop seeks: low or high targets, or what lies at or below a reference's border. Light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_core.arrays import F8, I8, Bool
from atlas_core.engine.decide import Decider
from atlas_core.kinds.acquisition import Goal, top_size
from atlas_core.kinds.prediction import Prediction
from atlas_core.materials import Materials

NEVER = 1e3
"""What has no border is put so far above one, in the target's unit: it is chosen last."""


@dataclass(frozen=True, eq=False)
class Sought:
    """What a loop seeks among all n materials.

    Attributes:
        goal: as an acquisition is told it.
        decider: draws the border that is to be met; None: the target itself is sought.
        materials: n.
    """

    goal: Goal
    decider: Decider | None
    materials: Materials

    @property
    def sign(self) -> float:
        """Return 1 where high values are sought, else -1."""
        return 1.0 if self.goal == "maximize" else -1.0

    @property
    def found(self) -> str:
        """Return the column of rounds that tells which share of what is sought was labeled."""
        return "top1_found" if self.decider is None else "finds_found"

    def border(self, rows: I8, known: F8) -> F8:
        """Return what rows are held against, as far as (n,) known targets tell; 0 without one."""
        if self.decider is None:
            return np.zeros(len(rows))
        there = np.flatnonzero(np.isfinite(known))
        value = self.decider.draw(
            self.materials.take(rows), self.materials.take(there), known[there]
        ).value
        return np.where(np.isfinite(value), value, -NEVER)

    def borders(self, rows: I8, known: F8) -> F8:
        """Return (n,) what all materials are held against: of rows, and of those with a target.

        It is NaN elsewhere: nobody asks there.
        """
        found = np.full(len(known), np.nan)
        some = np.union1d(rows, np.flatnonzero(np.isfinite(known)))
        found[some] = self.border(some, known)
        return found

    def cost(self, rows: I8, power: float) -> F8 | None:
        """Return (n,) what labels of rows cost, of the mean material 1; None: all the same."""
        if power == 0:
            return None
        atoms = np.add.reduceat(self.materials.amounts, self.materials.offsets[:-1])
        cost = atoms**power
        return np.asarray(cost[rows] / cost.mean())

    def held_against(self, said: Prediction, border: F8) -> Prediction:
        """Return predictions of how far the value lies above its border."""
        if self.decider is None:
            return said
        parts = {name: getattr(said, name) for name in ("mean", "samples", "lower", "upper")}
        return said.replace(**{k: v - border for k, v in parts.items() if v is not None})

    def finds(self, candidates: I8, target: F8) -> I8:
        """Return the candidates that are to be found.

        Args:
            candidates: rows.
            target: (n,) every true value: the host's, which no component sees.
        """
        if self.decider is not None:
            return candidates[self.meets(candidates, target)]
        order = np.argsort(-self.sign * target[candidates], kind="stable")
        return candidates[order][: top_size(len(candidates))]

    def meets(self, rows: I8, target: F8) -> Bool:
        """Return (n,) whether true values lie at or below the border that all others draw."""
        return np.asarray(target[rows] <= self.border(rows, target))
