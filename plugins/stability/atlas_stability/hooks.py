"""References and their options: known phases, and one number for all. Light."""

from __future__ import annotations

from typing import Annotated, Literal

from atlas_core.api import Component, Config, Field, OfKind, Use, hookimpl


class ConvexHullConfig(Config):
    """Which phases compete, and what counts as stable."""

    phases: Annotated[Use, OfKind("dataset")] | None = Field(
        None,
        description="Data set of known phases with formation energies in eV/atom; of each"
        " composition the lowest counts. Null: the materials of the run itself.",
    )
    own: bool = Field(
        True,
        description="Whether materials of the run compete beside `phases`; always where that is"
        " null.",
    )
    elements: Literal["required", "zero"] = Field(
        "required",
        description="Whether each element must have a phase of its own, or is taken at 0 eV/atom,"
        " as the definition of a formation energy says.",
    )
    margin: float = Field(
        0.05,
        gt=0,
        description="Distance above the hull up to which a crystal is near it, in eV/atom.",
    )
    target_reliability: float = Field(
        0.9, gt=0, lt=1, description="Share of the trusted decisions that should be right."
    )


class LimitConfig(Config):
    """The number, and what counts as near it."""

    value: float = Field(
        0.0,
        description="The border, in the target's unit: what lies at or below it is sought, such as"
        " an energy above the hull of 0.",
    )
    yes: str = Field(
        "at or below the limit",
        min_length=1,
        max_length=40,
        description="What a material there is called in reports, such as `on the hull`.",
    )
    no: str = Field(
        "above the limit", min_length=1, max_length=40, description="What any other one is called."
    )
    margin: float = Field(
        0.05, gt=0, description="Distance above it that still is near, in the target's unit."
    )
    target_reliability: float = Field(
        0.9, gt=0, lt=1, description="Share of the trusted decisions that should be right."
    )


@hookimpl
def atlas_reference() -> list[Component]:
    """Offer the references."""
    return [
        Component(
            "convex_hull",
            ConvexHullConfig,
            "atlas_stability.convex_hull:ConvexHull",
            requires={"task:regression"},
            provides={"decision"},
            citation="10.1021/cm702327g",
            contract_options={"elements": "zero"},
        ),
        Component(
            "limit",
            LimitConfig,
            "atlas_stability.limit:Limit",
            requires={"task:regression"},
            provides={"decision"},
        ),
    ]
