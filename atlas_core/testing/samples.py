"""Seeded toy data that contract checks run on: formulas, small crystals, graphs, a model. Light.

Everything is made in numpy from a seed, so that a check gives the same answer on every machine.
The toy chemistry: rocksalt, perovskite and hexagonal cells of metals with O, S, Se, C, N and B;
``far_materials`` are alkali halides, which share no element with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, offsets_of
from atlas_core.component import Component, Config, uses
from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS
from atlas_core.kinds.dataset import Dataset, Task
from atlas_core.kinds.featurizer import Features, Graphs, Vectors
from atlas_core.kinds.inputs import Inputs
from atlas_core.materials import Materials
from atlas_core.testing.offered import with_components

T = TypeVar("T")

_ROCKSALT = (("Mg", "Ca", "Sr", "Ba", "Mn", "Fe", "Co", "Ni", "Zn", "Cd"), ("O", "S", "Se"))
_PEROVSKITE = (("Ca", "Sr", "Ba"), ("Ti", "Zr", "Mn", "Fe", "Nb"))
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


def _crystals(cells: list[Cell], prefix: str, seed: int) -> Materials:
    order = np.random.default_rng(seed).permutation(len(cells))
    chosen = [cells[i] for i in order]
    return Materials.from_sites(
        [f"{prefix}-{i:03d}" for i in order],
        [len(symbols) for symbols, _, _ in chosen],
        numbers=[ATOMIC_NUMBER[s] for symbols, _, _ in chosen for s in symbols],
        frac=np.concatenate([sites for _, sites, _ in chosen]),
        lattice=np.stack([cell for _, _, cell in chosen]),
    )


def toy_materials(seed: int = 0) -> Materials:
    """Return 60 small crystals without any halogen or alkali metal, in a shuffled order."""
    perovskites: list[Cell] = [
        ([a, b, "O", "O", "O"], _PEROVSKITE_SITES, _size(a) * np.eye(3))
        for a in _PEROVSKITE[0]
        for b in _PEROVSKITE[1]
    ]
    rocksalts = _binaries(_ROCKSALT, _ROCKSALT_SITES, _FCC)
    hexagonal = _binaries(_HEXAGONAL, _HEXAGONAL_SITES, _HEX, 0.7)
    return _crystals([*rocksalts, *perovskites, *hexagonal], "toy", seed)


def far_materials(seed: int = 0) -> Materials:
    """Return 15 alkali halides in the rocksalt cell: no element of ``toy_materials``."""
    return _crystals(_binaries(_HALIDES, _ROCKSALT_SITES, _FCC, 1.3), "far", seed)


def toy_compounds(n: int = 240, seed: int = 0) -> Materials:
    """Return n formulas of two metals and O or S: more rows than there are toy crystals."""
    rng = np.random.default_rng(seed)
    metals = sorted({*_ROCKSALT[0], *_PEROVSKITE[1]})
    formulas = []
    for _ in range(n):
        a, b = rng.choice(metals, 2, replace=False)
        x, y, z = rng.integers(1, 4, 3)
        formulas.append(f"{a}{x}{b}{y}{rng.choice(['O', 'S'])}{z + 2}")
    return Materials.from_formulas([f"cmp-{i:03d}" for i in rng.permutation(n)], formulas)


def join(first: Materials, second: Materials) -> Materials:
    """Return two sets of crystals, one after the other."""
    both = (first, second)
    return Materials.from_sites(
        np.concatenate([one.ids for one in both]),
        np.concatenate([one.counts for one in both]),
        numbers=np.concatenate([one.numbers for one in both]),
        frac=np.concatenate([one.sites[0] for one in both]),
        lattice=np.concatenate([one.sites[1] for one in both]),
    )


def scaled_formulas(materials: Materials, factor: float) -> Materials:
    """Return the compositions alone, every amount times ``factor``."""
    return replace(materials, amounts=materials.amounts * factor, frac=None, lattice=None)


def supercell(materials: Materials, axis: int = 0) -> Materials:
    """Return each crystal doubled along a lattice vector; site i becomes sites 2i and 2i + 1."""
    frac, lattice = (part.copy() for part in materials.sites)
    frac[:, axis] *= 0.5
    frac = np.repeat(frac, 2, axis=0)
    frac[1::2, axis] += 0.5
    lattice[:, axis] *= 2.0
    return replace(
        materials,
        offsets=materials.offsets * 2,
        numbers=np.repeat(materials.numbers, 2),
        amounts=np.repeat(materials.amounts, 2),
        frac=frac,
        lattice=lattice,
    )


def site_order(materials: Materials, seed: int = 5) -> I8:
    """Return (m,) flat rows that shuffle the sites within each material."""
    chance = np.random.default_rng(seed).random(len(materials.numbers))
    return np.lexsort((chance, materials.owner))


def reordered_sites(materials: Materials, order: I8) -> Materials:
    """Return the same crystals with their sites listed in another order."""
    frac = None if materials.frac is None else materials.frac[order]
    numbers, amounts = materials.numbers[order], materials.amounts[order]
    return replace(materials, numbers=numbers, amounts=amounts, frac=frac)


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
    table = np.stack([z, np.cos(z / 9.0), np.sqrt(z)])
    fractions = materials.element_fractions()
    present = fractions > 0
    columns, labels = [], []
    for name, values in zip(("z", "cos", "root"), table, strict=True):
        mean = fractions @ values
        columns += [
            mean,
            np.sqrt(np.maximum(fractions @ values**2 - mean**2, 0.0)),
            np.where(present, values, np.inf).min(axis=1) if len(materials) else mean,
            np.where(present, values, -np.inf).max(axis=1) if len(materials) else mean,
        ]
        labels += [f"{name} {statistic}" for statistic in ("mean", "spread", "min", "max")]
    return Vectors(np.stack(columns, axis=1), np.array(labels))


def toy_graphs(materials: Materials, *, most: int = 12) -> Graphs:
    """Return crystal graphs of whole neighbour shells, at most ``most`` edges per atom.

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
        delta = sites[:, None] + images - sites[:, None, None]  # (from, to, image, 3)
        length = np.linalg.norm(delta @ cell, axis=3)
        kept = np.zeros(length.shape, dtype=np.bool_)
        for i, lengths in enumerate(length):
            near = np.sort(lengths[(lengths > 1e-6) & (lengths < 8.0)])
            ends = np.flatnonzero(np.diff(near, append=np.inf) >= 1e-3)  # of each shell, its last
            whole = ends[ends < most]
            if len(whole):
                kept[i] = (lengths > 1e-6) & (lengths <= near[whole[-1]])
        src, dst, image = np.nonzero(kept)
        step = images[image] - cell_of[dst] + cell_of[src]
        distance = length[kept].round(5)
        order = np.lexsort((*step.T[::-1], dst, distance, src))
        vector = (listed[dst] + step - listed[src]) @ cell
        edges.append([part[order] for part in (src, dst, distance, step, vector)])
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
        std: (n,) sigma; else one that grows away from the oxides and sulphides.
        known: (n,) columns by label that stand in front of the toy vectors.
    """
    vectors = toy_vectors(materials)
    reference = toy_vectors(toy_compounds()).values
    hidden = np.arcsinh(vectors.values) @ _PROJECTION
    centre = np.arcsinh(reference).mean(axis=0) @ _PROJECTION
    if std is None:
        std = 0.05 + 0.01 * np.linalg.norm(hidden - centre, axis=1)
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
    materials = join(toy_materials(), far_materials())
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
        licence="none needed",
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
