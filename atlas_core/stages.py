"""The stages of a run, and the VERSION of each that stands for the core's code in a key. Light.

What a stage computes depends on the core's own part of it, on the components that it asks, and on
the libraries of both. A component counts by the files of its distribution and the libraries that
this requires (``BoundComponent.identity``); the core counts by the numbers below, so that a new
sentence, a docstring or another release of the core computes nothing anew.

Raise the VERSION of a stage when the core's part of it gives other numbers. ``tools/stages.py``
knows which modules these numbers come from, and a test holds their code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from atlas_core.installed import versions


@dataclass(frozen=True)
class Stage:
    """Describe one stage.

    Attributes:
        VERSION: raised when the core's part of the stage gives other numbers.
        kinds: whose components the stage asks.
        libraries: distributions that the core's part of it computes with.
    """

    VERSION: int
    kinds: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


STAGES = {
    # materials, elements, seeds: what the core hands to components of every kind
    "shared": Stage(1, libraries=("numpy",)),
    "load": Stage(1, ("dataset",)),
    "split": Stage(1, ("split",)),
    "featurize": Stage(1, ("featurizer",)),
    "fit": Stage(2, ("model", "uq")),
    "calibrate": Stage(1, ("calibrator",)),
    "detect": Stage(1, ("ood",)),
    "trust": Stage(2, ("trust",)),
    "acquire": Stage(1, ("acquisition",)),
    "predict": Stage(2),
    "decide": Stage(1, ("reference",)),
    "score": Stage(3, ("metric", "evaluator")),
}
ALWAYS = ("shared", "predict", "score")
"""Stages of every run, whatever its components."""


def stages_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the stages of a run with components of these kinds."""
    asked = set(kinds)
    return tuple(n for n, stage in STAGES.items() if n in ALWAYS or asked & set(stage.kinds))


def identity(*names: str) -> dict[str, Any]:
    """Return what the core's part of some stages counts by: VERSIONs and versions of libraries."""
    libraries = {library for name in names for library in STAGES[name].libraries}
    return {
        "stages": {name: STAGES[name].VERSION for name in sorted(names)},
        "libraries": versions(libraries),
    }
