"""The verdict of each arm of a finished run, in one line."""

from __future__ import annotations

from pathlib import Path

from atlas_core.store import read_json
from atlas_core.verdict import verdict_of_run


def verdicts(folder: Path) -> dict[str, str]:
    """Return {arm: headline} from what the run folder holds."""
    manifest = read_json(folder / "manifest.json")
    metrics = read_json(folder / "metrics.json")
    return {arm: verdict_of_run(manifest, metrics, arm).headline for arm in manifest["arms"]}
