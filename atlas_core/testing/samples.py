"""Seeded toy data that contract checks run on: formulas, small crystals, graphs, a model. Light.

Everything is made in numpy from a seed, so that a check gives the same answer on every machine.
The toy chemistry: rocksalt, perovskite and hexagonal cells of metals with O, S, Se, C, N and B;
``far_materials`` are alkali halides, which share no element with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, offsets_of
from atlas_core.component import Component, Config, uses
from atlas_core.context import FitContext
from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS
from atlas_core.kinds.dataset import Dataset, Task
from atlas_core.kinds.featurizer import Features, Graphs, Vectors
from atlas_core.kinds.inputs import Inputs
from atlas_core.materials import Materials
from atlas_core.neighbors import nearest
from atlas_core.testing.offered import with_components

T = TypeVar("T")

_ROCKSALT = (("Mg", "Ca", "Sr", "Ba", "Mn", "Fe", "Co", "Ni", "Zn", "Cd"), ("O", "S", "Se"))
_PEROVSKITE = (("Ca", "Sr", "Ba"), ("Ti", "Zr", "Mn", "Fe", "Nb"))
_METALS = tuple(sorted({*_ROCKSALT[0], *_PEROVSKITE[1]}))
_HEXAGONAL = (("Ti", "Zr", "Nb", "Ta", "W"), ("C", "N", "B"))
_HALIDES = (("Li", "Na", "K", "Rb", "Cs"), ("F", "Cl", "I"))

_FCC = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
_HEX = np.array([[1.0, 0.0, 0.0], [-0.5, np.sqrt(0.75), 0.0], [0.0, 0.0, 1.05]])
_ROCKSALT_SITES = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]])
_HEXAGONAL_SITES = np.array([[0.0, 0.0, 0.0], [1 / 3, 2 / 3, 0.5]])
_PEROVSKITE_SITES = np.array(
    [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]
)


Cell = tuple[list[str], F8, F8]
"""Symbols, (m, 3) sites and (3, 3) lattice vectors of a crystal."""


def _size(*symbols: str) -> float:
    """Return a plausible length in Å for the cell edge of a compound."""
    return 3.6 + 0.12 * float(np.sqrt([ATOMIC_NUMBER[s] for s in symbols]).sum())


def _binaries(
    elements: tuple[tuple[str, ...], ...], sites: F8, shape: F8, scale: float = 1.0
) -> list[Cell]:
    """Return a cell of each pair of a metal and an anion."""
    metals, anions = elements
    return [([m, a], sites, scale * _size(m, a) * shape) for m in metals for a in anions]


def _toys() -> list[Cell]:
    """Return 60 cells without any halogen or alkali metal."""
    perovskites: list[Cell] = [
        ([a, b, "O", "O", "O"], _PEROVSKITE_SITES, _size(a) * np.eye(3))
        for a in _PEROVSKITE[0]
        for b in _PEROVSKITE[1]
    ]
    rocksalts = _binaries(_ROCKSALT, _ROCKSALT_SITES, _FCC)
    return [*rocksalts, *perovskites, *_binaries(_HEXAGONAL, _HEXAGONAL_SITES, _HEX, 0.7)]


def _halides() -> list[Cell]:
    """Return 15 alkali halides in the rocksalt cell."""
    return _binaries(_HALIDES, _ROCKSALT_SITES, _FCC, 1.3)


def _crystals(**groups: list[Cell]) -> Materials:
    """Return the crystals of each group in a shuffled order, named after it."""
    ids, chosen = [], []
    for name, cells in groups.items():
        order = np.random.default_rng(0).permutation(len(cells))
        ids += [f"{name}-{i:03d}" for i in order]
        chosen += [cells[i] for i in order]
    return Materials.from_sites(
        ids,
        [len(symbols) for symbols, _, _ in chosen],
        numbers=[ATOMIC_NUMBER[s] for symbols, _, _ in chosen for s in symbols],
        frac=np.concatenate([sites for _, sites, _ in chosen]),
        lattice=np.stack([cell for _, _, cell in chosen]),
    )


def toy_materials() -> Materials:
    """Return 60 small crystals without any halogen or alkali metal, in a shuffled order."""
    return _crystals(toy=_toys())


def far_materials() -> Materials:
    """Return 15 alkali halides in the rocksalt cell: no element of ``toy_materials``."""
    return _crystals(far=_halides())


def toy_compounds(
    n: int = 240,
    name: str = "cmp",
    *,
    metals: Sequence[str] = _METALS,
    anions: Sequence[str] = ("O", "S"),
) -> Materials:
    """Return n formulas of two metals and an anion: more rows than there are toy crystals."""
    rng = np.random.default_rng(0)
    formulas = []
    for _ in range(n):
        a, b = rng.choice(metals, 2, replace=False)
        x, y, z = rng.integers(1, 4, 3)
        formulas.append(f"{a}{x}{b}{y}{rng.choice(anions)}{z + 2}")
    return Materials.from_formulas([f"{name}-{i:03d}" for i in rng.permutation(n)], formulas)


def scaled_formulas(materials: Materials, factor: float) -> Materials:
    """Return the compositions alone, every amount times ``factor``."""
    return replace(materials, amounts=materials.amounts * factor, frac=None, lattice=None)


def supercell(materials: Materials, axis: int = 0) -> Materials:
    """Return each crystal doubled along a lattice vector; site i becomes sites 2i and 2i + 1."""
    doubled = reordered_sites(materials, np.repeat(np.arange(len(materials.numbers)), 2))
    frac, lattice = (part.copy() for part in doubled.sites)
    frac[:, axis] *= 0.5
    frac[1::2, axis] += 0.5
    lattice[:, axis] *= 2.0
    return replace(doubled, frac=frac, lattice=lattice)


def site_order(materials: Materials) -> I8:
    """Return (m,) flat rows that shuffle the sites within each material."""
    chance = np.random.default_rng(5).random(len(materials.numbers))
    return np.lexsort((chance, materials.owner))


def reordered_sites(materials: Materials, order: I8) -> Materials:
    """Return crystals with the sites of each listed anew, each as often as all others.

    Args:
        materials: with m sites.
        order: (k m,) flat rows, material after material.
    """
    return replace(
        materials,
        offsets=materials.offsets * (len(order) // len(materials.numbers)),
        numbers=materials.numbers[order],
        amounts=materials.amounts[order],
        frac=None if materials.frac is None else materials.frac[order],
    )


def moved(
    materials: Materials, *, shift: F8 | None = None, rotation: F8 | None = None
) -> Materials:
    """Return crystals with ``shift`` added to fractional coordinates, or the cell rotated."""
    frac, lattice = materials.sites
    return replace(
        materials,
        frac=frac if shift is None else frac + shift,
        lattice=lattice if rotation is None else lattice @ rotation.T,
    )


def rotation_matrix() -> F8:
    """Return a rotation by 0.7 about (1, 2, 3)."""
    x, y, z = np.array([1.0, 2.0, 3.0]) / np.sqrt(14.0)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned = np.eye(3) + np.sin(0.7) * cross + (1.0 - np.cos(0.7)) * cross @ cross
    return np.asarray(turned, dtype=np.float64)


def toy_target(materials: Materials) -> F8:
    """Return (n,) a smooth function of the composition, about -2 to 2."""
    z = np.arange(1, 119, dtype=np.float64)
    fractions = materials.element_fractions()
    mean = fractions @ z
    spread = np.sqrt(np.maximum(fractions @ z**2 - mean**2, 0.0))
    target = 2.0 * (fractions @ np.cos(z / 9.0)) + 0.03 * spread
    return np.asarray(target, dtype=np.float64)


def toy_labels(materials: Materials) -> F8:
    """Return (n,) 0 or 1: whether the toy target is above its median."""
    target = toy_target(materials)
    return (target > np.median(target)).astype(np.float64)


def toy_vectors(materials: Materials) -> Vectors:
    """Return (n, 12) mean, spread, smallest and largest of three element properties."""
    z = np.arange(1, 119, dtype=np.float64)
    fractions = materials.element_fractions()
    columns: dict[str, F8] = {}
    for name, values in (("z", z), ("cos", np.cos(z / 9.0)), ("root", np.sqrt(z))):
        mean = fractions @ values
        columns[f"{name} mean"] = mean
        columns[f"{name} spread"] = np.sqrt(np.maximum(fractions @ values**2 - mean**2, 0.0))
        columns[f"{name} min"] = np.where(fractions > 0, values, np.inf).min(axis=1)
        columns[f"{name} max"] = np.where(fractions > 0, values, -np.inf).max(axis=1)
    return Vectors(np.column_stack([*columns.values()]), np.array([*columns]))


def toy_graphs(materials: Materials, *, most: int = 12) -> Graphs:
    """Return crystal graphs of whole neighbor shells, at most ``most`` edges per atom.

    Brute force over 3x3x3 images. Whole shells make the graph independent of how sites are
    listed and of the cell that is chosen: nothing depends on ties.
    """
    images = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    frac, lattice = materials.sites
    edges: list[list[npt.NDArray[Any]]] = []
    for n, cell in enumerate(lattice):
        listed = frac[materials.offsets[n] : materials.offsets[n + 1]]
        cell_of = np.floor(listed)
        sites = listed - cell_of
        around = (sites[:, None] + images).reshape(-1, 3)
        apart, place = nearest(around @ cell, sites @ cell, most + 2, decimals=5)
        ends = np.diff(apart[:, 1:]) >= 1e-3  # of each shell, its last; the first is the atom
        src, rank = np.nonzero(np.cumsum(ends[:, ::-1], axis=1)[:, ::-1])
        dst, image = np.divmod(place[src, rank + 1], len(images))
        step = images[image] - cell_of[dst] + cell_of[src]
        vector = (listed[dst] + step - listed[src]) @ cell
        edges.append([src, dst, apart[src, rank + 1], step, vector])
    parts = [np.concatenate(part) for part in zip(*edges, strict=True)]
    counts = offsets_of([len(one[0]) for one in edges])
    return Graphs(materials.offsets, materials.numbers, counts, *parts)


def toy_features(materials: Materials, form: str) -> Features:
    """Return the features of a form: ``vectors``, ``fractions`` (of all elements) or ``graphs``."""
    if form == "fractions":
        return Vectors(materials.element_fractions(), np.array(SYMBOLS[1:]))
    return toy_graphs(materials) if form == "graphs" else toy_vectors(materials)


_PROJECTION = np.random.default_rng(4).normal(size=(12, 10))
"""What stands for a trained model's inner representation."""


def toy_inputs(
    materials: Materials,
    requires: frozenset[str],
    *,
    std: F8 | None = None,
    known: Mapping[str, F8] | None = None,
) -> Inputs:
    """Return what a component that requires some capabilities is shown of n materials.

    Args:
        materials: n.
        requires: capabilities.
        std: (n,) sigma; else one that grows away from the oxides and sulfides.
        known: (n,) columns by label that stand in front of the toy vectors.
    """
    vectors = toy_vectors(materials)
    reference = toy_vectors(toy_compounds()).values
    hidden = np.arcsinh(vectors.values) @ _PROJECTION
    center = np.arcsinh(reference).mean(axis=0) @ _PROJECTION
    if std is None:
        std = 0.05 + 0.01 * np.linalg.norm(hidden - center, axis=1)
    first = known or {}
    values = np.column_stack([*first.values(), vectors.values])
    return Inputs.of(
        materials,
        Vectors(values, np.array([*first, *vectors.labels.tolist()])),
        embedding=hidden if "model:embedding" in requires else None,
        std=std if "epistemic" in requires else None,
        leaves=_toy_leaves(vectors.values, reference) if "model:leaves" in requires else None,
        columns={"source": np.where(np.arange(len(materials)) % 3 == 0, "one", "other")},
    )


def _toy_leaves(values: F8, reference: F8) -> I8:
    """Return the leaves of 32 random trees of four cuts each."""
    rng = np.random.default_rng(11)
    leaves = np.zeros((len(values), 32), dtype=np.int64)
    for tree in range(32):
        for power, column in enumerate(rng.integers(0, values.shape[1], 4)):
            cut = np.quantile(reference[:, column], rng.uniform(0.1, 0.9))
            leaves[:, tree] += (values[:, column] > cut).astype(np.int64) << power
    return leaves


def toy_dataset(task: Task = "regression") -> Dataset:
    """Return 75 crystals (60 toys and 15 halides) with four columns of metadata."""
    materials = _crystals(toy=_toys(), far=_halides())
    sites = materials.counts
    angle = materials.sites[1][:, 0, 0] == 0.0
    system = np.where(angle | (sites == 5), "cubic", "hexagonal")
    return Dataset(
        materials=materials,
        target=toy_target(materials) if task == "regression" else toy_labels(materials),
        target_name="toy",
        unit="eV/atom",
        task=task,
        name="toy",
        license="none needed",
        citation=("toy",),
        sha256="0" * 64,
        provenance="embedded",
        columns={
            "space_group": np.where(sites == 5, 221, np.where(angle, 225, 187)),
            "crystal_system": system,
            "chemical_system": np.array(materials.chemical_systems()),
            "prototype": np.where(sites == 5, "perovskite", "binary"),
        },
    )


@dataclass
class Sample:
    """What the checks of one component share: its options, a scratch folder, toy results.

    Attributes:
        component: that is checked.
        kind: of the component.
        config: its options in this contract.
        folder: a scratch folder; removed with the sample.
    """

    component: Component
    kind: str
    config: Config
    folder: Path
    _store: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.config = with_components(self.config)

    @property
    def components(self) -> list[Component]:
        """Return the component and those that its options name."""
        return [self.component, *(use.bound.component for _, _, use in uses(self.config))]

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return ``make()``, made at the first call under this name."""
        if name not in self._store:
            self._store[name] = make()
        return cast(T, self._store[name])

    def build(self) -> Any:
        """Return the component's implementation with these options."""
        return self.component.build(self.config)

    @property
    def requires(self) -> frozenset[str]:
        """Return the capabilities that it requires with these options."""
        nested = (use.bound for _, _, use in uses(self.config))
        inner = (one.component.requires_of(one.config) for one in nested)
        return self.component.requires_of(self.config).union(*inner)

    @property
    def provides(self) -> frozenset[str]:
        """Return the capabilities that it provides with these options."""
        return self.component.provides_of(self.config)

    def context(self, **changes: Any) -> FitContext:
        """Return the context of a fit: seed 0 and the first task, but for some changes."""
        return FitContext(**{"seed": 0, "task": self.tasks()[0], **changes})

    def materials(self) -> Materials:
        """Return the 60 toy crystals."""
        return self.once("materials", toy_materials)

    def form(self) -> str:
        """Return the form of features it needs: ``vectors``, ``fractions`` or ``graphs``."""
        needed = [f for f in ("fractions", "graphs") if f"features:{f}" in self.requires]
        return needed[0] if needed else "vectors"

    def features(self) -> Features:
        """Return the toy crystals' features in the form that the component needs."""
        form = self.form()
        return self.once(form, lambda: toy_features(self.materials(), form))

    def tasks(self) -> tuple[Task, ...]:
        """Return the tasks that the component does not refuse."""
        other: dict[Task, Task] = {"regression": "binary", "binary": "regression"}
        return tuple(task for task in other if f"task:{other[task]}" not in self.requires)
