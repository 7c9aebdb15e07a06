"""What a fitted arm knows of n materials beside a target: the one view that judges get. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8
from atlas_core.errors import ContractError
from atlas_core.kinds.featurizer import Features
from atlas_core.materials import Materials


@dataclass(frozen=True, eq=False)
class Inputs:
    """Show a calibrator, a detector or a trust method n materials; never a target.

    Attributes:
        materials: the n materials.
        features: what the arm's featurizer made of them; of graphs only where the component
            needs ``features:graphs`` or ``refit``.
        embedding: (n, d) what the arm's trained model made of them; None unless the component
            needs ``model:embedding``.
        std: (n,) the total sigma of the arm's predictions, as yet uncalibrated, in the target's
            unit; None unless the component needs ``epistemic``.
        leaves: (n, k) the leaf of each of k trees that a row falls into; None unless the
            component needs ``model:leaves``.
        columns: metadata by name, (n,) each; candidates may lack what the data set had.
        structures: whether the arm's featurizer reads cells and sites, not only compositions.
    """

    materials: Materials
    features: Features | None = None
    embedding: F8 | None = None
    std: F8 | None = None
    leaves: I8 | None = None
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    structures: bool = False

    def __post_init__(self) -> None:
        n = len(self.materials)
        for name in ("features", "embedding", "std", "leaves"):
            value = getattr(self, name)
            if value is not None and len(value) != n:
                raise ContractError(f"inputs: {len(value)} rows of {name} for {n} materials")

    def __len__(self) -> int:
        return len(self.materials)

    def take(self, indices: npt.ArrayLike) -> Inputs:
        """Return the rows at ``indices``, in that order."""
        i = np.asarray(indices, dtype=np.int64)
        return Inputs(
            materials=self.materials.take(i),
            features=None if self.features is None else self.features.take(i),
            embedding=None if self.embedding is None else self.embedding[i],
            std=None if self.std is None else self.std[i],
            leaves=None if self.leaves is None else self.leaves[i],
            columns={name: values[i] for name, values in self.columns.items()},
            structures=self.structures,
        )
