"""Fit arms: one object for what was fitted, whoever asks it. Light."""
