"""Candidates of one system compete: correlated errors, drawn worlds, phase diagrams."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition
from scipy.stats import norm, rankdata

from atlas_core.kinds.reference import Phases, Wording
from atlas_core.materials import Materials
from atlas_core.testing import find_component
from atlas_screening import joint
from atlas_screening.competition_page import _sentences
from atlas_screening.diagrams import Points, tie_lines
from atlas_screening.joint import DRAWS, Competition, Correlation, System, correlation
from atlas_statistics.bootstrap import Interval


def errors(rho: float, systems: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """Return errors of three compositions of each system, correlated by a shared part."""
    rng = np.random.default_rng(seed)
    shared, own = rng.standard_normal((systems, 1)), rng.standard_normal((systems, 3))
    made = np.sqrt(rho) * shared + np.sqrt(1 - rho) * own
    return made.ravel(), [f"s{k}" for k in range(systems) for _ in range(3)]


def test_the_correlation_of_errors_is_found() -> None:
    found = correlation(*errors(0.5, 400, 1))
    assert found is not None
    assert found.interval.low < 0.5 < found.interval.high
    assert found.shown
    assert (found.systems, found.rows) == (400, 1200)


def test_independent_errors_show_none() -> None:
    shown = [correlation(*errors(0.0, 60, seed)) for seed in range(20)]
    # the lower of two ends at 95 %: about one in forty by chance
    assert sum(one is not None and one.shown for one in shown) <= 2


def test_the_correlation_of_pairs_is_that_of_their_normal_scores() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.standard_normal((2, 30))
    error = np.concatenate([first, 0.5 * first + second, rng.standard_normal(5)])
    systems = [f"p{k}" for k in range(30)] * 2 + [f"alone{k}" for k in range(5)]
    score = norm.ppf(rankdata(error) / (len(error) + 1))
    expected = np.mean(score[:30] * score[30:60]) / np.mean(score**2)
    found = correlation(error, systems)
    assert found is not None
    assert found.interval.value == pytest.approx(expected)
    assert correlation(error[:9], [f"p{k % 5}" for k in range(9)]) is None  # five systems


def test_drawn_errors_are_correlated_within_a_group_only() -> None:
    drawn = joint._normal(["a", "a", "b"], 0.6)
    found = np.corrcoef(drawn.T)
    assert found[0, 1] == pytest.approx(0.6, abs=0.05)
    assert abs(found[0, 2]) < 0.07
    assert drawn.std(axis=0) == pytest.approx(np.ones(3), abs=0.06)


def hull_reference() -> Any:
    component, _ = find_component("convex_hull", "reference")
    return component.build(component.config()).load(None)


def system(rho: float | None, probability: list[float], std: list[float]) -> System:
    """Return two candidates, AB3 and AB, between Li and O at 0 and nothing else."""
    made = Materials.from_formulas(["0", "1"], ["LiO3", "LiO"])
    pure = Phases(Materials.from_formulas(["a", "b"], ["Li", "O"]), np.zeros(2), frozenset())
    held: Any = SimpleNamespace(
        against=SimpleNamespace(decider=SimpleNamespace(reference=hull_reference())),
        decided=SimpleNamespace(probability=np.array(probability), border=np.zeros(2)),
    )
    return joint._system(
        "Li-O", held, np.arange(2), made, std=np.array(std), within=pure,
        rho=rho, own=np.array([True, True]), groups=["Li-O", "Li-O"],
    )  # fmt: skip


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_two_candidates_compete_as_drawn_by_hand(rho: float) -> None:
    p, std = np.array([0.7, 0.6]), np.array([0.3, 0.2])
    found = system(rho, p.tolist(), std.tolist())
    rng = np.random.default_rng(9)
    shared, own = rng.standard_normal((200_000, 1)), rng.standard_normal((200_000, 2))
    z = np.sqrt(rho) * shared + np.sqrt(1 - rho) * own
    a, b = (std * (z - norm.ppf(p))).T  # each is at or below zero with its P
    # on a line from O (x = 0) to Li: LiO3 at 1/4 against O and LiO at 1/2, LiO against LiO3 and Li
    expected = [np.mean(a <= np.minimum(0, b / 2)), np.mean(b <= np.minimum(0, a * 2 / 3))]
    assert found.together is not None
    assert found.together == pytest.approx(expected, abs=4 / np.sqrt(DRAWS) / 2)
    assert found.alone == pytest.approx(p)
    assert found.on_hull == pytest.approx([1.0, 1.0])


def test_an_element_without_a_phase_lies_at_zero() -> None:
    known = Materials.from_formulas(["a", "b"], ["Li", "Li2O"])
    found = joint._with_elements(known, np.array([-0.1, -2.0]), frozenset({"Li", "O"}))
    assert found.materials.formulas() == ["Li", "Li2O", "O"]
    assert found.energy.tolist() == [-0.1, -2.0, 0.0]
    none = joint._with_elements(known.take([]), np.zeros(0), frozenset({"Li", "O"}))
    assert none.materials.formulas() == ["Li", "O"]


def test_without_a_correlation_only_independent_worlds_are_drawn() -> None:
    found = system(None, [0.7, 0.6], [0.3, 0.2])
    assert found.together is None
    assert found.competed is found.independent


def told(interval: Interval | None, together: float | None) -> str:
    correlated = None if interval is None else Correlation(interval, 61, 125)
    one: Any = SimpleNamespace(
        name="F-Li", candidates=np.arange(2), best=0, independent=np.array([0.5, 0.4]),
        together=None if together is None else np.array([together, 0.4]),
    )  # fmt: skip
    words = Wording("stable", "unstable", "the hull", "x", "decomposes into")
    held: Any = SimpleNamespace(against=SimpleNamespace(wording=words, hull=True))
    return " ".join(_sentences(Competition(correlated, [one]), held))


def test_what_ignoring_the_correlation_costs_is_said_where_there_is_one() -> None:
    text = told(Interval(0.49, 0.2, 0.83), 0.7)
    assert "their correlation is 0.49 (0.20 to 0.83" in text
    assert "in F-Li: 0.50 in place of 0.70" in text
    assert "none of these systems by more than 0.03" in told(Interval(0.49, 0.2, 0.83), 0.51)
    for silent in (told(Interval(0.05, -0.1, 0.2), None), told(None, None)):
        assert "correlation" not in silent
        assert "independent" not in silent


def random_phases(elements: str, seed: int) -> Points:
    rng = np.random.default_rng(seed)
    symbols = tuple(elements.split())
    amounts = np.concatenate([np.eye(len(symbols)), rng.integers(0, 5, (14, len(symbols)))])
    amounts = amounts[amounts.sum(axis=1) > 0]
    fractions = amounts / amounts.sum(axis=1, keepdims=True)
    _, first = np.unique(fractions.round(9), axis=0, return_index=True)
    fractions = fractions[np.sort(first)]
    n = len(fractions)
    energy = np.where(fractions.max(axis=1) > 1 - 1e-9, 0.0, rng.normal(-0.6, 0.5, n))
    nan = np.full(n, np.nan)
    names = [f"p{k}" for k in range(n)]
    return Points(symbols, fractions, energy, names, np.ones(n), np.zeros(n, dtype=bool), nan, nan)


@pytest.mark.parametrize("elements", ["Li O", "Li Mg O", "Al Fe Ni"])
@pytest.mark.parametrize("seed", range(4))
def test_the_lines_of_a_diagram_are_those_of_pymatgen(elements: str, seed: int) -> None:
    points = random_phases(elements, seed)
    entries = []
    for k, row in enumerate(points.fractions):
        made = Composition({s: f for s, f in zip(points.elements, row, strict=True) if f > 0})
        entries.append(PDEntry(made, float(points.energy[k]) * made.num_atoms, name=f"p{k}"))
    diagram = PhaseDiagram(entries)
    expected = set()
    for facet in diagram.facets:
        names = [int(diagram.qhull_entries[i].name[1:]) for i in facet]
        expected |= {(min(a, b), max(a, b)) for i, a in enumerate(names) for b in names[i + 1 :]}
    assert {(min(a, b), max(a, b)) for a, b in tie_lines(points)} == expected
