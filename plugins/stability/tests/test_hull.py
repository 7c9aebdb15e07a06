"""Hulls against pymatgen's phase diagrams, and what is refused or warned of."""

import itertools
import warnings

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition
from scipy.optimize import linprog

from atlas_core.api import CautionWarning, DataError, Materials
from atlas_core.testing import find_component
from atlas_stability.convex_hull import ELEMENT, TRACES, HullReference, in_words
from atlas_stability.hooks import ConvexHullConfig
from atlas_stability.hull import HullIndex
from atlas_stability.phases import Known, phases_of, warn_of_units

ELEMENTS = ("Li", "Mg", "Fe", "P", "O")


def materials(*formulas: str) -> Materials:
    return Materials.from_formulas([f"m{i}" for i in range(len(formulas))], formulas)


def known(**energies: float) -> Known:
    return Known.of(materials(*energies), np.array([*energies.values()]))


def world(seed: int, compounds: int = 160) -> tuple[Materials, np.ndarray]:
    """Return phases of five elements at random compositions, the pure elements at zero."""
    rng = np.random.default_rng(seed)
    formulas, energies = list(ELEMENTS), [0.0] * len(ELEMENTS)
    for _ in range(compounds):
        some = rng.choice(ELEMENTS, rng.integers(2, 6), replace=False)
        amounts = rng.integers(1, 6, len(some))
        formulas.append("".join(f"{e}{n}" for e, n in zip(some, amounts, strict=True)))
        energies.append(float(rng.normal(-1.0, 0.7)))
    return materials(*formulas), np.array(energies)


def from_pymatgen(found: Known, left_out: int, formula: str) -> tuple[float, dict[str, float]]:
    """Return the energy of the hull and the shares of what lies there, without one phase."""
    asked = Composition(formula)
    inside = set(asked.chemical_system.split("-"))
    entries = []
    for row, name in enumerate(found.written):
        composition = Composition(name)
        if row != left_out and set(composition.chemical_system.split("-")) <= inside:
            atoms = composition.num_atoms
            entries.append(PDEntry(composition, float(found.energy[row]) * atoms, name=name))
    phases = PhaseDiagram(entries).get_decomposition(asked)
    energy = sum(entry.energy_per_atom * share for entry, share in phases.items())
    return energy, {entry.name: share for entry, share in phases.items() if share > 1e-6}


@pytest.mark.parametrize("seed", [0, 1])
def test_hulls_and_decompositions_are_those_of_pymatgen(seed: int) -> None:
    found = Known.of(*world(seed))
    several = np.flatnonzero(found.materials.counts > 1)
    asked = found.materials.take(several)
    infinite = np.full(len(several), np.inf)
    hulls = found.index.at(phases_of(asked, infinite), own=several, own_energy=infinite)
    for place, row in enumerate(several.tolist()):
        energy, phases = from_pymatgen(found, row, found.written[row])
        assert hulls.energy[place] == pytest.approx(energy, abs=1e-6)
        there = hulls.phases[place] >= 0
        mine = {
            found.written[p]: s
            for p, s in zip(hulls.phases[place][there], hulls.shares[place][there], strict=True)
            if s > 1e-6
        }
        assert mine == pytest.approx(phases, abs=1e-6)
    assert len(several) > 100


def test_a_thousand_candidates_at_once_are_each_as_they_are_alone() -> None:
    found = Known.of(*world(2))
    rng = np.random.default_rng(5)
    formulas = [
        "".join(f"{e}{n}" for e, n in zip(ELEMENTS[:k], rng.integers(1, 9, k), strict=True))
        for k in rng.integers(2, 6, 1000)
    ]
    asked = materials(*formulas)
    together = found.index.at(phases_of(asked, np.zeros(1000))).energy
    for row in range(0, 1000, 97):
        alone = found.index.at(phases_of(asked.take([row]), np.zeros(1))).energy[0]
        assert alone == pytest.approx(together[row], abs=1e-9)


def test_by_hand() -> None:
    # between Li2O (-2) and O2 (0): Li2O2 has 1/2 Li; a share s of atoms as Li2O gives 2s/3 = 1/2
    found = known(Li=0.0, O=0.0, Li2O=-2.0)
    asked = materials("Li2O2", "Li3O")
    hulls = found.index.at(phases_of(asked, np.zeros(2)))
    np.testing.assert_allclose(hulls.energy, [-2.0 * 0.75, -2.0 * 0.75])
    assert in_words(hulls, found) == ["Li2O + O2", "Li2O + Li"]


def test_a_candidate_on_a_tie_line_decomposes_into_its_two_ends() -> None:
    # MgFeO2 is MgO + FeO in equal parts; the third element's corner is no part of it
    found = known(Mg=0.0, Fe=0.0, O=0.0, MgO=-3.0, FeO=-1.2, Fe2O3=-1.2)
    hulls = found.index.at(phases_of(materials("MgFeO2"), np.zeros(1)))
    assert hulls.energy[0] == pytest.approx(-2.1)
    assert sorted(in_words(hulls, found)[0].split(" + ")) == ["FeO", "MgO"]


def test_many_phases_on_one_plane_are_no_endless_loop() -> None:
    """Every mixture costs the same: the simplex method may pivot in circles."""
    formulas = [
        "".join(f"{e}{n}" for e, n in zip(ELEMENTS[:4], amounts, strict=True) if n)
        for amounts in itertools.product(range(4), repeat=4)
        if sum(amounts)
    ]
    distinct = Known.of(materials(*formulas), np.zeros(len(formulas)))
    hulls = distinct.index.at(phases_of(distinct.materials, np.zeros(len(distinct))))
    np.testing.assert_allclose(hulls.energy, 0.0, atol=1e-12)


def reference(phases: Known | None = None, **options: object) -> HullReference:
    return HullReference(ConvexHullConfig(**options), phases, "known", "")


def test_a_material_competes_with_all_others_and_not_with_itself() -> None:
    own = materials("Li", "O", "Li2O", "Li2O2")
    energies = np.array([0.0, 0.0, -2.0, -1.6])
    drawn = reference().border(own, own, energies)
    # without itself Li2O lies on the line from Li to Li2O2 (-1.6 at one half): 2/3 of it at 1/3 O
    np.testing.assert_allclose(drawn.value[2:], [-1.6 * 2 / 3, -2.0 * 0.75])
    assert np.isnan(drawn.value[:2]).all()
    assert list(drawn.words[:2]) == [ELEMENT, ELEMENT]
    assert drawn.words[3] == "Li2O + O2"


def test_its_words_count_each_phase_once() -> None:
    own = materials("Li", "O", "Li2O", "Li2O")
    known_elsewhere = known(Li=0.0, O=0.0, Li2O2=-1.6)
    count = {
        "the 3 phases of the data set itself": reference(),
        "the 4 phases of known and the data set itself": reference(known_elsewhere),
        "the 3 phases of known": reference(known_elsewhere, own=False),
    }
    for words, one in count.items():
        said = one.wording(own)
        assert said.against == words
        assert (said.yes, said.no, said.border) == ("stable", "unstable", "the hull")


def test_another_crystal_of_the_same_composition_competes() -> None:
    own = materials("Li", "O", "Li2O", "Li2O")
    drawn = reference().border(own, own, np.array([0.0, 0.0, -2.0, -1.9]))
    # each is held against the other one
    np.testing.assert_allclose(drawn.value[2:], [-1.9, -2.0])


def test_a_phase_of_another_source_with_the_same_composition_is_left_out() -> None:
    elsewhere = known(Li=0.0, O=0.0, Li2O=-2.0)
    asked = materials("Li2O")
    drawn = reference(elsewhere, own=False).border(asked, asked, np.array([-1.5]))
    assert drawn.value[0] == pytest.approx(0.0)
    assert sorted(drawn.words[0].split(" + ")) == ["Li", "O2"]


def test_all_missing_elements_are_named_at_once() -> None:
    own = materials("LiF", "MgF2", "F")
    with pytest.raises(DataError, match=r"no phase of Li, Mg alone.*`elements: zero`"):
        reference().border(own, own, np.array([-3.0, -3.7, 0.0]))
    drawn = reference(elements="zero").border(own, own, np.array([-3.0, -3.7, 0.0]))
    np.testing.assert_allclose(drawn.value[:2], 0.0)


def warned(found: Known) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_units(found, "reference x")
    assert all(one.category is CautionWarning for one in caught)
    return [str(one.message) for one in caught]


def test_energies_that_are_none_of_formation_per_atom_are_told() -> None:
    assert not warned(known(Li=0.0, O=0.0, Li2O=-2.0))
    (total,) = warned(known(Li=-1.9, O=-4.9, Li2O=-4.8))
    assert "pure elements are not at 0 eV/atom (Li -1.90, O -4.90): these seem to be total" in total
    (missing,) = warned(known(Li=0.0, O=0.0, W=0.48, Li2O=-2.0))
    assert "(W 0.48): the ground states of these seem to be missing" in missing
    assert "total energies" not in missing
    (cell,) = warned(known(Li=0.0, O=0.0, Li2O=-12.0))
    assert "such as Li2O at -12.00" in cell
    assert "per cell or per formula, not per atom" in cell


def test_the_contract_is_kept() -> None:
    component, _ = find_component("convex_hull", "reference")
    assert component.citation


def test_a_missing_element_stops_the_engine_itself() -> None:
    found = known(Li=0.0, Li2O=-2.0)
    with pytest.raises(ValueError, match="no pure phase"):
        HullIndex(phases_of(found.materials, found.energy)).at(
            phases_of(materials("Li2O"), np.zeros(1))
        )


def test_candidates_compete_in_each_world_as_in_pymatgen() -> None:
    rng = np.random.default_rng(7)
    names = ["Li2O", "LiFeO2", "LiFe2O3", "LiPO3"]
    energy = rng.normal(-1.2, 0.6, (4, len(names)))
    found, target = world(3)
    reference, asked = HullReference(ConvexHullConfig(), None, "", ""), materials(*names)
    phases = reference.phases(asked, found, target)
    worlds = reference.together(asked, energy, phases)
    taken = set(asked.formulas())
    fixed = [
        (Composition(name), e)
        for name, e in zip(phases.materials.formulas(), phases.energy.tolist(), strict=True)
        if name not in taken
    ]
    for row in range(len(energy)):
        drawn = [(Composition(n), float(e)) for n, e in zip(names, energy[row], strict=True)]
        for place, (asked, _) in enumerate(drawn):
            others = [one for k, one in enumerate(drawn) if k != place]
            diagram = PhaseDiagram([PDEntry(c, e * c.num_atoms) for c, e in fixed + others])
            expected = diagram.get_hull_energy_per_atom(asked)
            assert worlds[row, place] == pytest.approx(expected, abs=1e-6)


def test_phases_say_which_elements_there_is_nothing_of() -> None:
    own = materials("Li", "F", "LiF", "MgO")
    energy = np.array([0.0, 0.0, -3.0, -3.1])
    asked = materials("LiMgF3", "UO2")
    strict = HullReference(ConvexHullConfig(), None, "", "").phases(asked, own, energy)
    assert strict.lacking == {12, 92, 8}  # Mg and O have no phase of their own
    zero = HullReference(ConvexHullConfig(elements="zero"), None, "", "").phases(asked, own, energy)
    assert zero.lacking == {92}
    assert sorted(strict.materials.formulas()) == sorted(own.formulas())


def test_a_dopant_is_no_endless_loop() -> None:
    # every mixture with as much P costs -1, and the compound that is asked about is one of them
    found = known(Li=0.0, P=0.0, O=0.0, PO3000=-1.0, LiP1000=-1.0, LiP1000O=-1.0)
    hulls = found.index.at(phases_of(materials("LiP1000O"), np.zeros(1)))
    assert hulls.energy[0] == pytest.approx(-1.0)


def by_scipy(found: Known, formula: str) -> float:
    """Return the energy of the hull by another solver of linear programs."""
    asked = materials(formula)
    inside = np.setdiff1d(np.arange(1, 119), asked.numbers) - 1
    every, wanted = found.materials.element_fractions(), asked.element_fractions()[0]
    some = (every[:, inside] == 0).all(axis=1)
    there = asked.numbers - 1
    tolerances = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    solved = linprog(
        found.energy[some], A_eq=every[some][:, there].T, b_eq=wanted[there], options=tolerances
    )
    assert solved.status == 0
    return float(solved.fun)


def test_hulls_with_dopants_are_those_of_scipy() -> None:
    rng = np.random.default_rng(4)
    formulas = [*ELEMENTS]
    for _ in range(60):
        some = rng.choice(ELEMENTS, rng.integers(2, 6), replace=False)
        amounts = rng.choice(["", "2", "3", "0.001", "0.0001"], len(some))
        formulas.append("".join(f"{e}{n}" for e, n in zip(some, amounts, strict=True)))
    energies = np.append(np.zeros(len(ELEMENTS)), rng.normal(-1.0, 0.5, 60))
    found = Known.of(materials(*formulas), energies)
    asked = formulas[len(ELEMENTS) :]
    hulls = found.index.at(phases_of(materials(*asked), np.zeros(60)))
    for formula, energy in zip(asked, hulls.energy.tolist(), strict=True):
        assert energy == pytest.approx(by_scipy(found, formula), abs=1e-6), formula


def test_energies_of_any_size_are_no_endless_loop() -> None:
    found = known(Li=3.0, O=0.0, LiO2=9e50, LiO3=-2e50, Li2O=0.0)
    hulls = found.index.at(phases_of(materials("LiO", "LiO9"), np.zeros(2)))
    # LiO3 has 1/4 Li: LiO is 2/3 of it and 1/3 Li; LiO9 is 2/5 of it and 3/5 O
    np.testing.assert_allclose(hulls.energy, [-2e50 * 2 / 3, -2e50 * 0.4])
    high = known(Li=0.0, O=0.0, Li2O=-2.0, LiO9=1e99)
    hulls = high.index.at(phases_of(materials("LiO"), np.zeros(1)))
    assert hulls.energy[0] == pytest.approx(-2.0 * 0.75)  # a hopeless phase changes nothing


def test_what_has_a_trace_of_an_element_has_no_border_and_does_not_compete() -> None:
    own = materials("Li", "O", "Li2O", "Li0.000001O", "LiO")
    drawn = reference().border(own, own, np.array([0.0, 0.0, -2.0, -9.0, -1.0]))
    assert np.isnan(drawn.value[3])
    assert drawn.words[3] == TRACES
    assert drawn.value[4] == pytest.approx(-2.0 * 0.75)
    assert len(Known.of(own.take([3]), np.zeros(1))) == 0
