"""Gaussian process with noise: predicts its own variance (Rasmussen & Williams 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Model


class GaussianProcessConfig(Config):
    """Gaussian-process regression; time grows with the cube of the training rows."""

    kernel: Literal["matern", "rbf"] = Field(
        "matern", description="`matern` (smoothness 5/2) or the infinitely smooth `rbf`."
    )
    noise: float = Field(0.1, gt=0, description="First guess of the noise variance (target var 1).")
    restarts: int = Field(
        0, ge=0, le=100, description="More starts of the fit of the kernel, from random values."
    )
    max_rows: int = Field(4000, ge=2, description="Most training rows; with more it is an error.")


def build(config: GaussianProcessConfig) -> Model:
    """Return an unfitted Gaussian process."""
    from atlas_sklearn._gaussian_process import GaussianProcess

    return GaussianProcess(config)


def check(config: GaussianProcessConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too many training rows."""
    n = len(facts.train)
    if n <= config.max_rows:
        return []
    return [
        f"{n} training rows, but max_rows is {config.max_rows}; raise it (time grows with the cube)"
        " or train on fewer with `sample`"
    ]


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``gaussian_process``."""
    return [
        Component(
            "gaussian_process",
            GaussianProcessConfig,
            build,
            needs={"features:vectors", "task:regression"},
            gives={"model:variance"},
            citation="https://gaussianprocess.org/gpml/",
            check=check,
        )
    ]
