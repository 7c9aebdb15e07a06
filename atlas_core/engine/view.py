"""What an arm may see of the data, and of some rows of it. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from atlas_core.arrays import F8, I8, Str
from atlas_core.engine.trained import Trained
from atlas_core.errors import ContractError
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.featurizer import Features, Graphs
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction


@dataclass(frozen=True, eq=False)
class ArmData:
    """What an arm may see of n materials: all of them, the targets of some.

    Attributes:
        every: all n materials, without a feature.
        features: of all n materials, by this arm's featurizer.
        known: (n,) target of train and calibration rows; NaN everywhere else.
        task: ``regression`` or ``binary``.
        formulas: (n,) as their source writes them, or else as chemists do.
        bounds: of the target (``Dataset.bounds``); intervals are cut there.
    """

    every: Inputs
    features: Features
    known: F8
    task: Task
    formulas: Str
    bounds: tuple[float, float] | None = None

    def targets(self, rows: I8) -> F8:
        """Return the targets of train and calibration rows.

        Raises:
            ContractError: a row of another part was asked for.
        """
        target = self.known[rows]
        if np.isnan(target).any():
            raise ContractError("a hidden target was asked for")
        return target


def seen_by(every: Inputs, requires: frozenset[str]) -> Inputs:
    """Return materials as an arm may see them: volumes only where its featurizer reads cells.

    Args:
        every: the materials.
        requires: what the featurizer requires.
    """
    return every if "inputs:structure" in requires else replace(every, volume=None)


class View:
    """Some rows of the data, and what a trained predictor says of them, asked once each.

    Attributes:
        data: of all n materials.
        rows: places in the data.
        trained: is asked.
        score: of a detector, where that of another fit stands in its place.
    """

    score: OODScore | None = None

    def __init__(self, data: ArmData, rows: I8, trained: Trained) -> None:
        """Look at rows.

        Args:
            data: of all n materials.
            rows: places in the data.
            trained: is asked.
        """
        self.data, self.rows, self.trained = data, rows, trained

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def plain(self) -> Inputs:
        """Return the rows without what was made of them."""
        return self.data.every.take(self.rows)

    @cached_property
    def prediction(self) -> Prediction:
        """Return the predictions, as yet uncalibrated; of no row without asking."""
        if not len(self.rows):
            return Prediction(np.zeros(0), np.zeros(0))
        return self.trained.predict(self.data.features, self.rows)

    @cached_property
    def embedding(self) -> F8:
        """Return (n, d) the trained model's representation."""
        return self.trained.embed(self.data.features, self.rows)

    @cached_property
    def leaves(self) -> I8:
        """Return (n, k) the leaf of each of the model's trees."""
        return self.trained.leaves(self.data.features, self.rows)

    @property
    def targets(self) -> F8:
        """Return the (n,) targets.

        Raises:
            ContractError: one of them is hidden.
        """
        return self.data.targets(self.rows)

    def inputs(self, requires: frozenset[str]) -> Inputs:
        """Return what a component sees that requires this: no target, and only what it needs."""
        data = self.data
        # who trains the arm's model anew predicts with it, too
        graphs = isinstance(data.features, Graphs) and not requires & {"features:graphs", "refit"}
        return replace(
            self.plain,
            features=None if graphs else data.features.take(self.rows),
            embedding=self.embedding if "model:embedding" in requires else None,
            std=self._std() if "epistemic" in requires and len(self.rows) else None,
            leaves=self.leaves if "model:leaves" in requires else None,
        )

    def _std(self) -> F8:
        if self.prediction.std is None:
            raise ContractError("a component needs sigma, but the predictions carry none")
        return self.prediction.std
