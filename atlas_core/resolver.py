"""How the core asks for installed components without knowing where they come from. Light."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from atlas_core.component import Component


@dataclass(frozen=True)
class Resolved:
    """Name a loaded component, without an option, and the distribution that offers it.

    Attributes:
        kind: one of ``atlas_core.kinds.KINDS``.
        component: what the plugin declared.
        distribution: the installed distribution, such as ``atlas-materials-sklearn``.
        version: its version.
        summary: what it is in one line: the first of its module's docstring, or "".
        source: sha256 of the files of the distribution, and of those made for ATLAS that it
            requires: an edited plugin is another plugin, whatever its version says.
        libraries: {name: version} of what the distribution requires, without the core.
        resolver: who found it; finds it again in a worker process.
    """

    kind: str
    component: Component
    distribution: str
    version: str
    summary: str
    source: str
    libraries: Mapping[str, str]
    resolver: Resolver

    @property
    def name(self) -> str:
        """Return the component's name."""
        return self.component.name

    @property
    def label(self) -> str:
        """Return kind, name, distribution and version, for a message."""
        return f"{self.kind} {self.name} ({self.distribution} {self.version})"

    @property
    def package(self) -> str:
        """Return the top-level package that the component comes from."""
        return self.component.config.__module__.split(".", maxsplit=1)[0]

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as a name: functions of a plugin need not be picklable."""
        return _again, (self.resolver, self.kind, self.name)


def _again(resolver: Resolver, kind: str, name: str) -> Resolved:
    return resolver.resolve(kind, name)


class Resolver(Protocol):
    """Find installed components by kind and name."""

    def names(self, kind: str) -> list[str]:
        """Return the names installed for a kind, sorted, importing no plugin."""
        ...

    def resolve(self, kind: str, name: str) -> Resolved:
        """Load the light module of one component.

        Raises:
            PluginError: it is missing, broken, offered twice or made for another core.
        """
        ...

    def every(self, kind: str) -> list[Resolved]:
        """Load all components of a kind that can be loaded, in the order of their distributions."""
        ...

    def known(self, kind: str, name: str) -> str | None:
        """Return the distribution known to offer a component that is not installed, or None."""
        ...

    def problems(self, kinds: Iterable[str]) -> dict[tuple[str, str], str]:
        """Return {(kind, name): why it cannot be loaded, or ""}, found out without loading it here.

        A problem names the component and its distribution.
        """
        ...


Use = Callable[[Sequence[Any]], None]


class Observers(Protocol):
    """Call the observing hooks of every installed observer."""

    def call(self, hook: str, use: Use | None = None, **arguments: Any) -> list[Any]:
        """Return what each observer returned; one that failed is warned of and left out.

        Args:
            hook: the name of an observing hook.
            use: takes what one observer returned; an ``AtlasError`` that it raises is a failure
                of this observer, too.
            arguments: of the hook.
        """
        ...

    def close(self) -> None:
        """Let go of the observers: no hook is called any more."""
        ...


@dataclass(frozen=True)
class NoObservers:
    """Observe nothing: for tests and for workers."""

    def call(self, hook: str, use: Use | None = None, **arguments: Any) -> list[Any]:
        """Return nothing."""
        del hook, use, arguments
        return []

    def close(self) -> None:
        """Let go of nothing."""
