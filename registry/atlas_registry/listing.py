"""List installed components from package metadata alone: nothing of a plugin is imported.

Light: must not import pydantic, numpy or pluggy, so that ``atlas plugins`` answers at once.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

from atlas_core.installed import CORE, Offer, core_range_problem, offers
from atlas_core.kinds import KINDS, OBSERVER_GROUP
from atlas_core.kinds.command import BUILT_IN

_DOCSTRING = re.compile(r"""\A(?:\s|#[^\n]*\n)*[rR]?(\"{3}|'{3})\s*(?P<line>[^\n]*?)(?:\1|\n)""")


_DATASETS = re.compile(r"^DATASETS = \((?P<names>[^)]*)\)", re.MULTILINE)
_NAME = re.compile(r"""["'](\w+)["']""")
_IMPLEMENTATION = (
    r"""Component\(\s*["']{name}["'],\s*\w+,\s*["'](?P<module>[\w.]+):(?P<object>\w+)"""
)
_FUNCTION = r"""^def {name}\([^)]*\)[^:]*:\s*\"{{3}}(?P<line>[^\n]*?)(?:\"{{3}}|\n)"""
"""Where a module says what implements a component, and where that is; ``name`` is put in."""


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
        datasets: of an observer, the data sets whose runs alone it looks on; () for all.
    """

    kind: str
    name: str
    distribution: str
    version: str
    module: str
    summary: str
    problem: str
    datasets: tuple[str, ...] = ()


def installed(
    kinds: Iterable[str] = KINDS, *, observers: bool = False, name: str | None = None
) -> list[Listed]:
    """Return every installed component of ``kinds``, or those of a name, importing none of them."""
    groups = [(kind, f"atlas.{kind}") for kind in kinds]
    if observers:
        groups.append(("observer", OBSERVER_GROUP))
    return [listed for kind, group in groups for listed in _listed(kind, offers(group), name)]


def _listed(kind: str, found: list[Offer], asked: str | None) -> list[Listed]:
    found = [one for one in found if asked in {None, one.point.name}]
    taken = {offer: _taken(offer) if kind == "command" else "" for offer in found}
    owners = Counter(offer.point.name for offer in found if not taken[offer])
    out = []
    for offer in found:
        name, owner = offer.point.name, offer.owner
        problem = offer.problem or taken[offer]
        if not problem and owners[name] > 1:
            others = [o.owner for o in found if o.point.name == name and not taken[o]]
            offering = sorted(f"{other.name} {other.version}" for other in others)
            problem = f"offered by {' and '.join(offering)}: uninstall one of them"
        if not problem and owner.name != CORE:
            problem = core_range_problem(owner.requires)
        out.append(
            Listed(
                kind=kind,
                name=name,
                distribution=owner.name,
                version=owner.version,
                module=offer.module,
                summary=_summary(offer.module, name),
                problem=problem,
                datasets=_datasets(offer.module) if kind == "observer" else (),
            )
        )
    return out


def _datasets(module: str) -> tuple[str, ...]:
    """Return the names in a module's ``DATASETS = ("matbench",)``; () where it has no such line."""
    found = _DATASETS.search(_text(module))
    return tuple(_NAME.findall(found["names"])) if found else ()


def _taken(offer: Offer) -> str:
    """Return why a command cannot have its name, "" where it can: what is known stays there."""
    name = offer.point.name
    owner = "ATLAS itself" if name in BUILT_IN else catalog()["command"].get(name, "")
    if owner in {"", offer.owner.name}:
        return ""
    return f"`atlas {name}` is a command of {owner}: it needs another name"


@cache
def catalog() -> dict[str, dict[str, str]]:
    """Return {kind: {name: distribution}} of what the families of ATLAS offer, installed or not."""
    text = resources.files("atlas_registry").joinpath("catalog.json").read_text()
    known: dict[str, dict[str, str]] = json.loads(text)
    return known


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


def _summary(module: str, name: str) -> str:
    """Return the first line of the docstring of the module that holds a component's implementation.

    Without importing anything: the entry point's module says ``Component("name", Config,
    "module:object", ...)``, or holds the implementation itself.
    """
    own = _text(module)
    declared = re.search(_IMPLEMENTATION.format(name=re.escape(name)), own)
    text = _text(declared["module"]) if declared else own
    match = _DOCSTRING.match(text)
    if declared and own.count(f'"{declared["module"]}:') > 1:  # the module holds several
        match = re.search(_FUNCTION.format(name=declared["object"]), text, re.MULTILINE) or match
    return match["line"].strip() if match else ""


def _text(module: str) -> str:
    """Return a module's source, "" where there is none to read: loading it says why."""
    package, *rest = module.split(".")
    path = package_path(package)
    if path is None:
        return ""
    if path.is_dir():
        path = path.joinpath(*rest)
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
