"""Metrics that the host computes; plugins return predictions, the core scores them."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Offer ``score_predictions`` without making its imports those of every module in here."""
    if name == "score_predictions":
        from atlas_core.metrics.score import score_predictions

        return score_predictions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
