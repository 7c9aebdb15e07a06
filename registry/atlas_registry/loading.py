"""Load one component, or every observer, and check it against the hook specs. Light."""

from __future__ import annotations

import hashlib
import importlib
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import resources
from importlib.metadata import EntryPoint
from typing import Any

import pluggy
from stevedore.driver import DriverManager

from atlas_core import hookspecs
from atlas_core.component import Component, Config
from atlas_core.errors import (
    MORE_MEMORY,
    AtlasError,
    DataError,
    Interrupted,
    PluginError,
    short_of_memory,
)
from atlas_core.installed import offers
from atlas_core.observe import Export, ReportSection
from atlas_core.resolver import Observers, Resolved
from atlas_registry.listing import Listed, installed, package_path

Warn = Callable[[str], None]


def _warn(text: str) -> None:
    """Warn as Python does: the default where nobody reads lines."""
    warnings.warn(text, stacklevel=3)


class ComponentDriver(DriverManager[Any]):
    """Load the one module that a spec names, from entry points read anew."""

    def list_entry_points(self) -> list[EntryPoint]:
        """Return the namespace's entry points, without stevedore's cache: stale for minutes."""
        return [offer.point for offer in offers(self.namespace)]


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

    def __init__(self) -> None:
        self._problems: dict[Listed, str] = {}

    def names(self, kind: str) -> list[str]:
        """Return the names installed for a kind, sorted, importing no plugin."""
        return sorted({offer.point.name for offer in offers(f"atlas.{kind}")})

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
        label = _label(listed)
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

    def problems(self, listed: Sequence[Listed]) -> dict[Listed, str]:
        """Return what is wrong with each, "" where nothing is: tried once, in another process."""
        self._problems |= _tried(tuple(row for row in listed if row not in self._problems))
        return {row: self._problems[row] for row in listed}

    def sound(self, kind: str) -> list[str]:
        """Return the names of a kind that can be loaded, found out without loading one here."""
        found = self.problems(installed([kind])).items()
        broken = {row.name for row, problem in found if problem}
        return [name for name in self.names(kind) if name not in broken]

    def observers(self, warn: Warn = _warn) -> Observers:
        """Load every installed observer; a broken one is left out, and ``warn`` names it.

        Each is first imported in another process: one that hangs or ends Python stops nothing.
        """
        from atlas_registry.verify import named

        loaded: list[tuple[str, Any]] = []
        for row, found in self.problems(installed([], observers=True)).items():
            problem = found
            if not problem:
                try:
                    loaded.append((_label(row), load_observer(row)))
                except AtlasError as err:
                    problem = str(err)
            if problem:
                warn(f"{named(row, problem)}; it is left out")
        return HookObservers(loaded, warn)


@lru_cache(maxsize=32)
def _tried(listed: tuple[Listed, ...]) -> dict[Listed, str]:
    from atlas_registry.verify import verify

    return verify(listed) if listed else {}


def _label(listed: Listed) -> str:
    return f"{listed.kind} {listed.name} of {listed.distribution} {listed.version}"


def load_observer(listed: Listed) -> Any:
    """Import an observer and hold it against the hook specs.

    Raises:
        PluginError: it is broken; names it.
    """
    label = _label(listed)
    with _blamed(f"{label} cannot be imported"):
        module = importlib.import_module(listed.module)
    _register(_manager(), module, label)
    return module


class HookObservers:
    """Call the observing hooks of loaded modules; one that fails is left out from then on."""

    def __init__(self, modules: Sequence[tuple[str, Any]], warn: Warn) -> None:
        self._warn = warn
        self._managers: list[tuple[str, pluggy.PluginManager]] = []
        for label, module in modules:
            manager = _manager()
            _register(manager, module, label)
            self._managers.append((label, manager))

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """Return what each observer returned (None is left out); a broken one is warned of."""
        returned: list[Any] = []
        for label, manager in list(self._managers):
            try:
                with _blamed(f"{label} failed in {hook}"):
                    found = list(getattr(manager.hook, hook)(**arguments))
                    if wanted := RETURNS.get(hook):
                        _check(found, wanted)
            except AtlasError as err:
                self._managers.remove((label, manager))
                self._warn(f"{err}; it is left out from here on")
                continue
            returned += found
        return returned


RETURNS: dict[str, type] = {"atlas_report_sections": ReportSection, "atlas_run_exports": Export}
"""Of what each observing hook returns a list, where it returns something."""


def _check(returned: list[Any], wanted: type) -> None:
    for some in returned:
        if not isinstance(some, list | tuple) or not all(isinstance(one, wanted) for one in some):
            raise TypeError(f"it returned {some!r}, not a list of {wanted.__name__}")


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Name a plugin in whatever its code raises, also what would end the program.

    Raises:
        PluginError: anything was raised but the interrupt that the user asked for.
        DataError: memory ran out.
    """
    try:
        yield
    except (Interrupted, AtlasError):
        raise
    except BaseException as err:
        if short_of_memory(err):
            raise DataError(f"{what}: out of memory ({_one_line(err)}); {MORE_MEMORY}") from err
        raise PluginError(f"{what}: {_one_line(err)}") from err


def _one_line(err: BaseException) -> str:
    text = " ".join(str(err).split())
    return f"{type(err).__name__}: {text}" if text else type(err).__name__


def _component(kind: str, listed: Listed, label: str) -> Component:
    with _blamed(f"{label} cannot be imported"):
        driver = ComponentDriver(f"atlas.{kind}", listed.name, on_missing_entrypoints_callback=None)
    module: Any = driver.driver
    manager = _manager()
    _register(manager, module, label)
    hook = f"atlas_{kind}"
    caller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        raise PluginError(f"{label}: {listed.module} has no @hookimpl function {hook}()")
    with _blamed(f"{label}: {hook}() failed"):
        results = caller()
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
