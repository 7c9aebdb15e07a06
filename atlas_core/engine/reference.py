"""The training materials of a fit, to be named beside a candidate. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Str
from atlas_core.engine.view import View
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import Vectors
from atlas_core.materials import Materials

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
        centre: (d,) what stands for a missing feature; None for fractions.
        scale: (d,) what a column is divided by; None for fractions.
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
    centre: F8 | None = None
    scale: F8 | None = None

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
        points = centre = scale = None
        if values is not None:
            known = ~np.isnan(values)
            count = np.maximum(known.sum(axis=0), 1)
            centre = np.where(known, values, 0.0).sum(axis=0) / count
            spread = np.sqrt(np.where(known, (values - centre) ** 2, 0.0).sum(axis=0) / count)
            flat = spread <= 1e-9 * np.maximum(np.abs(centre), 1.0)
            scale = np.where(flat, 1.0, spread) if space == "features" else np.ones_like(centre)
            points = _scaled(values, centre, scale)
        return cls(
            ids=materials.ids,
            offsets=materials.offsets,
            numbers=materials.numbers,
            amounts=materials.amounts,
            target=train.targets,
            formulas=data.formulas[train.rows],
            space=space,
            points=points,
            centre=centre,
            scale=scale,
        )

    @property
    def materials(self) -> Materials:
        """Return the compositions."""
        return Materials(self.ids, self.offsets, self.numbers, self.amounts)

    def place(self, materials: Materials, values: F8 | None) -> npt.NDArray[np.float32]:
        """Return (n, d) where materials lie; ``values`` are their features or embedding."""
        if self.centre is None or self.scale is None or values is None:
            return materials.element_fractions().astype(np.float32)
        return _scaled(values, self.centre, self.scale)

    def nearest(self, points: npt.NDArray[np.float32], count: int) -> tuple[I8, F8]:
        """Return (n, count) rows of the nearest training materials, and their distances.

        Equally near ones come in the order of their rows.
        """
        own = self.place(self.materials, None) if self.points is None else self.points
        count = min(count, len(own))
        rows = np.zeros((len(points), count), dtype=np.int64)
        apart = np.zeros((len(points), count))
        length = np.einsum("ij,ij->i", own, own, dtype=np.float64)
        for i in range(0, len(points), 256):
            some = points[i : i + 256]
            squared = length - 2.0 * (some @ own.T).astype(np.float64)
            few = min(4 * count + 8, len(own))
            near = np.sort(np.argpartition(squared, few - 1, axis=1)[:, :few], axis=1)
            # the product above rounds: the few are measured again, one by one
            exact = np.linalg.norm(own[near].astype(np.float64) - some[:, None, :], axis=2)
            order = np.argsort(exact, axis=1, kind="stable")[:, :count]
            rows[i : i + 256] = np.take_along_axis(near, order, axis=1)
            apart[i : i + 256] = np.take_along_axis(exact, order, axis=1)
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
            wanted["centre"] = (self.centre, np.float64, (d,))
            wanted["scale"] = (self.scale, np.float64, (d,))
        for name, (value, kind, shape) in wanted.items():
            sound = isinstance(value, np.ndarray) and value.dtype == kind and value.shape == shape
            if not sound or not np.isfinite(value).all():
                raise DataError(f"the {name} of its training materials cannot be used")


def _scaled(values: F8, centre: F8, scale: F8) -> npt.NDArray[np.float32]:
    filled = np.where(np.isnan(values), centre, values)
    return np.asarray((filled - centre) / scale, dtype=np.float32)
