"""Hold out the loneliest materials: in sparse regions of composition, structure or target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Field, Splitter, hookimpl
from atlas_splits._options import InDomainConfig
from atlas_splits._representation import HELP, Representation, needs_of

if TYPE_CHECKING:
    from pathlib import Path


class SparseConfig(InDomainConfig):
    """SparseX and SparseY of Omee et al.: points of low density, alone or with neighbours."""

    space: Literal["materials", "target"] = Field(
        "materials", description="Where density is measured: SparseX or SparseY."
    )
    representation: Representation = Field(
        "statistics", description=f"How materials are described: {HELP}"
    )
    points: int = Field(50, ge=1, description="Sparse points, spread over the sparse regions.")
    neighbours: int = Field(
        10, ge=0, description="Nearest rows that go with each point; 0 holds out the point alone."
    )
    candidates: float = Field(
        0.05, gt=0, le=1, description="Share of the rows that count as sparse, to choose from."
    )
    pooled: bool = Field(
        True, description="One fold with all points; false: a fold a point, too small to judge."
    )


def needs(config: SparseConfig) -> set[str]:
    """Return the target's capabilities, or those of the representation."""
    if config.space == "target":
        return {"target", "task:regression"}
    return needs_of(config.representation)


def build(config: SparseConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._sparse import Sparse

    return Sparse(config)


def contract_options(_folder: Path) -> dict[str, int]:
    """Return options that suit the testing kit's small data set."""
    return {"points": 3, "neighbours": 3}


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``sparse``."""
    return [
        Component("sparse", SparseConfig, build, needs=needs, citation="10.1038/s41524-024-01316-4")
    ]
