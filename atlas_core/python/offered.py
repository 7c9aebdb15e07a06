"""What plugins implement of ATLAS in Python. Light."""

from __future__ import annotations

from typing import Any

from atlas_core.errors import PluginError
from atlas_core.installed import offers
from atlas_registry.loading import Registry

OFFERED = {
    "from_pandas": "atlas-materials-datasets",
    "open_arm": "atlas-materials-screening",
    "score_predictions": "atlas-materials-evaluation",
}
"""Whose each is."""


def offered(name: str) -> Any:
    """Return what a plugin offers under a name of ``OFFERED``.

    It is an entry point of the group ``atlas.python``: a function that returns it, given the
    resolver of installed components.

    Raises:
        PluginError: the distribution is not installed.
    """
    for offer in offers("atlas.python"):
        if (offer.point.name, offer.owner.name) == (name, OFFERED[name]) and not offer.problem:
            return offer.point.load()(Registry())
    raise PluginError(f"{name} is not installed: pip install {OFFERED[name]}")
