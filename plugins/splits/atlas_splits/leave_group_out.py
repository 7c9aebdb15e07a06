"""Hold out groups of a column: space group, crystal system, chemical system, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Field, Splitter, hookimpl
from atlas_splits._options import InDomainConfig

if TYPE_CHECKING:
    from pathlib import Path


class LeaveGroupOutConfig(InDomainConfig):
    """Groups are the values of a metadata column, or of a column derived from formulas."""

    column: str = Field(
        "chemical_system",
        min_length=1,
        description=(
            "A metadata column of the data set, or `chemical_system`, `formula` or `n_elements`,"
            " which need no metadata."
        ),
    )
    values: tuple[str | int | float, ...] | None = Field(
        None,
        min_length=1,
        description="Values held out together in one fold; null holds out each group in turn.",
    )
    min_group: int = Field(
        20, ge=1, description="With null values: smaller groups are never held out."
    )


def build(config: LeaveGroupOutConfig) -> Splitter:
    """Return the splitter."""
    from atlas_splits._leave_group_out import LeaveGroupOut

    return LeaveGroupOut(config)


def contract_options(_folder: Path) -> dict[str, str]:
    """Return options that suit the testing kit's small data set."""
    return {"column": "crystal_system"}


@hookimpl
def atlas_split() -> list[Component]:
    """Offer ``leave_group_out``."""
    return [Component("leave_group_out", LeaveGroupOutConfig, build)]
