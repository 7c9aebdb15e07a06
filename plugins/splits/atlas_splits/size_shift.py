"""Train on small cells or few elements, hold out the large ones."""

from __future__ import annotations

from typing import Literal

from atlas_core.api import Component, Field, Splitter, hookimpl
from atlas_splits._options import InDomainConfig


class SizeShiftConfig(InDomainConfig):
    """The largest materials are held out: does what was learned on small ones carry over?"""

    measure: Literal["atoms", "elements"] = Field(
        "atoms",
        description=(
            "`atoms` in the cell, or in the reduced formula where no structure is known; or"
            " different `elements`."
        ),
    )
    side: Literal["large", "small"] = Field("large", description="Which end is held out.")
    fraction: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of the rows held out; rows of the same size as the last go with it.",
    )


def build(config: SizeShiftConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._size_shift import SizeShift

    return SizeShift(config)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``size_shift``."""
    return [Component("size_shift", SizeShiftConfig, build, needs={"inputs:composition"})]
