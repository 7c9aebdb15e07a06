"""Candidates that compete with each other: their errors in one chemical system are not independent.

What is predicted too low in a system is often too low for all of its compounds. How far errors are
correlated there is taken from what a run predicted of rows whose truth it knows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from atlas_core.arrays import F8, I8, Bool
from atlas_core.context import derive_seed
from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.kinds.reference import HasPhases, Phases
from atlas_core.materials import Materials
from atlas_screening.held import Held
from atlas_statistics.bootstrap import FEW_MATERIALS, Interval, percentile_interval, resample

DRAWS = 2000
"""Worlds that are drawn: a probability of one half is then known to 0.01."""
SYSTEMS = 12
"""Chemical systems that are looked at, those of the best candidates."""
MEMBERS = 12
"""Candidates of one system that are drawn, the most probable."""


@dataclass(frozen=True)
class Correlation:
    """How far errors of one chemical system go together.

    Attributes:
        interval: of the correlation of their normal scores, over chemical systems.
        systems: how many have two compositions or more.
        rows: how many compositions these have.
    """

    interval: Interval
    systems: int
    rows: int

    @property
    def shown(self) -> bool:
        """Return whether the data show one beyond chance."""
        return self.interval.low > 0


def correlation(error: F8, systems: Sequence[str], *, seed: int = 0) -> Correlation | None:
    """Return the correlation of errors that share a chemical system.

    Errors become normal scores (van der Waerden), as a few large ones would decide alone. Within a
    system of n compositions each pair counts 1 / (n - 1), so that a system counts by its size: the
    intraclass correlation of a one-way layout (Fisher 1925). The interval resamples systems.

    Args:
        error: (n,) error over its sigma, of n different compositions.
        systems: n chemical systems.
        seed: of the resampling.

    Returns:
        None where fewer than ten systems have two compositions.
    """
    score = ndtri(rankdata(error) / (len(error) + 1)) if len(error) else error
    names, group = np.unique(np.asarray(systems), return_inverse=True)
    size = np.bincount(group, minlength=len(names)).astype(np.float64)
    several = size > 1
    if several.sum() < FEW_MATERIALS:
        return None
    variance = float(np.mean(score**2))
    total = np.bincount(group, weights=score, minlength=len(names))
    square = np.bincount(group, weights=score**2, minlength=len(names))
    shared = ((total**2 - square)[several]) / (size[several] - 1) / variance
    rows = size[several]
    value = float(shared.sum() / rows.sum())
    draws = np.concatenate(
        [
            counts @ shared / (counts @ rows)
            for counts in resample(np.arange(len(rows)), seed=derive_seed(seed, "systems"))
        ]
    )
    found = percentile_interval(value, draws)
    return None if found is None else Correlation(found, int(several.sum()), int(rows.sum()))


def correlation_of(held: Held) -> Correlation | None:
    """Return the correlation of errors in a run, of one row of each composition."""
    rows = held.against.rows
    known = np.isin(rows.parts, ("calibration", "test"))
    sigma = np.where(rows.std > 0, rows.std, np.nan)
    known &= np.isfinite(sigma)
    place = {one: row for row, one in enumerate(held.against.known.ids.tolist())}
    own = np.flatnonzero(known)
    at = [place[one] for one in rows.ids[own].tolist()]
    made = held.against.known.take(np.array(at, dtype=np.int64))
    _, first = np.unique(np.array(made.formulas(), dtype=np.str_), return_index=True)
    first.sort()
    some = own[first]
    error = (rows.target[some] - rows.mean[some]) / sigma[some]
    systems = made.take(first).chemical_systems()
    return correlation(error, systems)


@dataclass(frozen=True, eq=False)
class System:
    """Candidates of one chemical system, and phases of it, as they compete.

    Attributes:
        name: the elements, such as ``F-Li-Mg``.
        candidates: k places in the list: one of each composition that the reference lacks, the
            most probable first.
        own: (k,) whether it has all elements of the system.
        alone: (k,) P against the phases of the reference alone.
        independent: (k,) P where the candidates compete and their errors are independent.
        together: (k,) P where errors of one element set are correlated; None where the data show
            no correlation.
        phases: the phases of the reference inside the system.
        on_hull: (m,) the share of worlds in which each of these is on the hull.
    """

    name: str
    candidates: I8
    own: Bool
    alone: F8
    independent: F8
    together: F8 | None
    phases: Phases
    on_hull: F8

    @property
    def best(self) -> int:
        """Return which of the candidates of all elements is the most probable."""
        return int(np.flatnonzero(self.own)[0])

    @property
    def competed(self) -> F8:
        """Return (k,) the best that is known of each candidate's probability."""
        return self.independent if self.together is None else self.together


@dataclass(frozen=True, eq=False)
class Competition:
    """Candidates that compete with each other.

    Attributes:
        correlated: how far errors of one chemical system go together; None where nothing is known.
        systems: those of the best candidates.
    """

    correlated: Correlation | None
    systems: list[System]

    @property
    def rivals(self) -> list[System]:
        """Return the systems in which candidates compete with each other."""
        return [one for one in self.systems if len(one.candidates) > 1]

    def facts(self, held: Held) -> dict[str, Any]:
        """Return what ``screen.json`` says of it; of a correlation where the data show one."""
        found: dict[str, Any] = {
            "systems": [
                {
                    "system": one.name,
                    "candidates": held.canonical[one.candidates].tolist(),
                    "alone": one.alone.tolist(),
                    "independent": one.independent.tolist(),
                    **({} if one.together is None else {"together": one.together.tolist()}),
                }
                for one in self.rivals
            ]
        }
        if self.correlated is not None and self.correlated.shown:
            found["correlation"] = {
                **self.correlated.interval.as_dict(),
                "systems": self.correlated.systems,
                "rows": self.correlated.rows,
            }
        return found


def compete(held: Held, std: F8, best: I8) -> Competition:
    """Return how the best candidates compete with each other.

    Args:
        held: all candidates.
        std: (n,) standard deviations of the predictions.
        best: places in the list, best first.
    """
    correlated = correlation_of(held)
    return Competition(correlated, systems_of(held, std, correlated, best))


def systems_of(held: Held, std: F8, correlated: Correlation | None, wanted: I8) -> list[System]:
    """Return the chemical systems of the best candidates.

    Args:
        held: all candidates.
        std: (n,) standard deviations of the predictions.
        correlated: of errors; None where nothing is known.
        wanted: places in the list, best first.
    """
    reference, phases = held.against.decider.reference, held.decided.phases
    if phases is None or not isinstance(reference, HasPhases):
        return []
    p, known = held.decided.probability, held.decided.known
    usable = np.isfinite(p) & np.isfinite(std) & (std > 0) & ~np.isfinite(known)
    best: dict[str, int] = {}
    for place in np.argsort(-np.nan_to_num(p), kind="stable").tolist():
        if usable[place]:
            best.setdefault(str(held.canonical[place]), place)
    places = np.array(sorted(best.values(), key=lambda one: (-p[one], one)), dtype=np.int64)
    if not len(places):
        return []
    made = Materials.from_formulas([str(i) for i in places], held.canonical[places].tolist())
    elements = [frozenset(name.split("-")) for name in made.chemical_systems()]
    of_phases = [frozenset(name.split("-")) for name in phases.materials.chemical_systems()]
    listed = [frozenset(one) for one in _systems_in_order(held, wanted)]
    found = []
    for system in dict.fromkeys(one for one in listed if one in set(elements)):
        members = [k for k, one in enumerate(elements) if one <= system][:MEMBERS]
        if not any(elements[k] == system for k in members):
            continue
        inside = np.array([k for k, one in enumerate(of_phases) if one <= system], dtype=np.int64)
        within = _with_elements(phases.materials.take(inside), phases.energy[inside], system)
        rho = correlated.interval.value if correlated is not None and correlated.shown else None
        found.append(
            _system(
                "-".join(sorted(system)),
                held,
                places[members],
                made.take(members),
                std=std,
                within=within,
                rho=rho,
                own=np.array([elements[k] == system for k in members]),
                groups=["-".join(sorted(elements[k])) for k in members],
            )
        )
        if len(found) == SYSTEMS:
            break
    return found


def _systems_in_order(held: Held, wanted: I8) -> list[list[str]]:
    if not len(wanted):
        return []
    made = Materials.from_formulas([str(i) for i in wanted], held.canonical[wanted].tolist())
    return [name.split("-") for name in made.chemical_systems()]


def _system(
    name: str,
    held: Held,
    places: I8,
    made: Materials,
    *,
    std: F8,
    within: Phases,
    rho: float | None,
    own: Bool,
    groups: Sequence[str],
) -> System:
    reference = held.against.decider.reference
    assert isinstance(reference, HasPhases)  # noqa: S101 - asked before
    decided = held.decided
    p, sigma = decided.probability[places], std[places]
    # the energy of which the learned P is the probability to lie at or below the border
    center = decided.border[places] - sigma * ndtri(p)
    stable = stable_phases(reference, within)
    several = within.materials.take(stable)
    elements = np.array(
        [k for k, one in enumerate(within.materials.chemical_systems()) if "-" not in one],
        dtype=np.int64,
    )
    pure = Phases(within.materials.take(elements), within.energy[elements], frozenset())
    asked = Materials.from_amounts(
        [f"{k}" for k in range(len(made) + len(several))], [*_amounts(made), *_amounts(several)]
    )

    def shares(correlation: float) -> F8:
        drawn = center + sigma * _normal(groups, correlation)
        energy = np.concatenate(
            [drawn, np.broadcast_to(within.energy[stable], (DRAWS, len(stable)))], axis=1
        )
        hull = reference.together(asked, energy, pure)
        return np.asarray((energy <= hull + 1e-9).mean(axis=0))

    alone_shares = shares(0.0)
    joint = shares(rho) if rho is not None else None
    k, last = len(places), alone_shares if joint is None else joint
    on_hull = np.zeros(len(within.energy))
    on_hull[elements], on_hull[stable] = 1.0, last[k:]
    return System(
        name, places, own, p, alone_shares[:k], None if joint is None else joint[:k], within,
        on_hull,
    )  # fmt: skip


def _with_elements(materials: Materials, energy: F8, system: frozenset[str]) -> Phases:
    """Return phases with each element that has none of its own, at 0."""
    missing = sorted(system - set(materials.chemical_systems()))
    amounts = [*_amounts(materials), *({ATOMIC_NUMBER[one]: 1.0} for one in missing)]
    ids = [*materials.ids.tolist(), *(f"element {one}" for one in missing)]
    return Phases(
        Materials.from_amounts(ids, amounts),
        np.append(energy, np.zeros(len(missing))),
        frozenset(),
    )


def stable_phases(reference: HasPhases, within: Phases) -> I8:
    """Return the compounds among phases that lie on their hull."""
    compounds = np.array(
        [k for k, one in enumerate(within.materials.chemical_systems()) if "-" in one],
        dtype=np.int64,
    )
    if not len(compounds):
        return compounds
    energy = within.energy[compounds]
    hull = reference.together(within.materials.take(compounds), energy[None], within)[0]
    return compounds[energy <= hull + 1e-9]


def _amounts(made: Materials) -> list[Mapping[int, float]]:
    found: list[Mapping[int, float]] = []
    for start, end in zip(made.offsets[:-1], made.offsets[1:], strict=True):
        own: dict[int, float] = defaultdict(float)
        for z, n in zip(
            made.numbers[start:end].tolist(), made.amounts[start:end].tolist(), strict=True
        ):
            own[z] += n
        found.append(own)
    return found


def _normal(groups: Sequence[str], correlation: float) -> F8:
    """Return (DRAWS, k) normal numbers, correlated within a group; the same ones each time."""
    rng = np.random.default_rng(derive_seed(0, "worlds", *sorted(set(groups))))
    own = rng.standard_normal((DRAWS, len(groups)))
    names = {name: k for k, name in enumerate(dict.fromkeys(groups))}
    shared = rng.standard_normal((DRAWS, len(names)))[:, [names[one] for one in groups]]
    return np.asarray(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
