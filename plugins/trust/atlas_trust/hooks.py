"""Trust methods and their options. Light."""

from __future__ import annotations

from typing import Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_trust.rule import RuleField

MAP_ROWS = 100
"""Rows below which no map with several signals is fitted."""
CURVE_ROWS = 30
"""Rows below which a curve of probabilities says nothing."""


class LearnedRegionConfig(Config):
    """Maps from sigma, distances and disagreements to risk and expected error."""

    rule: RuleField = "set"
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="What distances are measured in, beside the formula: the arm's vectors, or"
        " its trained model's embedding.",
    )
    reference: int = Field(
        5000,
        ge=50,
        description="Most training rows that distances are measured to, drawn at random.",
    )
    class_quantile: float = Field(
        0.85,
        gt=0,
        lt=1,
        description="Intervals of novel rows hold for this share of the held-out classes.",
    )


class RefuseUnseenConfig(Config):
    """What `sigma_threshold` does, with a veto."""

    rule: RuleField = "set"


class SigmaThresholdConfig(Config):
    """An isotonic curve from sigma to the probability of exceeding the error tolerance."""

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
