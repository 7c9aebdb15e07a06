"""Crystal graph: each atom with its nearest neighbors (Xie & Grossman 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from pymatgen.optimization.neighbors import find_points_in_spheres

from atlas_core.api import F8, I8, DataError, Graphs, Materials, offsets_of
from atlas_crystal.hooks import CrystalGraphConfig

RESOLUTION = 1e-5
"""Å; distances are rounded to it, so that symmetry-equal ones tie whatever the rounding error."""
SHELL = 0.01
"""Å; a whole shell reaches this far beyond the last neighbor."""
MARGIN = 4 * RESOLUTION
"""Å; a neighbor this far inside the search radius has all its ties inside as well."""
GROWTH = 1.4
SURPLUS = 1.8
"""Atoms expected in the first search sphere, in units of ``neighbors``; measured as fastest."""
BLOCK = 256
"""Crystals whose pairs are sorted together."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of atoms: src, dst (p,), image (p, 3) and distance (p,) in Å."""

    src: I8
    dst: I8
    image: I8
    distance: F8


def pairs_within(cart: F8, lattice: F8, radius: float) -> Pairs:
    """Return all pairs not farther apart than ``radius``, without an atom and itself.

    An atom and its own periodic image are a pair.
    """
    src, dst, image, distance = find_points_in_spheres(
        cart, cart, r=radius, pbc=np.ones(3, dtype=np.int64), lattice=lattice, tol=1e-8
    )
    itself = (src == dst) & ~image.any(axis=1)
    keep = np.flatnonzero(~itself)
    return Pairs(src[keep], dst[keep], image[keep].astype(np.int64), distance[keep])


class CrystalGraph:
    """Connect every atom with its k nearest neighbors.

    The result is that of "all pairs within the radius, then the k nearest of each atom", with the
    radius grown for a crystal where that gives an atom fewer than k. The search itself starts from
    a smaller radius, estimated from the density of atoms, and grows until each atom has k.

    Distances are rounded to ``RESOLUTION``. At equal distance the lighter neighbor comes first,
    then the lower site number, then the lower image: so which species are neighbors does not
    depend on the order of sites (the oxygen of a cubic perovskite has 12 atoms at a/√2, Sr and O).
    Their directions do depend on it: so vectors are stored only where shells are whole.
    """

    def __init__(self, config: CrystalGraphConfig) -> None:
        self.config = config
        self.whole = config.shells == "whole"

    def featurize(self, materials: Materials) -> Graphs:
        """Return the graphs: ``neighbors`` edges per atom, more where a shell is kept whole.

        Raises:
            DataError: only compositions are known, or a crystal is sparse and must be refused.
        """
        if materials.frac is None or materials.lattice is None:
            raise DataError("crystal_graph: needs crystal structures, this data set has formulas")
        n = len(materials)
        blocks = [
            self._block(materials, start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)
        ]
        if not blocks:
            blocks = [_Edges.none()]
        return Graphs(
            node_offsets=materials.offsets,
            numbers=materials.numbers,
            edge_offsets=offsets_of(np.concatenate([block.counts for block in blocks])),
            src=np.concatenate([block.src for block in blocks]),
            dst=np.concatenate([block.dst for block in blocks]),
            distance=np.concatenate([block.distance for block in blocks]),
            image=np.concatenate([block.image for block in blocks]),
            vector=np.concatenate([block.vector for block in blocks]) if self.whole else None,
        )

    def _block(self, materials: Materials, start: int, stop: int) -> _Edges:
        """Return the edges of crystals ``start`` to ``stop``."""
        counts = materials.counts[start:stop]
        cells = cast(F8, materials.lattice)[start:stop]
        volumes = (np.abs(np.linalg.det(cells)) / counts).tolist()
        found = [self._candidates(materials, start + i, volume) for i, volume in enumerate(volumes)]
        sizes = [len(pairs.src) for pairs in found]
        first = np.repeat(offsets_of(counts)[:-1], sizes)
        dst = np.concatenate([pairs.dst for pairs in found])
        image = np.concatenate([pairs.image for pairs in found])
        steps = np.rint(np.concatenate([p.distance for p in found]) / RESOLUTION).astype(np.int64)
        atom = np.concatenate([pairs.src for pairs in found]) + first
        if image.size and np.abs(image).max() > 127:
            far = int(np.abs(image).max(axis=1).argmax())
            owner = start + int(np.searchsorted(np.cumsum(sizes), far, side="right"))
            raise DataError(
                f"crystal_graph: id {materials.ids[owner]}: a neighbor is more than 127 cells"
                " away; give a reduced cell"
            )
        numbers = materials.numbers[materials.offsets[start] : materials.offsets[stop]]
        where = _place(dst, image)
        near = atom << 32 | steps  # one integer sorts by atom, then by distance
        order = np.lexsort((where | numbers[dst + first].astype(np.int64) << 52, near))
        k = self.config.neighbors
        degree = np.bincount(atom)
        begin = np.cumsum(degree) - degree
        if self.whole:
            farthest = near[order[begin + k - 1]] + round(SHELL / RESOLUTION)
            chosen = order[near[order] <= np.repeat(farthest, degree)]
        else:
            chosen = order[np.arange(len(order)) - np.repeat(begin, degree) < k]
        chosen = chosen[np.lexsort((where[chosen], near[chosen]))]
        owner = np.repeat(np.arange(stop - start), sizes)[chosen]
        vector = np.zeros((0, 3))
        if self.whole:
            rows = slice(materials.offsets[start], materials.offsets[stop])
            frac = cast(F8, materials.frac)[rows]
            step = frac[(dst + first)[chosen]] - frac[atom[chosen]] + image[chosen]
            vector = _cartesian(step, cells[owner])
        return _Edges(
            counts=np.bincount(owner, minlength=stop - start),
            src=(atom[chosen] - first[chosen]).astype(np.int32),
            dst=dst[chosen].astype(np.int32),
            image=image[chosen].astype(np.int8),
            distance=(steps[chosen] * RESOLUTION).astype(np.float32),
            vector=vector.astype(np.float32),
        )

    def _candidates(self, materials: Materials, index: int, volume: float) -> Pairs:
        """Return pairs of one crystal that hold the k nearest of each atom, and all their ties.

        ``volume`` is that of an atom in Å³.
        """
        assert materials.frac is not None  # noqa: S101 - featurize refuses formulas
        assert materials.lattice is not None  # noqa: S101
        rows = slice(materials.offsets[index], materials.offsets[index + 1])
        lattice = materials.lattice[index]
        cart = np.ascontiguousarray(materials.frac[rows] @ lattice)
        k, sites = self.config.neighbors, len(cart)
        radius = float(np.cbrt(3 * SURPLUS * k * volume / (4 * np.pi)))
        margin = MARGIN + (SHELL if self.whole else 0.0)
        while True:
            pairs = pairs_within(cart, lattice, radius)
            inside = pairs.src[pairs.distance <= radius - margin]
            if len(inside) >= k * sites and np.bincount(inside, minlength=sites).min() >= k:
                break
            radius *= GROWTH
        if self.config.sparse == "refuse" and radius > self.config.radius:
            within = pairs.src[pairs.distance <= self.config.radius + 1e-8]
            fewest = int(np.bincount(within, minlength=sites).min())
            if fewest < k:
                raise DataError(
                    f"crystal_graph: id {materials.ids[index]}: an atom has {fewest} neighbors"
                    f" within {self.config.radius:g} Å, {k} are needed; raise radius or take"
                    " sparse: grow"
                )
        return pairs


@dataclass(frozen=True)
class _Edges:
    """Chosen edges in the types of ``Graphs``, and how many each crystal has."""

    counts: I8
    src: npt.NDArray[np.int32]
    dst: npt.NDArray[np.int32]
    image: npt.NDArray[np.int8]
    distance: npt.NDArray[np.float32]
    vector: npt.NDArray[np.float32]

    @classmethod
    def none(cls) -> _Edges:
        """Return no edges."""
        empty, vector = np.zeros(0, np.int32), np.zeros((0, 3), np.float32)
        counts, image = np.zeros(0, np.int64), vector.astype(np.int8)
        return cls(counts, empty, empty, image, np.zeros(0, np.float32), vector)


def _cartesian(step: F8, cell: F8) -> F8:
    """Return (e, 3) fractional steps times their own (e, 3, 3) cells.

    Term by term: the same bytes for an edge alone as among others, which a BLAS need not give.
    """
    x, y, z = step.T
    vector = x[:, None] * cell[:, 0] + y[:, None] * cell[:, 1] + z[:, None] * cell[:, 2]
    return np.asarray(vector, dtype=np.float64)


def _place(dst: I8, image: I8) -> I8:
    """Return one integer that sorts by (dst, image); images lie within -128 to 127."""
    a, b, c = (image + 128).T
    return np.asarray(dst << 24 | a << 16 | b << 8 | c, dtype=np.int64)
