"""CV+ and jackknife+: intervals from models that left rows out; no row is kept aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_calibration._ahead import fewest
from atlas_calibration._options import ScoreConfig, needs_of_score
from atlas_core.api import Component, Field, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class CrossConformalConfig(ScoreConfig):
    """Errors on training rows, each predicted by a model that had not seen it.

    Calibration rows are left unused: set the split's `calibration` to 0 and train on them.
    """

    folds: int = Field(
        10,
        ge=2,
        description="Models trained besides the arm's own, each without one fold of the training "
        "rows. At or above the number of training rows: one model a row (jackknife+).",
    )


def build(config: CrossConformalConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._cross_conformal import CrossConformal

    return CrossConformal(config)


def needs(config: CrossConformalConfig) -> frozenset[str]:
    """Return ``refit``, and what the score needs."""
    return needs_of_score(config) | {"refit"}


def check(config: CrossConformalConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few training rows."""
    n, needed = len(facts.train), max(fewest(facts.levels), 2)
    return [] if n >= needed else [f"{n} training rows, needs at least {needed}; use more data"]


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``cross_conformal``."""
    return [
        Component(
            "cross_conformal",
            CrossConformalConfig,
            build,
            needs=needs,
            citation="10.1214/20-AOS1965",
            check=check,
        )
    ]
