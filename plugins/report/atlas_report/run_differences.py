"""Find what differs between two runs, before their figures are set against each other. Light."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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


class Fact(NamedTuple):
    """What a fact is, and whose: of an arm that only some runs have, these alone are compared."""

    what: str
    arm: str | None = None


def varied(runs: Sequence[FinishedRun]) -> tuple[Varied, ...]:
    """Return what differs among runs: the seed first, then data, options, versions, machine."""
    arms = [set(run.manifest.get("arms") or {}) for run in runs]
    some = set.union(*arms) - set.intersection(*arms)
    one_arm = bool(some) and all(len(own) == 1 for own in arms)
    facts = [dict(_facts(run, set() if one_arm else some, one_arm=one_arm)) for run in runs]
    found = []
    for fact in dict.fromkeys(fact for own in facts for fact in own):
        values = [own.get(fact) for own in facts]
        asked = [own.get(fact) for own in facts if fact.arm is None or _there(fact.arm) in own]
        if any(value != asked[0] for value in asked):
            found.append(Varied(fact.what, tuple(map(_text, values))))
    return tuple(found)


def changes(a: FinishedRun, b: FinishedRun) -> tuple[Change, ...]:
    """Return what differs between two runs, in the order of :func:`varied`."""
    return tuple(Change(one.what, *one.values) for one in varied((a, b)))


def _there(arm: str) -> Fact:
    """Return the fact that a run has an arm, whose value is the arm's model."""
    return Fact(f"arm {arm}")


def _facts(run: FinishedRun, some: Collection[str], *, one_arm: bool) -> Iterator[tuple[Fact, Any]]:
    """Yield all that changes a run's numbers, each with a name.

    Args:
        run: whose.
        some: arms that not every run has: what they are made of is compared where they are.
        one_arm: whether each run has a single arm, of different names: these are compared.
    """
    yield from ((Fact(what), value) for what, value in _asked(run))
    for arm, components in sorted((run.manifest.get("arms") or {}).items()):
        block = "arm" if one_arm else f"arms.{arm}"
        if one_arm:
            yield Fact("arm"), arm
        if arm in some:
            yield _there(arm), ((components or {}).get("model") or {}).get("use") or "there"
        for kind, chosen in sorted((components or {}).items()):
            for what, value in _component(f"{block}.{kind}", chosen or {}):
                yield Fact(what, arm if arm in some else None), value
    yield from ((Fact(what), value) for what, value in _made_with(run))


def _asked(run: FinishedRun) -> Iterator[tuple[str, Any]]:
    """Yield what all arms of a run share: seed, data, split, levels."""
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


def _made_with(run: FinishedRun) -> Iterator[tuple[str, Any]]:
    """Yield the blocks of a spec beside its arms, versions and the machine."""
    manifest, spec = run.manifest, _spec(run)
    for block in ("trust", "active_learning"):
        yield from _leaves(block, spec.get(block))
    yield "repeats", manifest.get("repeats")
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
