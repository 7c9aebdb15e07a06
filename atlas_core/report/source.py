"""Read what a report shows from a run folder."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core import verdict
from atlas_core.arrays import F8, Bool, Str
from atlas_core.audit_notes import audited_folds
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import read_table
from atlas_core.errors import AtlasError, DataError
from atlas_core.links import files
from atlas_core.observe import FinishedRun
from atlas_core.seal import DRAWN, SCORED, WORKING, read_manifest, require_intact
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
        exam: ``exam.json`` by arm; empty where no arm has a trust method.
        twins: fold -> {id: target of a training material of the same formula}, where that is far
            from the material's own target, as the split audit noted.
    """

    manifest: Json
    metrics: Json
    rows: Mapping[str, Rows]
    records: Sequence[Json]
    active: Mapping[str, Any] | None
    spec: str
    exam: Mapping[str, Json] = field(default_factory=dict)
    twins: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

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
    def loop(self) -> bool:
        """Return whether the arms chose what they learned from."""
        return self.active is not None and bool(len(self.active.get("labelled", ())))

    @property
    def folds(self) -> Sequence[Json]:
        """Return what the manifest says of each fold."""
        return list((self.manifest.get("split") or {}).get("folds") or ())

    @property
    def held_out(self) -> str:
        """Return the held-out class in words, "" where a split has none."""
        return verdict.held_out(self.manifest)


def checked_run(folder: Path) -> FinishedRun:
    """Return what stands in a run folder, once its shape is known to be that of a finished run.

    What stands in the report, and the fits, which are held against their own checksums when they
    are used, are not looked at here.

    Raises:
        DataError: a file is missing, cannot be read, is not what a run writes, or is not as the run
            left it; names it. Or something in the folder is a link.
    """
    with foreign(folder):
        return _checked(folder)


def _checked(folder: Path) -> FinishedRun:
    files(folder)
    manifest = finished_manifest_of(folder)
    again = SCORED if manifest.get("status") == "reporting" else ()  # `atlas report` was killed
    require_intact(folder, manifest, but=(*DRAWN, *again, FITTED, WORKING, EVENTS))
    path = folder / "metrics.json"
    metrics = read_json(path)
    _check_metrics(metrics, path)
    path = folder / "predictions.parquet"
    table = Predictions.from_parquet(path)
    for name, values in (("target", table.target), ("mean", table.mean)):
        if not np.isfinite(values).all():
            raise DataError(f"{path}: column {name!r} holds numbers that are not finite")
    if set(metrics["arms"]) != (found := set(table.arm.tolist())):
        raise DataError(
            f"{path}: holds the arms {', '.join(sorted(found)) or 'none'}, metrics.json"
            f" {', '.join(sorted(metrics['arms'])) or 'none'}: they are of different runs"
        )
    return FinishedRun(folder.name, manifest, metrics, table)


FITTED, EVENTS = "fitted", "events.jsonl"
_MANIFEST: Mapping[str, type] = {"dataset": dict, "split": dict, "arms": dict, "seed": int}


@contextmanager
def foreign(folder: Path) -> Iterator[None]:
    """Tell of a folder that no run wrote, whatever it makes the code stumble over.

    Every shape that is read could be checked before; what a stranger thinks of cannot.

    Raises:
        DataError: in place of an error that is not ours; names the folder and that error.
    """
    try:
        yield
    except AtlasError:
        raise
    except Exception as err:
        text = " ".join(str(err).split())
        raise DataError(
            f"{folder}: holds what no run of this version writes ({type(err).__name__}: {text});"
            " run the spec again (--debug shows where it was met)"
        ) from err


def finished_manifest_of(folder: Path) -> Json:
    """Return the manifest of a run folder, once its shape is known to be that of a finished run.

    Raises:
        DataError: it is missing, was changed, or is not what a run writes.
    """
    path = folder / "manifest.json"
    with foreign(folder):
        manifest: Json = read_manifest(folder)
        _check_manifest(manifest, path)
        return manifest


def _check_manifest(manifest: Any, path: Path) -> None:
    held = _shape(manifest, _MANIFEST, path, "manifest")
    about = _shape(held["dataset"], {"task": str, "target": str}, path, "manifest")
    if about["task"] not in ("regression", "binary"):
        raise DataError(f"{path}: the task {about['task']!r} is unknown")
    for fold in _shape(held["split"], {"folds": list}, path, "manifest")["folds"]:
        _shape(fold, {"name": str, "sizes": dict}, path, "manifest")
        if not all(isinstance(n, int) for n in fold["sizes"].values()):
            raise _foreign(path, "manifest", "the size of a part is no number")
    for arm in held["arms"].values():
        if not isinstance(arm, dict) or not all(isinstance(c, dict | None) for c in arm.values()):
            raise _foreign(path, "manifest", "an arm is no table of components")


def _check_metrics(metrics: Any, path: Path) -> None:
    held = _shape(metrics, {"task": str, "levels": list, "arms": dict}, path, "metrics")
    if not all(isinstance(v, int | float) and 0 < v < 1 for v in held["levels"]):
        raise _foreign(path, "metrics", "a level does not lie between 0 and 1")
    for arm in held["arms"].values():
        for caution in arm.get("cautions") or () if isinstance(arm, dict) else ():
            _shape(caution, {"kind": str, "text": str}, path, "metrics")
        for part in _shape(arm, {"parts": dict}, path, "metrics")["parts"].values():
            scored = _shape(part, {"n": int, "metrics": dict}, path, "metrics")
            for metric in scored["metrics"].values():
                ends = (
                    ("low", "high")
                    if {"low", "high"} & set(_shape(metric, {}, path, "metrics"))
                    else ()
                )
                _shape(metric, dict.fromkeys(("value", *ends), float), path, "metrics")


def _shape(value: Any, fields: Mapping[str, type], path: Path, what: str) -> Mapping[str, Any]:
    """Return ``value`` where it is a table with these fields.

    Raises:
        DataError: it is not.
    """
    if not isinstance(value, dict):
        raise _foreign(path, what, f"holds {'nothing' if value is None else 'no table'}")
    for name, kind in fields.items():
        wanted = int | float if kind is float else kind
        if name not in value:
            raise _foreign(path, what, f"{name!r} is missing")
        if not isinstance(value[name], wanted) or not _finite(value[name]):
            raise _foreign(path, what, f"{name!r} is not what a run writes")
    return value


def _finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _foreign(path: Path, what: str, why: str) -> DataError:
    return DataError(f"{path}: is not the {what} of a finished run: {why}; run the spec again")


def read_run(folder: Path) -> Source:
    """Return the content of a run folder.

    Raises:
        DataError: a file that a finished run must have is missing or cannot be read.
    """
    with foreign(folder):
        return _read(folder)


def _read(folder: Path) -> Source:
    run = checked_run(folder)
    records = folder / "records.json"
    active = folder / "active_learning.parquet"
    spec = folder / "spec.lock.yaml"
    return Source(
        manifest=run.manifest,
        metrics=run.metrics,
        rows=_by_arm(run.predictions, run.metrics["arms"]),
        records=_records(records) if records.exists() else [],
        active=read_table(active) if active.exists() else None,
        spec=spec.read_text(encoding="utf-8") if spec.exists() else "",
        exam=read_exam(folder),
        twins={fold: found.get("twins") or {} for fold, found in audited_folds(folder).items()},
    )


_EXAM: Mapping[str, type] = {
    "method": str,
    "beside": list,
    "level": float,
    "classes": list,
    "summary": dict,
    "forecast": dict,
}
_EXAM_CLASS: Mapping[str, type] = {
    "class": str,
    "rows": int,
    "budget": float,
    "confidence": float,
    "mae": float,
    "oracle_share": float,
    "methods": dict,
    "grade": str,
    "intervals": dict,
}


def read_exam(folder: Path) -> dict[str, Json]:
    """Return the exam of each arm that has a trust method; {} where no arm has one.

    Raises:
        DataError: ``exam.json`` cannot be read, or is not what a run writes.
    """
    path = folder / "exam.json"
    if not path.is_file():
        return {}
    exams = _shape(read_json(path), {}, path, "exam")
    for exam in exams.values():
        found = _shape(exam, _EXAM, path, "exam")
        if not found["classes"]:
            raise _foreign(path, "exam", "an arm has no class")
        for one in found["classes"]:
            named = _shape(one, _EXAM_CLASS, path, "exam")["methods"]
            if not {found["method"], *found["beside"]} <= set(named):
                raise _foreign(path, "exam", "a method is missing")
    return dict(exams)


def _records(path: Path) -> Sequence[Json]:
    records = read_json(path)
    if not isinstance(records, list):
        raise DataError(f"{path}: is not the records of a finished run; run the spec again")
    for record in records:
        _shape(record, {"name": str, "content": dict}, path, "records")
    return records


def _by_arm(predictions: Predictions, arms: Collection[str]) -> dict[str, Rows]:
    return {
        arm: Rows(
            ids=own.ids,
            formula=own.formula,
            fold=own.fold,
            part=own.parts,
            target=own.target,
            mean=own.mean,
            std=own.std,
            score=own.ood_score,
            outside=own.outside,
            reason=own.reason,
            intervals={level: (own.lower[level], own.upper[level]) for level in sorted(own.lower)},
        )
        for arm, own in predictions.by_arm().items()
        if arm in arms
    }
