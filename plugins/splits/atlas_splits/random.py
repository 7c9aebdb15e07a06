"""Random split into train, calibration and test."""

from __future__ import annotations

from atlas_core.api import Component, Splitter, hookimpl
from atlas_splits._options import InDomainConfig


class RandomConfig(InDomainConfig):
    """One random cut of all rows."""


def build(config: RandomConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._random import Random

    return Random(config)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``random``."""
    return [Component("random", RandomConfig, build)]
