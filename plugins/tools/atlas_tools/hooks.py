"""The commands and their components. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, hookimpl


@hookimpl
def atlas_command() -> list[Component]:
    """Offer the commands."""
    return [
        Component("cache", Config, "atlas_tools.cache:command"),
        Component("check", Config, "atlas_tools.check:command"),
        Component("schema", Config, "atlas_tools.schema:command"),
    ]
