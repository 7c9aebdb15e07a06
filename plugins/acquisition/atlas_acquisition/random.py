"""Seeded random choice: the baseline that others must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Acquisition


class RandomConfig(Config):
    """Random choice has no options."""


def build(config: RandomConfig) -> Acquisition:
    """Return the acquisition function."""
    from atlas_acquisition._plain import Random

    return Random()


@hookimpl
def atlas_acquisition() -> list[Component]:
    """Return ``random``."""
    return [
        Component(
            "random",
            RandomConfig,
            build,
        )
    ]
