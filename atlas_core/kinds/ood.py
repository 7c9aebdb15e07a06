r'''The ``ood`` kind: how far a material is from the training data. Light: numpy only.

A whole plugin, in a module ``atlas_nearest_row``::

    """Distance to the nearest training row, each column over its standard deviation."""

    import numpy as np

    from atlas_core.api import Component, Config, Field, OODScore, Reason, hookimpl


    class NearestRowConfig(Config):
        """Where a row counts as outside."""

        quantile: float = Field(0.95, gt=0, lt=1, description="In-domain rows not flagged.")


    class NearestRow:
        """Keep the training rows; no target is ever seen."""

        def __init__(self, config):
            self.quantile = config.quantile

        def fit(self, train, calibration, context):
            values = train.features.values
            center, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
            scale = np.where(spread > 0, spread, np.inf)  # a constant column counts nothing
            detector = NearestRowDetector(center, scale, np.nan_to_num((values - center) / scale))
            # without calibration rows: training rows, the nearest of which is each itself
            known, place = (calibration, 0) if len(calibration) else (train, 1)
            apart = detector.distances(known)[:, place]
            detector.threshold = float(np.quantile(apart, self.quantile))
            return detector


    class NearestRowDetector:
        """Score rows, each by itself; plain attributes can be saved with a run."""

        threshold = 0.0

        def __init__(self, center, scale, points):
            self.center, self.scale, self.points = center, scale, points

        def distances(self, rows):
            z = np.nan_to_num((rows.features.values - self.center) / self.scale)
            found = [np.sort(np.linalg.norm(self.points - row, axis=1))[:2] for row in z]
            return np.array(found).reshape(-1, 2)

        def score(self, rows):
            score = self.distances(rows)[:, 0]
            why = (Reason("far_from_training", "no training material has similar features"),)
            reasons = tuple(why if own > self.threshold else () for own in score)
            return OODScore(score, self.threshold, reasons)


    @hookimpl
    def atlas_ood():
        needs = {"features:vectors"}
        return [Component("nearest_row", NearestRowConfig, NearestRow, requires=needs)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.ood"]
    nearest_row = "atlas_nearest_row"

``ood: nearest_row`` then scores every prediction and every candidate of a screen, and a flagged row
shows its reasons. With ``requires={"model:embedding"}`` it would see the model's representation.
'''

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, freeze
from atlas_core.context import FitContext
from atlas_core.errors import ContractError
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.kind import Kind
from atlas_core.kinds.reason import Reasons, checked


@dataclass(frozen=True, eq=False)
class OODScore:
    """How far n materials are from the training data.

    Attributes:
        score: (n,) finite; higher = farther.
        threshold: scores above it are flagged as outside.
        reasons: of each of n rows a tuple of :class:`atlas_core.api.Reason`, () for none.
    """

    score: F8
    threshold: float
    reasons: Reasons | None = None

    def __post_init__(self) -> None:
        freeze(self, np.float64, "score")
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
    """A fitted detector."""

    def score(self, rows: Inputs) -> OODScore:
        """Return n scores, each depending on its own row alone."""
        ...


@runtime_checkable
class OODMethod(Protocol):
    """Learn the distribution of training data; targets are never shown."""

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Return a fitted detector.

        Args:
            train: the training rows.
            calibration: in-domain rows kept aside, for the threshold; may be empty, then the
                threshold comes from the training rows.
            context: seed, threads, device, where to tell and record.
        """
        ...


KIND = Kind(
    "ood",
    OODMethod,
    place="arm",
    description="Out-of-distribution detector: scores how far a material is from the training"
    " data; if omitted, no score.",
)
