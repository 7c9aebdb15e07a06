"""Distill a finished run into a small JSON file that the README's figures are made from.

``python benchmarks/distill.py RUN_FOLDER`` writes benchmarks/results/<name of the spec>.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from atlas_core.store import read_json

ROOT = Path(__file__).resolve().parents[1]
KEPT = (
    *("mae", "median_ae", "mean_error", "share_too_high", "rmse", "picp_0.9", "spearman"),
    *("miscalibration_area", "roc_auc"),
)


def distill(folder: Path) -> dict[str, object]:
    """Return the headline figures of a run, with its seed, times, versions and hardware."""
    manifest = read_json(folder / "manifest.json")
    metrics = read_json(folder / "metrics.json")
    arms = {}
    for arm, content in metrics["arms"].items():
        arms[arm] = {
            "parts": {
                part: {
                    "n": values["n"],
                    **{k: values["metrics"][k] for k in KEPT if k in values["metrics"]},
                }
                for part, values in content["parts"].items()
            },
            "over_folds": {
                part: {k: values[k] for k in KEPT if k in values}
                for part, values in content.get("summary", {}).items()
            },
            "ood_auroc": {k: v["auroc"] for k, v in content.get("ood", {}).items()},
            "fit_seconds": sum(
                s["seconds"]
                for s in manifest["stages"]
                if s["arm"] == arm and s["stage"].startswith(("fit", "round"))
            ),
        }
    about = ("name", "question", "seed", "seconds", "peak_memory_mb", "hardware", "packages")
    return {
        **{key: manifest[key] for key in about},
        "provenance": manifest["dataset"]["provenance"],
        "rows": manifest["dataset"]["rows"],
        "arms": arms,
    }


def main() -> None:
    """Distill each run folder that is named."""
    for name in sys.argv[1:]:
        result = distill(Path(name))
        path = ROOT / "benchmarks/results" / f"{result['name']}.json"
        text = json.dumps(result, indent=1, sort_keys=True, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
