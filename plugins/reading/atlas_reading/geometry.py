"""Find cells and distances that no crystal has, in many materials at once. Light: numpy only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from atlas_chemistry import atomic_mass, covalent_radius
from atlas_core.arrays import F8, I8
from atlas_core.elements import SYMBOLS
from atlas_core.materials import Materials

CLOSEST = 0.5
"""Å between two atoms below which no crystal can be: the shortest bond, of H2, is 0.74 Å."""
SMALLEST = 3.0
"""Å3 per atom; diamond has 5.7, the densest metal hydrides about 4."""
LARGEST = 1e6
"""Å3 per atom; one atom in a box of 100 Å."""
DENSEST = 30.0
"""g/cm3; osmium has 22.6."""
EMPTY = 10.0
"""Å without an atom along an axis, wider than the gap between the layers of any crystal."""
GRAMS = 1.66053907
"""g/cm3 of 1 g/mol in 1 Å3."""
MANY = 400
"""Atoms beyond which a tree finds the close pairs sooner than a look at all of them."""
PAIRS = 2_000_000
"""Pairs of atoms that are looked at together."""

TOO_CLOSE = "two atoms are closer than half the sum of their covalent radii"
IN_VACUUM = {
    1: f"more than {EMPTY:.0f} Å along one axis are empty (a slab in vacuum?)",
    2: f"more than {EMPTY:.0f} Å along two axes are empty (a chain in vacuum?)",
    3: f"more than {EMPTY:.0f} Å along all axes are empty (a molecule in a box?)",
}


class Oddity(NamedTuple):
    """Say that the geometry of a material is impossible, or odd.

    Attributes:
        row: the place of the material.
        severity: ``refuse``: no crystal is such; ``flag``: it can be real.
        words: what is odd; flags of one kind share them, a refusal names figures.
    """

    row: int
    severity: Literal["refuse", "flag"]
    words: str


def check_geometry(materials: Materials) -> list[Oddity]:
    """Return what is impossible or odd about cells and distances, ascending by row.

    Refused are a volume of less than 3 Å3 or more than 1e6 Å3 per atom, a density above 30 g/cm3,
    and two atoms, copies in the next cells included, closer than 0.5 Å. Flagged are two atoms
    closer than half the sum of their covalent radii, and more than 10 Å of empty space along an
    axis. Compositions have no geometry.
    """
    if not materials.has_structure or not len(materials):
        return []
    with np.errstate(all="ignore"):  # of cells that are refused anyway
        found = _cells(materials)
        refused = {one.row for one in found}
        found += [one for one in _empty(materials) if one.row not in refused]
        rest = np.setdiff1d(np.arange(len(materials)), list(refused)).astype(np.int64)
        found += _close(materials, rest)
    return sorted(found, key=lambda one: (one.row, one.severity == "flag", one.words))


def density(materials: Materials) -> F8:
    """Return (n,) densities in g/cm3."""
    _, cells = materials.sites
    mass = np.add.reduceat(atomic_mass()[materials.numbers], materials.offsets[:-1])
    return np.asarray(GRAMS * mass / np.abs(np.linalg.det(cells)), dtype=np.float64)


def _cells(materials: Materials) -> list[Oddity]:
    _, cells = materials.sites
    each = np.abs(np.linalg.det(cells)) / materials.counts
    heavy = density(materials)
    found = []
    for i in np.flatnonzero((each < SMALLEST) | (heavy > DENSEST)).tolist():
        words = (
            f"its cell has {heavy[i]:.3g} g/cm3 and {each[i]:.2g} Å3 per atom, which no crystal"
            f" has (at most {DENSEST:.0f} and at least {SMALLEST:.0f}); is the cell in nm?"
        )
        found.append(Oddity(i, "refuse", words))
    for i in np.flatnonzero(each > LARGEST).tolist():
        words = f"its cell has {each[i]:.3g} Å3 per atom, more than any crystal; is the cell in pm?"
        found.append(Oddity(i, "refuse", words))
    return found


def heights_of(lattice: F8) -> F8:
    """Return (n, 3) distances between the opposite faces of each cell."""
    return np.asarray(1.0 / np.linalg.norm(np.linalg.inv(lattice), axis=1), dtype=np.float64)


def _empty(materials: Materials) -> list[Oddity]:
    frac, cells = materials.sites
    heights, owner, starts = heights_of(cells), materials.owner, materials.offsets[:-1]
    wide = np.zeros(len(materials), dtype=np.int64)
    for axis in range(3):
        place = frac[:, axis] % 1.0
        sorted_place = place[np.lexsort((place, owner))]
        step = np.diff(sorted_place, append=0.0)
        last = materials.offsets[1:] - 1
        step[last] = sorted_place[starts] + 1.0 - sorted_place[last]
        wide += np.maximum.reduceat(step, starts) * heights[:, axis] > EMPTY
    return [Oddity(i, "flag", IN_VACUUM[int(wide[i])]) for i in np.flatnonzero(wide).tolist()]


def _close(materials: Materials, chosen: I8) -> list[Oddity]:
    """Return atoms that are too close; one entry per material, of its worst pair."""
    _, cells = materials.sites
    table = covalent_radius() / 100  # pm
    radius = np.where(np.isfinite(table), table, np.nanmax(table))[materials.numbers]
    reach = np.maximum(np.maximum.reduceat(radius, materials.offsets[:-1]), CLOSEST)
    lattice = _reduced(cells)
    heights = heights_of(lattice)
    shortest = np.linalg.norm(lattice, axis=2).min(axis=1)
    flat = shortest[chosen] < CLOSEST
    found = [
        Oddity(
            i,
            "refuse",
            f"each atom is {shortest[i]:.2g} Å from its copy in the next cell, which is impossible",
        )
        for i in chosen[flat].tolist()
    ]
    chosen = chosen[~flat]
    many = materials.counts[chosen] > MANY
    for i in chosen[many].tolist():
        found += _worst_of_many(materials, lattice[i], radius=radius, row=i, reach=reach[i])
    chosen = chosen[~many]
    for rows, first, second in _groups(materials, chosen):
        images = np.floor(reach[rows, None] / heights[rows] + 0.5).astype(np.int64)
        for span in np.unique(images, axis=0):
            same = (images == span).all(axis=1)
            mine = rows[same]
            found += _worst(
                materials,
                lattice[mine],
                radius=radius,
                rows=mine,
                pairs=(first, second),
                span=span.tolist(),
            )
    best: dict[int, Oddity] = {}
    for one in found:
        if one.row not in best or best[one.row].severity == "flag":
            best[one.row] = one
    return list(best.values())


def _groups(materials: Materials, chosen: I8) -> Iterator[tuple[I8, I8, I8]]:
    """Yield materials of one size together with a part of their pairs of atoms (i <= j)."""
    sizes = materials.counts[chosen]
    for size in np.unique(sizes).tolist():
        rows = chosen[sizes == size]
        for start in range(0, size, max(1, PAIRS // size)):
            first, second = _pairs(size, start, min(size, start + max(1, PAIRS // size)))
            each = max(1, PAIRS // len(first))
            for at in range(0, len(rows), each):
                yield rows[at : at + each], first, second


def _pairs(size: int, start: int, stop: int) -> tuple[I8, I8]:
    lengths = size - np.arange(start, stop)
    first = np.repeat(np.arange(start, stop), lengths)
    begin = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return first, np.arange(len(first)) - begin + first


def _worst(
    materials: Materials,
    lattice: F8,
    *,
    radius: F8,
    rows: I8,
    pairs: tuple[I8, I8],
    span: Sequence[int],
) -> list[Oddity]:
    frac, cells = materials.sites
    first, second = pairs
    flat = materials.offsets[rows][:, None]
    i, j = flat + first, flat + second
    # coordinates of the given cell, in lengths of the reduced one
    change = np.linalg.solve(np.swapaxes(lattice, 1, 2), np.swapaxes(cells[rows], 1, 2))
    apart = np.einsum("nab,npb->npa", change, frac[j] - frac[i])
    apart -= np.rint(apart)
    apart = apart @ lattice
    length = np.einsum("npa,npa->np", apart, apart)
    limit = 0.5 * (radius[i] + radius[j])
    least = np.full(i.shape, np.inf)
    itself = first == second
    for shift in product(*(range(-n, n + 1) for n in span)):
        step = np.array(shift, dtype=np.float64) @ lattice
        along = np.matmul(apart, step[:, :, None])[:, :, 0]
        square = length + 2 * along + (step**2).sum(axis=1)[:, None]
        if not any(shift):
            square[:, itself] = np.inf
        least = np.minimum(least, square)
    distance = np.sqrt(np.maximum(least, 0.0))
    found = []
    for row, own, bound in zip(rows.tolist(), distance, limit, strict=True):
        found += _judged(materials, row, first, second, distance=own, limit=bound)
    return found


def _worst_of_many(
    materials: Materials, lattice: F8, *, radius: F8, row: int, reach: float
) -> list[Oddity]:
    """Do the same for one crystal of so many atoms that most pairs are far apart."""
    frac, cells = materials.sites
    atoms = slice(materials.offsets[row], materials.offsets[row + 1])
    inside = frac[atoms] @ cells[row] @ np.linalg.inv(lattice)
    first, second, distance = near_pairs(inside, lattice, reach)
    limit = 0.5 * (radius[atoms][first] + radius[atoms][second])
    return _judged(materials, row, first, second, distance=distance, limit=limit)


def near_pairs(frac: F8, lattice: F8, reach: float) -> tuple[I8, I8, F8]:
    """Return the pairs of atoms, copies in other cells included, that are within ``reach``.

    Args:
        frac: (m, 3) fractional coordinates.
        lattice: (3, 3), not so flat that many cells are within reach.
        reach: in Å.

    Returns:
        (k,) first atoms, (k,) second atoms, (k,) distances in Å; each pair both ways.
    """
    from scipy.spatial import cKDTree

    inside = frac % 1.0
    edge = reach / heights_of(lattice[None])[0]
    spans = (range(-n, n + 1) for n in np.ceil(edge).astype(int).tolist())
    steps = np.array(sorted(product(*spans), key=any), dtype=np.float64)
    around = (inside[None] + steps[:, None]).reshape(-1, 3)
    near = np.flatnonzero(((around > -edge) & (around < 1.0 + edge)).all(axis=1))
    home, all_around = cKDTree(inside @ lattice), cKDTree(around[near] @ lattice)
    pairs = home.sparse_distance_matrix(all_around, reach, output_type="ndarray")
    first, copy = pairs["i"], near[pairs["j"]]
    other = first != copy  # of the cell itself, which comes first
    return first[other], copy[other] % len(inside), pairs["v"][other]


def _judged(
    materials: Materials, row: int, first: I8, second: I8, *, distance: F8, limit: F8
) -> list[Oddity]:
    """Return what is odd about the worst of the pairs of one material: nothing, or one entry."""
    if not len(distance):
        return []
    pair = int(distance.argmin())
    if distance[pair] < CLOSEST:
        words = _on_top(materials, row, int(first[pair]), int(second[pair]))
        words += f" {distance[pair]:.2f} Å apart, which is impossible"
        return [Oddity(row, "refuse", words)]
    return [Oddity(row, "flag", TOO_CLOSE)] if (distance < limit).any() else []


def _on_top(materials: Materials, row: int, first: int, second: int) -> str:
    numbers: npt.NDArray[np.int16] = materials.numbers[materials.offsets[row] :]
    if first == second:
        return f"atom {first + 1} ({SYMBOLS[numbers[first]]}) and its copy in the next cell are"
    one, two = SYMBOLS[numbers[first]], SYMBOLS[numbers[second]]
    return f"atoms {first + 1} ({one}) and {second + 1} ({two}) are"


def _reduced(lattice: F8) -> F8:
    """Return cells of the same lattices with short vectors: a skewed one has near copies far off.

    Gauss's step, each vector less the multiple of another that makes it shortest, and the diagonals
    of the cell in the place of a longer vector, until nothing helps.
    """
    short = lattice.copy()
    for _ in range(100):
        before = short.copy()
        for i, j in ((0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)):
            along = (short[:, i] * short[:, j]).sum(axis=1) / (short[:, j] ** 2).sum(axis=1)
            along = np.where(np.abs(along) > 0.5 + 1e-9, np.rint(along), 0.0)
            short[:, i] -= along[:, None] * short[:, j]
        for k, one, two in product((0, 1, 2), (1.0, -1.0), (1.0, -1.0)):
            across = short[:, 2] + one * short[:, 0] + two * short[:, 1]
            less = (across**2).sum(axis=1) < (1 - 1e-9) * (short[:, k] ** 2).sum(axis=1)
            short[less, k] = across[less]
        if np.array_equal(before, short):
            break
    return short
