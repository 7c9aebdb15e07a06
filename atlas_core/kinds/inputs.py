"""What a fitted arm knows of n materials beside a target: the one view that judges get. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.errors import ContractError
from atlas_core.kinds.featurizer import Features
from atlas_core.materials import Materials


@dataclass(frozen=True, eq=False)
class Inputs:
    """Show a calibrator, a detector or a trust method n materials; never a target.

    Attributes:
        ids: (n,) of the materials.
        formulas: (n,) canonical: one composition has one, a key for grouping.
        fractions: (n, 118) atomic fractions; column z - 1 belongs to atomic number z.
        volume: (n,) volume per atom in Angstrom^3; None unless the arm's featurizer reads cells
            and sites, not only compositions.
        features: what the arm's featurizer made of them; of graphs only where the component
            needs ``features:graphs`` or ``refit``.
        embedding: (n, d) what the arm's trained model made of them; None unless the component
            needs ``model:embedding``.
        std: (n,) the total sigma of the arm's predictions, as yet uncalibrated, in the target's
            unit; None unless the component needs ``epistemic``.
        leaves: (n, k) the leaf of each of k trees that a row falls into; None unless the
            component needs ``model:leaves``.
        columns: metadata by name, (n,) each; candidates may lack what the data set had.
    """

    ids: Str
    formulas: Str
    fractions: F8
    volume: F8 | None = None
    features: Features | None = None
    embedding: F8 | None = None
    std: F8 | None = None
    leaves: I8 | None = None
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name != "columns" and value is not None and len(value) != len(self.ids):
                raise ContractError(
                    f"inputs: {len(value)} rows of {one.name} for {len(self.ids)} materials"
                )

    @classmethod
    def of(
        cls,
        materials: Materials,
        features: Features | None = None,
        *,
        structures: bool = False,
        embedding: F8 | None = None,
        std: F8 | None = None,
        leaves: I8 | None = None,
        columns: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> Inputs:
        """Return what is known of n materials; ``structures``: cells and sites are read."""
        return cls(
            ids=materials.ids,
            formulas=np.asarray(materials.formulas(), dtype=np.str_),
            fractions=materials.element_fractions(),
            volume=materials.volumes() if structures else None,
            features=features,
            embedding=embedding,
            std=std,
            leaves=leaves,
            columns=columns or {},
        )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indices: npt.ArrayLike) -> Inputs:
        """Return the rows at ``indices``, in that order."""
        i = np.asarray(indices, dtype=np.int64)
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        rows = {
            name: value.take(i) if name == "features" else value[i]
            for name, value in known.items()
            if name != "columns" and value is not None
        }
        return replace(self, **rows, columns={name: v[i] for name, v in self.columns.items()})
