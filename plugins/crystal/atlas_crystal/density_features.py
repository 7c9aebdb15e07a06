"""Density, volume an atom and packing fraction of a crystal."""

from __future__ import annotations

from atlas_core.api import Component, Config, Featurizer, hookimpl


class DensityFeaturesConfig(Config):
    """Three numbers, as matminer's DensityFeatures; it has no options."""


def build(config: DensityFeaturesConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_crystal._density_features import DensityFeatures

    return DensityFeatures(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``density_features``."""
    return [
        Component(
            "density_features",
            DensityFeaturesConfig,
            build,
            needs={"inputs:structure"},
            gives={"features:vectors"},
            citation="10.1016/j.commatsci.2018.05.018",
        )
    ]
