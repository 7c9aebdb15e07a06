"""Metrics that the host computes; plugins return predictions, the core scores them."""

from atlas_core.metrics.score import score_predictions

__all__ = ["score_predictions"]
