"""Thompson sampling: each pick is the best row of another draw (Thompson 1933)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Acquisition


class ThompsonConfig(Config):
    """Thompson sampling has no options."""


def build(config: ThompsonConfig) -> Acquisition:
    """Return the acquisition function."""
    from atlas_acquisition._thompson import Thompson

    return Thompson()


@hookimpl
def atlas_acquisition() -> list[Component]:
    """Return ``thompson``."""
    return [
        Component(
            "thompson",
            ThompsonConfig,
            build,
            needs={"epistemic"},
            citation="10.1093/biomet/25.3-4.285",
        )
    ]
