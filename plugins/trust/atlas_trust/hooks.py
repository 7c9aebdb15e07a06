"""Trust methods and their options. Light."""

from __future__ import annotations

from typing import Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_trust.rule import RuleField

MAP_ROWS = 100
"""Minimum number of rows to fit a map with several signals."""
CURVE_ROWS = 30
"""Minimum number of rows to fit a curve of probabilities."""


class LearnedRegionConfig(Config):
    """Learned maps from sigma, distances and disagreement to risk and expected error."""

    rule: RuleField = "set"
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="Representation for distances, in addition to the formula: the arm's feature"
        " vectors, or the embedding of its trained model.",
    )
    reference: int = Field(
        5000,
        ge=50,
        description="Maximum number of training rows to which distances are computed, drawn at"
        " random.",
    )
    class_quantile: float = Field(
        0.85,
        gt=0,
        lt=1,
        description="Intervals of novel rows attain their nominal coverage on this share of the"
        " held-out classes.",
    )


class RefuseUnseenConfig(Config):
    """`sigma_threshold` with a veto on unseen elements."""

    rule: RuleField = "set"


class SigmaThresholdConfig(Config):
    """An isotonic curve from sigma to the probability of exceeding the error tolerance.

    What is new, such as an element that was never seen, is labeled by its sigma like the rest: the
    baseline looks at no shift, and the material's reason says so.
    """

    rule: RuleField = "set"


def _learned_region_requires(config: LearnedRegionConfig) -> frozenset[str]:
    """Return sigma, and the representation."""
    own = "model:embedding" if config.representation == "embedding" else "features:vectors"
    return frozenset({"epistemic", "task:regression", own})


def _rows(facts: FoldFacts, fewest: int) -> list[str]:
    """Return why there are too few calibration rows."""
    n = len(facts.calibration)
    if n >= fewest:
        return []
    how = "raise the split's `calibration` fraction"
    return [f"{n} calibration rows, needs at least {fewest}; {how}"]


@hookimpl
def atlas_trust() -> list[Component]:
    """Offer the trust components."""
    return [
        Component(
            "learned_region",
            LearnedRegionConfig,
            "atlas_trust.learned_region:LearnedRegionMethod",
            requires=_learned_region_requires,
            beside=("sigma_threshold", "refuse_unseen"),
            check=lambda _, facts: _rows(facts, MAP_ROWS),
            trusted=(
                "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
                "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
                "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
                "sklearn.linear_model._logistic.LogisticRegression",
                "sklearn.linear_model._ridge.Ridge",
                "sklearn.pipeline.Pipeline",
                "sklearn.preprocessing._data.StandardScaler",
            ),
        ),
        Component(
            "refuse_unseen",
            RefuseUnseenConfig,
            "atlas_trust.refuse_unseen:RefuseUnseen",
            requires={"epistemic", "task:regression"},
            check=lambda _, facts: _rows(facts, CURVE_ROWS),
        ),
        Component(
            "sigma_threshold",
            SigmaThresholdConfig,
            "atlas_trust.sigma_threshold:SigmaThreshold",
            requires={"epistemic", "task:regression"},
            citation="10.48550/arXiv.1807.00263",
            check=lambda _, facts: _rows(facts, CURVE_ROWS),
        ),
    ]
