"""Crystal graph: each atom with its nearest neighbours (Xie & Grossman 2018)."""

from __future__ import annotations

from typing import Literal

from atlas_core.api import Component, Config, Featurizer, Field, hookimpl


class CrystalGraphConfig(Config):
    """Every atom gets exactly ``neighbours`` edges, to its nearest atoms and their images."""

    radius: float = Field(
        8.0,
        gt=0,
        le=50,
        description="Å; a crystal is sparse where an atom has too few neighbours within it.",
    )
    neighbours: int = Field(12, ge=1, le=100, description="Edges of each atom.")
    sparse: Literal["grow", "refuse"] = Field(
        "grow",
        description=(
            "What to do with a sparse crystal: `grow` the radius until every atom has enough"
            " neighbours, so that atoms beyond `radius` count too; or `refuse` it by its id."
        ),
    )


def build(config: CrystalGraphConfig) -> Featurizer:
    """Return the featurizer."""
    from atlas_crystal._crystal_graph import CrystalGraph

    return CrystalGraph(config)


@hookimpl
def atlas_featurizer() -> list[Component]:
    """Offer ``crystal_graph``."""
    return [
        Component(
            "crystal_graph",
            CrystalGraphConfig,
            build,
            needs={"inputs:structure"},
            gives={"features:graphs", "features:directions"},
            citation="10.1103/PhysRevLett.120.145301",
        )
    ]
