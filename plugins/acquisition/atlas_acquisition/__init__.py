"""Acquisition functions for ATLAS: which material to label next. Light: imports nothing."""
