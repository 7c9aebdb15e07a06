"""Spread of a committee's members, such as the trees of a forest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import UQMethod


class MembersConfig(Config):
    """No options: the committee is the model's own."""


def build(config: MembersConfig) -> UQMethod:
    """Return the method."""
    from atlas_uncertainty._members import Members

    return Members()


@hookimpl
def atlas_uq() -> list[Component]:
    """Offer ``members``."""
    return [
        Component(
            "members",
            MembersConfig,
            build,
            needs={"model:members"},
            gives={"epistemic", "samples"},
            citation="10.1007/BF00058655",
        )
    ]
