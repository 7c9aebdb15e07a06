"""The options that several calibrators share. Light."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from atlas_core.api import Config, Field


class ScoreConfig(Config):
    """The nonconformity score."""

    score: Literal["absolute", "normalized"] = Field(
        "absolute",
        description="`absolute`: one width for all rows. `normalized`: width in proportion to "
        "sigma; regression only. A binary target has one score, 1 - P(true label).",
    )
    beta: float = Field(
        0.0,
        ge=0,
        description="With `normalized`: sigma + beta x its median on the calibration rows is"
        " used instead of sigma, so that a tiny sigma does not give a huge score.",
    )

    @model_validator(mode="after")
    def _beta_counts(self) -> Self:
        if self.beta and self.score == "absolute":
            raise ValueError("beta is added to sigma: it needs score: normalized")
        return self


def requires_of_score(config: ScoreConfig) -> frozenset[str]:
    """Return ``epistemic`` and regression where sigma is used."""
    normalized = config.score == "normalized"
    return frozenset({"epistemic", "task:regression"} if normalized else ())


class TailsConfig(Config):
    """Distribution of the errors."""

    tails: Literal["student_t", "gaussian"] = Field(
        "student_t",
        description="`student_t`: errors in sigmas follow Student's t, whose degrees of freedom "
        "are fitted too; sigma is the half-width that holds 68.27 %, so that a few large errors do "
        "not widen it for all. `gaussian`: sigma is the root mean squared error, as in the paper.",
    )
