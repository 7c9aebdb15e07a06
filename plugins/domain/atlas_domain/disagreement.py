"""Sigma of the predictions: how much the model's members disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl
from atlas_domain._options import Quantile

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


_SURE = "a committee can agree on what it has never seen: sigma is no distance"


class DisagreementConfig(Config):
    """What counts as outside."""

    quantile: Quantile = 0.95


def build(config: DisagreementConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._disagreement import Disagreement

    return Disagreement(config.quantile)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``disagreement``."""
    return [
        Component(
            "disagreement",
            DisagreementConfig,
            build,
            needs={"epistemic"},
            citation="10.48550/arXiv.1612.01474",
            expected_failures={
                "far_scores_above_near": _SURE,
                "far_materials_are_flagged": _SURE,
            },
        )
    ]
