"""Find what differs between two runs, before their figures are set against each other. Light."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atlas_core.api import FinishedRun
from atlas_report.spec_facts import LEFT_OUT, NO_NUMBER, Fact, facts_of, lists_of, spec_of

SHOWN = 8
"""Changes that the first line of a comparison names; all of them stand in the JSON."""

LONG = 40
"""Characters of a value."""

NONE = "none"

COMPARED = "seed, data, spec, code, versions or machine"

HASH = re.compile("[0-9a-f]{32,}")


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
    """Return what differs among runs: seed, data, arms, the rest of specs, code, machine.

    The options and the code of a component that only some runs have are compared among these, and
    so is all that an arm is made of.
    """
    return differing([run.manifest for run in runs], [spec_of(run) for run in runs])


def differing(
    manifests: Sequence[Mapping[str, Any]], specs: Sequence[Mapping[str, Any]]
) -> tuple[Varied, ...]:
    """Return what differs among the manifests and the locked specs of runs."""
    arms = [set(spec.get("arms") or {}) for spec in specs]
    some = set.union(*arms) - set.intersection(*arms)
    one_arm = bool(some) and all(len(own) == 1 for own in arms)
    shown = [_one_arm(spec) if one_arm else spec for spec in specs]
    several = frozenset().union(*map(lists_of, shown))
    facts = []
    for manifest, spec in zip(manifests, shown, strict=True):
        every = _facts(manifest, spec, set() if one_arm else some, several)
        facts.append({fact.what: fact for fact in every})
    owners = [{fact.owner for fact in own.values()} for own in facts]
    found = []
    for what in _in_order(facts):
        asking = {own[what].owner for own in facts if what in own}
        values = [own[what].value if what in own else None for own in facts]
        asked = [
            value
            for value, own, owned in zip(values, facts, owners, strict=True)
            if what in own or asking & owned
        ]
        if any(value != asked[0] for value in asked):
            found.append(Varied(what, _texts(values)))
    return tuple(found)


def changes(a: FinishedRun, b: FinishedRun) -> tuple[Change, ...]:
    """Return what differs between two runs, in the order of :func:`varied`."""
    return tuple(Change(one.what, *one.values) for one in varied((a, b)))


def _one_arm(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec with a single arm, which stands under one name in every run."""
    ((name, arm),) = spec["arms"].items()
    return {**spec, "arms": None, "arm": {"": name, **arm}}


def _in_order(facts: Sequence[Mapping[str, Fact]]) -> list[str]:
    """Return the names of all facts; those that only some runs have follow what precedes them."""
    order: list[str] = []
    for own in facts:
        at = 0
        for name in own:
            if name in order:
                at = order.index(name) + 1
            else:
                order.insert(at, name)
                at += 1
    return order


def _facts(
    manifest: Mapping[str, Any],
    spec: Mapping[str, Any],
    some: Collection[str],
    several: Collection[str],
) -> Iterator[Fact]:
    """Yield all that changes a run's numbers.

    Args:
        manifest: of the run.
        spec: its locked spec.
        some: arms that not every run has.
        several: places at which some run has several components.
    """
    yield Fact("seed", manifest.get("seed"))
    about = manifest.get("dataset") or {}
    yield Fact("data name", about.get("name"))
    yield Fact("data rows", about.get("rows"))
    yield Fact("data (content)", about.get("content"))
    for name in ("dataset", "split"):
        yield from facts_of(name, spec.get(name), several)
    yield from facts_of("arm", spec.get("arm"), several)
    for arm, components in sorted((spec.get("arms") or {}).items()):
        if arm in some:
            yield Fact(f"arm {arm}", ((components or {}).get("model") or {}).get("use") or "there")
        yield from facts_of(f"arms.{arm}", components, several, ("arm", arm))
    rest = {**LEFT_OUT, **spec} if spec else {}
    for name in sorted({*rest} - NO_NUMBER - {"seed", "dataset", "split", "arm", "arms"}):
        yield from facts_of(name, rest[name], several)
    yield from _made_with(manifest)


def _made_with(manifest: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield code, versions and the machine."""
    yield Fact("atlas", manifest.get("atlas"))
    sources = sorted(set(_sources({**manifest, "reports": None})))
    for name in dict.fromkeys(name for name, _ in sources):
        code = ", ".join(source for own, source in sources if own == name)
        yield Fact(f"code of {name}", code, ("code", name))
    for stage, version in sorted((manifest.get("stage_versions") or {}).items()):
        yield Fact(f"stage {stage}", version)
    for name, version in sorted((manifest.get("packages") or {}).items()):
        yield Fact(name, version)
    machine = manifest.get("hardware") or {}
    for name in ("device", "cpu", "cores", "python"):
        yield Fact(name, machine.get(name))


def _sources(part: Any) -> Iterator[tuple[str, str]]:
    """Yield the distribution of each component that a manifest describes, and its code's hash."""
    if isinstance(part, Mapping):
        if "use" in part and "source" in part:
            yield str(part.get("distribution") or part["use"]), str(part["source"])
        for inner in part.values():
            yield from _sources(inner)
    elif isinstance(part, list):
        for one in part:
            yield from _sources(one)


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    """Return values in words, long ones from shortly before the place where they first differ."""
    every = [_text(value) for value in values]
    if all(len(text) <= LONG for text in every):
        return tuple(every)
    signs = zip(*(text for text in every if text != NONE), strict=False)
    same = next((place for place, some in enumerate(signs) if len(set(some)) > 1), 0)
    begin = same - LONG // 4 if same > LONG // 2 else 0
    return tuple(_cut(text, begin) if len(text) > LONG else text for text in every)


def _cut(text: str, begin: int) -> str:
    if HASH.fullmatch(text):
        return f"{text[:12]}…"
    end = begin + LONG
    return f"{'…' if begin else ''}{text[begin:end]}{'…' if len(text) > end else ''}"


def _text(value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def first_line(found: tuple[Change, ...]) -> str:
    """Return in one line what differs between A and B."""
    if not found:
        return f"A and B do not differ in {COMPARED}"
    changes = [f"{change.what} ({change.a} | {change.b})" for change in found[:SHOWN]]
    more = f"; and {len(found) - SHOWN} more (--json has all)" if len(found) > SHOWN else ""
    only = " only" if len(found) == 1 else ""
    return f"A and B differ{only} in {'; '.join(changes)}{more}"


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
