"""Take locked specs apart into single values, each with the name of its key. Light."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from atlas_core.api import DataError, FinishedRun, SpecError
from atlas_core.spec.yaml import parse

NO_NUMBER = frozenset({"atlas", "name", "question", "reports", "data"})
"""Keys of a spec on which no number depends; of ``data`` the content is compared instead."""

LEFT_OUT = {"repeats": 1, "final": False}
"""Keys that a locked spec leaves out where they have these values."""


class Fact(NamedTuple):
    """One value of a run.

    Attributes:
        what: the name of its key.
        value: as in the spec; None is none.
        owner: (place, component or arm) that the value belongs to; None of what every run has.
    """

    what: str
    value: Any
    owner: tuple[str, str] | None = None


def spec_of(run: FinishedRun) -> dict[str, Any]:
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


def lists_of(spec: Any, name: str = "") -> frozenset[str]:
    """Return the places of a spec at which several components stand side by side."""
    found: set[str] = set()
    if _components(spec) and len(spec) > 1:
        found.add(name)
    if isinstance(spec, Mapping):
        for key, inner in spec.items():
            found |= lists_of(inner, _joined(name, "" if key == "options" else key))
    elif isinstance(spec, list):
        for one in spec:
            found |= lists_of(one, name)
    return frozenset(found)


def facts_of(
    name: str, value: Any, several: Collection[str], owner: tuple[str, str] | None = None
) -> Iterator[Fact]:
    """Yield every value of a part of a spec.

    Args:
        name: of the part, dotted.
        value: its content.
        several: places at which some run has several components: options there are named by the
            component, too, in all runs.
        owner: of the part.
    """
    if _is_component(value):
        value = [value]
    if _components(value):
        uses = [_use(one) for one in value]
        yield Fact(name, ", ".join(uses), owner)
        for place, one in enumerate(value):
            before = uses[:place].count(uses[place])
            use = uses[place] + (f" {before + 1}" if before else "")
            options = (one.get("options") or {}) if isinstance(one, Mapping) else {}
            inner = _joined(name, use) if name in several else name
            yield from facts_of(inner, options, several, (name, use))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from facts_of(_joined(name, key), inner, several, owner)
    else:
        yield Fact(name, value, owner)


def _joined(name: str, key: object) -> str:
    return f"{name}.{key}" if name and key else name or str(key)


def _is_component(value: Any) -> bool:
    return isinstance(value, Mapping) and "use" in value and {*value} <= {"use", "options"}


def _components(value: Any) -> bool:
    """Return whether it is a list of components, some of which may be named only."""
    return (
        isinstance(value, list)
        and any(map(_is_component, value))
        and all(isinstance(one, str) or _is_component(one) for one in value)
    )


def _use(one: Any) -> str:
    return str(one["use"]) if isinstance(one, Mapping) else str(one)
