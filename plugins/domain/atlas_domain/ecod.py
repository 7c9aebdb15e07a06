"""Empirical tails of every column, added up (ECOD, Li et al. 2022; COPOD, Li et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_domain._options import Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class ECODConfig(Config):
    """Which tails count, of what, and what counts as outside."""

    tails: Literal["ecod", "copod"] = Field(
        "ecod",
        description="What a column adds: `ecod`: the more improbable of its two tails; `copod`: the"
        " tail that its skewness points to, or the mean of both where that is more.",
    )
    representation: Literal["features", "embedding"] = Field(
        "features",
        description="Whose columns: the arm's feature vectors, or the embedding of its trained"
        " model. Not fractions: most are 0 throughout, and presence of anything is a tail.",
    )
    quantile: Quantile = 0.95


def needs(config: ECODConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: ECODConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._ecod import ECOD

    return ECOD(config.tails, config.representation, config.quantile)


def check(config: Config, facts: FoldFacts) -> list[str]:
    """Return why there is nothing to compare with."""
    return two_rows(facts)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``ecod``."""
    return [
        Component(
            "ecod",
            ECODConfig,
            build,
            needs=needs,
            citation="10.1109/TKDE.2022.3159580",
            check=check,
        )
    ]
