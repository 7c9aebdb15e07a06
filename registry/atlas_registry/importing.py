"""Import one component or observer and hold it against the hook specs. Light."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pluggy
from stevedore.driver import DriverManager

from atlas_core import hookspecs
from atlas_core.component import Component, Config
from atlas_core.errors import (
    MORE_MEMORY,
    DataError,
    Interrupted,
    PluginError,
    named,
    reported,
    short_of_memory,
)
from atlas_core.installed import offers
from atlas_registry.listing import Listed

Warn = Callable[[str], None]
"""Takes a line about a plugin that is left out."""


class ComponentDriver(DriverManager[Any]):
    """Load the one module that a row of the listing names, from entry points read anew."""

    def __init__(self, listed: Listed) -> None:
        self._owner = listed.distribution
        group = f"atlas.{listed.kind}"
        super().__init__(group, listed.name, on_missing_entrypoints_callback=None)

    def list_entry_points(self) -> list[EntryPoint]:
        """Return its distribution's, without stevedore's cache: stale for minutes."""
        found = offers(self.namespace)
        return [offer.point for offer in found if offer.owner.name == self._owner]


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("atlas")
    manager.add_hookspecs(hookspecs)
    manager.add_hookspecs(hookspecs.Offering)
    return manager


def label_of(listed: Listed) -> str:
    """Return how a line about a component or an observer names it."""
    return f"{listed.kind} {listed.name} of {listed.distribution} {listed.version}"


def load_observer(listed: Listed) -> pluggy.PluginManager:
    """Import an observer and hold it against the hook specs; return what calls its hooks.

    Raises:
        PluginError: it is broken; names it.
    """
    label = label_of(listed)
    with blamed(f"{label} cannot be imported"):
        module = importlib.import_module(listed.module)
    manager = _manager()
    _register(manager, module, label)
    return manager


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Name a plugin in whatever its code raises, also what would end the program.

    Raises:
        PluginError: anything was raised but the interrupt that the user asked for.
        DataError: memory ran out.
    """
    try:
        with _apart():
            yield
    except Interrupted:
        raise
    except BaseException as err:
        if short_of_memory(err):
            raise DataError(f"{what}: out of memory ({named(err)}); {MORE_MEMORY}") from err
        raise PluginError(f"{what}: {reported(err)}") from err


@contextmanager
def _apart() -> Iterator[None]:
    """Run a plugin's code so that the answer on stdout stays ATLAS's own.

    What it prints goes to stderr, and a copy of this process that it leaves ends here.

    Raises:
        PluginError: it left this process in another folder; it is taken back.
    """
    own, here = os.getpid(), _here()
    with ExitStack() as stack:
        with suppress(OSError):  # stderr is closed: there is nowhere to print to
            aside = stack.enter_context(os.fdopen(os.dup(2), "w", errors="backslashreplace"))
            stack.enter_context(redirect_stdout(aside))
            stack.enter_context(redirect_stderr(aside))
        try:
            yield
        finally:
            if os.getpid() != own:
                os._exit(0)
            moved = _here() != here
            if moved and here is not None:
                os.chdir(here)
    if moved:
        raise PluginError("it changes the working directory")


def _here() -> Path | None:
    """Return the working directory; None where it was deleted."""
    try:
        return Path.cwd()
    except OSError:
        return None


def load_component(listed: Listed) -> Component:
    """Import the module of a component and return what its hook declares.

    Raises:
        PluginError: it is broken, offered twice or made for another core; names it.
    """
    return _chosen(listed, _offered(listed))


def load_components(
    some: Sequence[Listed],
) -> tuple[list[tuple[Listed, Component]], list[PluginError]]:
    """Import a module once, and return its components in the order of its hook.

    Args:
        some: all of one kind and module.

    Returns:
        loaded: those that are sound.
        problems: what is wrong with the others.
    """
    loaded: list[tuple[Listed, Component]] = []
    problems: list[PluginError] = []
    offered: list[Any] = []
    sound = [row for row in some if not row.problem]
    try:
        offered = _offered((sound or some)[0])
    except PluginError as err:
        return [], [err]
    order = [getattr(one, "name", "") for one in offered]
    last = len(order)
    for row in sorted(some, key=lambda row: order.index(row.name) if row.name in order else last):
        try:
            loaded.append((row, _chosen(row, offered)))
        except PluginError as err:
            problems.append(err)
    return loaded, problems


def _offered(listed: Listed) -> list[Any]:
    """Return what the hook of a component's module returns.

    Raises:
        PluginError: the module cannot be used; names the component.
    """
    kind, label = listed.kind, label_of(listed)
    if listed.problem:
        raise PluginError(f"{label}: {listed.problem}")
    with blamed(f"{label} cannot be imported"):
        module: Any = ComponentDriver(listed).driver
    manager = _manager()
    _register(manager, module, label)
    hook = f"atlas_{kind}"
    caller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        raise PluginError(f"{label}: {listed.module} has no @hookimpl function {hook}()")
    with blamed(f"{label}: {hook}() failed"):
        results = caller()
    if len(results) != 1 or not isinstance(results[0], list):
        raise PluginError(f"{label}: {hook}() must return a list of Component")
    return results[0]


def _chosen(listed: Listed, offered: Sequence[Any]) -> Component:
    """Return the component of a row among what its hook returned.

    Raises:
        PluginError: it is not there, or it is not sound.
    """
    label, hook = label_of(listed), f"atlas_{listed.kind}"
    if listed.problem:
        raise PluginError(f"{label}: {listed.problem}")
    for component in offered:
        found = _declared(component, f"{label}: {hook}()")
        if found.name == listed.name:
            if not (isinstance(found.config, type) and issubclass(found.config, Config)):
                raise PluginError(f"{label}: config must be a subclass of atlas_core Config")
            return found
    names = ", ".join(component.name for component in offered) or "nothing"
    raise PluginError(f"{label}: {hook}() offers {names}, not {listed.name}")


def _declared(component: object, where: str) -> Component:
    """Hold what a hook returned against the types that a component declares.

    Raises:
        PluginError: it is no component, or a part of it is of another type.
    """
    if not isinstance(component, Component):
        raise PluginError(f"{where} returned a {type(component).__name__}, not a Component")
    wanted: dict[str, tuple[Any, ...]] = {
        "name": (str,),
        "implementation": (str, Callable),
        "requires": (frozenset, set, Callable),
        "provides": (frozenset, set, Callable),
        "citation": (str,),
        "beside": (tuple,),
        "check": (type(None), str, Callable),
        "contract_options": (Mapping, str, Callable),
        "expected_failures": (Mapping,),
    }
    for part, types in wanted.items():
        value = getattr(component, part)
        if not isinstance(value, types):
            raise PluginError(f"{where}: {part} of a component is a {type(value).__name__}")
    return component


def _register(manager: pluggy.PluginManager, module: object, label: str) -> None:
    try:
        manager.register(module, name=label)
        manager.check_pending()
    except pluggy.PluginValidationError as err:
        raise PluginError(f"{label}: {named(err)}") from err
