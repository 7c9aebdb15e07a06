"""Seeded toy data that contract checks run on: formulas, small crystals, graphs, a model. Light.

Everything is made in numpy from a seed, so that a check gives the same answer on every machine.
The toy chemistry: rocksalt, perovskite and hexagonal cells of metals with O, S, Se, C, N and B;
``far_materials`` are alkali halides, which share no element with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any, TypeVar, cast

import numpy as np

from atlas_core.arrays import F8, I8, offsets_of
from atlas_core.component import Component, Config
from atlas_core.context import FitContext
from atlas_core.elements import ATOMIC_NUMBER, SYMBOLS
from atlas_core.errors import DataError
from atlas_core.kinds.dataset import Dataset, Task
from atlas_core.kinds.featurizer import Features, Graphs, Vectors
from atlas_core.kinds.prediction import Prediction
from atlas_core.materials import Materials

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


def _size(*symbols: str) -> float:
    """Return a plausible length in Å for the cell edge of a compound."""
    return 3.6 + 0.12 * float(np.sqrt([ATOMIC_NUMBER[s] for s in symbols]).sum())


def _crystals(cells: list[tuple[list[str], F8, F8]], prefix: str, seed: int) -> Materials:
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
    cells: list[tuple[list[str], F8, F8]] = []
    for metal in _ROCKSALT[0]:
        for anion in _ROCKSALT[1]:
            edge = _size(metal, anion)
            cells.append(([metal, anion], _ROCKSALT_SITES, edge * _FCC))
    cells += [
        ([a, b, "O", "O", "O"], _PEROVSKITE_SITES, _size(a) * np.eye(3))
        for a in _PEROVSKITE[0]
        for b in _PEROVSKITE[1]
    ]
    for metal in _HEXAGONAL[0]:
        for anion in _HEXAGONAL[1]:
            edge = 0.7 * _size(metal, anion)
            cells.append(([metal, anion], _HEXAGONAL_SITES, edge * _HEX))
    return _crystals(cells, "toy", seed)


def far_materials(seed: int = 0) -> Materials:
    """Return 15 alkali halides in the rocksalt cell: no element of ``toy_materials``."""
    cells = [
        ([metal, anion], _ROCKSALT_SITES, 1.3 * _size(metal, anion) * _FCC)
        for metal in _HALIDES[0]
        for anion in _HALIDES[1]
    ]
    return _crystals(cells, "far", seed)


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
    if first.frac is None or second.frac is None:
        raise DataError("toy materials: both sets must have structures")
    return Materials(
        ids=np.concatenate([first.ids, second.ids]),
        offsets=offsets_of(np.concatenate([first.counts, second.counts])),
        numbers=np.concatenate([first.numbers, second.numbers]),
        amounts=np.concatenate([first.amounts, second.amounts]),
        frac=np.concatenate([first.frac, second.frac]),
        lattice=np.concatenate([cast(F8, first.lattice), cast(F8, second.lattice)]),
    )


def scaled_formulas(materials: Materials, factor: float) -> Materials:
    """Return the compositions alone, every amount times ``factor``."""
    return Materials(
        materials.ids, materials.offsets, materials.numbers, materials.amounts * factor
    )


def supercell(materials: Materials, axis: int = 0) -> Materials:
    """Return each crystal doubled along a lattice vector; site i becomes sites 2i and 2i + 1."""
    frac, lattice = cast(F8, materials.frac), cast(F8, materials.lattice)
    scale = np.ones(3)
    scale[axis] = 0.5
    step = np.zeros(3)
    step[axis] = 0.5
    doubled = np.repeat(frac * scale, 2, axis=0)
    doubled[1::2] += step
    cells = lattice.copy()
    cells[:, axis] *= 2.0
    return Materials(
        ids=materials.ids,
        offsets=materials.offsets * 2,
        numbers=np.repeat(materials.numbers, 2),
        amounts=np.repeat(materials.amounts, 2),
        frac=doubled,
        lattice=cells,
    )


def site_order(materials: Materials, seed: int = 5) -> I8:
    """Return (m,) flat rows that shuffle the sites within each material."""
    rng = np.random.default_rng(seed)
    bounds = zip(materials.offsets[:-1], materials.offsets[1:], strict=True)
    return np.concatenate([start + rng.permutation(end - start) for start, end in bounds])


def reordered_sites(materials: Materials, order: I8) -> Materials:
    """Return the same crystals with their sites listed in another order."""
    return Materials(
        ids=materials.ids,
        offsets=materials.offsets,
        numbers=materials.numbers[order],
        amounts=materials.amounts[order],
        frac=None if materials.frac is None else materials.frac[order],
        lattice=materials.lattice,
    )


def moved(
    materials: Materials, *, shift: F8 | None = None, rotation: F8 | None = None
) -> Materials:
    """Return crystals with ``shift`` added to fractional coordinates, or the cell rotated."""
    frac, lattice = cast(F8, materials.frac), cast(F8, materials.lattice)
    return Materials(
        ids=materials.ids,
        offsets=materials.offsets,
        numbers=materials.numbers,
        amounts=materials.amounts,
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
    """Return crystal graphs of whole neighbour shells, at most ``most`` edges an atom.

    Brute force over 3x3x3 images. Whole shells make the graph independent of how sites are
    listed and of the cell that is chosen: nothing depends on ties.
    """
    frac, lattice = cast(F8, materials.frac), cast(F8, materials.lattice)
    images = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    src: list[int] = []
    dst: list[int] = []
    distance: list[float] = []
    image: list[I8] = []
    vector: list[F8] = []
    edges = []
    for n in range(len(materials)):
        listed = frac[materials.offsets[n] : materials.offsets[n + 1]]
        cell_of = np.floor(listed).astype(np.int64)
        sites = listed - cell_of
        before = len(src)
        for i, site in enumerate(sites):
            delta = sites[None, :, :] + images[:, None, :] - site
            lengths = np.linalg.norm(delta @ lattice[n], axis=2)
            found = [
                (float(lengths[m, j]), j, m)
                for m, j in np.argwhere((lengths > 1e-6) & (lengths < 8.0))
            ]
            found.sort()
            shells = np.array([length for length, _, _ in found])
            keep = min(most, len(found))
            while 0 < keep < len(found) and shells[keep] - shells[keep - 1] < 1e-3:
                keep -= 1
            kept = sorted(
                (round(length, 5), j, tuple(images[m] - cell_of[j] + cell_of[i]))
                for length, j, m in found[:keep]
            )
            for length, j, cell in kept:
                src.append(i)
                dst.append(int(j))
                distance.append(length)
                image.append(np.array(cell))
                vector.append((listed[j] + np.array(cell) - listed[i]) @ lattice[n])
        edges.append(len(src) - before)
    return Graphs(
        node_offsets=materials.offsets,
        numbers=materials.numbers,
        edge_offsets=offsets_of(edges),
        src=np.array(src, dtype=np.int32),
        dst=np.array(dst, dtype=np.int32),
        distance=np.array(distance, dtype=np.float32),
        image=np.array(image, dtype=np.int8).reshape(-1, 3),
        vector=np.array(vector, dtype=np.float32).reshape(-1, 3),
    )


def toy_features(materials: Materials, form: str) -> Features:
    """Return the features of a form: ``vectors``, ``fractions`` (of all elements) or ``graphs``."""
    if form == "fractions":
        return Vectors(materials.element_fractions(), np.array(SYMBOLS[1:]))
    return toy_graphs(materials) if form == "graphs" else toy_vectors(materials)


def toy_dataset(task: Task = "regression") -> Dataset:
    """Return 75 crystals (60 toys and 15 halides) with four columns of metadata."""
    materials = join(toy_materials(), far_materials())
    sites = materials.counts
    angle = cast(F8, materials.lattice)[:, 0, 0] == 0.0
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


def toy_prediction(n: int, seed: int, *, draws: int = 16) -> Prediction:
    """Return n predictions with both kinds of std and draws from their distribution."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=n)
    epistemic = rng.uniform(0.1, 1.0, n)
    samples = mean + epistemic * rng.normal(size=(draws, n))
    return Prediction(mean, epistemic, np.full(n, 0.1), samples)


def line_data(n: int, seed: int, *, far: bool = False) -> tuple[Vectors, F8]:
    """Return (n, 2) inputs in [-1, 1] (or 4 to 6 away) and a noisy, nearly linear target."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (n, 2))
    if far:
        x = np.sign(x) * rng.uniform(4.0, 6.0, (n, 2))
    y = np.sin(x[:, 0]) + 0.5 * x[:, 1] + 0.1 * rng.normal(size=n)
    return Vectors(x, np.array(["x0", "x1"])), y


@dataclass
class ToyModel:
    """Fit a committee of 12 straight lines to bootstraps: a model with every capability.

    The spread of its members, of its dropout samples and its own variance all grow with the
    distance from the data, as an honest model's do.
    """

    weights: F8 = field(default_factory=lambda: np.zeros((0, 0)))
    noise: float = 0.0
    centre: F8 = field(default_factory=lambda: np.zeros(0))
    scale: F8 = field(default_factory=lambda: np.ones(0))
    binary: bool = False
    counts: I8 = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    fits_in_threads: bool = True

    def _inputs(self, features: Features) -> F8:
        if not isinstance(features, Vectors):
            raise DataError("toy model: it takes vectors")
        return np.asarray((features.values - self.centre) / self.scale, dtype=np.float64)

    def fit(self, features: Features, target: F8, context: FitContext) -> None:
        """Fit each line by ridge regression on its own bootstrap."""
        if not isinstance(features, Vectors):
            raise DataError("toy model: it takes vectors")
        self.binary = context.task == "binary"
        self.centre = features.values.mean(axis=0)
        self.scale = features.values.std(axis=0) + 1e-9
        x = np.column_stack([np.ones(len(features)), self._inputs(features)])
        rng = context.rng()
        level = float(target.mean())
        lines, counts = [], []
        for _ in range(12):
            rows = rng.integers(0, len(x), len(x))
            counts.append(np.bincount(rows, minlength=len(x)))
            normal = x[rows].T @ x[rows] + 1e-3 * np.eye(x.shape[1])
            line = np.linalg.solve(normal, x[rows].T @ (target[rows] - level))
            line[0] += level  # the ridge pulls towards the mean, not towards zero
            lines.append(line)
        self.weights, self.counts = np.stack(lines), np.stack(counts)
        self.noise = float(np.std(target - x @ self.weights.mean(axis=0)))

    def _clip(self, values: F8) -> F8:
        return np.clip(values, 0.0, 1.0) if self.binary else values

    def members(self, features: Features) -> F8:
        """Return (12, n) predictions of the lines."""
        x = self._inputs(features)
        # a sum a row, not a matrix product: the same bytes whatever the batch
        lines = self.weights[:, :1] + (self.weights[:, None, 1:] * x[None]).sum(axis=2)
        return self._clip(lines)

    def predict(self, features: Features) -> F8:
        """Return (n,) means of the members."""
        return np.asarray(self.members(features).mean(axis=0), dtype=np.float64)

    def predict_std(self, features: Features) -> tuple[F8, F8]:
        """Return (n,) the members' spread and (n,) the residuals' std."""
        spread = self.members(features).std(axis=0)
        return spread, np.full(len(spread), self.noise)

    def sample(self, features: Features, passes: int, seed: int) -> F8:
        """Return (passes, n) predictions with weights dropped at random."""
        rng = np.random.default_rng(seed)
        line = self.weights.mean(axis=0)
        x = self._inputs(features)
        masks = (rng.random((passes, len(line) - 1)) > 0.2) / 0.8
        values = line[0] + ((line[1:] * masks)[:, None, :] * x[None]).sum(axis=2)
        return self._clip(values)

    def embed(self, features: Features) -> F8:
        """Return (n, d) standardised inputs."""
        return self._inputs(features)

    def leaves(self, features: Features) -> I8:
        """Return (n, 12) steps of each line, as if each were a tree."""
        return np.floor(4.0 * self.members(features).T).astype(np.int64)

    def inbag(self) -> I8:
        """Return (12, n) how often each line drew each training row."""
        return self.counts

    def quantiles(self, features: Features, levels: F8) -> F8:
        """Return (l, n) quantiles of a Gaussian with the residuals' std."""
        normal = np.array([NormalDist().inv_cdf(float(level)) for level in levels])
        return self._clip(self.predict(features) + self.noise * normal[:, None])

    def snapshots(self, features: Features) -> F8:
        """Return (12, n) the members, as if each were a step of one training."""
        return self.members(features)


@dataclass
class Sample:
    """Hold what the checks of one component share: its options, a scratch folder, toy results.

    Attributes:
        kind: the component's kind.
        config: its options in this contract.
        folder: a scratch folder; removed with the sample.
        check_names: every check of this kind.
    """

    kind: str
    config: Config
    folder: Path
    check_names: tuple[str, ...] = ()
    _store: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return ``make()``, made at the first call under this name."""
        if name not in self._store:
            self._store[name] = make()
        return cast(T, self._store[name])

    def materials(self) -> Materials:
        """Return the 60 toy crystals."""
        return self.once("materials", toy_materials)

    def form(self, component: Component) -> str:
        """Return the form of features it needs: ``vectors``, ``fractions`` or ``graphs``."""
        if "features:fractions" in component.requires_of(self.config):
            return "fractions"
        return "graphs" if "features:graphs" in component.requires_of(self.config) else "vectors"

    def features(self, component: Component) -> Features:
        """Return the toy crystals' features in the form that the component needs."""
        form = self.form(component)
        return self.once(form, lambda: toy_features(self.materials(), form))

    def tasks(self, component: Component) -> tuple[Task, ...]:
        """Return the tasks that the component does not refuse."""
        needs = component.requires_of(self.config)
        tasks: list[Task] = []
        if "task:binary" not in needs:
            tasks.append("regression")
        if "task:regression" not in needs:
            tasks.append("binary")
        return tuple(tasks)
