"""Matbench v0.1: its 13 tasks as data sets, and its record format as an export."""
