"""Ionic character of element pairs, and whether charges can balance (Ward et al. 2016)."""

from __future__ import annotations

from atlas_core.api import Component, Config, Featurizer, hookimpl


class IonPropertiesConfig(Config):
    """As matminer's IonProperty, on the formula in smallest whole numbers; it has no options."""


def build(config: IonPropertiesConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_composition._ion_properties import IonProperties

    return IonProperties(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``ion_properties``."""
    return [
        Component(
            "ion_properties",
            IonPropertiesConfig,
            build,
            needs={"inputs:composition"},
            gives={"features:vectors"},
            citation="10.1038/npjcompumats.2016.28",
        )
    ]
