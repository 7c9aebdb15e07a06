"""The options of calibrators that bound a score. Light."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from atlas_core.api import Config, Field


class ScoreConfig(Config):
    """Choose what an error is counted in."""

    score: Literal["absolute", "normalised"] = Field(
        "absolute",
        description="`absolute`: one width for all rows. `normalised`: width in proportion to "
        "sigma; regression only. A binary target has one score, 1 - P(true label).",
    )
    beta: float = Field(
        0.0,
        ge=0,
        description="With `normalised`: sigma + beta x its median on the calibration rows counts "
        "instead of sigma, so that a tiny sigma makes no huge score.",
    )

    @model_validator(mode="after")
    def _beta_counts(self) -> Self:
        if self.beta and self.score == "absolute":
            raise ValueError("beta is added to sigma: it needs score: normalised")
        return self


def needs_of_score(config: ScoreConfig) -> frozenset[str]:
    """Return ``epistemic`` and regression where sigma is used."""
    normalised = config.score == "normalised"
    return frozenset({"epistemic", "task:regression"} if normalised else ())
