"""Load one component, or every observer, and check it against the hook specs. Light."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from atlas_core.component import Component
from atlas_core.errors import PluginError
from atlas_core.installed import libraries, offers
from atlas_core.resolver import Observers, Resolved
from atlas_registry.importing import Warn, load_component, load_components
from atlas_registry.listing import Listed, catalog, installed
from atlas_registry.sources import source_hash


def _warn(text: str) -> None:
    """Warn as Python does: the default where nobody reads lines."""
    warnings.warn(text, stacklevel=3)


class Registry:
    """Find installed components; implements ``atlas_core.resolver.Resolver``."""

    def __init__(self, warn: Warn = _warn) -> None:
        """Hold who is reported of a component that is left out: a function that can be pickled."""
        self._problems: dict[Listed, str] = {}
        self._warn = warn

    def names(self, kind: str) -> list[str]:
        """Return the names installed for a kind, sorted, importing no plugin."""
        return sorted({offer.point.name for offer in offers(f"atlas.{kind}")})

    def known(self, kind: str, name: str) -> str | None:
        """Return the distribution known to offer a component, or None."""
        return catalog().get(kind, {}).get(name)

    def resolve(self, kind: str, name: str) -> Resolved:
        """Load the light module of one component and check it.

        Raises:
            PluginError: it is missing, broken, offered twice or made for another core.
        """
        found = installed([kind], name=name)
        if not found:
            raise PluginError(f"{kind} {name!r} is not installed")
        chosen = min(found, key=lambda listed: bool(listed.problem))
        return self._resolved(chosen, load_component(chosen))

    def every(self, kind: str) -> list[Resolved]:
        """Load all components of a kind, each module once; a broken one is warned of and left out.

        They come by distribution, and as the hook of each has them.
        """
        rows: dict[tuple[str, str], list[Listed]] = {}
        for row in installed([kind]):
            rows.setdefault((row.distribution, row.module), []).append(row)
        found: list[Resolved] = []
        for _, some in sorted(rows.items()):
            offered, problems = load_components(some)
            if offered:
                first = self._resolved(*offered[0])
                named = [(row.summary, component) for row, component in offered]
                found += [
                    replace(first, summary=text, component=one, source=_source(some[0], one))
                    for text, one in named
                ]
            for problem in problems:
                self._warn(f"{problem}; it is left out")
        return found

    def _resolved(self, listed: Listed, component: Component) -> Resolved:
        return Resolved(
            kind=listed.kind,
            component=component,
            distribution=listed.distribution,
            version=listed.version,
            summary=listed.summary,
            source=_source(listed, component),
            libraries=libraries(listed.distribution),
            resolver=self,
        )

    def problems(self, kinds: Iterable[str]) -> dict[tuple[str, str], str]:
        """Return {(kind, name): why it cannot be loaded, or ""}: tried once, in another process.

        A problem names the component and its distribution.
        """
        listed = installed(kinds)
        self._problems |= _tried(tuple(row for row in listed if row not in self._problems))
        found: dict[tuple[str, str], str] = {}
        for row in listed:
            at, problem = (row.kind, row.name), self._problems[row]
            found[at] = found.get(at, problem) and problem  # a sound one stands for its name
        return found

    def observers(self, warn: Warn = _warn) -> Observers:
        """Load every installed observer; a broken one is left out, and ``warn`` names it.

        Each runs in a process of its own: one that hangs or ends Python stops nothing.
        """
        from atlas_registry.watching import Watchers

        return Watchers(installed([], observers=True), warn)


def _source(listed: Listed, component: Component) -> str:
    return source_hash(listed.distribution, listed.module, component.texts)


@lru_cache(maxsize=32)
def _tried(listed: tuple[Listed, ...]) -> dict[Listed, str]:
    from atlas_registry.verify import named, verify

    found = verify(listed) if listed else {}
    return {row: problem and named(row, problem) for row, problem in found.items()}
