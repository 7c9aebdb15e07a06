r'''The ``featurizer`` kind: materials to vectors or graphs. Light: numpy only.

A whole plugin, in a module ``atlas_ionic``::

    """Mean and spread of the electronegativity of a material's atoms."""

    import numpy as np

    from atlas_chemistry import electronegativity
    from atlas_core.api import Component, Config, Vectors, hookimpl


    class IonicConfig(Config):
        """No options."""


    class Ionic:
        """Two columns: their mean, and their standard deviation, large for an ionic material."""

        def __init__(self, config):
            self.table = electronegativity()[1:]  # NaN where none is known

        def featurize(self, materials):
            fractions = materials.element_fractions()  # (n, 118), each row sums to 1
            known = np.where(np.isnan(self.table), 0.0, self.table)
            mean = (fractions * known).sum(axis=1)
            spread = np.sqrt((fractions * (known - mean[:, None]) ** 2).sum(axis=1))
            unknown = (fractions[:, np.isnan(self.table)] > 0).any(axis=1)
            values = np.where(unknown[:, None], np.nan, np.stack([mean, spread], axis=1))
            why = "an element without electronegativity"
            return Vectors(
                values,
                np.array(["electronegativity mean", "electronegativity spread"]),
                tuple((name, why) for name in materials.ids[unknown].tolist()),
            )


    @hookimpl
    def atlas_featurizer():
        needs, gives = {"inputs:composition"}, {"features:vectors"}
        return [Component("ionic", IonicConfig, Ionic, requires=needs, provides=gives)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.featurizer"]
    ionic = "atlas_ionic"

``featurizer: [ionic, magpie]`` then puts its two columns to the left of those of ``magpie``. A row
depends on its own material alone; what cannot be computed is NaN, and a failure says why. The table
is of ``atlas-materials-chemistry``, which its ``dependencies`` name.
'''

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import (
    F8,
    I8,
    Str,
    fingerprint,
    freeze,
    gather,
    offsets_of,
    opened,
    portable,
)
from atlas_core.errors import DataError
from atlas_core.kinds.kind import Kind
from atlas_core.materials import Materials

_TOGETHER = 8192
"""Crystals whose edges are checked at a time."""


class _Portable:
    """Pickle memory-mapped arrays as the names of their files: worker processes share them."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: portable(value) for name, value in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, opened(value))


@dataclass(frozen=True, eq=False)
class Vectors(_Portable):
    """One row of features per material.

    Attributes:
        values: (n, d) float64; NaN marks a feature that is not defined for a material.
        labels: (d,) distinct names of the columns.
        failures: what went wrong for single materials, as (id, reason).
    """

    values: F8
    labels: Str
    failures: tuple[tuple[str, str], ...] = ()
    form: ClassVar[Literal["vectors"]] = "vectors"

    def __post_init__(self) -> None:
        freeze(self, np.float64, "values")
        freeze(self, np.str_, "labels")
        if self.values.ndim != 2 or self.labels.shape != (self.values.shape[1],):
            raise DataError(f"vectors: {self.values.shape} values, {self.labels.shape} labels")
        if np.isinf(self.values).any():
            row, column = np.argwhere(np.isinf(self.values))[0]
            raise DataError(f"vectors: row {row}, column {self.labels[column]!r} is infinite")
        if len(np.unique(self.labels)) != len(self.labels):
            raise DataError("vectors: two columns have the same label")

    def __len__(self) -> int:
        return len(self.values)

    def take(self, indices: npt.ArrayLike) -> Vectors:
        """Return the rows at ``indices``, in that order."""
        return Vectors(self.values[np.asarray(indices, dtype=np.int64)], self.labels)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the content by name, for storage without pickle."""
        pairs = np.asarray(self.failures, dtype=np.str_).reshape(-1, 2)
        return {"values": self.values, "labels": self.labels, "failures": pairs}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> Vectors:
        """Make the vectors that ``to_arrays`` described."""
        failures = tuple((str(i), str(why)) for i, why in arrays["failures"])
        return cls(arrays["values"], arrays["labels"], failures)

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of the content."""
        return fingerprint(self.to_arrays())


@dataclass(frozen=True, eq=False)
class Graphs(_Portable):
    """The n crystal graphs as flat arrays.

    Edges of one crystal are sorted by (src, distance, dst, image); ``src`` and ``dst`` count atoms
    within their own crystal, so a slice needs no shifting.

    Attributes:
        node_offsets: (n + 1,) crystal i owns atoms ``node_offsets[i]:node_offsets[i + 1]``.
        numbers: (a,) atomic numbers.
        edge_offsets: (n + 1,) crystal i owns edges ``edge_offsets[i]:edge_offsets[i + 1]``.
        src: (e,) the atom whose neighbor this is.
        dst: (e,) the neighbor.
        distance: (e,) in Å.
        image: (e, 3) the periodic image of the neighbor, in lattice vectors.
        vector: (e, 3) from ``src`` to ``dst`` in Å, Cartesian, in the axes of the lattice; None
            where the featurizer does not know it. One that gives ``features:directions`` does.
    """

    node_offsets: I8
    numbers: npt.NDArray[np.int16]
    edge_offsets: I8
    src: npt.NDArray[np.int32]
    dst: npt.NDArray[np.int32]
    distance: npt.NDArray[np.float32]
    image: npt.NDArray[np.int8]
    vector: npt.NDArray[np.float32] | None = None
    form: ClassVar[Literal["graphs"]] = "graphs"

    def __post_init__(self) -> None:
        freeze(self, np.int64, "node_offsets", "edge_offsets")
        freeze(self, np.int32, "src", "dst")
        freeze(self, np.float32, "distance", "vector")
        freeze(self, np.int16, "numbers")
        freeze(self, np.int8, "image")
        n, a, e = len(self.node_offsets) - 1, len(self.numbers), len(self.src)
        if self.edge_offsets.shape != (n + 1,):
            raise DataError("graphs: node and edge offsets count different crystals")
        if self.node_offsets[-1] != a or self.edge_offsets[-1] != e:
            raise DataError("graphs: offsets do not end where the arrays end")
        if self.dst.shape != (e,) or self.distance.shape != (e,) or self.image.shape != (e, 3):
            raise DataError("graphs: edge arrays have different lengths")
        if self.vector is not None and self.vector.shape != (e, 3):
            raise DataError(f"graphs: {e} edges, but vectors of shape {self.vector.shape}")
        for start in range(0, n, _TOGETHER):  # in blocks: what a check makes is as long as edges
            self._check_edges(start, min(start + _TOGETHER, n))

    def _check_edges(self, start: int, stop: int) -> None:
        """Refuse edges of crystals ``start`` to ``stop`` that lead nowhere."""
        rows = slice(self.edge_offsets[start], self.edge_offsets[stop])
        src, dst = self.src[rows], self.dst[rows]
        sizes = np.diff(self.node_offsets[start : stop + 1]).astype(np.int32)
        size = np.repeat(sizes, np.diff(self.edge_offsets[start : stop + 1]))
        if len(src) and (src.min() < 0 or dst.min() < 0 or (src >= size).any()):
            raise DataError("graphs: an edge names an atom outside its crystal")
        if (dst >= size).any() or not np.isfinite(self.distance[rows]).all():
            raise DataError("graphs: an edge is outside its crystal or has no distance")
        if self.vector is not None and not np.isfinite(self.vector[rows]).all():
            raise DataError("graphs: the vector of an edge is not finite")

    def __len__(self) -> int:
        return len(self.node_offsets) - 1

    def take(self, indices: npt.ArrayLike) -> Graphs:
        """Return the crystals at ``indices``, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        per_edge = {"src": self.src, "dst": self.dst, "distance": self.distance}
        per_edge |= {"image": self.image} | self._known()
        return Graphs(
            node_offsets=offsets_of(np.diff(self.node_offsets)[chosen]),
            edge_offsets=offsets_of(np.diff(self.edge_offsets)[chosen]),
            **gather(self.node_offsets, chosen, {"numbers": self.numbers}),
            **gather(self.edge_offsets, chosen, per_edge),
        )

    def _known(self) -> dict[str, npt.NDArray[Any]]:
        return {} if self.vector is None else {"vector": self.vector}

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the content by name, for storage without pickle; ``vector`` only where known."""
        names = ("node_offsets", "numbers", "edge_offsets", "src", "dst", "distance", "image")
        return {name: getattr(self, name) for name in names} | self._known()

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> Graphs:
        """Make the graphs that ``to_arrays`` described."""
        return cls(**arrays)

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of the content."""
        return fingerprint(dict(self.to_arrays()))


Features = Vectors | Graphs
FORMS: dict[str, type[Vectors] | type[Graphs]] = {"vectors": Vectors, "graphs": Graphs}


def concatenate(parts: Sequence[Features]) -> Features:
    """Join features of the same form, row after row.

    Raises:
        DataError: the forms or the columns differ, or only some graphs know their vectors.
    """
    if all(isinstance(part, Vectors) for part in parts):
        vectors = [part for part in parts if isinstance(part, Vectors)]
        if any(not np.array_equal(part.labels, vectors[0].labels) for part in vectors):
            raise DataError("vectors: the parts have different columns")
        return Vectors(np.concatenate([part.values for part in vectors]), vectors[0].labels)
    graphs = [part for part in parts if isinstance(part, Graphs)]
    if len(graphs) != len(parts):
        raise DataError("features: vectors and graphs cannot be joined")
    names = ["numbers", "src", "dst", "distance", "image"]
    known = {graph.vector is not None for graph in graphs}
    if len(known) > 1:
        raise DataError("graphs: only some of the parts know the vectors of their edges")
    if True in known:
        names.append("vector")
    return Graphs(
        node_offsets=offsets_of(np.concatenate([np.diff(g.node_offsets) for g in graphs])),
        edge_offsets=offsets_of(np.concatenate([np.diff(g.edge_offsets) for g in graphs])),
        **{name: np.concatenate([getattr(g, name) for g in graphs]) for name in names},
    )


@runtime_checkable
class Featurizer(Protocol):
    """Turn materials into features; a row depends on its own material alone."""

    def featurize(self, materials: Materials) -> Features:
        """Return ``Vectors`` or ``Graphs`` with one entry per material, in order.

        Raises:
            DataError: a material cannot be featurized at all; names its id.
        """
        ...


KIND = Kind(
    "featurizer",
    Featurizer,
    place="arm",
    description="Materials to vectors or graphs; of several that give vectors, a list: their"
    " columns stand side by side.",
    required=True,
    many=True,
    joined="features:vectors",
    provides=("features",),
)
