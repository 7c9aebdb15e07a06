"""Run a finished run anew, and say which of its numbers come out differently, and why. Light."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.data.repeats import columns_of_repeats
from atlas_core.data.tables import Columns, columns_of, read_table
from atlas_core.engine.options import RunOptions
from atlas_core.engine.run import run
from atlas_core.finished import finished_manifest_of, foreign
from atlas_core.resolver import Resolver
from atlas_core.spec.load import load_plan
from atlas_core.store import read_json

REPORTED = 20
"""Figures of a file that are reported one by one."""
LOCK = "spec.lock.yaml"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Rebuilt:
    """How a run fared when it was run anew.

    Attributes:
        differ: a line for each column or figure that came out differently.
        because: a line for each thing that is another here than it was there.
    """

    differ: tuple[str, ...]
    because: tuple[str, ...]


def rebuild(folder: Path, resolver: Resolver, options: RunOptions) -> Rebuilt:
    """Run ``spec.lock.yaml`` in a folder that is deleted afterward, and compare every number.

    Args:
        folder: of the finished run.
        resolver: finds components.
        options: where data and features lie; ``out`` is not used, and no fit is taken from a cache.

    Raises:
        AtlasError: it cannot be run here, or is not a run; one line says why.
    """
    then = finished_manifest_of(folder)
    plan = load_plan(folder / LOCK, resolver)
    with tempfile.TemporaryDirectory(prefix="atlas-rebuild-") as scratch:
        again = replace(options, out=Path(scratch), force=True, resume=False, save_fitted=False)
        anew = run(replace(plan, reports=()), again)
    tables = {
        "predictions": anew.predictions.to_columns(),
        "repeats": columns_of_repeats(anew.repeats),
        "trust": {} if anew.trust is None else columns_of(anew.trust),
        "active_learning": anew.rounds,
    }
    figures = {"metrics": anew.metrics, "exam": anew.exam, "verdict": anew.verdict}
    with foreign(folder):
        differ = [line for n, new in tables.items() for line in _columns(folder, n, new)]
        differ += [line for n, new in figures.items() for line in _figures(folder, n, new)]
        because = list(_reasons(then, anew.manifest))
    return Rebuilt(tuple(differ), tuple(because))


def _columns(folder: Path, table: str, now: Columns) -> Iterator[str]:
    name = f"{table}.parquet"
    there = (folder / name).is_file()
    if not (there and now):
        if there or now:
            yield f"{name}: only {'there' if there else 'here'}"
        return
    then = read_table(folder / name)
    for column in sorted(set(then) ^ set(now)):
        yield f"{name}: column {column} is only {'there' if column in then else 'here'}"
    for column in then:
        if column in now and (line := _column(then[column], now[column])):
            yield f"{name}: column {column}: {line}"


def _column(then: npt.NDArray[Any], now: npt.NDArray[Any]) -> str:
    if then.shape != now.shape:
        return f"{len(then)} rows there, {len(now)} here"
    numbers = then.dtype.kind in "fiu" and now.dtype.kind in "fiu"
    same = np.asarray(then == now)
    if numbers:
        same |= np.isnan(then.astype(float)) & np.isnan(now.astype(float))
    if same.all():
        return ""
    line = f"{int((~same).sum())} of {len(then)} rows differ"
    if numbers:
        with np.errstate(invalid="ignore"):
            apart = np.abs(then[~same].astype(float) - now[~same].astype(float))
        line += f", by at most {np.nanmax(apart):.3g}" if np.isfinite(apart).any() else ""
    return line


def _figures(folder: Path, what: str, new: Json) -> Iterator[str]:
    name = f"{what}.json"
    then = dict(_leaves(read_json(folder / name))) if (folder / name).is_file() else {}
    now = dict(_leaves(new))
    places = [place for place in {**then, **now} if then.get(place, ...) != now.get(place, ...)]
    for place in places[:REPORTED]:
        a, b = (side.get(place, "nothing") for side in (then, now))
        yield f"{name}: {place}: {a} there, {b} here"
    if len(places) > REPORTED:
        yield f"{name}: {len(places) - REPORTED} more figures differ"


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{i}]")
    else:
        yield place, value


def _reasons(then: Json, now: Json) -> Iterator[str]:
    """Yield what is another in data, code, versions and machine, each named."""
    groups = (
        ("data", "dataset", ("sha256", "content", "rows")),
        ("machine", "hardware", ("cpu", "cores", "device", "platform", "python", "workers")),
        ("machine", "environment", ("python", "system", "machine", "processor", "blas")),
    )
    if then.get("core_source") != now.get("core_source"):
        yield "code: the core's files are others"
    a, b = ((one.get("stage_versions") or {}) for one in (then, now))
    for stage in sorted({*a, *b}):
        if a.get(stage) != b.get(stage):
            shown = [f"VERSION {side.get(stage, 'none')}" for side in (a, b)]
            yield f"code: stage {stage}: {shown[0]} there, {shown[1]} here"
    sources = [dict(_leaves(one.get("arms") or {})) for one in (then, now)]
    for place, value in sources[0].items():
        if place.endswith(".source") and sources[1].get(place) != value:
            yield f"code: {place.removesuffix('.source')} is another"
    known = set()
    for what, block, names in groups:
        for name in names:
            a, b = ((one.get(block) or {}).get(name) for one in (then, now))
            if a != b and (what, name) not in known:
                known.add((what, name))
                yield f"{what}: {name}: {_shown(a)} there, {_shown(b)} here"
    a, b = ((one.get("environment") or {}).get("distributions") or {} for one in (then, now))
    for name in sorted({*a, *b}, key=str.lower):
        if a.get(name) != b.get(name):
            yield f"versions: {name} {a.get(name, 'none')} there, {b.get(name, 'none')} here"


def _shown(value: Any) -> str:
    """Return plain data in a line."""
    if isinstance(value, list):
        return " and ".join(_shown(one) for one in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    return str(value)
