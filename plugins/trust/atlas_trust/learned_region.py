"""A trust region learned by nested leave-group-out in the training part, with the set rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from atlas_core.api import (
    F8,
    I8,
    Assessment,
    Bool,
    DataError,
    Evidence,
    FitContext,
    Inputs,
    OODScore,
    Prediction,
    Reason,
    Reasons,
    ReliabilityTarget,
    Str,
    TargetScale,
    TrustRegion,
)
from atlas_trust._rule import label
from atlas_trust._signals import Signals
from atlas_trust.hooks import MAP_ROWS
from atlas_trust.rule import Rule

if TYPE_CHECKING:
    from atlas_trust.hooks import LearnedRegionConfig

LARGE = 1.5
"""Times as large as usual in-domain, from which a signal is named as a reason."""
SHAPE = 0.9
"""The quantile of the error that gives intervals their shape; the mean error needs wider ones for
the same coverage, because the tail of the errors does not grow in proportion to their mean."""

FOLDS = 5
"""Parts of the in-domain rows; each is scored by a map that did not see it."""

PANEL = 5
"""Risk maps at most, each fitted without a part of the held-out classes."""

CLASS_FOLDS = 12
"""Parts that the held-out classes are dealt into; each is scored by a map that did not see it."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What maps are fitted on.

    Attributes:
        signals: (n, s).
        error: (n,) absolute, on the scale of the arm's own training.
        group: (n,) number of the held-out class; -1 for in-domain rows.
        training_group: (n,) number of the training without the class; classes that share one are
            left out of a map together. -1 for in-domain rows.
        in_domain: (n,) whether a row is one of the arm's own calibration rows.
    """

    signals: F8
    error: F8
    group: I8
    training_group: I8
    in_domain: Bool

    def at(self, mask: Bool) -> Rows:
        """Return the rows where the mask holds."""
        return Rows(
            self.signals[mask],
            self.error[mask],
            self.group[mask],
            self.training_group[mask],
            self.in_domain[mask],
        )


@dataclass(frozen=True)
class RiskMap:
    """The probability of exceeding the error tolerance: the mean of two maps' answers.

    A linear map carries on outside what it was fitted on, trees with monotone constraints do not
    jump there; each alone is too bold somewhere. The trees are few and their leaves large: one
    risk is reported for many rows, so that few rows of one class cannot vouch for the safest.

    Attributes:
        linear: logistic regression; None where only one outcome was seen.
        boosted: gradient boosting that only rises with each signal.
        constant: the share that exceeded, the answer where only one outcome was seen.
    """

    linear: Pipeline | None
    boosted: HistGradientBoostingClassifier | None
    constant: float

    @classmethod
    def of(cls, rows: Rows, error_tolerance: float, *, seed: int) -> RiskMap:
        """Fit both maps."""
        over = rows.error > error_tolerance
        share = float(over.mean())
        if share in {0.0, 1.0}:
            return cls(None, None, share)
        linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000))
        boosted = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=60,
            max_leaf_nodes=5,
            min_samples_leaf=int(np.clip(len(over) // 100, 20, 150)),
            l2_regularization=5.0,
            monotonic_cst=[1] * rows.signals.shape[1],
            early_stopping=False,
            random_state=seed % 2**32,
        )
        return cls(linear.fit(rows.signals, over), boosted.fit(rows.signals, over), share)

    def __call__(self, signals: F8) -> F8:
        """Return (n,) probabilities of an error above the error tolerance."""
        if self.linear is None or self.boosted is None or not len(signals):
            return np.full(len(signals), self.constant)
        both = [model.predict_proba(signals)[:, 1] for model in (self.linear, self.boosted)]
        return np.asarray(np.mean(both, axis=0), dtype=np.float64)


@dataclass(frozen=True)
class RiskPanel:
    """The largest answer of maps that each lack other classes.

    What a few classes alone vouch for is not safe for a class that nobody held out.
    """

    maps: tuple[RiskMap, ...]

    @classmethod
    def of(cls, rows: Rows, error_tolerance: float, *, seed: int) -> RiskPanel:
        """Fit the maps; one on all classes where there are too few to leave some out."""
        parts = min(PANEL, len(np.unique(rows.training_group[rows.training_group >= 0])) // 2)
        if parts < 2:
            return cls((RiskMap.of(rows, error_tolerance, seed=seed),))
        return cls(
            tuple(
                RiskMap.of(rows.at(~held), error_tolerance, seed=seed)
                for held in _class_parts(rows.training_group, parts)
            )
        )

    def __call__(self, signals: F8) -> F8:
        """Return (n,) the highest probability of all maps."""
        return np.asarray(np.max([one(signals) for one in self.maps], axis=0), dtype=np.float64)


@dataclass(frozen=True)
class ErrorMap:
    """An absolute error to reckon with: gradient boosting that only rises with each signal."""

    boosted: HistGradientBoostingRegressor
    floor: float
    scale: TargetScale

    @classmethod
    def of(cls, rows: Rows, *, seed: int, quantile: float | None = None) -> ErrorMap:
        """Fit the mean error, or a quantile of it; never below a hundredth of the mean error."""
        boosted = HistGradientBoostingRegressor(
            loss="squared_error" if quantile is None else "quantile",
            quantile=quantile,
            max_iter=80,
            max_leaf_nodes=8,
            min_samples_leaf=60,
            l2_regularization=5.0,
            monotonic_cst=[1] * rows.signals.shape[1],
            early_stopping=False,
            random_state=seed % 2**32,
        )
        # gradients are summed as float32: in another unit they would round to other cuts
        scale = TargetScale(0.0, float(rows.error.mean()) or 1.0)
        learned = boosted.fit(rows.signals, scale.standard(rows.error))
        return cls(learned, 0.01 * scale.unit, scale)

    def __call__(self, signals: F8) -> F8:
        """Return (n,) expected absolute errors, in the target's unit."""
        if not len(signals):
            return np.zeros(0)
        found = self.scale.back(np.asarray(self.boosted.predict(signals), dtype=np.float64))
        return np.asarray(np.maximum(found, self.floor), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class LearnedRegion:
    """The maps, and what they rest on.

    Attributes:
        signals: of the arm's own training.
        names: (s,) what the signals are called.
        risk: from signals to P(|error| > error tolerance).
        error: from signals to the expected absolute error.
        levels: (l,) coverage levels of the intervals.
        width: from signals to the shape of the intervals: a high quantile of the error.
        near: (l,) half-width over that quantile that held in-domain.
        far: (l,) the same for classes that were held out.
        rule: how the trusted are chosen.
        allowed: one minus the target reliability.
        in_domain_error: mean absolute error in-domain.
    """

    signals: Signals
    names: tuple[str, ...]
    risk: RiskPanel
    error: ErrorMap
    width: ErrorMap
    levels: F8
    near: F8
    far: F8
    rule: Rule
    allowed: float
    in_domain_error: float

    def assess(self, inputs: Inputs, prediction: Prediction, ood: OODScore | None) -> Assessment:
        """Return risk, expected error and intervals of n rows.

        A row that the arm's detector flags gets the wider interval; without a detector every row
        does.
        """
        signals = self.signals.matrix(inputs, prediction, ood)
        risk, expected = self.risk(signals), self.error(signals)
        novel = np.ones(len(inputs), np.bool_) if ood is None else ood.outside
        half = np.where(novel, self.far[:, None], self.near[:, None]) * self.width(signals)
        return Assessment(
            risk=risk,
            expected_error=expected,
            levels=self.levels,
            lower=prediction.mean - half,
            upper=prediction.mean + half,
            reasons=self._reasons(signals, risk),
            novel=None if ood is None else novel,
        )

    def _reasons(self, signals: F8, risk: F8) -> Reasons:
        """Name the signal that stands out most, for rows that are not safe by themselves."""
        return tuple(
            self._reason(row) if doubtful else ()
            for row, doubtful in zip(signals, risk > self.allowed, strict=True)
        )

    def _reason(self, signals: F8) -> tuple[Reason, ...]:
        most = int(np.argmax(signals))
        name, times = self.names[most], float(np.exp(signals[most]))
        if times < LARGE:
            return ()
        text = f"{name} {times:.1f} times as large as usual in-domain"
        return (Reason("large_signal", text, {"signal": name, "times": times}),)

    def label(self, assessment: Assessment) -> Str:
        """Return (n,) labels of a list."""
        return label(
            assessment, self.rule, allowed=self.allowed, in_domain_error=self.in_domain_error
        )


@dataclass(frozen=True)
class LearnedRegionMethod:
    """Fit the maps on nested leave-group-out and in-domain rows together."""

    config: LearnedRegionConfig

    def fit(
        self,
        in_domain: Evidence,
        nested: Sequence[Evidence],
        *,
        reliability: ReliabilityTarget,
        levels: tuple[float, ...],
        context: FitContext,
    ) -> TrustRegion:
        """Return the region.

        Raises:
            DataError: there are too few calibration rows, or no class was held out.
        """
        if len(in_domain.inputs) < MAP_ROWS:
            raise DataError(
                f"trust learned_region: {len(in_domain.inputs)} calibration rows, needs at least"
                f" {MAP_ROWS}; raise the split's `calibration` fraction"
            )
        classes = [one for one in nested if one.ood_test.any()]
        if not classes:
            raise DataError(
                "trust learned_region: no class was held out of the training rows; name a split"
                " with a held-out class in trust.nested.splits"
            )
        in_domain_error = float(in_domain.error.mean())
        seed = context.seed
        signals, own = self._rows(in_domain, -1, -1, in_domain_error, seed=seed)
        blocks = [own]
        training_groups: dict[bytes, int] = {}
        for number, refit in enumerate(classes):
            learned = refit.train.ids.tobytes()
            training_group = training_groups.setdefault(learned, len(training_groups))
            blocks.append(self._rows(refit, number, training_group, in_domain_error, seed=seed)[1])
        rows = _joined(blocks)
        risk = RiskPanel.of(rows, reliability.error_tolerance, seed=seed)
        error = ErrorMap.of(rows, seed=seed)
        width = ErrorMap.of(rows, seed=seed, quantile=SHAPE)
        near, far = self._factors(rows, levels, seed=seed)
        return LearnedRegion(
            signals=signals,
            names=tuple(signals.median),
            risk=risk,
            error=error,
            width=width,
            levels=np.asarray(levels, dtype=np.float64),
            near=near,
            far=far,
            rule=self.config.rule,
            allowed=1.0 - reliability.target_reliability,
            in_domain_error=in_domain_error,
        )

    def _rows(
        self,
        evidence: Evidence,
        number: int,
        training_group: int,
        in_domain_error: float,
        *,
        seed: int,
    ) -> tuple[Signals, Rows]:
        """Return the signals of one training, and its rows.

        Errors are brought to the scale of the arm's own training by the in-domain errors of both:
        a nested fit trains on fewer rows, and often a smaller model.
        """
        inside = ~evidence.ood_test
        if not inside.any():
            raise DataError(f"trust learned_region: {evidence.name} has no in-domain rows")
        plain = Signals.of(
            evidence.train,
            evidence.train_target,
            representation=self.config.representation,
            most=self.config.reference,
            seed=seed,
        )
        found = plain.quantities(evidence.inputs, evidence.prediction, evidence.ood)
        median = {name: float(np.median(values[inside])) for name, values in found.items()}
        median = {name: value if value > 0 else 1.0 for name, value in median.items()}
        scaled = replace(plain, median=median)
        own = float(evidence.error[inside].mean())
        scale = in_domain_error / own if number >= 0 and own > 0 else 1.0
        rows = Rows(
            signals=scaled.matrix(evidence.inputs, evidence.prediction, evidence.ood),
            error=evidence.error * scale,
            group=np.where(evidence.ood_test, number, -1),
            training_group=np.where(evidence.ood_test, training_group, -1),
            in_domain=np.full(len(evidence.inputs), number < 0),
        )
        return scaled, rows

    def _factors(self, rows: Rows, levels: tuple[float, ...], *, seed: int) -> tuple[F8, F8]:
        """Return (l,) half-widths over their shape, in-domain and for a held-out class.

        Each row is scored by a map that saw neither it nor its class.
        """
        score = np.zeros(len(rows.error))
        inside = np.flatnonzero(rows.group < 0)
        parts = np.random.default_rng(seed).permutation(len(inside)) % FOLDS
        for part in range(FOLDS):
            held = np.zeros(len(score), np.bool_)
            held[inside[parts == part]] = True
            score[held] = self._score(rows, held, seed)
        numbers = np.unique(rows.group[rows.group >= 0])
        parts = min(CLASS_FOLDS, len(np.unique(rows.training_group[rows.training_group >= 0])))
        for held in _class_parts(rows.training_group, parts):
            score[held] = self._score(rows, held, seed)
        in_domain = np.sort(score[rows.in_domain])
        near = np.array([in_domain[_rank(len(in_domain), level)] for level in levels])
        each = np.array(
            [
                [np.sort(score[rows.group == number])[_rank(m, level)] for level in levels]
                for number in numbers
                for m in [int((rows.group == number).sum())]
            ]
        )
        far = np.quantile(each, self.config.class_quantile, axis=0, method="higher")
        return near, np.maximum(far, near)

    def _score(self, rows: Rows, held: Bool, seed: int) -> F8:
        shape = ErrorMap.of(rows.at(~held), seed=seed, quantile=SHAPE)(rows.signals[held])
        return np.asarray(rows.error[held] / shape, dtype=np.float64)


def _class_parts(training_group: I8, parts: int) -> list[Bool]:
    """Return masks of the rows of so many parts of the companies of held-out classes."""
    numbers = np.unique(training_group[training_group >= 0])
    return [np.isin(training_group, some) for some in np.array_split(numbers, parts)]


def _rank(n: int, level: float) -> int:
    """Return the place of the conformal bound among n sorted scores; the largest if too few."""
    return min(int(np.ceil((n + 1) * level - 1e-9)), n) - 1


def _joined(blocks: Sequence[Rows]) -> Rows:
    return Rows(
        signals=np.concatenate([block.signals for block in blocks]),
        error=np.concatenate([block.error for block in blocks]),
        group=np.concatenate([block.group for block in blocks]),
        training_group=np.concatenate([block.training_group for block in blocks]),
        in_domain=np.concatenate([block.in_domain for block in blocks]),
    )
