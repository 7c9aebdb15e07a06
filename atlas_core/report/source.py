"""Read what a report shows from a run folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import F8, Bool, Str
from atlas_core.errors import DataError
from atlas_core.runner.finish import read_table
from atlas_core.store import read_json

IN_DOMAIN = "test"
HELD_OUT = "shifted"
SHOWN_PARTS = (IN_DOMAIN, HELD_OUT)

Json = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """Hold n predictions of one arm.

    Attributes:
        ids: (n,) the materials.
        formula: (n,) reduced formulas.
        fold: (n,) names of folds.
        part: (n,) ``calibration``, ``test`` or ``shifted``.
        target: (n,) true values in the target's unit.
        mean: (n,) predictions in the target's unit; P(1) when binary.
        std: (n,) total standard deviation in the target's unit; NaN where unknown.
        score: (n,) OOD score, higher = farther; NaN where unknown.
        outside: (n,) whether the detector flagged the row.
        reason: (n,) why, or "".
        intervals: {level: (lower, upper)}, (n,) each; NaN where there is none.
    """

    ids: Str
    formula: Str
    fold: Str
    part: Str
    target: F8
    mean: F8
    std: F8
    score: F8
    outside: Bool
    reason: Str
    intervals: Mapping[float, tuple[F8, F8]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.target)

    def where(self, mask: Bool) -> Rows:
        """Return the rows where ``mask`` (n,) holds."""
        return Rows(
            ids=self.ids[mask],
            formula=self.formula[mask],
            fold=self.fold[mask],
            part=self.part[mask],
            target=self.target[mask],
            mean=self.mean[mask],
            std=self.std[mask],
            score=self.score[mask],
            outside=self.outside[mask],
            reason=self.reason[mask],
            intervals={k: (low[mask], high[mask]) for k, (low, high) in self.intervals.items()},
        )

    def shown(self) -> dict[str, Rows]:
        """Return the rows by part, in-domain first; parts without a row are left out."""
        parts = {part: self.where(self.part == part) for part in SHOWN_PARTS}
        return {part: rows for part, rows in parts.items() if len(rows)}

    @property
    def error(self) -> F8:
        """Return (n,) absolute errors in the target's unit."""
        return np.abs(self.mean - self.target)

    @property
    def has_std(self) -> bool:
        """Return whether some row has a usable standard deviation."""
        return bool((np.isfinite(self.std) & (self.std > 0)).any())

    @property
    def has_intervals(self) -> bool:
        """Return whether some row has an interval."""
        return any(not np.isnan(lower).all() for lower, _ in self.intervals.values())

    @property
    def has_score(self) -> bool:
        """Return whether some row has an OOD score."""
        return bool(np.isfinite(self.score).any())


@dataclass(frozen=True, eq=False)
class Source:
    """Hold the content of a run folder.

    Attributes:
        manifest: ``manifest.json``.
        metrics: ``metrics.json``.
        rows: predictions by arm, in the order of the metrics.
        records: ``records.json``; empty where there is none.
        active: columns of ``active_learning.parquet`` by name, or None.
        spec: text of ``spec.lock.yaml``, "" where there is none.
    """

    manifest: Json
    metrics: Json
    rows: Mapping[str, Rows]
    records: Sequence[Json]
    active: Mapping[str, Any] | None
    spec: str

    @property
    def task(self) -> str:
        """Return ``regression`` or ``binary``."""
        return str(self.metrics.get("task") or self.manifest["dataset"].get("task", "regression"))

    @property
    def unit(self) -> str:
        """Return the target's unit, "" where it has none."""
        return str(self.manifest["dataset"].get("unit") or "")

    @property
    def target(self) -> str:
        """Return the target's name in words."""
        return str(self.manifest["dataset"].get("target", "target")).replace("_", " ")

    @property
    def folds(self) -> Sequence[Json]:
        """Return what the manifest says of each fold."""
        return list((self.manifest.get("split") or {}).get("folds") or ())

    @property
    def held_out(self) -> str:
        """Return the held-out class in words, "" where a split has none."""
        names = [str(fold.get("held_out") or "") for fold in self.folds]
        return "; ".join(dict.fromkeys(name for name in names if name))


def read_run(folder: Path) -> Source:
    """Return the content of a run folder.

    Raises:
        DataError: a file that a finished run must have is missing or cannot be read.
    """
    manifest = read_json(folder / "manifest.json")
    metrics = read_json(folder / "metrics.json")
    if not isinstance(manifest, dict) or "dataset" not in manifest:
        raise DataError(f"{folder / 'manifest.json'}: is not the manifest of a finished run")
    if not isinstance(metrics, dict) or "arms" not in metrics:
        raise DataError(f"{folder / 'metrics.json'}: is not the metrics of a finished run")
    table = read_table(folder / "predictions.parquet")
    records = folder / "records.json"
    active = folder / "active_learning.parquet"
    spec = folder / "spec.lock.yaml"
    return Source(
        manifest=manifest,
        metrics=metrics,
        rows=_by_arm(table, metrics["arms"], folder / "predictions.parquet"),
        records=read_json(records) if records.exists() else [],
        active=read_table(active) if active.exists() else None,
        spec=spec.read_text(encoding="utf-8") if spec.exists() else "",
    )


def _by_arm(columns: Mapping[str, Any], arms: Collection[str], path: Path) -> dict[str, Rows]:
    for name in ("id", "arm", "fold", "part", "target", "mean"):
        if name not in columns:
            raise DataError(f"{path}: column {name!r} is missing")
    n = len(columns["id"])

    def text(name: str) -> Str:
        values = columns[name].tolist() if name in columns else [""] * n
        return np.array(["" if v is None else str(v) for v in values], dtype=np.str_).reshape(n)

    def number(name: str) -> F8:
        if name not in columns:
            return np.full(n, np.nan)
        return np.asarray(columns[name], dtype=np.float64)

    outside = columns["outside"].tolist() if "outside" in columns else [False] * n
    levels = [k.removeprefix("lower_") for k in columns if k.startswith("lower_")]
    everything = Rows(
        ids=text("id"),
        formula=text("formula"),
        fold=text("fold"),
        part=text("part"),
        target=number("target"),
        mean=number("mean"),
        std=number("std"),
        score=number("ood_score"),
        outside=np.array([v is True for v in outside], dtype=np.bool_),
        reason=text("reason"),
        intervals={
            float(level): (number(f"lower_{level}"), number(f"upper_{level}"))
            for level in sorted(levels, key=float)
        },
    )
    arm = text("arm")
    # metrics.json is sorted by name; the order of the spec survives in the rows
    order = [*dict.fromkeys(arm.tolist()), *arms]
    return {name: everything.where(arm == name) for name in dict.fromkeys(order) if name in arms}
