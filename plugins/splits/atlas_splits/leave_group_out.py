"""Hold out groups: elements' columns or rows, anion families, prototypes, space groups, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import model_validator

from atlas_core.api import Component, Field, Splitter, hookimpl
from atlas_splits._options import InDomainConfig

if TYPE_CHECKING:
    from pathlib import Path


class LeaveGroupOutConfig(InDomainConfig):
    """Groups are the values of a metadata column, or of one derived from the materials."""

    column: str = Field(
        "chemical_system",
        min_length=1,
        description=(
            "A metadata column of the data set; or, without metadata: `chemical_system`,"
            " `formula`, `anonymous_formula`, `n_elements`, `anion_family`; `element`,"
            " `periodic_group`, `periodic_row` (a material with any such element is held out);"
            " `space_group`, `crystal_system` (by spglib where there are structures), `prototype`"
            " (anonymous formula and space group, or that formula alone)."
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
    folds: int | None = Field(
        None,
        ge=2,
        description="With null values: deal the groups into so many folds, not one fold a group.",
    )
    nested: bool = Field(
        False,
        description="Calibrate on whole groups that training has not seen either, not on rows.",
    )

    @model_validator(mode="after")
    def _folds_or_values(self) -> Self:
        if self.folds is not None and self.values is not None:
            raise ValueError("give values or folds: values make one fold")
        return self


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
    return [Component("leave_group_out", LeaveGroupOutConfig, build, citation="10.1039/D4DD00250D")]
