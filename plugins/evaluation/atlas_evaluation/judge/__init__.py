"""Decide what may be said of a finished run: findings as codes and figures. Light."""
