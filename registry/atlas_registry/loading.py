"""Load one component, or every observer, and check it against the hook specs. Light."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib import resources
from importlib.metadata import EntryPoint
from typing import Any

import pluggy
from stevedore.driver import DriverManager

from atlas_core import hookspecs
from atlas_core.component import Component, Config
from atlas_core.errors import PluginError
from atlas_core.kinds import OBSERVER_GROUP
from atlas_core.resolver import Observers, Resolved
from atlas_registry.listing import Listed, core_problem, entry_points, installed, package_path


class ComponentDriver(DriverManager[Any]):
    """Load the one module that a spec names, from entry points read anew."""

    def list_entry_points(self) -> list[EntryPoint]:
        """Return the namespace's entry points without stevedore's cache."""
        return entry_points(self.namespace)


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("atlas")
    manager.add_hookspecs(hookspecs)
    return manager


@lru_cache(maxsize=64)
def source_hash(package: str) -> str:
    """Return the sha256 of a top-level package's files, names and contents."""
    place = package_path(package)
    digest = hashlib.sha256()
    if place is not None:
        folder = place if place.is_dir() else place.parent
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in files:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class Registry:
    """Find installed components; implements ``atlas_core.resolver.Resolver``."""

    def names(self, kind: str) -> list[str]:
        """Return the names installed for a kind, sorted, importing no plugin."""
        return sorted({point.name for point in entry_points(f"atlas.{kind}")})

    def known(self, kind: str, name: str) -> str | None:
        """Return the distribution known to offer a component, or None."""
        catalogue = json.loads(
            resources.files("atlas_registry").joinpath("catalogue.json").read_text()
        )
        owner = catalogue.get(kind, {}).get(name)
        return str(owner) if owner else None

    def resolve(self, kind: str, name: str) -> Resolved:
        """Load the light module of one component and check it.

        Raises:
            PluginError: it is missing, broken, offered twice or made for another core.
        """
        found = [listed for listed in installed([kind]) if listed.name == name]
        if not found:
            raise PluginError(f"{kind} {name!r} is not installed")
        listed = found[0]
        label = f"{kind} {name} of {listed.distribution} {listed.version}"
        if listed.problem:
            raise PluginError(f"{label}: {listed.problem}")
        component = _component(kind, listed, label)
        return Resolved(
            kind=kind,
            component=component,
            distribution=listed.distribution,
            version=listed.version,
            source=source_hash(listed.module.split(".", maxsplit=1)[0]),
            resolver=self,
        )

    def observers(self) -> Observers:
        """Load every installed observer.

        Raises:
            PluginError: one is broken or made for another core; names it.
        """
        manager = _manager()
        for point in entry_points(OBSERVER_GROUP):
            label = f"observer {point.name}"
            if point.dist is not None:
                label = f"{label} of {point.dist.name} {point.dist.version}"
                if problem := core_problem(point.dist):
                    raise PluginError(f"{label}: {problem}")
            try:
                module = point.load()
            except Exception as err:
                raise PluginError(f"{label} cannot be imported: {_one_line(err)}") from err
            _register(manager, module, label)
        return HookObservers(manager)


class HookObservers:
    """Call the observing hooks of loaded modules."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """Return what each observer returned (None is left out).

        Raises:
            PluginError: an observer raised; names the hook.
        """
        try:
            return list(getattr(self._manager.hook, hook)(**arguments))
        except Exception as err:
            raise PluginError(f"an observer failed in {hook}: {_one_line(err)}") from err


def _one_line(err: BaseException) -> str:
    text = " ".join(str(err).split())
    return f"{type(err).__name__}: {text}" if text else type(err).__name__


def _component(kind: str, listed: Listed, label: str) -> Component:
    try:
        driver = ComponentDriver(f"atlas.{kind}", listed.name, on_missing_entrypoints_callback=None)
    except Exception as err:
        raise PluginError(f"{label} cannot be imported: {_one_line(err)}") from err
    module: Any = driver.driver
    manager = _manager()
    _register(manager, module, label)
    hook = f"atlas_{kind}"
    caller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        raise PluginError(f"{label}: {listed.module} has no @hookimpl function {hook}()")
    try:
        results = caller()
    except Exception as err:
        raise PluginError(f"{label}: {hook}() failed: {_one_line(err)}") from err
    if len(results) != 1 or not isinstance(results[0], list):
        raise PluginError(f"{label}: {hook}() must return a list of Component")
    for component in results[0]:
        if not isinstance(component, Component):
            raise PluginError(f"{label}: {hook}() returned {component!r}, not a Component")
        if component.name == listed.name:
            if not (isinstance(component.config, type) and issubclass(component.config, Config)):
                raise PluginError(f"{label}: config must be a subclass of atlas_core Config")
            return component
    offered = ", ".join(component.name for component in results[0]) or "nothing"
    raise PluginError(f"{label}: {hook}() offers {offered}, not {listed.name}")


def _register(manager: pluggy.PluginManager, module: object, label: str) -> None:
    try:
        manager.register(module, name=label)
        manager.check_pending()
    except pluggy.PluginValidationError as err:
        raise PluginError(f"{label}: {_one_line(err)}") from err
