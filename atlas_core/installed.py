"""What is installed, read so that one broken distribution harms no other. Light.

``importlib.metadata`` gives up on all entry points at the first file that it cannot read: a
half-removed installation, a line without "=", a letter that is no UTF-8.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cache, lru_cache
from importlib.metadata import Distribution, EntryPoint
from pathlib import PurePath

from atlas_core import __version__

CORE = "atlas-materials"
"""The distribution that the core is part of."""
POINTS = "entry_points.txt"
_NAME = re.compile(r"[A-Za-z0-9]+(?:[-_.]+[A-Za-z0-9]+)*")
_ASKS_FOR_CORE = re.compile(r"atlas[-_.]+materials(?![-_.]*\w)", re.IGNORECASE)
"""Its name in a requirement as tools may write it, and no family's."""


@dataclass(frozen=True)
class Installed:
    """Name an installed distribution.

    Attributes:
        name: as its metadata state it, else as its folder is named.
        version: as its metadata state it, else "unreadable".
        requires: what it states to need.
        problem: why its metadata cannot be used, with the path; "" otherwise.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class Offer:
    """An entry point and who offers it.

    Attributes:
        point: the entry point; where ``problem`` says so, one that cannot be loaded.
        owner: the distribution.
        problem: why it cannot be used, as far as metadata tell; "" otherwise.
    """

    point: EntryPoint
    owner: Installed
    problem: str

    @property
    def module(self) -> str:
        """Return the module to import; "" where the line names none."""
        try:
            return self.point.module
        except AttributeError:  # how importlib.metadata meets a value that names no module
            return ""


def distributions() -> Iterator[Distribution]:
    """Yield every installed distribution; of one that is found twice, the one in front."""
    seen = set()
    for found in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "_", _folder_name(found)).lower()
        if not name or name not in seen:
            seen.add(name)
            yield found


def about(distribution: Distribution) -> Installed:
    """Return name, version and needs of a distribution, as far as they can be read."""
    text, readable = metadata_text(distribution, "METADATA")
    if not text:
        text, readable = metadata_text(distribution, "PKG-INFO")
    if not text and readable:
        text, readable = metadata_text(distribution, "")  # an old egg-info is one file
    name, version, requires = _stated(re.split(r"\r?\n\r?\n", text, maxsplit=1)[0])
    problem = "" if readable else "its metadata are no UTF-8 text"
    if readable and not (name and version):
        problem = "its metadata state no name or no version"
    return Installed(
        name=name or _folder_name(distribution) or "unknown",
        version=version if version and readable else "unreadable",
        requires=requires,
        problem=_named(distribution, problem),
    )


@cache
def _stated(head: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the name, the version and the needs that the head of a metadata file states."""
    stated = HeaderParser().parsestr(head)
    name, version = str(stated["Name"] or "").strip(), str(stated["Version"] or "").strip()
    return name, version, tuple(str(one) for one in stated.get_all("Requires-Dist") or ())


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return {name: version} of those distributions among ``names`` that are installed."""
    found = {}
    for name in sorted(set(names)):
        try:
            found[name] = about(importlib.metadata.distribution(name)).version
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def family(distribution: str) -> tuple[str, ...]:
    """Return a plugin and the distributions that it requires and that require the core themselves.

    They count by their files, as parts of the plugin; what else is required is a library.
    """
    found = [distribution]
    for name in found:  # grows as it is read
        found += sorted(one for one in _required(name) - {*found, CORE} if CORE in _required(one))
    return tuple(found)


def libraries(distribution: str) -> dict[str, str]:
    """Return {name: version} of the libraries that a plugin's metadata require.

    Optional ones count where they are installed; the core, which counts by its stages, does not.
    What does not require the core is no plugin, and has none.
    """
    return dict(_libraries(distribution, _state()))


@lru_cache(maxsize=64)
def _libraries(distribution: str, state: State) -> dict[str, str]:
    if CORE not in _required(distribution):
        return {}
    members = family(distribution)
    return versions(set[str]().union(*map(_required, members)) - {CORE, *members})


def _required(distribution: str) -> set[str]:
    """Return the names of what a distribution's metadata require, optional ones too."""
    try:
        stated = about(importlib.metadata.distribution(distribution)).requires
    except importlib.metadata.PackageNotFoundError:
        return set()
    names = [found[0] for found in map(_NAME.match, stated) if found]
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


State = tuple[tuple[str, int, int], ...]


def _state() -> State:
    """Return what an installation changes: the folders of the path, and when each was changed."""
    found = []
    for path in sys.path:
        try:
            folder = os.stat(path or ".")  # noqa: PTH116 - asked often
        except OSError:
            continue
        found.append((path, folder.st_ino, folder.st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=2)
def _declaring(state: State) -> list[tuple[Distribution, Installed, str, bool]]:
    """Return the distributions with entry points of ATLAS, these as text, and whether it is UTF-8.

    They are read anew where something was installed or removed.
    """
    texts = ((one, *metadata_text(one, POINTS)) for one in distributions())
    return [(one, about(one), text, utf8) for one, text, utf8 in texts if "atlas." in text]


@lru_cache(maxsize=256)
def core_range_problem(requires: tuple[str, ...]) -> str:
    """Return why a list of requirements does not fit this core, "" when it does.

    The range of ``atlas-materials`` that a plugin asks for is the version of the plugin interface.
    """
    for text in requires:
        if not _ASKS_FOR_CORE.match(text):
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


def offers(group: str) -> list[Offer]:
    """Return what a group of entry points of ATLAS offers, sorted by name and distribution.

    A line of the group that is no entry point is an offer with a problem.
    """
    found: list[Offer] = []
    for distribution, owner, text, readable in _declaring(_state()):
        for name, value in _lines(text, group):
            point = EntryPoint(name=name, value=value, group=group)
            problem = ""
            if not readable:
                problem = f"its {POINTS} is no UTF-8 text"
            elif not (name and EntryPoint.pattern.match(value)):
                problem = f"its line {name!r} = {value!r} in {POINTS} names no module"
            found.append(Offer(point, owner, owner.problem or _named(distribution, problem)))
    return sorted(found, key=lambda one: (one.point.name, one.owner.name))


def _lines(text: str, group: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each line of a group."""
    here = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            here = line[1:-1].strip()
        elif here == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def metadata_text(distribution: Distribution, name: str) -> tuple[str, bool]:
    """Return the text of a metadata file, "" where there is none, and whether it is UTF-8."""
    try:
        return distribution.read_text(name) or "", True
    except UnicodeDecodeError as err:
        return bytes(err.object).decode("utf-8", "replace"), False
    except OSError:
        return "", True


def _place(distribution: Distribution) -> str:
    return str(getattr(distribution, "_path", ""))


def _folder_name(distribution: Distribution) -> str:
    """Return the name that the folder of the metadata has, "" where it has none."""
    folder = PurePath(_place(distribution))
    if folder.suffix not in {".dist-info", ".egg-info"}:
        return ""
    return folder.stem.partition("-")[0]


def _named(distribution: Distribution, problem: str) -> str:
    return f"{_place(distribution)}: {problem}: install it anew" if problem else ""
