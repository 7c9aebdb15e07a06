"""Spread of one training's weights at several points of it (Huang 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class SnapshotsConfig(Config):
    """No options: the model says how many it keeps (`snapshots: 5`, say)."""


def build(config: SnapshotsConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._snapshots import Snapshots

    return Snapshots()


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``snapshots``."""
    return [
        Component(
            "snapshots",
            SnapshotsConfig,
            build,
            needs={"model:snapshots"},
            gives={"epistemic", "samples"},
            citation="10.48550/arXiv.1704.00109",
        )
    ]
