r'''The ``split`` kind: which rows train, calibrate, test and are the OOD test. Light: numpy only.

A whole plugin, in a module ``atlas_hold_out_value``::

    """Hold out the materials that share a value of a column, such as one crystal system."""

    import numpy as np

    from atlas_core.api import Component, Config, DataError, Field, Split, hookimpl


    class HoldOutValueConfig(Config):
        """What is held out, and how the rest is cut."""

        column: str = Field("crystal_system", description="A column of the data set's metadata.")
        value: str = Field("hexagonal", description="Its rows with this value are held out.")
        test: float = Field(0.2, gt=0, lt=0.5, description="Part of the rest that tests.")
        calibration: float = Field(0.2, ge=0, lt=0.5, description="Part that calibrates.")


    class HoldOutValue:
        """Cut one fold."""

        def __init__(self, config):
            self.config = config

        def split(self, request):
            own = self.config
            if own.column not in request.columns:
                raise DataError(f"no column {own.column!r}; there are {', '.join(request.columns)}")
            held = np.asarray(request.columns[own.column]).astype(str) == own.value
            if not held.any():
                raise DataError(f"no material has {own.column} {own.value!r}")
            rest = request.context.rng().permutation(np.flatnonzero(~held))
            test, calibration = (round(part * len(rest)) for part in (own.test, own.calibration))
            return [
                Split(
                    name=f"without {own.value}",
                    train=rest[test + calibration :],
                    calibration=rest[test : test + calibration],
                    test=rest[:test],
                    ood_test=np.flatnonzero(held),
                    held_out=f"{own.value} materials",
                )
            ]


    @hookimpl
    def atlas_split():
        return [Component("hold_out_value", HoldOutValueConfig, HoldOutValue)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.split"]
    hold_out_value = "atlas_hold_out_value"

``split: {use: hold_out_value, options: {column: crystal_system, value: cubic}}`` then cuts so. The
host scores ``test`` as in-domain and the held-out rows apart, and the verdict quotes ``held_out``.
'''

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, I8, freeze
from atlas_core.context import FitContext
from atlas_core.errors import DataError
from atlas_core.kinds.kind import Kind
from atlas_core.materials import Materials

PARTS = ("train", "calibration", "test", "ood_test", "pool")


def _nothing() -> I8:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Split:
    """Disjoint row numbers of one fold.

    Attributes:
        name: the fold, such as ``fold_0`` or ``without F``; distinct within a run.
        train: rows to learn from.
        calibration: rows reserved for calibrating the uncertainty.
        test: rows from the same distribution as train ("in-domain").
        ood_test: the held-out class; empty if the split has none.
        pool: unlabeled rows that active learning may query; otherwise empty.
        held_out: the held-out class in words for a report, such as ``materials with F``.

    Raises:
        DataError: a row is used twice, or there is nothing to train or to test on.
    """

    name: str
    train: I8
    calibration: I8 = field(default_factory=_nothing)
    test: I8 = field(default_factory=_nothing)
    ood_test: I8 = field(default_factory=_nothing)
    pool: I8 = field(default_factory=_nothing)
    held_out: str = ""

    def __post_init__(self) -> None:
        freeze(self, np.int64, *PARTS)
        used = np.concatenate([getattr(self, part) for part in PARTS])
        if len(np.unique(used)) != len(used):
            raise DataError(f"split {self.name}: a row is in two parts")
        if not len(self.train):
            raise DataError(f"split {self.name}: no rows to train on")
        if not len(self.test) + len(self.ood_test):
            raise DataError(f"split {self.name}: no rows to test on")

    def parts(self) -> dict[str, I8]:
        """Return the row numbers by part, in the order of ``PARTS``."""
        return {part: getattr(self, part) for part in PARTS}


@dataclass(frozen=True, eq=False)
class SplitRequest:
    """Input of a splitter.

    Attributes:
        materials: all n materials.
        columns: metadata by name, (n,) each.
        context: its seed, and the task.
        target: (n,), only for a component with ``requires={"target"}``; else None.
    """

    materials: Materials
    columns: Mapping[str, npt.NDArray[Any]]
    context: FitContext
    target: F8 | None = None


@runtime_checkable
class Splitter(Protocol):
    """Split a data set into folds."""

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return one or more folds with distinct names.

        Raises:
            DataError: the data cannot be cut so (fewer rows than folds, an empty class, ...).
        """
        ...


KIND = Kind(
    "split",
    Splitter,
    place="run",
    description="Which rows are for training, calibration, test and OOD test.",
    required=True,
    host=("target",),
)
