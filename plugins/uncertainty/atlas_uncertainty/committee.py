"""The model beside unlike ones on parts of the columns: where they disagree (Seung 1992)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from atlas_core.api import UQMethod

Regressor = Literal["ridge", "knn", "extra_trees", "gradient_boosting", "svm"]


class CommitteeConfig(Config):
    """Regressors of different kinds, each on its own columns: they err in different ways.

    Models of one kind on the same columns share their mistakes and agree on them.
    """

    others: tuple[Regressor, ...] = Field(
        ("ridge", "knn", "extra_trees", "gradient_boosting"),
        min_length=1,
        max_length=100,
        description="Kinds of regressors beside the arm's model; a kind may stand there twice.",
    )
    columns: Literal["random", "labels", "all"] = Field(
        "random",
        description="Columns of each: a part drawn at random (Ho 1998), those whose labels differ"
        " in the last word only (of `magpie`: one statistic), taken in turns, or all.",
    )
    share: float = Field(0.5, gt=0, le=1, description="Part of the columns with `random`.")
    mean: Literal["model", "committee"] = Field(
        "model", description="Predict the model's own mean, or that of the committee."
    )


def build(config: CommitteeConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._committee import Committee

    return Committee(config)


def contract_options(folder: Path) -> dict[str, Any]:
    """Return the options that the contract is checked with: the quick regressors, for time."""
    return {"others": ["ridge", "knn", "gradient_boosting"]}


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``committee``."""
    return [
        Component(
            "committee",
            CommitteeConfig,
            build,
            needs={"features:vectors", "task:regression"},
            gives={"epistemic", "samples"},
            citation="10.1145/130385.130417",
        )
    ]
