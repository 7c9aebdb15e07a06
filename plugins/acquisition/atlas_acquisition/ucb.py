"""Upper confidence bound: mean plus kappa times sigma (Srinivas et al. 2010)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Acquisition


class UCBConfig(Config):
    """How much doubt counts as promise."""

    kappa: float = Field(2.0, ge=0.0, description="How many sigma are added to the mean.")


def build(config: UCBConfig) -> Acquisition:
    """Return the acquisition function."""
    from atlas_acquisition._plain import UCB

    return UCB(config.kappa)


@hookimpl
def atlas_acquisition() -> list[Component]:
    """Return ``ucb``."""
    return [
        Component(
            "ucb",
            UCBConfig,
            build,
            needs={"epistemic"},
            citation="10.48550/arXiv.0912.3995",
        )
    ]
