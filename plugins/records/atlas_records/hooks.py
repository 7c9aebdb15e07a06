"""The commands and their components. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, hookimpl


@hookimpl
def atlas_command() -> list[Component]:
    """Offer the commands."""
    return [
        Component("export", Config, "atlas_records.export:command"),
        Component("verify", Config, "atlas_records.verify:command"),
    ]
