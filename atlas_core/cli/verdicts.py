"""The verdict of each arm of a finished run, in one line."""

from __future__ import annotations

from pathlib import Path

from atlas_core.store import read_json
from atlas_core.verdict import verdict


def verdicts(folder: Path) -> dict[str, str]:
    """Return {arm: headline} from what the run folder holds."""
    manifest = read_json(folder / "manifest.json")
    metrics = read_json(folder / "metrics.json")
    dataset = manifest["dataset"]
    held_out = next((f["held_out"] for f in manifest["split"]["folds"] if f["held_out"]), "")
    return {
        arm: verdict(
            metrics["arms"][arm],
            arm=arm,
            unit=dataset["unit"],
            held_out=held_out,
            task=dataset["task"],
            target_name=dataset["target"],
        ).headline
        for arm in manifest["arms"]
    }
