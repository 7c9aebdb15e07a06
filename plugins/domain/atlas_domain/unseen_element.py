"""Share of atoms whose element no training material has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_core.api import Component, Config, hookimpl

if TYPE_CHECKING:
    from atlas_core.api import OODMethod


class UnseenElementConfig(Config):
    """This detector has no options."""


def build(config: UnseenElementConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._unseen_element import UnseenElement

    return UnseenElement()


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``unseen_element``."""
    return [
        Component(
            "unseen_element",
            UnseenElementConfig,
            build,
        )
    ]
