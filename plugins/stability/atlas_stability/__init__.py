"""Convex hulls and stability for ATLAS. Light: imports nothing."""
