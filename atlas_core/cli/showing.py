"""What a data set holds, for ``atlas datasets show``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from atlas_core.errors import SpecError
from atlas_core.kinds.dataset import DataContext, Dataset, DatasetSource
from atlas_core.spec.load import resolve_one
from atlas_registry.loading import Registry


def load_dataset(name: str, settings: Sequence[str], context: DataContext) -> Dataset:
    """Load a data set with options given as ``option=value``."""
    if any("=" not in text for text in settings):
        raise SpecError("--set: expected OPTION=VALUE, such as target=band_gap")
    source: DatasetSource = resolve_one("dataset", name, settings, Registry()).build()
    return source.load(context)


def show_dataset(
    name: str, settings: Sequence[str], context: DataContext
) -> tuple[dict[str, Any], str]:
    """Load a data set; return its facts as plain data and as text."""
    data = load_dataset(name, settings, context)
    about = {
        "name": data.name,
        "rows": len(data),
        "target": data.target_name,
        "unit": data.unit,
        "task": data.task,
        "mean": float(data.target.mean()),
        "std": float(data.target.std()),
        "mad": float(np.abs(data.target - data.target.mean()).mean()),
        "inputs": "structures" if data.materials.has_structure else "compositions",
        "columns": sorted(data.columns),
        "provenance": data.provenance,
        "sha256": data.sha256,
        "licence": data.licence,
        "citation": list(data.citation),
        "reading": data.reading.lines(),
    }
    lines = [
        f"{key:<11}{', '.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in about.items()
        if key != "reading"
    ]
    lines += data.reading.lines()
    return about, "\n".join(lines)
