"""Metrics for ATLAS: errors, calibration, intervals, ranking by doubt, detection. Light."""
