"""The materials of specs/ood_formation.yaml, embedded in ATLAS: real rows for other topics."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT

from atlas_core.api import F8, Features
from atlas_core.engine.loading import load_dataset
from atlas_core.kinds.dataset import DataContext
from atlas_core.spec.load import load_plan
from atlas_core.spec.plan import BoundComponent
from atlas_registry.loading import Registry


@dataclass(frozen=True)
class Real:
    """Features and target of 3938 crystals, and the model that the arm trains on them.

    Attributes:
        features: of all n.
        target: (n,) formation energy in eV/atom.
        model: component of the arm, with the options asked for.
    """

    features: Features
    target: F8
    model: BoundComponent


def real(arm: str, *options: str) -> Real:
    """Return the data of an arm of the spec; options such as ``trees=100`` are its model's."""
    overrides = [f"arms.{arm}.model.options.{option}" for option in options]
    plan = load_plan(ROOT / "specs/ood_formation.yaml", Registry(), overrides=overrides)
    with tempfile.TemporaryDirectory() as folder:
        context = DataContext(None, Path(folder), Path(folder))
        dataset = load_dataset(plan.dataset, plan.spec, plan.featurizers, context)
    components = plan.arms[arm]
    features = components["featurizer"].build().featurize(dataset.materials)
    return Real(features, dataset.target, components["model"])
