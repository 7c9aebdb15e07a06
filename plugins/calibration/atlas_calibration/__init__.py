"""Calibrators: intervals that keep their word on data kept aside."""
