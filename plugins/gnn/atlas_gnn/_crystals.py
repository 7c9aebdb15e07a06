"""Crystal graphs as a network reads them: checked, and in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from atlas_core.api import I8, MAX_Z, DataError, Features, Graphs, offsets_of, segments
from atlas_gnn._device import put

_CHUNK_ROWS = 65_536
"""Edges and atoms of a piece at prediction; bounds memory at about 0.2 GB."""
_CHUNK_CRYSTALS = 4096
"""Crystals that are looked at together when a set is opened."""


@dataclass(frozen=True)
class CrystalBatch:
    """b crystals with a atoms and e edges in all.

    Attributes:
        numbers: (a,) atomic numbers.
        owner: (a,) the crystal of each atom.
        atoms: (b,) atoms of each crystal.
        src: (e,) the atom whose neighbor this is, numbered through the batch.
        dst: (e,) the neighbor.
        distance: (e,) in Å.
        nearest: the smallest distance, in Å.
        farthest: the largest distance, in Å.
        vector: (e, 3) from ``src`` to ``dst`` in Å; None where they were not asked for.
        degree: edges of every atom where all have the same and edges stand in atom order, else 0.
    """

    numbers: Tensor
    owner: Tensor
    atoms: Tensor
    src: Tensor
    dst: Tensor
    distance: Tensor
    nearest: float
    farthest: float
    vector: Tensor | None
    degree: int


class CrystalExamples:
    """Graphs in their stored arrays, memory-mapped or not; a batch is a handful of gathers.

    Args:
        graphs: n crystals.
        device: where batches go.
        directions: whether batches hold the vectors of edges.
    """

    def __init__(self, graphs: Graphs, device: str, *, directions: bool = False) -> None:
        self._graphs, self._device = graphs, device
        self._vector = graphs.vector if directions else None
        self._atoms = np.diff(graphs.node_offsets)
        self._edges = np.diff(graphs.edge_offsets)
        self._degree = _common_degree(graphs)

    def __len__(self) -> int:
        return len(self._atoms)

    def batch(self, indices: I8) -> CrystalBatch:
        """Return the crystals at ``indices``, in that order."""
        graphs, degree = self._graphs, self._degree
        atoms = self._atoms[indices]
        first = offsets_of(atoms)[:-1]
        nodes = segments(graphs.node_offsets, indices)
        vector = None
        if degree:
            # Edges stand in atom order: whole rows of neighbors, not single edges, are gathered.
            dst = _rows(graphs.dst, degree, nodes) + np.repeat(first, atoms)[:, None]
            distance = _rows(graphs.distance, degree, nodes)
            src = np.repeat(np.arange(len(nodes)), degree)
            if self._vector is not None:
                vector = self._vector.reshape(-1, degree, 3)[nodes].reshape(-1, 3)
        else:
            edges = segments(graphs.edge_offsets, indices)
            shift = np.repeat(first, self._edges[indices])
            src, dst = graphs.src[edges] + shift, graphs.dst[edges] + shift
            distance = graphs.distance[edges]
            vector = None if self._vector is None else self._vector[edges]
        return CrystalBatch(
            numbers=self._put(graphs.numbers[nodes].astype(np.int64)),
            owner=self._put(np.repeat(np.arange(len(indices)), atoms)),
            atoms=self._put(atoms),
            src=self._put(src),
            dst=self._put(dst.reshape(-1)),
            distance=self._put(distance.reshape(-1)),
            nearest=float(distance.min()) if distance.size else 0.0,
            farthest=float(distance.max()) if distance.size else 0.0,
            vector=None if vector is None else self._put(vector),
            degree=degree,
        )

    def _put(self, values: npt.NDArray[Any]) -> Tensor:
        return put(values, self._device)

    def chunks(self) -> Iterator[I8]:
        """Yield all crystals in order, in pieces of about ``_CHUNK_ROWS`` atoms and edges."""
        if len(self):
            offsets = self._graphs.node_offsets + self._graphs.edge_offsets
            piece = offsets[:-1] // _CHUNK_ROWS
            yield from np.split(np.arange(len(self)), np.flatnonzero(np.diff(piece)) + 1)


def _rows(values: npt.NDArray[Any], degree: int, nodes: I8) -> npt.NDArray[Any]:
    """Return (a, degree) values of the edges of ``nodes``, which are known to be valid rows."""
    # mode clip: without a look at every index it is three times as fast, and none is outside
    return np.take(values.reshape(-1, degree), nodes, axis=0, mode="clip")


def _common_degree(graphs: Graphs) -> int:
    """Return the edges of every atom where all have the same, in atom order; else 0."""
    atoms, degree = len(graphs.numbers), 0
    if atoms and len(graphs.src) % atoms == 0:
        degree = len(graphs.src) // atoms
    if not degree or not np.array_equal(graphs.edge_offsets, graphs.node_offsets * degree):
        return 0
    for start in range(0, len(graphs), _CHUNK_CRYSTALS):
        stop = min(start + _CHUNK_CRYSTALS, len(graphs))
        low, high = graphs.node_offsets[start], graphs.node_offsets[stop]
        sizes = np.diff(graphs.node_offsets[start : stop + 1])
        within = np.arange(high - low) - np.repeat(graphs.node_offsets[start:stop] - low, sizes)
        rows = graphs.src[low * degree : high * degree].reshape(-1, degree)
        if not (rows == within[:, None]).all():
            return 0
    return degree


def crystals(features: Features, name: str) -> Graphs:
    """Return features as graphs that the model ``name`` can read.

    Raises:
        DataError: they are no graphs, or one has no atom or an unknown element; names the row.
    """
    if not isinstance(features, Graphs):
        raise DataError(
            f"{name}: it learns from graphs, not from vectors; use a featurizer such as"
            " crystal_graph"
        )
    if (empty := np.flatnonzero(np.diff(features.node_offsets) < 1)).size:
        raise DataError(f"{name}: the graph of row {empty[0]} has no atom")
    if ((features.numbers < 1) | (features.numbers > MAX_Z)).any():
        raise DataError(f"{name}: a graph holds an atomic number outside 1..{MAX_Z}")
    return features
