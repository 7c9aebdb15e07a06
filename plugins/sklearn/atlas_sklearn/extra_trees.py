"""Extremely randomized trees: random thresholds, the best one kept (Geurts 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_sklearn._forest import Forest

if TYPE_CHECKING:
    from atlas_sklearn.hooks import ExtraTreesConfig


def extra_trees(config: ExtraTreesConfig) -> Forest:
    """Return an unfitted forest."""
    return Forest(config, name="extra_trees", cuts="random", bootstrap=config.bootstrap)
