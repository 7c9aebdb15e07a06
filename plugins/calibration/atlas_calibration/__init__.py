"""Calibrators: calibrated intervals from a calibration set."""
