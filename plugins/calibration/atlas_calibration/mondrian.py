"""Split conformal for each group of materials: each kind of chemistry has its own width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from atlas_calibration._ahead import conformal
from atlas_calibration._options import ScoreConfig, needs_of_score
from atlas_core.api import Component, Field, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class MondrianConfig(ScoreConfig):
    """Quantiles of the errors on calibration rows, group by group."""

    groups: Literal["anion_family", "elements", "sigma", "column"] = Field(
        "anion_family",
        description="`anion_family`: oxides, halides, intermetallics, ... `elements`: how many "
        "elements. `sigma`: bins of sigma with equally many calibration rows; regression only. "
        "`column`: the values of a column of the data set.",
    )
    column: str = Field("", description="With `groups: column`: its name.")
    bins: int = Field(5, ge=2, description="With `groups: sigma`: how many.")
    min_rows: int = Field(
        30,
        ge=1,
        description="Fewest calibration rows of a group. A smaller group, and one that the highest "
        "level would need more rows of, takes the quantile of all rows, with a warning.",
    )

    @model_validator(mode="after")
    def _column_is_named(self) -> Self:
        if (self.groups == "column") != bool(self.column):
            raise ValueError("groups: column needs the name of a column, the others take none")
        return self


def build(config: MondrianConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._mondrian import Mondrian

    return Mondrian(config)


def needs(config: MondrianConfig) -> frozenset[str]:
    """Return ``epistemic`` and regression where sigma is used."""
    by_sigma = {"epistemic", "task:regression"} if config.groups == "sigma" else frozenset[str]()
    return needs_of_score(config) | by_sigma


def check(config: MondrianConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or the column that names groups."""
    problems = conformal(config, facts)
    if config.groups == "column" and config.column not in facts.train.columns:
        known = ", ".join(sorted(facts.train.columns)) or "none"
        problems.append(f"the data set has no column {config.column!r}; it has: {known}")
    return problems


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``mondrian``."""
    return [
        Component(
            "mondrian",
            MondrianConfig,
            build,
            needs=needs,
            citation="https://proceedings.mlr.press/v128/bostrom20a.html",
            check=check,
        )
    ]
