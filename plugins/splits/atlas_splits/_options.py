"""Options that several splits share. Light: pydantic only."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from atlas_core.api import Config, Field


class InDomainConfig(Config):
    """How rows that are not held out are split at random."""

    calibration: float = Field(
        0.15, ge=0, lt=1, description="Fraction of the in-domain rows used for calibration."
    )
    test: float = Field(
        0.15, ge=0, lt=1, description="Fraction of the in-domain rows used for testing."
    )
    group_by_formula: bool = Field(
        False,
        description="Keep in-domain materials of one reduced formula in the same part.",
    )

    @model_validator(mode="after")
    def _leaves_rows_to_train(self) -> Self:
        if self.calibration + self.test >= 1:
            raise ValueError("calibration and test together must be below 1: nothing to train on")
        return self
