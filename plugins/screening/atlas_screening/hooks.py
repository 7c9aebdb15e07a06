"""Ask the fitted arm of a run about candidates: rank, trust and reasons."""

from __future__ import annotations

import click

from atlas_core.api import Component, Config, hookimpl


def build(config: Config) -> click.Command:
    """Return the command ``screen``."""
    del config
    from atlas_screening.command import screen

    return screen


@hookimpl
def atlas_command() -> list[Component]:
    """Offer the command."""
    return [Component("screen", Config, build)]
