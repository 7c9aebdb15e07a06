"""The commands and their components. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, hookimpl


@hookimpl
def atlas_command() -> list[Component]:
    """Offer the commands."""
    return [
        Component("screen", Config, "atlas_screening.command:command"),
        Component("predict", Config, "atlas_screening.predict:command"),
    ]
