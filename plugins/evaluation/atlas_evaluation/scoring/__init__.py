"""Metrics of parts, groups and detectors, with intervals over materials."""
