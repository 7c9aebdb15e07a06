"""What predictors return: mean, uncertainty, intervals. Light: numpy only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, freeze
from atlas_core.errors import ContractError


def check_intervals(
    what: str, levels: F8 | None, lower: F8 | None, upper: F8 | None, n: int
) -> None:
    """Refuse intervals of n rows that are not (l, n) at l levels, or are none.

    Raises:
        ContractError: only some of the three are given, a shape does not fit, an end is NaN, or an
            interval is upside down.
    """
    if levels is None or lower is None or upper is None:
        if any(part is not None for part in (levels, lower, upper)):
            raise ContractError(f"{what}: give levels, lower and upper, or none of them")
        return
    shape = (len(levels), n)
    if lower.shape != shape or upper.shape != shape:
        raise ContractError(f"{what}: intervals must be {shape}")
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ContractError(f"{what}: an interval end is NaN")
    if (lower > upper).any():
        raise ContractError(f"{what}: an interval is upside down")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions for n materials in the target's unit.

    For a binary task ``mean`` is P(1), and an interval [0, 0], [1, 1] or [0, 1] is a set of labels.

    Attributes:
        mean: (n,).
        epistemic: (n,) std from model uncertainty, >= 0, or None.
        aleatoric: (n,) std from noise in the data, >= 0, or None.
        samples: (k, n) draws from the predictive distribution, or None.
        levels: (l,) coverage levels of the intervals, each in (0, 1), or None.
        lower: (l, n) lower ends, or None.
        upper: (l, n) upper ends, >= lower, or None; infinite where nothing can be said.

    Raises:
        ContractError: a shape does not fit, a mean is not finite, a std is negative or NaN.
    """

    mean: F8
    epistemic: F8 | None = None
    aleatoric: F8 | None = None
    samples: F8 | None = None
    levels: F8 | None = None
    lower: F8 | None = None
    upper: F8 | None = None

    def __post_init__(self) -> None:
        freeze(self, np.float64, "mean", "epistemic", "aleatoric", "samples")
        freeze(self, np.float64, "levels", "lower", "upper")
        n = len(self.mean)
        if self.mean.shape != (n,) or not np.isfinite(self.mean).all():
            raise ContractError(f"prediction: mean must be ({n},) and finite")
        for name in ("epistemic", "aleatoric"):
            std = getattr(self, name)
            if std is not None and (std.shape != (n,) or not (np.isfinite(std) & (std >= 0)).all()):
                raise ContractError(f"prediction: {name} must be ({n},), finite and >= 0")
        if self.samples is not None and (self.samples.ndim != 2 or self.samples.shape[1] != n):
            raise ContractError(f"prediction: samples must be (k, {n})")
        check_intervals("prediction", self.levels, self.lower, self.upper, n)

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def std(self) -> F8 | None:
        """Return (n,) the total std, or None where neither part is known."""
        parts = [s for s in (self.epistemic, self.aleatoric) if s is not None]
        if not parts:
            return None
        return np.asarray(np.sqrt(np.sum([s**2 for s in parts], axis=0)), dtype=np.float64)

    def within(self, bounds: tuple[float, float] | None) -> Prediction:
        """Return it with intervals cut to what is possible; mean and std stay.

        A value that is possible lies in the new interval if it lay in the old one, so coverage
        never falls. It rises only where an interval lay outside as a whole and becomes the nearest
        bound, for a value exactly there.
        """
        if bounds is None or self.lower is None or self.upper is None:
            return self
        return self.replace(lower=np.clip(self.lower, *bounds), upper=np.clip(self.upper, *bounds))

    def replace(self, **changes: Any) -> Prediction:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def take(self, indices: npt.ArrayLike) -> Prediction:
        """Return the rows at ``indices``, in that order."""
        i = np.asarray(indices, dtype=np.int64)

        def rows(a: F8 | None) -> F8 | None:
            return None if a is None else a[..., i]

        return Prediction(
            mean=self.mean[i],
            epistemic=rows(self.epistemic),
            aleatoric=rows(self.aleatoric),
            samples=rows(self.samples),
            levels=self.levels,
            lower=rows(self.lower),
            upper=rows(self.upper),
        )
