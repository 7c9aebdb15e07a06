"""Composition features: Magpie statistics and element fractions."""
