"""Metrics that the host computes; plugins return predictions, the core scores them."""
