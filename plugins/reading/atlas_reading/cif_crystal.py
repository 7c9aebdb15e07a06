"""Make the crystal that a data block of CIF describes, and check it against what it states. Light.

Nothing is guessed: where elements, cell, symmetry or positions leave more than one reading, and
the formula, Z, volume and density of the file do not decide, the block is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, frozen
from atlas_core.elements import SYMBOLS
from atlas_core.errors import DataError
from atlas_reading.cif import Block, number
from atlas_reading.cif_sites import Sites, read_sites
from atlas_reading.geometry import CLOSEST, heights_of, near_pairs
from atlas_reading.stated import Stated, read_stated
from atlas_reading.symmetry import Operations, Symmetry, distinct, number_of, read_symmetry

SAME = 1e-4
"""Fraction of a cell by which equal positions may differ in a file of many digits."""
MOVED = 1e-4
"""Fraction of a cell beyond which a coordinate that was moved to a special position is flagged."""
MISCOUNTED = "a site's multiplicity is not the stated one, but the cell contains the stated atoms"
OTHER_GROUP = "its space group is not that of its listed operations: these are used"
ROUNDED = "rounded coordinates were moved to the special position that they approximate"


@dataclass(frozen=True, eq=False)
class Crystal:
    """One ordered crystal of m sites.

    Attributes:
        name: of its CIF data block; "" for other forms.
        numbers: (m,) atomic numbers.
        frac: (m, 3) fractional coordinates.
        lattice: (3, 3) rows are the lattice vectors in Å.
        flags: what is odd about it although it is used, in words that crystals of one kind share.
    """

    name: str
    numbers: npt.NDArray[np.int16]
    frac: F8
    lattice: F8
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, kind in (("numbers", np.int16), ("frac", np.float64), ("lattice", np.float64)):
            object.__setattr__(self, name, frozen(getattr(self, name), kind))


@dataclass(frozen=True, eq=False)
class _Filled:
    """The whole cell: the listed site of each atom, and its coordinates."""

    origin: I8
    frac: F8
    moved: bool


def crystal_of(block: Block) -> Crystal:
    """Return the crystal of a data block.

    Raises:
        DataError: it is disordered, incomplete, ambiguous or contradicts itself.
    """
    lattice = _lattice(block)
    stated = read_stated(block)
    sites = read_sites(block, stated)
    symmetry = read_symmetry(block, lattice)
    if symmetry.listed is not None:
        filled = _fill(sites, symmetry.listed, lattice)
        decided = stated.counts or bool(sites.copies.all())
        flags = symmetry.listed.flags
        flags += _contradiction(sites, filled, symmetry, lattice, decided=decided)
        _refuse(_wrong(sites, filled, lattice, stated))
        if reason := _miscounted(sites, filled, len(symmetry.listed)):
            _refuse("" if stated.counts else reason)
            flags += (MISCOUNTED,)
    else:
        filled, flags = _decide(sites, symmetry, lattice, stated)
    if filled.moved:
        flags += (ROUNDED,)
    return Crystal(
        block.name,
        sites.numbers[filled.origin],
        filled.frac,
        lattice,
        sites.flags + flags + stated.flags,
    )


def _refuse(reason: str) -> None:
    if reason:
        raise DataError(reason)


def _lattice(block: Block) -> F8:
    """Return (3, 3) vectors: c along z, a in the plane of x and z, as pymatgen lays them."""
    found = []
    for name in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"):
        tag = f"_cell_{name}"
        if tag not in block.columns:
            raise DataError(f"{tag} is missing")
        text = block.first(tag)
        if text is None:
            raise DataError(f"{tag} is {block.columns[tag][0] or 'empty'}, not a number")
        try:
            value, _ = number(text)
        except ValueError as err:
            raise DataError(f"{tag}: {err}") from err
        largest = 180.0 if "angle" in name else 1e6
        if not 0.0 < value < largest:
            raise DataError(f"{tag} is {text}; it must be between 0 and {largest:g}")
        found.append(value)
    lengths, angles = np.array(found[:3]), np.deg2rad(found[3:])
    cos, sin = np.cos(angles), np.sin(angles)
    star = (cos[0] * cos[1] - cos[2]) / (sin[0] * sin[1])
    if not abs(star) < 1.0 - 1e-9:  # the cell would be flat
        raise DataError(
            f"the angles of the cell ({found[3]}, {found[4]}, {found[5]}) cannot form a cell"
        )
    gamma = np.arccos(star)
    a, b, c = lengths
    return np.array(
        [
            [a * sin[1], 0.0, a * cos[1]],
            [-b * sin[0] * np.cos(gamma), b * sin[0] * np.sin(gamma), b * cos[0]],
            [0.0, 0.0, c],
        ]
    )


def _decide(
    sites: Sites, symmetry: Symmetry, lattice: F8, stated: Stated
) -> tuple[_Filled, tuple[str, ...]]:
    """Return the cell of the one setting that the name can mean.

    Where more than one origin (or setting) has that name, the checks of the file decide: its
    formula, Z, volume and density, and that no atoms are on top of each other.
    """
    settings = distinct(symmetry.named)
    if 3 <= settings[0].number <= 15:
        # of the axes that fit the cell, b is the one that a short monoclinic symbol means
        settings = settings[:1]
    tried: list[tuple[Operations, _Filled]] = []
    reasons = []
    for one in settings:
        try:
            filled = _fill(sites, one, lattice)
            reason = _wrong(sites, filled, lattice, stated)
            reason = reason or _miscounted(sites, filled, len(one))
        except DataError as err:
            reason = str(err)
        if reason:
            reasons.append(reason)
        else:
            tried.append((one, filled))
    if not tried:
        read_as = f" (space group {symmetry.name!r})" if symmetry.name else ""
        raise DataError(f"{reasons[0]}{read_as}")
    if len(tried) > 1 and not _all_same(sites, [filled for _, filled in tried], lattice):
        names = " or ".join(one.name for one, _ in tried)
        raise DataError(
            f"space group {symmetry.name!r} has more than one setting ({names}), and the file does"
            " not say which; list the operations as _symmetry_equiv_pos_as_xyz"
        )
    setting, filled = tried[0]
    decided = len(settings) > 1 and len(tried) == 1
    flag = ("the setting of its space group is not stated: the one that fits is used",)
    return filled, setting.flags + (flag if decided else ())


def _all_same(sites: Sites, cells: Sequence[_Filled], lattice: F8) -> bool:
    """Return whether the cells hold the same crystal, turned or shifted."""
    if len({len(cell.origin) for cell in cells}) > 1:
        return False
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Structure

    made = [
        Structure(lattice, [SYMBOLS[z] for z in sites.numbers[cell.origin]], cell.frac)
        for cell in cells
    ]
    matcher = StructureMatcher(ltol=0.01, stol=0.01, angle_tol=0.5, scale=False)
    return all(matcher.fit(made[0], other) for other in made[1:])


def _fill(sites: Sites, operations: Operations, lattice: F8) -> _Filled:
    """Return the cell that the operations make of the listed sites.

    Raises:
        DataError: a site is near a special position but not within its digits.
    """
    origin, coordinates, moved = [], [], False
    for i, (place, step) in enumerate(zip(sites.frac, sites.step, strict=True)):
        copies, shift = _orbit(place, step, operations, lattice)
        moved = moved or shift > MOVED
        origin += [i] * len(copies)
        coordinates.append(copies)
    return _Filled(np.array(origin, dtype=np.int64), np.concatenate(coordinates), moved)


def _orbit(place: F8, step: F8, operations: Operations, lattice: F8) -> tuple[F8, float]:
    """Return (k, 3) copies of a site in the cell, and how far it was moved to be special.

    Operations that take the site onto itself within the digits it is written in, and in space
    closer than two atoms can be, leave it where it is: it is on their common element, and is
    moved there (the mean of its images).
    """
    turn, shift = operations.rotations, operations.translations
    slack = np.maximum(step, SAME / 2)
    reach = slack + np.abs(turn) @ slack + 1e-9
    target, moved = place, 0.0
    for _ in range(3):
        apart = _apart(turn @ target + shift - target)
        near = (np.abs(apart) <= reach).all(axis=1)
        near &= np.linalg.norm(apart @ lattice, axis=1) < CLOSEST
        better = place + _apart(turn[near] @ target + shift[near] - place).mean(axis=0)
        if not _within(place, better, step):
            target = place
            break
        if np.abs(better - target).max() < 1e-12:
            break
        target = better
    images = turn @ target + shift
    moved = float(np.abs(target - place).max())
    return _wrapped(images[_distinct(images)]), moved


def _apart(difference: F8) -> F8:
    return np.asarray(difference - np.rint(difference), dtype=np.float64)


def _within(written: F8, exact: F8, step: F8) -> bool:
    """Return whether numbers, rounded or cut off, are written as they are."""
    change = np.abs(exact) - np.abs(written)
    half = np.maximum(0.6 * step, SAME)
    return bool(((np.abs(exact - written) <= half) | ((change > 0) & (change < step))).all())


def _distinct(images: F8) -> I8:
    """Return which of k positions are the first of their kind, in any cell."""
    cells = np.rint(images * 1e6).astype(np.int64) % 1_000_000
    first = np.sort(np.unique(cells, axis=0, return_index=True)[1])
    apart = _apart(images[first][:, None] - images[first][None])
    same = (np.abs(apart) < SAME).all(axis=2)
    return first[~np.tril(same, -1).any(axis=1)]


def _wrong(sites: Sites, filled: _Filled, lattice: F8, stated: Stated) -> str:
    """Say what of the filled cell cannot be: atoms on top of each other, or against the file."""
    reason = _overlap(sites, filled, lattice)
    if reason:
        return reason
    symbols = [sites.isotopes[i] or SYMBOLS[int(sites.numbers[i])] for i in filled.origin.tolist()]
    return stated.against(symbols, float(abs(np.linalg.det(lattice))))


def _miscounted(sites: Sites, filled: _Filled, operations: int) -> str:
    """Say which site has another multiplicity than the file states, "" for none.

    Some programs write the operations that keep a site where it is instead of its copies.
    """
    made = np.bincount(filled.origin, minlength=len(sites.labels))
    said = sites.copies > 0
    bad = np.flatnonzero(said & (made != sites.copies))
    if not bad.size or (made * sites.copies == operations)[said].all():
        return ""
    i = int(bad[0])
    return (
        f"{sites.labels[i]}: symmetry puts {made[i]} of it in the cell, but its multiplicity is"
        f" {sites.copies[i]}: symmetry or coordinates are not those of the file"
    )


def _overlap(sites: Sites, filled: _Filled, lattice: F8) -> str:
    """Say which listed sites are closer than two atoms can be, "" for none."""
    if (heights_of(lattice[None]) < 2 * CLOSEST).any():
        return ""  # no crystal; the check of the geometry says why
    first, second, distances = near_pairs(filled.frac, lattice, CLOSEST)
    if not len(distances):
        return ""
    worst = int(np.lexsort((second, first, np.round(distances, 6)))[0])
    one, two = filled.origin[[first[worst], second[worst]]]
    d = distances[worst]
    if one == two:
        return (
            f"{sites.labels[one]}: its symmetry copies are {d:.2f} Å apart: its coordinates"
            " have too few digits for a special position, or the cell or symmetry is wrong"
        )
    if d < 0.01:
        return f"{sites.labels[one]} and {sites.labels[two]} are at the same position"
    return f"{sites.labels[one]} and {sites.labels[two]} are {d:.2f} Å apart, which is impossible"


def _contradiction(
    sites: Sites, filled: _Filled, symmetry: Symmetry, lattice: F8, *, decided: bool
) -> tuple[str, ...]:
    """Return flags where the listed operations are not those of the space group that is named.

    Args:
        sites: as they are listed.
        filled: the cell that the listed operations make.
        symmetry: what is listed and named.
        lattice: (3, 3).
        decided: whether the file counts its atoms, and so bears the listed operations out.

    Raises:
        DataError: fewer are listed than it has, and the atoms do not have the rest either; or
            they are those of another group, and nothing decides.
    """
    listed = symmetry.listed
    if listed is None or not symmetry.named:
        return ()
    fewest = min(len(one) for one in symmetry.named)
    if len(listed) >= fewest:
        most = max(len(one) for one in symmetry.named)
        known = {0, *(one.number for one in symmetry.named)}
        if len(listed) <= most and number_of(listed) in known:
            return ()
        if decided:
            return (OTHER_GROUP,)
        raise DataError(
            f"it names space group {symmetry.name!r}, but its {len(listed)} symmetry operations are"
            " those of another one: correct the name, or the list of operations"
        )
    numbers = sites.numbers[filled.origin]
    for one in symmetry.named:
        if _invariant(numbers, filled.frac, one, lattice):
            return ()
    raise DataError(
        f"it names space group {symmetry.name!r} with {fewest} symmetry operations but lists"
        f" {len(listed)}, and its atoms do not obey the others: list all operations, or name the"
        " space group of those listed"
    )


def _invariant(
    numbers: npt.NDArray[np.int16], frac: F8, operations: Operations, lattice: F8
) -> bool:
    """Return whether every operation takes every atom to one of its element, within 0.1 Å."""
    from scipy.spatial import cKDTree

    inside = _wrapped(frac)
    for z in np.unique(numbers):
        own = inside[numbers == z]
        tree = cKDTree(own, boxsize=1.0)
        for turn, shift in zip(operations.rotations, operations.translations, strict=True):
            images = _wrapped(own @ turn.T + shift)
            _, nearest = tree.query(images)
            apart = _apart(images - own[nearest]) @ lattice
            if (np.linalg.norm(apart, axis=1) > 0.1).any():
                return False
    return True


def _wrapped(frac: F8) -> F8:
    """Return coordinates in the cell, 0 to below 1."""
    inside = frac % 1.0
    return np.where(inside >= 1.0, 0.0, inside)
