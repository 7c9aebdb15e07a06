"""Magpie: 132 statistics of 22 elemental properties of a formula (Ward et al. 2016)."""

from __future__ import annotations

from atlas_core.api import Component, Config, Featurizer, hookimpl


class MagpieConfig(Config):
    """Magpie's preset as matminer defines it; it has no options."""


def build(config: MagpieConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_composition._magpie import Magpie

    return Magpie(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``magpie``."""
    return [
        Component(
            "magpie",
            MagpieConfig,
            build,
            needs={"inputs:composition"},
            gives={"features:vectors"},
            citation="10.1038/npjcompumats.2016.28",
        )
    ]
