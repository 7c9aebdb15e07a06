"""Read a finished run from its folder, once its shape is known to be that of one. Light.

Who wrote the run has it in memory and reads nothing back; this is for what was written earlier,
perhaps by somebody else.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from atlas_core.data.assessments import Assessments
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.data.repeats import read_repeats
from atlas_core.data.tables import read_table
from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.errors import AtlasError, DataError
from atlas_core.links import files
from atlas_core.observe import FinishedRun, strange_name
from atlas_core.seal import SCORED, WORKING, drawn, read_manifest, require_intact
from atlas_core.store import read_json

Json = Mapping[str, Any]


def read_run(folder: Path) -> FinishedRun:
    """Return what stands in a run folder, once its shape is known to be that of a finished run.

    What stands in the report, and the fits, which are held against their own checksums when they
    are used, are not looked at here.

    Raises:
        DataError: a file is missing, cannot be read, is not what a run writes, or is not as the run
            left it; names it. Or something in the folder is a link.
    """
    with foreign(folder):
        files(folder)
        manifest = finished_manifest_of(folder)
        again = SCORED if manifest.get("status") == "reporting" else ()  # `atlas report` was killed
        require_intact(folder, manifest, but=(*drawn(manifest), *again, FITTED, WORKING, EVENTS))
        metrics = read_json(folder / "metrics.json")
        exam, verdict = (_there(folder / f"{name}.json") for name in ("exam", "verdict"))
        check_evaluation(folder, metrics, exam, verdict)
        rounds, trust = folder / "active_learning.parquet", folder / "trust.parquet"
        decisions = folder / "decisions.parquet"
        predictions = _predictions(folder / "predictions.parquet", metrics)
        repeats = folder / "repeats.parquet"
        return FinishedRun(
            folder=folder,
            manifest=manifest,
            metrics=metrics,
            predictions=predictions,
            repeats=read_repeats(repeats, predictions) if repeats.exists() else (),
            records=_records(folder / "records.json"),
            rounds=read_table(rounds) if rounds.exists() else {},
            trust=Assessments.from_parquet(trust) if trust.exists() else None,
            decisions=_decisions(decisions, predictions) if decisions.exists() else None,
            exam=exam,
            verdict=verdict,
            audit=checked_audit(folder / "audit.json"),
        )


def check_evaluation(folder: Path, metrics: Any, exam: Any, verdict: Any) -> None:
    """Check the contents of ``metrics.json``, ``exam.json`` and ``verdict.json``.

    Raises:
        DataError: one is not what a run writes; names its file in the folder.
    """
    _check_metrics(metrics, folder / "metrics.json")
    _check_exam(exam, folder / "exam.json")
    _check_verdict(verdict, folder / "verdict.json")


def _there(path: Path) -> Any:
    """Return the content of a file; {} where there is none."""
    return read_json(path) if path.is_file() else {}


def _predictions(path: Path, metrics: Json) -> Predictions:
    table = Predictions.from_parquet(path)
    for name, values in (("target", table.target), ("mean", table.mean)):
        if not np.isfinite(values).all():
            raise DataError(f"{path}: column {name!r} holds numbers that are not finite")
    if set(metrics["arms"]) != (found := set(table.arm.tolist())):
        raise DataError(
            f"{path}: holds the arms {', '.join(sorted(found)) or 'none'}, metrics.json"
            f" {', '.join(sorted(metrics['arms'])) or 'none'}: they are of different runs"
        )
    return table


def _decisions(path: Path, predictions: Predictions) -> Decisions:
    table = Decisions.from_parquet(path)
    wrong = [
        f"column {name!r} holds numbers that are not finite"
        for name in ("mean", "border", "margin")
        if not np.isfinite(getattr(table, name)).all()
    ]
    wrong += [
        f"column {name!r} holds numbers outside [0, 1]"
        for name in ("probability", "probability_near")
        if not ((values := getattr(table, name)) >= 0).all() or not (values <= 1).all()
    ]
    if not len(table) or not set(table.arm.tolist()) <= set(predictions.arm.tolist()):
        wrong.append("its arms are not those of predictions.parquet")
    if wrong:
        raise DataError(f"{path}: {'; '.join(wrong)}")
    return table


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


def _plain_name(text: str) -> bool:
    """Return whether a text names something in a folder, and nothing elsewhere."""
    name = PurePosixPath(text)
    return len(name.parts) == 1 and text not in ("", ".", "..", "/") and not strange_name(name)


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
    for report in _shape({"reports": [], **held}, {"reports": list}, path, "manifest")["reports"]:
        found = _shape(report, {"use": str, "options": dict, "places": list}, path, "manifest")
        places = found["places"]
        if not places or not all(isinstance(one, str) and _plain_name(one) for one in places):
            raise _foreign(path, "manifest", "a report has no place")


def _check_metrics(metrics: Any, path: Path) -> None:
    held = _shape(metrics, {"task": str, "levels": list, "arms": dict}, path, "metrics")
    if not all(isinstance(v, int | float) and 0 < v < 1 for v in held["levels"]):
        raise _foreign(path, "metrics", "a level does not lie between 0 and 1")
    for arm in held["arms"].values():
        for caution in arm.get("cautions") or () if isinstance(arm, dict) else ():
            _shape(caution, {"code": str, "figures": dict}, path, "metrics")
        for part in _shape(arm, {"parts": dict}, path, "metrics")["parts"].values():
            scored = _shape(part, {"n": int, "metrics": dict}, path, "metrics")
            for metric in scored["metrics"].values():
                ends = (
                    ("low", "high")
                    if {"low", "high"} & set(_shape(metric, {}, path, "metrics"))
                    else ()
                )
                _shape(metric, dict.fromkeys(("value", *ends), float), path, "metrics")
        _check_spread(arm.get("repeats") or {}, path)


def _check_spread(repeats: Any, path: Path) -> None:
    """Check what metrics hold of several trainings of an arm."""
    for kind in ("parts", "ood") if _shape(repeats, {}, path, "metrics") else ():
        for figures in _shape(repeats.get(kind), {}, path, "metrics").values():
            for one in _shape(figures, {}, path, "metrics").values():
                found = _shape(one, _SPREAD, path, "metrics")
                if not found["values"] or not all(map(_number, found["values"])):
                    raise _foreign(path, "metrics", "a figure of a training is no number")


_SPREAD: Mapping[str, type] = {"values": list, "mean": float, "std": float}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and _finite(value)


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
    """Return whether a number is one that a float can be."""
    if isinstance(value, int):
        return abs(value) <= sys.float_info.max
    return not isinstance(value, float) or math.isfinite(value)


class NotARunError(DataError):
    """A file of a run folder, or what is to become one, is not what a run writes.

    Attributes:
        why: which, and in what.
    """

    why: str = ""


def _foreign(path: Path, what: str, why: str) -> NotARunError:
    text = f"{path}: is not the {what} of a finished run: {why}; run the spec again"
    found = NotARunError(text)
    found.why = f"{what}: {why}"
    return found


_EXAM: Mapping[str, type] = {
    "method": str,
    "others": list,
    "level": float,
    "classes": list,
    "summary": dict,
    "forecast": dict,
    "names": list,
    "kind": str,
    "limits": dict,
    "sentences": list,
}
_EXAM_CLASS: Mapping[str, type] = {
    "class": str,
    "rows": int,
    "error_tolerance": float,
    "target_reliability": float,
    "mae": float,
    "oracle_share": float,
    "methods": dict,
    "grade": str,
    "intervals": dict,
}


def _check_exam(exams: Any, path: Path) -> None:
    for exam in _shape(exams, {}, path, "exam").values():
        found = _shape(exam, _EXAM, path, "exam")
        if not found["classes"]:
            raise _foreign(path, "exam", "an arm has no class")
        for one in found["classes"]:
            named = _shape(one, _EXAM_CLASS, path, "exam")["methods"]
            if not {found["method"], *found["others"]} <= set(named):
                raise _foreign(path, "exam", "a method is missing")


def _records(path: Path) -> Sequence[Json]:
    records = read_json(path) if path.exists() else []
    if not isinstance(records, list):
        raise DataError(f"{path}: is not the records of a finished run; run the spec again")
    for record in records:
        _shape(record, {"name": str, "content": dict}, path, "records")
    return records


_VERDICT: Mapping[str, type] = {"grade": str, "headline": str, "sentences": list, "findings": list}
_FINDING: Mapping[str, type] = {"place": str, "code": str, "figures": dict, "text": str}


def _check_verdict(verdicts: Any, path: Path) -> None:
    for verdict in _shape(verdicts, {}, path, "verdict").values():
        for one in _shape(verdict, _VERDICT, path, "verdict")["findings"]:
            _shape(one, _FINDING, path, "verdict")


_AUDIT: Mapping[str, type] = {"elements": list, "training_ids": str, "twins": dict}
"""What is read of a fold's figures; an evaluator may leave out each."""


def checked_audit(path: Path) -> Json:
    """Return what the split tests; {} for a run that was made without an audit.

    Raises:
        DataError: the file cannot be read, or is not what a run writes; names it.
    """
    if not path.is_file():
        return {}
    return check_audit(read_json(path), path)


def check_audit(audit: Any, path: Path) -> Json:
    """Return the content of ``audit.json``.

    Raises:
        DataError: it is not what a run writes; names the file.
    """
    found = _shape(audit, {"folds": list}, path, "audit")
    for fold in found["folds"]:
        figures = _shape(fold, {"fold": str, "figures": dict}, path, "audit")["figures"]
        _shape(figures, {n: kind for n, kind in _AUDIT.items() if n in figures}, path, "audit")
        if not set(map(str, figures.get("elements", ()))) <= ATOMIC_NUMBER.keys():
            raise _foreign(path, "audit", "'elements' names what is no element")
        if not all(isinstance(v, int | float) for v in figures.get("twins", {}).values()):
            raise _foreign(path, "audit", "'twins' holds what is no number")
    return found
