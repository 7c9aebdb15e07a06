"""The command line: it alone joins core and registry, and imports each part when it is needed."""

from atlas_core.cli.main import main

__all__ = ["main"]
