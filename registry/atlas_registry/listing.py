"""List installed components from package metadata alone: nothing of a plugin is imported.

Light: must not import pydantic, numpy or pluggy, so that ``atlas plugins`` answers at once.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

from atlas_core import __version__
from atlas_core.kinds import KINDS, OBSERVER_GROUP

CORE = "atlas-core"
_DOCSTRING = re.compile(r"""\A(?:\s|#[^\n]*\n)*[rR]?(\"{3}|'{3})\s*(?P<line>[^\n]*?)(?:\1|\n)""")


@dataclass(frozen=True)
class Listed:
    """Name an installed component as its metadata does.

    Attributes:
        kind: one of ``atlas_core.kinds.KINDS``, or ``observer``.
        name: the entry point's name.
        distribution: who offers it.
        version: the distribution's version.
        module: the module to import.
        summary: one line of what it is; "" where the module has no docstring.
        problem: why it cannot be used, as far as metadata tells; "" otherwise.
    """

    kind: str
    name: str
    distribution: str
    version: str
    module: str
    summary: str
    problem: str


def entry_points(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, read anew, sorted by name and distribution.

    stevedore's own cache shows stale entry points for minutes and loses the distribution.
    """
    found = importlib.metadata.entry_points(group=group)
    return sorted(found, key=lambda ep: (ep.name, ep.dist.name if ep.dist else ""))


def installed(kinds: Iterable[str] = KINDS, *, observers: bool = False) -> list[Listed]:
    """Return every installed component of ``kinds``, importing none of them."""
    groups = [(kind, f"atlas.{kind}") for kind in kinds]
    if observers:
        groups.append(("observer", OBSERVER_GROUP))
    return [listed for kind, group in groups for listed in _listed(kind, entry_points(group))]


def _listed(kind: str, points: list[EntryPoint]) -> list[Listed]:
    owners = Counter(point.name for point in points)
    out = []
    for point in points:
        problem = ""
        if owners[point.name] > 1:
            offering = sorted(
                f"{other.dist.name} {other.dist.version}"
                for other in points
                if other.name == point.name and other.dist
            )
            problem = f"offered by {' and '.join(offering)}: uninstall one of them"
        elif point.dist is not None:
            problem = core_problem(point.dist)
        out.append(
            Listed(
                kind=kind,
                name=point.name,
                distribution=point.dist.name if point.dist else "unknown",
                version=point.dist.version if point.dist else "unknown",
                module=point.module,
                summary=_summary(point.module),
                problem=problem,
            )
        )
    return out


def core_problem(distribution: Distribution) -> str:
    """Return why a distribution does not fit this core, "" when it does.

    The range of ``atlas-core`` that a plugin asks for is the version of the plug-in interface.
    """
    return core_range_problem(tuple(distribution.requires or ()))


@lru_cache(maxsize=256)
def core_range_problem(requires: tuple[str, ...]) -> str:
    """Return why a list of requirements does not fit this core, "" when it does."""
    for text in requires:
        if not re.match(r"atlas[-_.]core\b", text, re.IGNORECASE):
            continue
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            specifier = Requirement(text).specifier
        except InvalidRequirement:
            return f"its requirement {text!r} cannot be read"
        if specifier.contains(__version__, prereleases=True):
            return ""
        return (
            f"made for {CORE}{specifier}, this is {CORE} {__version__}: install a fitting version"
        )
    return f"it does not state which {CORE} it needs: add {CORE!r} to its dependencies"


@lru_cache(maxsize=64)
def package_path(package: str) -> Path | None:
    """Return the folder (or the one file) of a top-level package without importing it, or None."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin else None


def _summary(module: str) -> str:
    package, *rest = module.split(".")
    path = package_path(package)
    if path is None:
        return ""
    if path.is_dir():
        path = path.joinpath(*rest)
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    try:
        with path.open(encoding="utf-8") as file:
            match = _DOCSTRING.match(file.read(2048))
    except (OSError, UnicodeDecodeError):
        return ""  # a listing shows a component whose file cannot be read; loading it says why
    return match["line"].strip() if match else ""
