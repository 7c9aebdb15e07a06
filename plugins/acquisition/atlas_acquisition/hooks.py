"""Acquisition functions and their options. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, Field, hookimpl


class ExpectedImprovementConfig(Config):
    """Margin by which a candidate must improve."""

    xi: float = Field(
        0.0,
        ge=0.0,
        description="Margin subtracted from the improvement, in the target's unit;"
        " larger values explore more.",
    )


class GreedyConfig(Config):
    """Pure exploitation has no options."""


class MaxUncertaintyConfig(Config):
    """Pure exploration has no options."""


class MostLikelyConfig(Config):
    """Choice by probability has no options."""


class ProbabilityOfImprovementConfig(Config):
    """Margin by which a candidate must improve."""

    xi: float = Field(
        0.0, ge=0.0, description="Improvement that must be exceeded, in the target's unit."
    )


class RandomConfig(Config):
    """Random choice has no options."""


class ThompsonConfig(Config):
    """Thompson sampling has no options."""


class UCBConfig(Config):
    """Weight of the uncertainty."""

    kappa: float = Field(2.0, ge=0.0, description="Number of sigma added to the mean.")


@hookimpl
def atlas_acquisition() -> list[Component]:
    """Offer the acquisition components."""
    return [
        Component(
            "expected_improvement",
            ExpectedImprovementConfig,
            "atlas_acquisition.expected_improvement:ExpectedImprovement",
            requires={"epistemic"},
            citation="10.1023/A:1008306431147",
        ),
        Component(
            "greedy",
            GreedyConfig,
            "atlas_acquisition.greedy:Greedy",
        ),
        Component(
            "max_uncertainty",
            MaxUncertaintyConfig,
            "atlas_acquisition.max_uncertainty:MaxUncertainty",
            requires={"epistemic"},
            citation="10.1162/neco.1992.4.4.590",
        ),
        Component(
            "most_likely",
            MostLikelyConfig,
            "atlas_acquisition.most_likely:MostLikely",
            requires={"decision"},
            citation="10.48550/arXiv.1206.6406",
        ),
        Component(
            "probability_of_improvement",
            ProbabilityOfImprovementConfig,
            "atlas_acquisition.probability_of_improvement:ProbabilityOfImprovement",
            requires={"epistemic"},
            citation="10.1115/1.3653121",
        ),
        Component(
            "random",
            RandomConfig,
            "atlas_acquisition.random:Random",
        ),
        Component(
            "thompson",
            ThompsonConfig,
            "atlas_acquisition.thompson:Thompson",
            requires={"epistemic"},
            citation="10.1093/biomet/25.3-4.285",
        ),
        Component(
            "ucb",
            UCBConfig,
            "atlas_acquisition.ucb:UCB",
            requires={"epistemic"},
            citation="10.48550/arXiv.0912.3995",
        ),
    ]
