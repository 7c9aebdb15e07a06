"""Random forest: trees on bootstrapped rows; their spread is a sigma (Breiman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_sklearn._forest import Forest

if TYPE_CHECKING:
    from atlas_sklearn.hooks import RandomForestConfig


def random_forest(config: RandomForestConfig) -> Forest:
    """Return an unfitted forest."""
    return Forest(config, name="random_forest", cuts="best")
