"""The training materials of a fit, to be named beside a candidate. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.elements import MAX_Z
from atlas_core.engine.view import View
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import Vectors

Space = Literal["features", "embedding", "fractions"]


@dataclass(frozen=True, eq=False)
class Reference:
    """Hold the training materials of a fit, to be named beside a candidate.

    Attributes:
        ids: (t,).
        formulas: (t,) as their source writes them, or else as chemists do.
        canonical: (t,) formulas by which one composition is known again.
        elements: (118,) whether an element is in one of them.
        target: (t,) true values in the target's unit.
        space: in which rows are near each other: the arm's ``features``, each column over its
            std; the model's ``embedding``; or element ``fractions``.
        points: (t, d) in that space.
        centre: (d,) what stands for a missing feature; None for fractions.
        scale: (d,) what a column is divided by; None for fractions.
    """

    ids: Str
    formulas: Str
    canonical: Str
    elements: Bool
    target: F8
    space: Space
    points: npt.NDArray[np.float32]
    centre: F8 | None = None
    scale: F8 | None = None

    @classmethod
    def of(cls, train: View, *, embedded: bool) -> Reference:
        """Return the training materials of a fit.

        Args:
            train: its training rows.
            embedded: whether a component has asked for their embedding: none is made for this.
        """
        data, rows = train.data, train.plain
        space: Space = "fractions"
        values = rows.fractions
        if isinstance(data.features, Vectors):
            space, values = "features", data.features.values[train.rows]
        elif embedded:
            space, values = "embedding", train.embedding
        centre = scale = None
        if space != "fractions":
            known = ~np.isnan(values)
            count = np.maximum(known.sum(axis=0), 1)
            centre = np.where(known, values, 0.0).sum(axis=0) / count
            spread = np.sqrt(np.where(known, (values - centre) ** 2, 0.0).sum(axis=0) / count)
            flat = spread <= 1e-9 * np.maximum(np.abs(centre), 1.0)
            scale = np.where(flat, 1.0, spread) if space == "features" else np.ones_like(centre)
        return cls(
            ids=rows.ids,
            formulas=data.formulas[train.rows],
            canonical=rows.formulas,
            elements=np.asarray((rows.fractions > 0).any(axis=0)),
            target=train.targets,
            space=space,
            points=_scaled(values, centre, scale),
            centre=centre,
            scale=scale,
        )

    def place(self, values: F8) -> npt.NDArray[np.float32]:
        """Return (n, d) where materials lie, from their features, embedding or fractions."""
        return _scaled(values, self.centre, self.scale)

    def nearest(self, points: npt.NDArray[np.float32], count: int) -> tuple[I8, F8]:
        """Return (n, count) rows of the nearest training materials, and their distances.

        Equally near ones come in the order of their rows.
        """
        own = self.points
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
        t, d = len(self.ids), np.shape(self.points)[-1:]
        wanted: dict[str, tuple[str, tuple[int, ...]]] = {
            **dict.fromkeys(("ids", "formulas", "canonical"), ("U", (t,))),
            "elements": ("?", (MAX_Z,)),
            "target": ("f8", (t,)),
            "points": ("f4", (t, *d)),
        }
        if self.space not in get_args(Space) or (self.space == "fractions") != (
            self.centre is None and self.scale is None
        ):
            raise DataError("its training materials lie in no known space")
        if self.space != "fractions":
            wanted |= dict.fromkeys(("centre", "scale"), ("f8", d))
        for name, (kind, shape) in wanted.items():
            value = getattr(self, name)
            sound = isinstance(value, np.ndarray) and value.shape == shape
            sound = sound and (value.dtype.kind if kind == "U" else value.dtype) == kind
            if not sound or (value.dtype.kind == "f" and not np.isfinite(value).all()):
                raise DataError(f"the {name} of its training materials cannot be used")


def _scaled(values: F8, centre: F8 | None, scale: F8 | None) -> npt.NDArray[np.float32]:
    if centre is None or scale is None:
        return values.astype(np.float32)
    filled = np.where(np.isnan(values), centre, values)
    return np.asarray((filled - centre) / scale, dtype=np.float32)
