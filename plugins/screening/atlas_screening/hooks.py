"""The command and its component. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, hookimpl


@hookimpl
def atlas_command() -> list[Component]:
    """Offer the command."""
    return [Component("screen", Config, "atlas_screening.command:command")]
