"""Best predicted value first, whatever its uncertainty: pure exploitation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Acquisition


class GreedyConfig(Config):
    """Pure exploitation has no options."""


def build(config: GreedyConfig) -> Acquisition:
    """Return the acquisition function."""
    from atlas_acquisition._plain import Greedy

    return Greedy()


@hookimpl
def atlas_acquisition() -> list[Component]:
    """Return ``greedy``."""
    return [
        Component(
            "greedy",
            GreedyConfig,
            build,
        )
    ]
