"""Element mover's distance to the nearest training compositions (Hargreaves et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_domain._options import Quantile
from atlas_domain._spread import two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class ElementDistanceConfig(Config):
    """How many neighbours count, on which line of elements, and what counts as outside."""

    scale: Literal["pettifor", "atomic_number"] = Field(
        "pettifor",
        description="The line that atoms are moved along: the modified Pettifor scale of Glawe et"
        " al. 2016, on which similar elements are near, or the atomic number.",
    )
    neighbours: int = Field(5, ge=1, description="Nearest training materials that are averaged.")
    quantile: Quantile = 0.95


def build(config: ElementDistanceConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._element_distance import ElementDistance

    return ElementDistance(config.scale, config.neighbours, config.quantile)


def check(config: Config, facts: FoldFacts) -> list[str]:
    """Return why there is nothing to compare with."""
    return two_rows(facts)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``element_distance``."""
    return [
        Component(
            "element_distance",
            ElementDistanceConfig,
            build,
            citation="10.1021/acs.chemmater.0c03381",
            check=check,
        )
    ]
