"""Everything that can be saved, fitted small, with a way to ask what is read from it."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SMALL: dict[str, Any] = {
    "trees": 4,
    "folds": 2,
    "k": 2,
    "passes": 3,
    "epochs": 1,
    "width": 8,
    "hidden": 8,
    "convolutions": 1,
    "interactions": 1,
    "rounds": 1,
    "heads": 1,
    "message": 8,
    "radial": 4,
    "others": ["ridge", "knn", "svm"],
}
"""Options that make a fit small, where a component has them."""
SLOW = ("cgcnn", "painn", "roost")
"""Left out of the quick changes: they import torch."""

Arrays = dict[str, npt.NDArray[Any]]
Ask = Callable[[Any], None]


@dataclass(frozen=True)
class Saved:
    """A fit that can be changed.

    Attributes:
        name: for messages.
        structure: as ``atlas_core.saving.pack`` gives it.
        arrays: likewise.
        allowed: what it may name.
        ask: puts every question to what was read.
        read: reads it from structure and arrays; None: as ``atlas_core.saving`` does.
    """

    name: str
    structure: dict[str, Any]
    arrays: Arrays
    allowed: Any
    ask: Ask
    read: Callable[[dict[str, Any], Arrays], Any] | None = None


def of_estimators() -> Iterator[Saved]:
    """Yield every estimator, asked about its table and about narrower and wider ones."""
    from saved_estimators import ALLOWED, ESTIMATORS, TABLE, answers

    from atlas_core.saving import pack

    tables = [TABLE, TABLE[:, :3], np.concatenate([TABLE, TABLE], axis=1)]

    def ask(estimator: Any) -> None:
        for table in tables:
            quietly(lambda table=table: answers(estimator, table))
            for one in getattr(estimator, "estimators_", ()):  # as plugins ask them
                tree, narrow = one.tree_, table.astype(np.float32)
                quietly(lambda tree=tree, narrow=narrow: tree.predict(narrow))
                quietly(lambda tree=tree, narrow=narrow: tree.decision_path(narrow))

    for name, estimator in ESTIMATORS.items():
        yield Saved(name, *pack(estimator), ALLOWED, ask)


def quietly(question: Callable[[], Any]) -> None:
    """Ask, and take one line for an answer."""
    from atlas_core.errors import AtlasError
    from atlas_core.saving import readable

    with suppress(AtlasError), readable("an estimator"):
        question()


@contextmanager
def loading(module: Any, make: Callable[[Any], Any]) -> Iterator[None]:
    """Let the checks of a module get what ``make`` returns instead of what was saved."""
    before = module.saved_and_loaded
    module.saved_and_loaded = lambda _component, value: make(value)
    try:
        yield
    finally:
        module.saved_and_loaded = before


def of_components(kind: str, *, slow: bool) -> Iterator[Saved]:
    """Yield what each installed component of a kind fits, asked by its contract check."""
    from atlas_core.saving import Allowed, pack
    from atlas_core.testing import checks_of, find_component
    from atlas_core.testing.checks import shared
    from atlas_core.testing.samples import Sample

    checks = checks_of(kind)
    check = next(checks[name] for name in checks if name.startswith("saved_and_loaded"))
    names = sorted({one.name for one in importlib.metadata.entry_points(group=f"atlas.{kind}")})
    for name in names:
        if name == "pyod" or (name in SLOW and not slow):
            continue
        component, _ = find_component(name, kind)
        fields = component.config.model_fields
        options = {key: value for key, value in SMALL.items() if key in fields}
        if kind == "ood" and "trees" in options:
            options["trees"] = 10
        folder = Path(tempfile.mkdtemp())
        sample = Sample(component, kind, component.config.model_validate(options), folder)
        held: list[Any] = []

        def instead(make: Callable[[Any], Any], check=check, given=sample) -> None:
            with loading(shared, make):
                check(given)

        instead(lambda value, held=held: held.append(value) or value)
        own = Allowed.by([component])
        yield Saved(
            f"{kind} {name}",
            *pack(held[0]),
            Allowed(own.packages | {shared.TOYS}, own.classes),
            lambda made, instead=instead: instead(lambda _value: made),
        )


SPEC = """\
atlas: 1
name: small
seed: 3
sample: 400
dataset: {use: flla, options: {target: formation_energy_per_atom}}
split: {use: leave_elements_out, options: {elements: [F], calibration: 0.15, test: 0.15}}
trust:
  error_tolerance_quantile: 0.8
  nested:
    splits: {use: leave_elements_out, options: {elements: [O], test: 0.2}}
    rows: 150
    scored: 40
arms:
  forest:
    featurizer: magpie
    model: {use: random_forest, options: {trees: 4}}
    uq: tree_variance
    calibrator: {use: split_conformal, options: {score: normalized}}
    ood: {use: novelty, options: {parts: [sigma, leaf, lof]}}
    trust: sigma_threshold
"""


def of_arms() -> Iterator[Saved]:
    """Yield both files of a fitted arm, asked about candidates as ``atlas screen`` does."""
    from atlas_core.engine.arm import FittedArm
    from atlas_core.engine.kept import POST_HOC, PREDICTOR
    from atlas_core.finished import read_run
    from atlas_core.materials import Materials
    from atlas_core.saving import FORMAT
    from atlas_core.store import read_arrays, write_arrays
    from atlas_registry.loading import Registry
    from atlas_screening.open_arm import OpenArm, open_arm

    home = Path(tempfile.mkdtemp())
    (home / "s.yaml").write_text(SPEC, encoding="utf-8")
    command = [sys.executable, "-m", "atlas_core.cli", "run", "s.yaml", "--json", "-q"]
    env = {**os.environ, "ATLAS_CACHE": str(home / "cache"), "XDG_DATA_HOME": str(home)}
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=True)
    opened = open_arm(read_run(home / json.loads(done.stdout)["run"]), Registry(), trust=True)
    kept = next((home / json.loads(done.stdout)["run"]).rglob(PREDICTOR)).parent
    candidates = Materials.from_formulas(["a", "b", "c"], ["NaCl", "TiO2", "CaF2"])
    features, notes = opened.features(candidates)

    def ask(again: OpenArm) -> None:
        predicted = again.predicted(candidates, features, notes)
        if predicted.assessment is not None:
            again.label(predicted.assessment)
        quietly(lambda: again.embed(candidates, features))
        reference = again.reference
        reference.canonical.tolist()
        values = getattr(features, "values", candidates.element_fractions())
        reference.nearest(reference.place(values), 3)

    for name in (PREDICTOR, POST_HOC):

        def read(structure: dict[str, Any], arrays: Arrays, name: str = name) -> OpenArm:
            folder = home / "changed"
            folder.mkdir(exist_ok=True)
            for other in (PREDICTOR, POST_HOC):
                (folder / other).unlink(missing_ok=True)
                os.link(kept / other, folder / other)
            (folder / name).unlink()
            body = np.frombuffer(json.dumps(structure).encode(), np.uint8)
            write_arrays(folder / name, {**arrays, "structure": body}, {"format": FORMAT})
            return replace(opened, fitted=FittedArm.load(folder, opened.fitted.arm, trust=True))

        arrays, _ = read_arrays(kept / name)
        structure = json.loads(arrays.pop("structure").tobytes())
        yield Saved(name, structure, arrays, None, ask, read)
