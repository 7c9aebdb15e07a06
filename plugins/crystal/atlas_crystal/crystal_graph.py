"""Crystal graph: each atom with its nearest neighbours (Xie & Grossman 2018)."""

from __future__ import annotations

from typing import Literal

from atlas_core.api import Component, Config, Featurizer, Field, hookimpl


class CrystalGraphConfig(Config):
    """Every atom gets edges to its ``neighbours`` nearest atoms and their images."""

    radius: float = Field(
        8.0,
        gt=0,
        le=50,
        description="Å; a crystal is sparse where an atom has too few neighbours within it.",
    )
    neighbours: int = Field(12, ge=1, le=100, description="Edges of each atom.")
    shells: Literal["cut", "whole"] = Field(
        "cut",
        description=(
            "Where more atoms lie at the distance of the last neighbour: `cut` the shell to have"
            " exactly `neighbours` edges; or keep it `whole`, and store the vector of every edge"
            " (`features:directions`). Which atoms of a cut shell are kept depends on the cell:"
            " distances and elements do not tell, directions do."
        ),
    )
    sparse: Literal["grow", "refuse"] = Field(
        "grow",
        description=(
            "What to do with a sparse crystal: `grow` the radius until every atom has enough"
            " neighbours, so that atoms beyond `radius` count too; or `refuse` it by its id."
        ),
    )


def gives(config: CrystalGraphConfig) -> frozenset[str]:
    """Return what the graphs hold with these options."""
    directions = {"features:directions"} if config.shells == "whole" else set()
    return frozenset({"features:graphs"} | directions)


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
            gives=gives,
            citation="10.1103/PhysRevLett.120.145301",
        )
    ]
