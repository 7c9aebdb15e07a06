"""The training materials of a fit, to be named beside a candidate. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, Bool, Str
from atlas_core.elements import MAX_Z
from atlas_core.engine.view import View
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import Vectors
from atlas_core.neighbors import nearest
from atlas_core.standardizer import Standardizer

Space = Literal["features", "embedding", "fractions"]


@dataclass(frozen=True, eq=False)
class Reference:
    """The training materials of a fit, to be named beside a candidate.

    Attributes:
        ids: (t,).
        formulas: (t,) as their source writes them, or else as chemists do.
        canonical: (t,) formulas by which one composition is known again.
        elements: (118,) whether an element is in one of them.
        target: (t,) true values in the target's unit.
        space: in which rows are near each other: the arm's ``features``, each column over its
            std; the model's ``embedding``; or element ``fractions``.
        points: (t, d) in that space.
        standard: what makes points of d columns; None for fractions.
    """

    ids: Str
    formulas: Str
    canonical: Str
    elements: Bool
    target: F8
    space: Space
    points: npt.NDArray[np.float32]
    standard: Standardizer | None = None

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
        standard = None if space == "fractions" else Standardizer.of(values)
        if standard is not None and space == "embedding":
            standard = replace(standard, scale=np.ones_like(standard.mean))
        return cls(
            ids=rows.ids,
            formulas=data.formulas[train.rows],
            canonical=rows.formulas,
            elements=np.asarray((rows.fractions > 0).any(axis=0)),
            target=train.targets,
            space=space,
            points=_placed(values, standard),
            standard=standard,
        )

    def place(self, values: F8) -> npt.NDArray[np.float32]:
        """Return (n, d) where materials lie, from their features, embedding or fractions."""
        return _placed(values, self.standard)

    def nearest(self, points: npt.NDArray[np.float32], count: int) -> tuple[I8, F8]:
        """Return (n, count) rows of the nearest training materials, and their distances.

        Equally near ones come in the order of their rows.
        """
        apart, rows = nearest(self.points, points, count)
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
            self.standard is None
        ):
            raise DataError("its training materials lie in no known space")
        held = {name: getattr(self, name) for name in wanted}
        if self.standard is not None:
            wanted |= dict.fromkeys(("mean", "scale"), ("f8", d))
            held |= {name: getattr(self.standard, name, None) for name in ("mean", "scale")}
        for name, (kind, shape) in wanted.items():
            value = held[name]
            sound = isinstance(value, np.ndarray) and value.shape == shape
            sound = sound and (value.dtype.kind if kind == "U" else value.dtype) == kind
            if not sound or (value.dtype.kind == "f" and not np.isfinite(value).all()):
                raise DataError(f"the {name} of its training materials cannot be used")


def _placed(values: F8, standard: Standardizer | None) -> npt.NDArray[np.float32]:
    return (values if standard is None else standard(values)).astype(np.float32)
