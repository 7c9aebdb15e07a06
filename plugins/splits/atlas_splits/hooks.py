"""Splits and their options. Light."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal, Self

from pydantic import field_validator, model_validator

from atlas_core.api import ATOMIC_NUMBER, Component, Config, Field, hookimpl
from atlas_splits._options import InDomainConfig
from atlas_splits._representation import HELP, Representation, requires_of


class ClusterConfig(InDomainConfig):
    """Leave one cluster out; clusters are made by k-means."""

    clusters: int = Field(5, ge=2, description="Number of clusters, and thus of folds.")
    held_out: int | None = Field(
        None,
        ge=1,
        description="Hold out only this many of them, drawn at random; null: each in turn.",
    )
    representation: Representation = Field(
        "fractions", description=f"Representation that is clustered: {HELP}"
    )
    restarts: int = Field(
        4, ge=1, description="k-means++ restarts; the clustering with the lowest inertia is used."
    )


class DistinctConfig(Config):
    """Formulas within a distance of each other form a group, and groups are never divided."""

    calibration: float = Field(
        0.15, ge=0, lt=0.5, description="Fraction of the rows used for calibration."
    )
    test: float = Field(0.15, gt=0, lt=0.5, description="Fraction of the rows used for testing.")
    distance: float = Field(
        0.03,
        ge=0,
        le=0.5,
        description=(
            "Formulas nearer than this (Euclidean, of element fractions) are one group; 0.03 is"
            " about one atom in fifty substituted, 0 groups only equal formulas (polymorphs)."
        ),
    )


class KFoldConfig(Config):
    """k folds of nearly equal size."""

    folds: int = Field(5, ge=2, description="Number of folds.")
    shuffle: bool = Field(
        True, description="Shuffle first; false: contiguous blocks in file order."
    )
    calibration: float = Field(
        0.15, ge=0, lt=1, description="Fraction of each training fold used for calibration."
    )
    group_by_formula: bool = Field(
        False, description="Keep materials of one reduced formula in the same part."
    )


class LeaveElementsOutConfig(InDomainConfig):
    """Materials with any of the elements are held out; the others are split at random."""

    elements: tuple[str, ...] = Field(
        ("F",), min_length=1, description="Symbols; a material with any of them is held out."
    )

    each: bool = Field(
        False, description="Hold out each element in its own fold, not all of them at once."
    )

    @field_validator("elements")
    @classmethod
    def _known(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        for symbol in symbols:
            if symbol not in ATOMIC_NUMBER:
                close = get_close_matches(symbol.capitalize(), ATOMIC_NUMBER, n=3)
                hint = f"; did you mean {', '.join(close)}?" if close else ""
                raise ValueError(f"unknown element symbol {symbol!r}{hint}")
        if len(set(symbols)) != len(symbols):
            raise ValueError("an element is given twice")
        return symbols


class LeaveGroupOutConfig(InDomainConfig):
    """Groups are the values of a metadata column, or of one derived from the materials."""

    column: str = Field(
        "chemical_system",
        min_length=1,
        description=(
            "A metadata column of the data set; or, without metadata: `chemical_system`,"
            " `formula`, `anonymous_formula`, `n_elements`, `anion_family`; `element`,"
            " `periodic_group`, `periodic_row` (a material that contains such an element is held"
            " out); `space_group`, `crystal_system` (by spglib where there are structures),"
            " `prototype` (anonymous formula and space group, or that formula alone)."
        ),
    )
    values: tuple[str | int | float, ...] | None = Field(
        None,
        min_length=1,
        description="Values held out together in one fold; null holds out each group in turn.",
    )
    min_group: int = Field(
        20, ge=1, description="With `values: null`: smaller groups are never held out."
    )
    folds: int | None = Field(
        None,
        ge=2,
        description="With `values: null`: distribute the groups over this many folds, instead of"
        " one fold per group.",
    )
    nested: bool = Field(
        False,
        description="Calibrate on whole groups that are not in the training part either, instead"
        " of on random rows.",
    )

    @model_validator(mode="after")
    def _folds_or_values(self) -> Self:
        if self.folds is not None and self.values is not None:
            raise ValueError("give values or folds: values make one fold")
        return self


class MatbenchFoldsConfig(Config):
    """Official test folds; Matbench has no calibration part, so by default there is none."""

    calibration: float = Field(
        0.0,
        ge=0,
        lt=1,
        description=(
            "Fraction of each training fold used for calibration. 0 trains on the whole official"
            " training fold, as the leaderboard does; above 0 the test folds stay official."
        ),
    )


class RandomConfig(InDomainConfig):
    """One random split of all rows."""


class RepresentativeElementsConfig(InDomainConfig):
    """Elements are chosen from the data: frequent and extreme ones first, then by family."""

    count: int = Field(
        8,
        ge=1,
        description="Number of elements, and thus of folds; fewer if the data do not have enough.",
    )
    minimum: int = Field(
        40, ge=1, description="Elements in fewer rows than this are never held out."
    )
    together: int = Field(
        1,
        ge=1,
        le=8,
        description=(
            "At most this many elements are held out of one training part together; each still"
            " has its own fold. `trust.nested`, which trains once per training part, then sees"
            " more classes with fewer fits. An element in more than a fifth of the rows is held"
            " out alone."
        ),
    )


class SizeShiftConfig(InDomainConfig):
    """The largest materials are held out: does what was learned on small ones transfer?"""

    measure: Literal["atoms", "elements"] = Field(
        "atoms",
        description=(
            "Number of `atoms` in the cell (or in the reduced formula if there is no structure),"
            " or of different `elements`."
        ),
    )
    side: Literal["large", "small"] = Field("large", description="Which end is held out.")
    fraction: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of the rows held out; rows tied with the last one are held out too.",
    )


class SparseConfig(InDomainConfig):
    """SparseX and SparseY of Omee et al.: materials in low-density regions."""

    space: Literal["materials", "target"] = Field(
        "materials", description="Space in which density is measured: SparseX or SparseY."
    )
    representation: Representation = Field(
        "statistics", description=f"Representation of materials: {HELP}"
    )
    points: int = Field(
        50, ge=1, description="Number of sparse points, spread over the sparse regions."
    )
    neighbors: int = Field(
        10, ge=0, description="Nearest rows held out with each point; 0 holds out the point alone."
    )
    candidates: float = Field(
        0.05, gt=0, le=1, description="Share of the rows that count as sparse."
    )
    pooled: bool = Field(
        True,
        description="One fold with all points; false: one fold per point, which is too"
        " small to evaluate.",
    )


class TargetTailConfig(InDomainConfig):
    """The extreme rows are held out: can the model extrapolate in the property itself?"""

    tail: Literal["high", "low"] = Field("high", description="Which end of the target to hold out.")
    fraction: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Fraction of the rows held out; rows tied with the last one are held out too.",
    )


def _sparse_requires(config: SparseConfig) -> set[str]:
    """Return the target's capabilities, or those of the representation."""
    if config.space == "target":
        return {"target", "task:regression"}
    return requires_of(config.representation)


SPLITS = (
    Component(
        "cluster",
        ClusterConfig,
        "atlas_splits.cluster:Cluster",
        requires=lambda config: requires_of(config.representation),
        citation="10.1039/C8ME00012C",
    ),
    Component(
        "distinct",
        DistinctConfig,
        "atlas_splits.distinct:Distinct",
        requires={"inputs:composition"},
        citation="10.1038/s41524-024-01426-z",
    ),
    Component("kfold", KFoldConfig, "atlas_splits.kfold:KFold"),
    Component(
        "leave_elements_out",
        LeaveElementsOutConfig,
        "atlas_splits.leave_elements_out:LeaveElementsOut",
        requires={"inputs:composition"},
        citation="10.1039/C8ME00012C",
    ),
    Component(
        "leave_group_out",
        LeaveGroupOutConfig,
        "atlas_splits.leave_group_out:LeaveGroupOut",
        citation="10.1039/D4DD00250D",
        contract_options={"column": "crystal_system"},
    ),
    Component(
        "matbench_folds",
        MatbenchFoldsConfig,
        "atlas_splits.matbench_folds:MatbenchFolds",
        requires={"target"},
        citation="10.1038/s41524-020-00406-3",
        expected_failures={"different_seed_different_folds": "Matbench fixes its folds"},
    ),
    Component("random", RandomConfig, "atlas_splits.random:Random"),
    Component(
        "representative_elements",
        RepresentativeElementsConfig,
        "atlas_splits.representative_elements:RepresentativeElements",
        requires={"inputs:composition"},
        citation="10.1039/C8ME00012C",
        contract_options={"count": 4, "minimum": 5},
    ),
    Component(
        "size_shift",
        SizeShiftConfig,
        "atlas_splits.size_shift:SizeShift",
        requires={"inputs:composition"},
    ),
    Component(
        "sparse",
        SparseConfig,
        "atlas_splits.sparse:Sparse",
        requires=_sparse_requires,
        citation="10.1038/s41524-024-01316-4",
        contract_options={"points": 3, "neighbors": 3},
    ),
    Component(
        "target_tail",
        TargetTailConfig,
        "atlas_splits.target_tail:TargetTail",
        requires={"target", "task:regression"},
    ),
)


@hookimpl
def atlas_split() -> list[Component]:
    """Offer the split components."""
    return list(SPLITS)
