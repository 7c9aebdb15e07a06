"""Find what differs between two runs, before their figures are set against each other. Light."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atlas_core.api import DataError, FinishedRun, SpecError
from atlas_core.spec.yaml import parse

SHOWN = 8
"""Changes that the first line of a comparison names; all of them stand in the JSON."""

LONG = 40
"""Characters of a value."""


@dataclass(frozen=True)
class Change:
    """One thing that differs: what it is, and its value in A and in B ("none": not there)."""

    what: str
    a: str
    b: str


@dataclass(frozen=True)
class Varied:
    """One thing that is not the same in all runs: what it is, and its value in each."""

    what: str
    values: tuple[str, ...]


def varied(runs: Sequence[FinishedRun]) -> tuple[Varied, ...]:
    """Return what differs among runs: the seed first, then data, options, versions, machine."""
    facts = [dict(_facts(run)) for run in runs]
    found = []
    for name in dict.fromkeys(name for own in facts for name in own):
        values = [own.get(name) for own in facts]
        if any(value != values[0] for value in values):
            found.append(Varied(name, tuple(map(_text, values))))
    return tuple(found)


def changes(a: FinishedRun, b: FinishedRun) -> tuple[Change, ...]:
    """Return what differs between two runs, in the order of :func:`varied`."""
    return tuple(Change(one.what, *one.values) for one in varied((a, b)))


def _facts(run: FinishedRun) -> Iterator[tuple[str, Any]]:
    """Yield all that changes a run's numbers, each with a name."""
    manifest = run.manifest
    yield "seed", manifest.get("seed")
    about = manifest.get("dataset") or {}
    for name in ("name", "rows", "deduplicate", "sample", "content"):
        yield f"data {name}" if name != "content" else "data (content)", about.get(name)
    yield from _leaves("dataset", about.get("options"))
    split = manifest.get("split") or {}
    yield "split", split.get("component")
    yield from _leaves("split", split.get("options"))
    yield "levels", run.metrics.get("levels")
    for arm, components in sorted((manifest.get("arms") or {}).items()):
        for kind, chosen in sorted((components or {}).items()):
            yield from _component(f"arms.{arm}.{kind}", chosen or {})
    spec = _spec(run)
    for block in ("trust", "active_learning"):
        yield from _leaves(block, spec.get(block))
    yield "atlas", manifest.get("atlas")
    for stage, version in sorted((manifest.get("stage_versions") or {}).items()):
        yield f"stage {stage}", version
    for name, version in sorted((manifest.get("packages") or {}).items()):
        yield name, version
    machine = manifest.get("hardware") or {}
    for name in ("device", "cpu", "cores", "python"):
        yield name, machine.get(name)


def _component(name: str, chosen: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield name, chosen.get("use")
    yield from _leaves(name, chosen.get("options"))
    if "source" in chosen:
        yield f"code of {chosen.get('use')}", chosen["source"]


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values of a nested block by their dotted names."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    elif value is not None:
        yield name, value


def _text(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONG else f"{text[:12]}…"


def first_line(found: tuple[Change, ...]) -> str:
    """Return in one line what differs between A and B."""
    if not found:
        return "A and B do not differ in seed, data, spec, code, versions or machine"
    changes = [f"{change.what} ({change.a} | {change.b})" for change in found[:SHOWN]]
    more = f"; and {len(found) - SHOWN} more (--json has all)" if len(found) > SHOWN else ""
    only = " only" if len(found) == 1 else ""
    return f"A and B differ{only} in {'; '.join(changes)}{more}"


def _spec(run: FinishedRun) -> dict[str, Any]:
    """Return the content of a locked spec; {} where there is none.

    Raises:
        DataError: it cannot be read.
    """
    path = run.folder / "spec.lock.yaml"
    if not run.spec.strip():
        return {}
    try:
        found = parse(run.spec, str(path)).value
    except SpecError as err:
        raise DataError(f"{path}: cannot be read: {' '.join(str(err).split())}") from err
    return found if isinstance(found, dict) else {}


def unlike_folds(
    a: FinishedRun, b: FinishedRun, names: tuple[str, str] = ("A", "B")
) -> dict[str, str]:
    """Return {fold: why} for folds of one name whose training rows are known to differ."""
    sizes = [
        {
            str(fold["name"]): fold["sizes"]
            for fold in (run.manifest.get("split") or {}).get("folds", ())
        }
        for run in (a, b)
    ]
    out: dict[str, str] = {}
    for fold in sizes[0].keys() & sizes[1].keys():
        x, y = (own[fold].get("train", 0) + own[fold].get("pool", 0) for own in sizes)
        if x != y:
            out[fold] = f"it was trained on {x} rows in {names[0]} and {y} in {names[1]}"
    for fold in a.audited.keys() & b.audited.keys():
        ids = {run.audited[fold].get("training_ids") for run in (a, b)}
        if len(ids - {None}) == 2:
            out.setdefault(fold, f"it was trained on other materials in {names[1]}")
    return out
