"""Local outlier factor: emptier than around its neighbours (Breunig et al. 2000)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_domain._options import Compared, Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class LOFConfig(Config):
    """How many neighbours count, of what, and what counts as outside."""

    neighbours: int = Field(20, ge=2, description="Nearest training materials that count.")
    representation: Compared = "features"
    quantile: Quantile = 0.95


def needs(config: LOFConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: LOFConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._lof import LOF

    return LOF(config.neighbours, config.representation, config.quantile)


def check(config: Config, facts: FoldFacts) -> list[str]:
    """Return why there is nothing to compare with."""
    return two_rows(facts)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``lof``."""
    return [
        Component(
            "lof",
            LOFConfig,
            build,
            needs=needs,
            citation="10.1145/342009.335388",
            check=check,
        )
    ]
