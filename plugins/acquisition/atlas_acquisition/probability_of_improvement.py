"""Probability of improving on the best so far (Kushner 1964)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Acquisition


class ProbabilityOfImprovementConfig(Config):
    """How large a gain must be to count."""

    xi: float = Field(0.0, ge=0.0, description="Gain that must be exceeded, in the target's unit.")


def build(config: ProbabilityOfImprovementConfig) -> Acquisition:
    """Return the acquisition function."""
    from atlas_acquisition._improvement import ProbabilityOfImprovement

    return ProbabilityOfImprovement(config.xi)


@hookimpl
def atlas_acquisition() -> list[Component]:
    """Return ``probability_of_improvement``."""
    return [
        Component(
            "probability_of_improvement",
            ProbabilityOfImprovementConfig,
            build,
            needs={"epistemic"},
            citation="10.1115/1.3653121",
        )
    ]
