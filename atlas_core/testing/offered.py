"""Find installed components by name, and those that the options of another one name. Light."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from atlas_core.component import Component, Config, Steps, bound, uses
from atlas_core.errors import ContractError, PluginError
from atlas_core.installed import offers
from atlas_core.kinds import KINDS


def components_of(module: str, kind: str) -> list[Component]:
    """Return the components that the hook of ``kind`` in ``module`` offers.

    Raises:
        ContractError: the module has no such hook, or it returns no list.
    """
    hook = getattr(importlib.import_module(module), f"atlas_{kind}", None)
    if not callable(hook):
        raise ContractError(f"module {module} has no hook atlas_{kind}()")
    found = hook()
    if not isinstance(found, list):
        raise ContractError(f"{module}.atlas_{kind}() must return a list of components")
    return found


def find_component(name: str, kind: str | None = None) -> tuple[Component, str]:
    """Return an installed component and its kind, found by entry point.

    Raises:
        ContractError: it is not installed, stands in several kinds, or its module lacks it.
    """
    places = {
        (group, offer.module)
        for group in (KINDS if kind is None else (kind,))
        for offer in offers(f"atlas.{group}")
        if offer.point.name == name and not offer.problem
    }
    if not places:
        raise ContractError(f"no component {name!r} is installed; install its distribution first")
    if len(places) > 1:
        listed = ", ".join(f"{g} in {m}" for g, m in sorted(places))
        raise ContractError(f"{name!r} is ambiguous ({listed}); name the kind")
    found_kind, module = places.pop()
    return offered(name, found_kind, module), found_kind


def offered(name: str, kind: str, module: str) -> Component:
    """Return the component of that name that the hook of ``kind`` in ``module`` offers.

    Raises:
        ContractError: there is none.
    """
    for one in components_of(module, kind):
        if one.name == name:
            return one
    raise ContractError(f"{module}.atlas_{kind}() offers no component {name!r}")


@dataclass(frozen=True)
class Offered:
    """An installed component and its options.

    Attributes:
        component: what its hook returns.
        config: its options.
    """

    component: Component
    config: Config

    def build(self) -> Any:
        """Import the implementation and make it."""
        return self.component.build(self.config)


def with_components(config: Config) -> Config:
    """Return options whose own components are those that are installed here.

    Raises:
        PluginError: one is not installed.
    """
    found: dict[Steps, Offered] = {}
    for at, kind, use in uses(config):
        try:
            component, _ = find_component(use.use, kind)
        except ContractError as err:
            raise PluginError(f"option {'.'.join(map(str, at))}: {err}") from err
        options = component.config.model_validate(use.options)
        found[at] = Offered(component, with_components(options))
    made: Config = bound(config, found)
    return made
