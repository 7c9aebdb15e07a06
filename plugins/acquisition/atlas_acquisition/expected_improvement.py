"""Expected improvement on the best so far (Jones, Schonlau & Welch 1998)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Acquisition


class ExpectedImprovementConfig(Config):
    """How large a gain must be to count."""

    xi: float = Field(
        0.0, ge=0.0, description="Gain that is not counted, in the target's unit; explores more."
    )


def build(config: ExpectedImprovementConfig) -> Acquisition:
    """Return the acquisition function."""
    from atlas_acquisition._improvement import ExpectedImprovement

    return ExpectedImprovement(config.xi)


@hookimpl
def atlas_acquisition() -> list[Component]:
    """Return ``expected_improvement``."""
    return [
        Component(
            "expected_improvement",
            ExpectedImprovementConfig,
            build,
            needs={"epistemic"},
            citation="10.1023/A:1008306431147",
        )
    ]
