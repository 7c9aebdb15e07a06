"""Where the user's own files lie. Light."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(given: str | Path | None) -> Path:
    """Return the folder for features, fits and downloads: as given, ATLAS_CACHE, or the user's."""
    import platformdirs

    named = given or os.environ.get("ATLAS_CACHE")
    return Path(named or platformdirs.user_cache_dir("atlas", appauthor=False))


def key_file() -> Path:
    """Return where the user's key lies that marks fits as their own."""
    import platformdirs

    return Path(platformdirs.user_data_dir("atlas", appauthor=False)) / "origin.key"
