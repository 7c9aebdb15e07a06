"""Stoichiometry: number of elements and norms of their fractions (Ward et al. 2016)."""

from __future__ import annotations

from atlas_core.api import Component, Config, Featurizer, hookimpl


class StoichiometryConfig(Config):
    """The norms 0, 2, 3, 5, 7 and 10, as matminer's default; it has no options."""


def build(config: StoichiometryConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_composition._stoichiometry import Stoichiometry

    return Stoichiometry(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``stoichiometry``."""
    return [
        Component(
            "stoichiometry",
            StoichiometryConfig,
            build,
            needs={"inputs:composition"},
            gives={"features:vectors"},
            citation="10.1038/npjcompumats.2016.28",
        )
    ]
