"""Say which installed components would give a capability. Light: loads light modules only.

A refused spec is not read again and again: what would do instead is reported with the refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from atlas_core.component import Component, Config
from atlas_core.printing import listed
from atlas_core.resolver import Resolved

MOST = 4
"""Names told; a longer list is a catalog, and ``atlas plugins`` prints that better."""


def offers(capability: str, owner: Resolved, config: Config) -> str:
    """Return which components would give a capability in the place of one, as a half sentence.

    Args:
        capability: what is needed.
        owner: the component that does not give it; others of its kind are asked, too.
        config: its options. They are kept but for the one that decides; of another component the
            defaults are taken.
    """
    offers = []
    own = owner.component.name
    # what the spec does not name is no mistake of the spec: the broken are passed over
    problems = owner.resolver.problems([owner.kind])
    sound = [name for (_, name), problem in problems.items() if not problem]
    for name in sorted(sound, key=lambda other: (other != own, other)):
        component = owner.resolver.resolve(owner.kind, name).component
        how = _how(component, capability, config if name == own else _defaults(component.config))
        if how is not None:
            offers.append(f"{name} with {how}" if how else name)
    if not offers:
        return f"no installed {owner.kind} gives it"
    if len(offers) > MOST + 1:
        offers = [*offers[:MOST], f"{len(offers) - MOST} more"]
        return f"{listed(offers)} would give it"
    either = [", ".join(offers[:-1]), offers[-1]] if offers[1:] else offers
    return f"{' or '.join(either)} would give it"


def _how(component: Component, capability: str, start: Config) -> str | None:
    """Return the options that make a component give it, "" for none, None where it cannot."""
    if _provides(component, capability, start):
        return ""
    if not callable(component.provides):
        return None
    found: dict[str, list[str]] = {}
    for name, value in _changes(start):
        changed = start.model_copy(update={name: value})
        if _provides(component, capability, changed) and (_valid(changed) or not _valid(start)):
            found.setdefault(name, []).append(_yaml(value))
    if not found:
        return None
    name, values = next(iter(found.items()))
    return f"{name}: {' or '.join(values)}"


def _defaults(model: type[Config]) -> Config:
    """Return the default options; what has no default is left out."""
    try:
        return model()
    except ValidationError:
        return model.model_construct()


def _provides(component: Component, capability: str, config: Config) -> bool:
    try:
        return capability in component.provides_of(config)
    except AttributeError:  # it reads an option that has no default
        return False


def _changes(config: Config) -> Iterator[tuple[str, Any]]:
    """Yield each option with each other value that its type names."""
    for name, field in type(config).model_fields.items():
        for value in _values(field):
            if value != getattr(config, name, None):
                yield name, value


def _values(field: FieldInfo) -> list[Any]:
    values = [] if field.is_required() else [field.get_default(call_default_factory=True)]
    for value in _named(field.annotation):
        if value not in values:
            values.append(value)
    return values


def _named(annotation: Any) -> list[Any]:
    """Return the values that a type names: of Literal, bool, Enum and None, also in a union."""
    if annotation in (None, NoneType):
        return [None]
    if annotation is bool:
        return [True, False]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return list(annotation)
    inside = get_args(annotation)
    if get_origin(annotation) is Literal:
        return list(inside)
    if get_origin(annotation) in (tuple, list, dict, set, frozenset):
        return []
    return [value for part in inside for value in _named(part)]


def _valid(config: Config) -> bool:
    try:
        type(config).model_validate(config.model_dump())
    except ValidationError:
        return False
    return True


def _yaml(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)
