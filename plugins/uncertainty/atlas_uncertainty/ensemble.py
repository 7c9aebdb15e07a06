"""Spread of k trained models, by seeds or bootstrapped rows (Lakshminarayanan 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class EnsembleConfig(Config):
    """Train any model k times."""

    k: int = Field(5, ge=2, le=1000, description="Number of models to train.")
    resample: Literal["seeds", "bootstrap"] = Field(
        "seeds",
        description="`seeds`: all rows, another seed each. `bootstrap`: rows drawn anew as well; "
        "needed for a model without randomness, such as `ridge`.",
    )


def build(config: EnsembleConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._ensemble import Ensemble

    return Ensemble(config)


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``ensemble``."""
    return [
        Component(
            "ensemble",
            EnsembleConfig,
            build,
            gives={"epistemic", "samples"},
            citation="10.48550/arXiv.1612.01474",
        )
    ]
