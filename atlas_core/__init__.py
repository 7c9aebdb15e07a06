"""ATLAS: when may a materials-property model be believed? Light: imports nothing."""

__version__ = "0.1.0"
