"""Valence electrons in s, p, d and f orbitals: mean number and share (Ward et al. 2016)."""

from __future__ import annotations

from atlas_core.api import Component, Config, Featurizer, hookimpl


class ValenceOrbitalsConfig(Config):
    """Mean number and share of the valence electrons of each orbital; it has no options."""


def build(config: ValenceOrbitalsConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_composition._valence_orbitals import ValenceOrbitals

    return ValenceOrbitals(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``valence_orbitals``."""
    return [
        Component(
            "valence_orbitals",
            ValenceOrbitalsConfig,
            build,
            needs={"inputs:composition"},
            gives={"features:vectors"},
            citation="10.1038/npjcompumats.2016.28",
        )
    ]
