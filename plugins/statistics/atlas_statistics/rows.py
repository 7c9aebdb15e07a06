"""Rows of predictions that are compared: those of one fold, and those that say something.

A row that is held out in one fold may be in-domain in the next, and each fold has a detector and a
scale of its own: scores of two folds are never ranked together. Light: numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from atlas_core.api import F8, Predictions, Str, derive_seed
from atlas_statistics import bootstrap

SAME = 1e-9
"""Share of the spread of values below which two of them differ by rounding only."""


SIDES = ("test", "ood_test")


def without_empty_sigma(rows: Predictions) -> Predictions:
    """Take a sigma that is 0 for every row of an arm for none: it says nothing to be scored.

    What is 0 but for rounding beside the spread of the targets is 0.
    """
    stated = np.isfinite(rows.std)
    if stated.any() and (rows.std[stated] <= SAME * rows.target.std()).all():
        return replace(rows, std=np.full(len(rows.std), np.nan))
    return rows


@dataclass(frozen=True, eq=False)
class Fold:
    """The test rows of a fold, and below them its held-out rows."""

    name: str
    rows: Predictions
    seed: int

    @property
    def held_out(self) -> F8:
        """Return (n,) 1 for a held-out row."""
        return np.asarray(self.rows.parts == SIDES[1], dtype=np.float64)

    def ids(self, side: int) -> Str:
        """Return the ids of the test rows (0) or of the held-out rows (1)."""
        return np.asarray(self.rows.ids[self.held_out == side])

    @property
    def smaller(self) -> int:
        """Return the materials of the smaller side."""
        return min(len(np.unique(self.ids(side))) for side in (0, 1))

    def counts(self) -> Iterator[F8]:
        """Yield blocks of (b, n) counts, test and held-out rows resampled apart."""
        sides = [
            np.concatenate(
                list(
                    bootstrap.resample(
                        bootstrap.numbered(self.ids(k)),
                        resamples=bootstrap.RANK_RESAMPLES,
                        seed=derive_seed(self.seed, side),
                    )
                )
            )
            for k, side in enumerate(SIDES)
        ]
        block = max(1, bootstrap.BLOCK // len(self.rows))
        for start in range(0, bootstrap.RANK_RESAMPLES, block):
            yield np.concatenate([own[start : start + block] for own in sides], axis=1)


def folds_of(rows: Predictions, seed: int) -> list[Fold]:
    """Return the test and held-out rows of each fold that has both.

    Args:
        rows: of these parts, and maybe of others.
        seed: of the resampling; each of several folds gets one of its own.
    """
    each = {}
    for name in dict.fromkeys(rows.fold.tolist()):
        sides = [rows.take((rows.fold == name) & (rows.parts == side)) for side in SIDES]
        if all(map(len, sides)):
            each[name] = Predictions.stacked(sides)
    seeds = {n: derive_seed(seed, "fold", n) if len(each) > 1 else seed for n in each}
    return [Fold(name, own, seeds[name]) for name, own in each.items()]
