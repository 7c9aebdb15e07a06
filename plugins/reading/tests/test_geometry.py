"""Cells and distances that no crystal has are refused, odd ones flagged, by independent figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from atlas_chemistry import covalent_radius
from atlas_core.api import SYMBOLS, Materials, offsets_of
from atlas_reading import check_geometry
from atlas_reading.geometry import density


def crystals(*given: tuple[Any, list[int], Any]) -> Materials:
    """Return crystals from (edges or lattice, atomic numbers, coordinates)."""
    cells = [np.diag(cell) if np.ndim(cell) == 1 else np.asarray(cell) for cell, _, _ in given]
    numbers = [z for _, own, _ in given for z in own]
    return Materials(
        ids=np.array([f"m{i}" for i in range(len(given))]),
        offsets=offsets_of([len(own) for _, own, _ in given]),
        numbers=np.array(numbers),
        amounts=np.ones(len(numbers)),
        frac=np.concatenate([np.asarray(frac, dtype=float) for _, _, frac in given]),
        lattice=np.stack(cells).astype(float),
    )


def found(*given: tuple[Any, list[int], Any]) -> list[tuple[int, str]]:
    return [(row, severity) for row, severity, _ in check_geometry(crystals(*given))]


SALT = ([0, 0, 0], [0.5, 0.5, 0.5])


def test_a_cell_in_nm_is_refused_and_its_density_is_that_by_hand() -> None:
    # one NaCl of 58.44 g/mol in 0.564^3 A3: 58.44 / 0.602214 / 0.17941 = 540.9 g/cm3
    cell = crystals(([0.564] * 3, [11, 17], SALT))
    assert density(cell)[0] == pytest.approx(540.9, abs=0.2)
    assert [one.severity for one in check_geometry(cell)] == ["refuse"]
    assert found(([4.0] * 3, [11, 17], SALT), ([0.4] * 3, [1], [[0, 0, 0]])) == [(1, "refuse")]
    assert found(([564.0] * 3, [11, 17], SALT)) == [(0, "refuse")]  # in pm


def test_osmium_and_diamond_are_possible() -> None:
    diamond = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]) * 3.567
    osmium = np.array([[2.734, 0, 0], [-1.367, 2.3677, 0], [0, 0, 4.317]])
    assert not found(
        (diamond, [6, 6], [[0, 0, 0], [0.25, 0.25, 0.25]]),
        (osmium, [76, 76], [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]),
    )


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, "refuse"),
        (1.0, "refuse"),  # one place, a cell further
        (0.05, "refuse"),  # 0.3 A
        (0.95, "refuse"),  # 0.3 A across the border
        (0.2, "flag"),  # 1.2 A, less than half of 1.66 + 1.66 A
        (-0.2, "flag"),
        (0.3, None),  # 1.8 A
    ],
)
def test_distances_are_those_across_cell_borders(x: float, expected: str | None) -> None:
    pair = ([6.0] * 3, [11, 11], [[0, 0, 0], [x, 0, 0]])
    assert found(pair) == ([] if expected is None else [(0, expected)])


def test_an_atom_may_not_stand_on_its_own_copy() -> None:
    assert found(([0.4, 9, 9], [1], [[0, 0, 0]])) == [(0, "refuse")]


def test_vacuum_is_flagged_by_how_many_axes_are_empty() -> None:
    slab, wire, box = ((4, 4, 20), (4, 20, 20), (20, 20, 20))
    atoms = ([22, 22], [[0.5, 0.5, 0.4], [0.5, 0.5, 0.52]])
    words = [
        one.words for one in check_geometry(crystals(*((c, *atoms) for c in (slab, wire, box))))
    ]
    assert len(set(words)) == 3
    # the gap may lie across the border of the cell
    assert found((slab, [22, 22], [[0.5, 0.5, 0.95], [0.5, 0.5, 0.07]])) == [(0, "flag")]
    assert not found(((4, 4, 9.9), [22], [[0, 0, 0]]))


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (None, None),
        ([0.0, 0.0, 0.0], "refuse"),
        ([0.999, 0.0, 0.5], "refuse"),  # 0.024 A across the border
        ([1 / 24, 0.0, 0.0], "flag"),  # 1 A
    ],
)
def test_a_cell_of_many_atoms_is_looked_at_like_a_small_one(
    extra: list[float] | None, expected: str | None
) -> None:
    places = [[x / 8, y / 8, z / 8] for x in range(8) for y in range(8) for z in range(8)]
    places += [] if extra is None else [extra]
    large = ([24.0] * 3, [29] * len(places), places)
    assert found(large) == ([] if expected is None else [(0, expected)])


def test_compositions_have_no_geometry() -> None:
    assert check_geometry(Materials.from_formulas(["a"], ["NaCl"])) == []


def test_skewed_cells_agree_with_pymatgen() -> None:
    core = pytest.importorskip("pymatgen.core")
    rng = np.random.default_rng(0)
    radius = covalent_radius() / 100
    seen = set()
    for _ in range(200):
        shear = np.eye(3)
        shear[np.triu_indices(3, 1)] = rng.integers(-5, 6, 3)
        lattice = shear @ (rng.normal(size=(3, 3)) * rng.uniform(1, 4, (3, 1)))
        if abs(np.linalg.det(lattice)) < 60:
            continue
        numbers = rng.choice([8, 11, 55, 3], 2)
        first, away = rng.uniform(-2, 2, 3), rng.normal(size=3)
        away *= rng.uniform(0.1, 2.5) / np.linalg.norm(away)
        second = first + away @ np.linalg.inv(lattice) + rng.integers(-3, 4, 3)
        frac = np.stack([first, second])
        structure = core.Structure(lattice, [SYMBOLS[z] for z in numbers], frac)
        near = [
            (n.nn_distance, 0.5 * (radius[z] + radius[n.specie.Z]))
            for z, own in zip(numbers, structure.get_all_neighbors(3.0), strict=True)
            for n in own
        ]
        expected = "flag" if any(d < limit for d, limit in near) else None
        expected = "refuse" if any(d < 0.5 for d, _ in near) else expected
        ours = check_geometry(crystals((lattice, numbers.tolist(), frac)))
        ours = [one for one in ours if "empty" not in one.words]
        assert [one.severity for one in ours] == ([] if expected is None else [expected])
        seen.add(expected)
    assert seen == {None, "flag", "refuse"}
