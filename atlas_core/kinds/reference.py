r'''The ``reference`` kind: what else there is at a material's composition. Light: numpy only.

A prediction becomes a decision once it is held against a border: a crystal is stable where its
formation energy is below that of every mixture of other phases.

A whole plugin, in a module ``atlas_fixed_border``::

    """One border for every material, such as a band gap from which a window is transparent."""

    import math

    import numpy as np

    from atlas_core.api import Border, Component, Config, Field, Wording, hookimpl


    class FixedBorderConfig(Config):
        """Where the border is."""

        value: float = Field(0.0, description="The border, in the target's unit.")


    class FixedBorder:
        """Compare with a number."""

        def __init__(self, config):
            self.value = config.value

        fingerprint, unit, margin, target_reliability = "", "", 0.1, 0.9

        def load(self, context):
            return self  # there is nothing to read

        def wording(self, known):
            return Wording(against=f"a border of {self.value:g}")

        def border(self, asked, known, target):
            return Border(np.full(len(asked), self.value), [f"{self.value:g}"] * len(asked))

        def learn(self, rows, margin):
            return GaussianDecision(margin)


    class GaussianDecision:
        """Believe sigma as a Gaussian."""

        def __init__(self, margin):
            self.margin = margin

        def __call__(self, rows):
            above = rows.mean - rows.border - self.margin
            z = above / np.maximum(rows.std, 1e-12) / math.sqrt(2)
            return np.array([0.5 * math.erfc(one) for one in z])


    @hookimpl
    def atlas_reference():
        return [Component("fixed_border", FixedBorderConfig, FixedBorder, provides={"decision"})]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.reference"]
    fixed_border = "atlas_fixed_border"

``reference: {use: fixed_border, options: {value: 1.5}}`` in a spec then gives each prediction the
probability that the true value is at or below the border, and scores these probabilities.
'''

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, freeze
from atlas_core.errors import ContractError
from atlas_core.kinds.dataset import DataContext
from atlas_core.kinds.kind import Kind
from atlas_core.materials import Materials


@dataclass(frozen=True)
class Wording:
    """How the question of a reference is put in words.

    Attributes:
        yes: what a material is at or below the border, such as ``stable``.
        no: what it is above it.
        border: the border, such as ``the hull``.
        against: what draws it, such as ``the 3,938 phases of flla``.
        competing: what leads to the words of a material's own border, such as ``decomposes into``.
    """

    yes: str = "at or below the border"
    no: str = "above the border"
    border: str = "the border"
    against: str = "its reference"
    competing: str = "held against"

    def __post_init__(self) -> None:
        if strange := [name for name, text in vars(self).items() if not isinstance(text, str)]:
            raise ContractError(f"wording: {', '.join(strange)} must be text")


@dataclass(frozen=True, eq=False)
class Border:
    """What n materials are held against.

    Attributes:
        value: (n,) in the target's unit; NaN where there is nothing to decide.
        words: n texts: what it rests on, such as ``LiF + MgF2``, or why there is none.
    """

    value: F8
    words: Sequence[str]

    def __post_init__(self) -> None:
        freeze(self, np.float64, "value")
        n = len(self.words)
        if isinstance(self.words, str) or not all(isinstance(one, str) for one in self.words):
            raise ContractError("border: words must be texts, one for each material")
        if self.value.shape != (n,) or np.isinf(self.value).any():
            raise ContractError(f"border: value must be ({n},), finite or NaN")


@dataclass(frozen=True, eq=False)
class BorderRows:
    """n predictions of one arm and fold, and what they are held against: read-only arrays.

    Attributes:
        border: (n,) in the target's unit; none is NaN.
        mean: (n,) predictions.
        std: (n,) their standard deviation; NaN where unknown.
        expected_error: (n,) absolute error that the arm's trust method expects, which allows for
            a shift; NaN without one.
        score: (n,) of the arm's detector; NaN without one.
        elements: (n,) number of different elements.
        target: (n,) true values of rows to learn from; NaN of others.
    """

    border: F8
    mean: F8
    std: F8
    expected_error: F8
    score: F8
    elements: F8
    target: F8

    def __post_init__(self) -> None:
        freeze(self, np.float64, *vars(self))

    def __len__(self) -> int:
        return len(self.border)

    def take(self, rows: npt.NDArray[Any]) -> BorderRows:
        """Return the rows where a mask holds, or those at these places."""
        return BorderRows(**{name: values[rows] for name, values in vars(self).items()})


@runtime_checkable
class Decision(Protocol):
    """A learned decision."""

    def __call__(self, rows: BorderRows) -> F8:
        """Return (n,) probabilities that the true value is at most the border; by row alone."""
        ...


@runtime_checkable
class Reference(Protocol):
    """Known phases, or whatever else draws the border.

    Attributes:
        fingerprint: hash of what was read; "" where nothing was.
        unit: of the targets that it can judge; "" for any.
        margin: how far above the border is still near it, in the target's unit.
        target_reliability: share of trusted decisions that should be right, in (0, 1).
    """

    fingerprint: str
    unit: str
    margin: float
    target_reliability: float

    def wording(self, known: Materials) -> Wording:
        """Return the question in words.

        Args:
            known: all materials of a run.
        """
        ...

    def border(self, asked: Materials, known: Materials, target: F8) -> Border:
        """Return what n materials are held against.

        Args:
            asked: the n materials.
            known: k materials whose true values are known; one with the id of an asked material
                is left out for that material itself.
            target: (k,) their true values, in the target's unit.

        Raises:
            DataError: no border can be drawn; says what is missing.
        """
        ...

    def learn(self, rows: BorderRows, margin: float) -> Decision:
        """Return the probability of a value at most ``margin`` above the border.

        Args:
            rows: calibration rows of an arm and fold, with their true values.
            margin: in the target's unit, >= 0.
        """
        ...


@dataclass(frozen=True, eq=False)
class Phases:
    """Known phases, one of each composition: the one of lowest energy.

    Attributes:
        materials: m.
        energy: (m,) in the target's unit.
        lacking: atomic numbers that were asked about and that no border can be drawn for.
    """

    materials: Materials
    energy: F8
    lacking: frozenset[int]

    def __post_init__(self) -> None:
        freeze(self, np.float64, "energy")
        if self.energy.shape != (len(self.materials),):
            raise ContractError(f"phases: energy must be ({len(self.materials)},)")


@runtime_checkable
class HasPhases(Protocol):
    """What a reference may be besides: a convex hull of phases, which a page can show."""

    def phases(self, asked: Materials, known: Materials, target: F8) -> Phases:
        """Return the m phases that compete, whatever their elements; arguments as of ``border``."""
        ...

    def together(self, asked: Materials, energy: F8, phases: Phases) -> F8:
        """Return (d, n) the hull at each of n materials in d worlds, where the others compete.

        Args:
            asked: n materials of different compositions; a phase of one of them does not compete.
            energy: (d, n) of the materials in each world.
            phases: what else competes; a pure element that is missing lies at 0.
        """
        ...


@runtime_checkable
class ReferenceSource(Protocol):
    """Read what there is to read."""

    def load(self, context: DataContext) -> Reference:
        """Return the reference.

        Raises:
            DataError: a file is missing or cannot be used.
        """
        ...


KIND = Kind(
    "reference",
    ReferenceSource,
    place="run",
    description="What predictions are held against to make a decision of them, such as the energies"
    " of competing phases; null: they are judged as values only.",
    provides=("decision",),
)
