"""Conformal intervals under covariate shift, weighted by a density ratio (Tibshirani 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_calibration._ahead import conformal, enough
from atlas_calibration._options import ScoreConfig, needs_of_score
from atlas_core.api import Component, Field, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class WeightedConformalConfig(ScoreConfig):
    """Count a calibration row by how much it looks like the rows that are predicted.

    Where none of them looks like a new row, its interval is infinite: read the infinite share.
    """

    ratio: Literal["logistic", "boosting"] = Field(
        "logistic",
        description="The classifier that tells calibration rows from new ones; its odds are the "
        "density ratio. `logistic`: on columns cut at three standard deviations, so that one odd "
        "row does not count for all others. `boosting`: gradient-boosted trees.",
    )
    look_at: Literal["features", "fractions"] = Field(
        "features",
        description="What it looks at. `fractions`: atomic fractions of the elements, also where "
        "the arm's features are graphs.",
    )
    folds: int = Field(
        5, ge=2, description="Each row's ratio comes from a classifier that had not seen its fold."
    )
    min_rows: int = Field(
        20,
        ge=2,
        description="Fewest new rows that show a shift. With fewer, calibration rows count alike, "
        "with a warning.",
    )


def build(config: WeightedConformalConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._weighted_conformal import WeightedConformal

    return WeightedConformal(config)


def check(config: WeightedConformalConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows for the levels, or for the folds."""
    return conformal(config, facts) or enough(facts, config.folds)


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``weighted_conformal``."""
    return [
        Component(
            "weighted_conformal",
            WeightedConformalConfig,
            build,
            needs=needs_of_score,
            citation="10.48550/arXiv.1904.06019",
            expected_failures={
                "rows_are_independent": "the shift is measured on all rows that are predicted"
            },
            check=check,
        )
    ]
