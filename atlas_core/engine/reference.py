"""The training materials of a fit, to be named beside a candidate. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.engine.view import View
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import Vectors
from atlas_core.materials import Materials
from atlas_core.neighbors import nearest
from atlas_core.standardizer import Standardizer

Space = Literal["features", "embedding", "fractions"]


@dataclass(frozen=True, eq=False)
class Reference:
    """Hold the training materials of a fit, to be named beside a candidate.

    Attributes:
        ids: (t,).
        offsets: (t + 1,) of the compositions.
        numbers: of their elements.
        amounts: of their elements.
        target: (t,) true values in the target's unit.
        space: in which rows are near each other: the arm's ``features``, each column over its
            std; the model's ``embedding``; or element ``fractions``.
        points: (t, d) in that space; None for fractions.
        standard: what makes points of d columns; None for fractions.
        formulas: (t,) as their source writes them, or else as chemists do.
    """

    ids: Str
    offsets: I8
    numbers: npt.NDArray[np.int16]
    amounts: F8
    target: F8
    formulas: Str
    space: Space
    points: npt.NDArray[np.float32] | None = None
    standard: Standardizer | None = None

    @classmethod
    def of(cls, train: View, *, embedded: bool) -> Reference:
        """Return the training materials of a fit.

        Args:
            train: its training rows.
            embedded: whether a component has asked for their embedding: none is made for this.
        """
        data, materials = train.data, train.materials
        values: F8 | None = None
        space: Space = "fractions"
        if isinstance(data.features, Vectors):
            space, values = "features", data.features.values[train.rows]
        elif embedded:
            space, values = "embedding", train.embedding
        points = standard = None
        if values is not None:
            standard = Standardizer.of(values)
            if space == "embedding":
                standard = replace(standard, scale=np.ones_like(standard.mean))
            points = standard(values).astype(np.float32)
        return cls(
            ids=materials.ids,
            offsets=materials.offsets,
            numbers=materials.numbers,
            amounts=materials.amounts,
            target=train.targets,
            formulas=data.formulas[train.rows],
            space=space,
            points=points,
            standard=standard,
        )

    @property
    def materials(self) -> Materials:
        """Return the compositions."""
        return Materials(self.ids, self.offsets, self.numbers, self.amounts)

    def place(self, materials: Materials, values: F8 | None) -> npt.NDArray[np.float32]:
        """Return (n, d) where materials lie; ``values`` are their features or embedding."""
        if self.standard is None or values is None:
            return materials.element_fractions().astype(np.float32)
        return self.standard(values).astype(np.float32)

    def nearest(self, points: npt.NDArray[np.float32], count: int) -> tuple[I8, F8]:
        """Return (n, count) rows of the nearest training materials, and their distances.

        Equally near ones come in the order of their rows.
        """
        own = self.place(self.materials, None) if self.points is None else self.points
        apart, rows = nearest(own, points, count)
        return rows, apart

    def check(self) -> None:
        """Stop unless the parts fit each other: they were read from a file.

        Raises:
            DataError: one does not.
        """
        t = len(self.materials)  # checks itself when it is made
        wanted: dict[str, tuple[Any, type, tuple[int, ...]]] = {
            "target": (self.target, np.float64, (t,))
        }
        if self.space not in get_args(Space) or (self.space == "fractions") != (
            self.points is None
        ):
            raise DataError("its training materials lie in no known space")
        if (
            not isinstance(self.formulas, np.ndarray)
            or self.formulas.dtype.kind != "U"
            or self.formulas.shape != (t,)
        ):
            raise DataError("the formulas of its training materials cannot be used")
        if self.points is not None:
            d = self.points.shape[1]
            wanted["points"] = (self.points, np.float32, (t, d))
            if not isinstance(self.standard, Standardizer):
                raise DataError("the scale of its training materials cannot be used")
            wanted["mean"] = (self.standard.mean, np.float64, (d,))
            wanted["scale"] = (self.standard.scale, np.float64, (d,))
        for name, (value, kind, shape) in wanted.items():
            sound = isinstance(value, np.ndarray) and value.dtype == kind and value.shape == shape
            if not sound or not np.isfinite(value).all():
                raise DataError(f"the {name} of its training materials cannot be used")
