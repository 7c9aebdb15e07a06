"""The mean of the training targets for every row: the baseline to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import Model


class MeanConfig(Config):
    """No options: it looks at no feature."""


def build(config: MeanConfig) -> Model:
    """Return an unfitted baseline."""
    from atlas_sklearn._mean import Mean

    return Mean()


@hookimpl
def atlas_model() -> list[Component]:
    """Offer ``mean``."""
    return [
        Component(
            "mean",
            MeanConfig,
            build,
            expected_failures={
                "learns_better_than_the_mean": "it is the mean",
            },
        )
    ]
