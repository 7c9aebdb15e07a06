"""The files of a plugin, by which its answers are kept: an edited plugin is another one. Light."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from functools import lru_cache
from pathlib import Path

from atlas_core.installed import CORE, POINTS, family, metadata_text
from atlas_registry.listing import package_path


@lru_cache(maxsize=64)
def source_hash(distribution: str, module: str, texts: tuple[str, ...] = ()) -> str:
    """Return the sha256 of the files of a distribution and of its family, names and contents.

    The core's own components count by the VERSIONs of its stages: theirs is "". Files that match
    one of ``texts``, patterns within the package of ``module``, hold words and are left out.
    """
    if distribution == CORE:
        return ""
    digest = hashlib.sha256()
    own = module.partition(".")[0]
    packages = {own}.union(*map(packages_of, family(distribution)))
    for package in sorted(packages):
        place = package_path(package)
        if place is None:
            continue
        folder = place if place.is_dir() else place.parent
        words = {path for one in texts for path in place.glob(one)} if package == own else set()
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path not in words and path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def packages_of(distribution: str) -> set[str]:
    """Return the top-level packages and modules that a distribution installs.

    Of an editable installation these are the packages that its entry points name, and those in the
    folder that it adds to the path.
    """
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return set()
    points, _ = metadata_text(found, POINTS)
    named = {line.partition("=")[2].strip() for line in points.splitlines() if "=" in line}
    record, _ = metadata_text(found, "RECORD")
    files = [line.partition(",")[0].strip('"') for line in record.splitlines()]
    tops = {
        one.split("/")[0] for one in files if "/" in one or one.endswith((".py", ".so", ".pyd"))
    }
    # of a file foo.cpython-311-x86_64-linux-gnu.so the module is foo
    names = {re.split(r"[.:\s]", one)[0] for one in named | tops if not one.endswith("-info")}
    own = f"_{re.sub(r'[-_.]+', '_', distribution).lower()}.pth"  # as hatch names it
    for file in {own, *(one for one in files if one.endswith(".pth"))}:
        names |= _packages_below(Path(str(found.locate_file(file))))
    return names - {"", "__pycache__"}


def _packages_below(listing: Path) -> set[str]:
    """Return the packages in the folders that a ``.pth`` file names; none where it is not there."""
    try:
        folders = [Path(line) for line in listing.read_text(encoding="utf-8").splitlines()]
        return {
            path.parent.name
            for folder in folders
            for path in folder.glob("*/__init__.py")
            if path.parent.name != "tests"
        }
    except (OSError, ValueError):
        return set()
