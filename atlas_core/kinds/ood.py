"""The ``ood`` kind: how far a material lies from what was learned. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, frozen
from atlas_core.errors import ContractError
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.kind import Kind
from atlas_core.kinds.reason import Reasons, checked


@dataclass(frozen=True, eq=False)
class OODScore:
    """Say how far n materials lie from the training data.

    Attributes:
        score: (n,) finite; higher = farther.
        threshold: scores above it are flagged as outside.
        reasons: of each of n rows a tuple of :class:`atlas_core.api.Reason`, () for none.
    """

    score: F8
    threshold: float
    reasons: Reasons | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "score", frozen(self.score, np.float64))
        n = len(self.score)
        if self.score.shape != (n,) or not np.isfinite(self.score).all():
            raise ContractError(f"ood score: must be ({n},) and finite")
        if not np.isfinite(self.threshold):
            raise ContractError("ood score: the threshold must be finite")
        if self.reasons is not None:
            object.__setattr__(self, "reasons", checked(self.reasons, n, "ood score"))

    @property
    def outside(self) -> npt.NDArray[np.bool_]:
        """Return (n,) whether each material is flagged."""
        return self.score > self.threshold

    def take(self, indices: npt.ArrayLike) -> OODScore:
        """Return the rows at ``indices``, in that order."""
        i = np.asarray(indices, dtype=np.int64)
        reasons = None if self.reasons is None else tuple(self.reasons[row] for row in i.tolist())
        return OODScore(self.score[i], self.threshold, reasons)


@runtime_checkable
class Detector(Protocol):
    """Score materials against what it was fitted on."""

    def score(self, rows: Inputs) -> OODScore:
        """Return n scores, each depending on its own row alone."""
        ...


@runtime_checkable
class OODMethod(Protocol):
    """Learn what training data look like; no target is ever seen."""

    def fit(self, train: Inputs, calibration: Inputs, seed: int) -> Detector:
        """Return a fitted detector.

        Args:
            train: the training rows.
            calibration: in-domain rows kept aside, for the threshold; may be empty, then the
                threshold comes from the training rows.
            seed: from the run's seed tree.
        """
        ...


KIND = Kind(
    "ood",
    OODMethod,
    "an ``OODMethod``",
    place="arm",
    description="Says how far a material lies from the training data; none: no score.",
)
