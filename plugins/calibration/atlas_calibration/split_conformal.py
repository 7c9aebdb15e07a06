"""Split conformal: intervals whose coverage holds for any model (Vovk; Lei 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Calibrator


class SplitConformalConfig(Config):
    """Quantiles of the errors on calibration rows."""

    score: Literal["absolute", "normalised"] = Field(
        "absolute",
        description="`absolute`: one width for all rows. `normalised`: width in proportion to "
        "sigma; regression only. A binary target has one score, 1 - P(true label).",
    )


def build(config: SplitConformalConfig) -> Calibrator:
    """Return the calibrator."""
    from atlas_calibration._split_conformal import SplitConformal

    return SplitConformal(config)


def needs(config: SplitConformalConfig) -> frozenset[str]:
    """Return ``epistemic`` and regression where sigma is used."""
    normalised = config.score == "normalised"
    return frozenset({"epistemic", "task:regression"} if normalised else ())


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer ``split_conformal``."""
    return [
        Component(
            "split_conformal",
            SplitConformalConfig,
            build,
            needs=needs,
            citation="10.1080/01621459.2017.1307116",
        )
    ]
