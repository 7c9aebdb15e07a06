"""Support-vector machine with a Gaussian kernel (Cortes & Vapnik 1995)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Model


class SVMConfig(Config):
    """Support vectors on standardised columns and a standardised target."""

    C: float = Field(10.0, gt=0, description="Price of an error against a smooth function.")
    epsilon: float = Field(
        0.05, ge=0, description="Errors below this are free, in std of the target; regression only."
    )
    gamma: float | None = Field(
        None, gt=0, description="1 / squared length of the kernel; null: 1 / number of columns."
    )


def build(config: SVMConfig) -> Model:
    """Return an unfitted support-vector machine."""
    from atlas_sklearn._svm import SVM

    return SVM(config)


def check(config: SVMConfig, facts: FoldFacts) -> list[str]:
    """Return why a class has too few rows for probabilities."""
    few = min(facts.classes.get("train", (2, 2)))
    if few >= 2:
        return []
    return [f"{few} training rows of one class, its probabilities need 2; use more data"]


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``svm``."""
    return [
        Component(
            "svm",
            SVMConfig,
            build,
            needs={"features:vectors"},
            citation="10.1007/BF00994018",
            check=check,
        )
    ]
