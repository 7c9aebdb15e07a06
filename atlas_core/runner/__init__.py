"""Compose the components of a plan, cell by cell, and keep what they returned."""
