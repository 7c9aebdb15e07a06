"""Hold out elements in turn, chosen to stand for all families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Field, Splitter, hookimpl
from atlas_splits._options import InDomainConfig

if TYPE_CHECKING:
    from pathlib import Path


class RepresentativeElementsConfig(InDomainConfig):
    """Elements are chosen from the data: frequent and extreme ones first, then by family."""

    count: int = Field(
        8, ge=1, description="Elements, and so folds; fewer where the data has fewer to offer."
    )
    minimum: int = Field(
        40, ge=1, description="An element in fewer rows than this is never left out."
    )
    together: int = Field(
        1,
        ge=1,
        le=8,
        description=(
            "So many elements at most share a training part, which is without all of them; each"
            " still has a fold of its own. What trains once for equal training parts, as"
            " `trust.pseudo_shift` does, then learns of more classes from fewer trainings. An"
            " element in more than a fifth of the rows shares with none."
        ),
    )


def build(config: RepresentativeElementsConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._representative_elements import RepresentativeElements

    return RepresentativeElements(config)


def contract_options(_folder: Path) -> dict[str, int]:
    """Return options that suit the testing kit's small data set."""
    return {"count": 4, "minimum": 5}


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``representative_elements``."""
    return [
        Component(
            "representative_elements",
            RepresentativeElementsConfig,
            build,
            needs={"inputs:composition"},
            citation="10.1039/C8ME00012C",
        )
    ]
