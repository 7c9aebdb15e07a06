"""No uncertainty: the model's prediction alone, for a conformal calibrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class PointConfig(Config):
    """No options."""


def build(config: PointConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._point import Point

    return Point()


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``point``."""
    return [Component("point", PointConfig, build)]
