"""Largest uncertainty first, whatever the goal: pure exploration (MacKay 1992)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Acquisition


class MaxUncertaintyConfig(Config):
    """Pure exploration has no options."""


def build(config: MaxUncertaintyConfig) -> Acquisition:
    """Return the acquisition function."""
    from atlas_acquisition._plain import MaxUncertainty

    return MaxUncertainty()


@hookimpl
def atlas_acquisition() -> list[Component]:
    """Return ``max_uncertainty``."""
    return [
        Component(
            "max_uncertainty",
            MaxUncertaintyConfig,
            build,
            needs={"epistemic"},
            citation="10.1162/neco.1992.4.4.590",
        )
    ]
