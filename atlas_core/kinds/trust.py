r'''The ``trust`` kind: which predictions may be used, learned by nested leave-group-out.

A whole plugin, in a module ``atlas_scaled_sigma``::

    """Believe sigma as a Gaussian, stretched until it covers the errors of held-out classes."""

    import math
    from statistics import NormalDist

    import numpy as np

    from atlas_core.api import (
        Assessment,
        Component,
        Config,
        DataError,
        Field,
        hookimpl,
        labels_of,
        longest_prefix,
    )


    class ScaledSigmaConfig(Config):
        """How cautious it is."""

        defer_above: float = Field(0.5, gt=0, lt=1, description="Risk from which it defers.")


    def at_least(sigma):
        """Return sigma without zeros: a sigma of 0 claims certainty, and cannot be divided by."""
        return np.maximum(sigma, np.finfo(float).tiny)


    class ScaledSigma:
        """Learn one factor: the root mean square of error over sigma on classes left out."""

        def __init__(self, config):
            self.defer_above = config.defer_above

        def fit(self, in_domain, nested, *, reliability, levels, context):
            if not len(in_domain.inputs):
                raise DataError("scaled_sigma: no calibration rows; keep some aside in the split")
            z = [one.error / at_least(one.prediction.std) for one in (in_domain, *nested)]
            factor = float(np.sqrt((np.concatenate(z) ** 2).mean()))
            return ScaledRegion(factor, reliability, levels, self.defer_above)


    class ScaledRegion:
        """Assess rows one by one, and label a list as a whole."""

        def __init__(self, factor, reliability, levels, defer_above):
            self.factor, self.levels, self.defer_above = factor, np.array(levels), defer_above
            self.error_tolerance = reliability.error_tolerance
            self.target_reliability = reliability.target_reliability

        def assess(self, inputs, prediction, ood):
            sigma = self.factor * at_least(prediction.std)
            risk = np.array([math.erfc(self.error_tolerance / (s * math.sqrt(2))) for s in sigma])
            z = np.array([NormalDist().inv_cdf((1 + level) / 2) for level in self.levels])
            half = z[:, None] * sigma
            return Assessment(
                risk=risk,
                expected_error=math.sqrt(2 / math.pi) * sigma,
                levels=self.levels,
                lower=prediction.mean - half,
                upper=prediction.mean + half,
            )

        def label(self, assessment):
            trusted = longest_prefix(assessment.risk, 1 - self.target_reliability)
            return labels_of(trusted, assessment.risk > self.defer_above)


    @hookimpl
    def atlas_trust():
        needs = {"epistemic", "task:regression"}
        return [Component("scaled_sigma", ScaledSigmaConfig, ScaledSigma, requires=needs)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.trust"]
    scaled_sigma = "atlas_scaled_sigma"

``trust: scaled_sigma`` in an arm, with the block ``trust``, then labels each prediction, and the
report says how often the target reliability was reached on unseen classes.
'''

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from atlas_core.arrays import F8, Bool, Str, freeze
from atlas_core.context import FitContext
from atlas_core.errors import ContractError
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.kind import Kind
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction, check_intervals
from atlas_core.kinds.reason import Reasons, checked

Label = Literal["trust", "verify", "defer"]
LABELS: tuple[Label, ...] = ("trust", "verify", "defer")
"""Use the value; verify it by a calculation; do not even rank by it without more data."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """One fit of an arm, and rows that it was not trained on, with their true values.

    Attributes:
        name: ``in-domain`` for the arm's own training and calibration rows; else the class that
            was held out of the training part, such as ``without O``.
        train: the t training rows of this training.
        train_target: (t,) their true values.
        inputs: n rows that it never saw.
        prediction: of these n rows, uncalibrated.
        target: (n,) their true values.
        ood: scores of these n rows by the arm's detector, fitted on ``train``; None without one.
        ood_test: (n,) whether a row belongs to the class that was held out.
    """

    name: str
    train: Inputs
    train_target: F8
    inputs: Inputs
    prediction: Prediction
    target: F8
    ood: OODScore | None
    ood_test: Bool

    def __post_init__(self) -> None:
        n, t = len(self.inputs), len(self.train)
        lengths = (len(self.prediction), len(self.target), len(self.ood_test))
        if set(lengths) != {n} or (self.ood is not None and len(self.ood.score) != n):
            raise ContractError(f"evidence {self.name}: {n} rows, but parts of {lengths}")
        if len(self.train_target) != t:
            raise ContractError(f"evidence {self.name}: {t} training rows need {t} targets")

    @property
    def error(self) -> F8:
        """Return (n,) absolute errors in the target's unit."""
        return np.asarray(np.abs(self.target - self.prediction.mean), dtype=np.float64)


@dataclass(frozen=True)
class ReliabilityTarget:
    """Error tolerance and target reliability of trusted predictions.

    Attributes:
        error_tolerance: the largest acceptable absolute error, in the target's unit.
        target_reliability: the share of trusted predictions that should be within it, in (0, 1).
    """

    error_tolerance: float
    target_reliability: float


@dataclass(frozen=True, eq=False)
class Assessment:
    """What to expect of n predictions, each row independently.

    Attributes: risk: (n,) in [0, 1]: the probability that the absolute error exceeds the error
    tolerance. expected_error: (n,) in the target's unit, >= 0: the absolute error to expect.
    levels: (l,) coverage levels of the intervals, or None. lower: (l, n) lower ends of intervals
    that allow for the shift, or None. upper: (l, n) upper ends. reasons: of each of n rows a tuple
    of :class:`atlas_core.api.Reason`, () for none. novel: (n,) which rows are out of domain, if the
    method distinguishes them: the target reliability then applies to these separately. None: it
    does not.
    """

    risk: F8
    expected_error: F8
    levels: F8 | None = None
    lower: F8 | None = None
    upper: F8 | None = None
    reasons: Reasons | None = None
    novel: Bool | None = None

    def __post_init__(self) -> None:
        freeze(self, np.float64, "risk", "expected_error", "levels", "lower", "upper")
        freeze(self, np.bool_, "novel")
        n = len(self.risk)
        if self.risk.shape != (n,) or not ((self.risk >= 0) & (self.risk <= 1)).all():
            raise ContractError(f"assessment: risk must be ({n},) and in [0, 1]")
        error = self.expected_error
        if error.shape != (n,) or not (np.isfinite(error) & (error >= 0)).all():
            raise ContractError(f"assessment: expected_error must be ({n},), finite and >= 0")
        check_intervals("assessment", self.levels, self.lower, self.upper, n)
        if self.reasons is not None:
            object.__setattr__(self, "reasons", checked(self.reasons, n, "assessment"))
        if self.novel is not None and self.novel.shape != (n,):
            raise ContractError(f"assessment: novel must be ({n},)")

    def __len__(self) -> int:
        return len(self.risk)

    def within(self, bounds: tuple[float, float] | None) -> Assessment:
        """Return it with intervals cut to what is possible (``Prediction.within``)."""
        if bounds is None or self.lower is None or self.upper is None:
            return self
        return replace(self, lower=np.clip(self.lower, *bounds), upper=np.clip(self.upper, *bounds))


@runtime_checkable
class TrustRegion(Protocol):
    """A fitted trust region: assesses rows independently, and labels a list as a whole."""

    def assess(self, inputs: Inputs, prediction: Prediction, ood: OODScore | None) -> Assessment:
        """Return what to expect of n rows; each row's answer depends on that row alone.

        Args:
            inputs: the n rows.
            prediction: of them, uncalibrated.
            ood: the arm's detector's scores of them, or None.
        """
        ...

    def label(self, assessment: Assessment) -> Str:
        """Return (n,) ``trust``, ``verify`` or ``defer`` for a list of candidates.

        A label may depend on the list: the target reliability is a statement about all trusted
        predictions together.
        """
        ...


@runtime_checkable
class TrustMethod(Protocol):
    """Learn which predictions may be used, from training data alone."""

    def fit(
        self,
        in_domain: Evidence,
        nested: Sequence[Evidence],
        *,
        reliability: ReliabilityTarget,
        levels: tuple[float, ...],
        context: FitContext,
    ) -> TrustRegion:
        """Return a trust region: an object of a class, so that it can be saved with a run.

        Args:
            in_domain: the arm's own training, with its calibration rows.
            nested: the same arm trained without a class of its training rows, several times.
            reliability: the error tolerance and the target reliability.
            levels: coverage levels at which intervals are wanted, ascending.
            context: seed, threads, device, where to tell and record.

        Raises:
            DataError: there are too few rows to learn from.
        """
        ...


def longest_prefix(risk: F8, allowed: float) -> Bool:
    """Return (n,) the set rule: the most candidates whose mean risk is at most ``allowed``.

    Candidates join in the order of their risk; those of equal risk join together or not at all, so
    that the answer does not depend on how the list is sorted.

    Args:
        risk: (n,) in [0, 1].
        allowed: one minus the target reliability.
    """
    risk = np.asarray(risk, dtype=np.float64)
    order = np.argsort(risk, kind="stable")
    ascending = risk[order]
    mean = np.cumsum(ascending) / np.arange(1, len(risk) + 1)
    last_of_ties = np.append(ascending[1:] > ascending[:-1], True)[: len(risk)]
    fits = np.flatnonzero((mean <= allowed + 1e-12) & last_of_ties)
    chosen = np.zeros(len(risk), dtype=np.bool_)
    if len(fits):
        chosen[order[: fits[-1] + 1]] = True
    return chosen


def labels_of(trusted: npt.NDArray[np.bool_], deferred: npt.NDArray[np.bool_]) -> Str:
    """Return (n,) labels: ``trust`` first, then ``defer``, and ``verify`` for the rest."""
    return np.where(trusted, "trust", np.where(deferred, "defer", "verify")).astype(np.str_)


KIND = Kind(
    "trust",
    TrustMethod,
    place="arm",
    description="Labels predictions trust, verify or defer; requires the block `trust`. Of"
    " several methods the first decides, the others are compared with it in the"
    " report.",
    many=True,
    block="trust",
)
