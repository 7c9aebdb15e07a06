"""Keep what each file of a finished run was in its manifest, and tell what is another now. Light.

``files`` of the manifest holds size and sha256 of every file, ``seal`` the sha256 of the manifest
itself. This finds damage and edits; it is no signature: who changes a file may write a seal anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from atlas_core.errors import DataError
from atlas_core.links import TEMPORARY, files
from atlas_core.printing import on_one_line
from atlas_core.store import canonical_hash, json_bytes

MANIFEST = "manifest.json"
FILES, SEAL = "files", "seal"
WORKING = "checkpoints"
"""Folder of what only an unfinished run needs: whoever wants the room may delete it."""
SCORED = ("metrics.json", "exam.json", "verdict.json")
"""What `atlas report` computes anew."""
_OUTSIDE = (MANIFEST, ".lock", ".previous", "screens")
"""No part of the result: the manifest holds its own hash, and candidates are asked later."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Findings:
    """The files that are not as the run left them, by their paths in the run folder.

    Attributes:
        changed: other bytes.
        missing: not there; working files may be deleted and are not listed.
        added: there, but not written by the run: no fault.
    """

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """Return whether every file is as the run left it."""
        return not (self.changed or self.missing)

    def lines(self) -> list[str]:
        """Return one line for each file."""
        changes = (("changed", self.changed), ("missing", self.missing), ("added", self.added))
        return [f"{what}: {on_one_line(name)}" for what, names in changes for name in names]


def _in(name: str, places: Collection[str]) -> bool:
    return any(not place or name == place or name.startswith(f"{place}/") for place in places)


def _sealable(folder: Path) -> dict[str, Path]:
    """Return the files of a result, by their paths in it.

    Raises:
        DataError: something in the folder is a link; names it.
    """
    found = {path.relative_to(folder).as_posix(): path for path in files(folder)}
    return {
        name: path
        for name, path in found.items()
        if not _in(name, _OUTSIDE) and not name.endswith(TEMPORARY)
    }


def _about(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return {"bytes": stream.tell(), "sha256": digest}
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror or err}") from err


def sealed(manifest: Json, table: Json) -> dict[str, Any]:
    """Return the manifest with a table of files and its own hash."""
    content = {name: value for name, value in manifest.items() if name != SEAL}
    content[FILES] = dict(table)
    return {**content, SEAL: canonical_hash(content)}


def added(folder: Path) -> tuple[str, ...]:
    """Return the files of a finished run that it did not write; () where it cannot be known."""
    try:
        manifest = read_manifest(folder)
    except DataError:
        return ()
    if not isinstance(manifest, dict) or FILES not in manifest:
        return ()
    return tuple(sorted(set(_sealable(folder)) - set(manifest[FILES])))


def seal(
    folder: Path,
    manifest: Json,
    *,
    but: Collection[str] = (),
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return the manifest with the hash of every file in the folder.

    Args:
        folder: of the run.
        manifest: of the run.
        but: files that are no part of it.
        only: take these, and files below them, as they are now, all others as they were sealed.

    Raises:
        DataError: a file cannot be read, or is a link.
    """
    there = {name: path for name, path in _sealable(folder).items() if name not in but}
    if only is None:
        return sealed(manifest, {name: _about(path) for name, path in there.items()})
    before = {name: one for name, one in manifest[FILES].items() if not _in(name, only)}
    now = {name: _about(path) for name, path in there.items() if _in(name, only)}
    return sealed(manifest, {**before, **now})


def drawn(manifest: Json) -> tuple[str, ...]:
    """Return the places of a run's reports, which are drawn anew whatever stands there."""
    return tuple(place for report in manifest.get("reports", ()) for place in report["places"])


def read_manifest(folder: Path) -> Any:
    """Return ``manifest.json``, held against its own hash where it has one.

    Raises:
        DataError: it is missing, no JSON, or another than it was when it was sealed.
    """
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror}") from err
    return parse_manifest(text, str(path))


def parse_manifest(text: bytes, where: str) -> Any:
    """Return the manifest that these bytes are; see ``read_manifest``."""
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise DataError(f"{where}: is no JSON: {err}") from err
    if not isinstance(manifest, dict) or not {FILES, SEAL} & set(manifest):
        return manifest
    content = {name: value for name, value in manifest.items() if name != SEAL}
    try:
        same = manifest.get(SEAL) == canonical_hash(content) and json_bytes(manifest) == text
    except RecursionError as err:  # JSON is read deeper than it is written
        raise DataError(f"{where}: is nested too deeply for a run") from err
    if not same:
        raise DataError(f"{where}: changed since the run wrote it (its own checksum differs)")
    table = manifest.get(FILES)
    if not isinstance(table, dict) or not all(_sane(name, one) for name, one in table.items()):
        raise DataError(f"{where}: its list of files is not what a run writes")
    return manifest


def _sane(name: str, about: Any) -> bool:
    path = PurePosixPath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return (
        inside
        and path.as_posix() == name
        and "\\" not in name
        and isinstance(about, dict)
        and type(about.get("bytes")) is int
        and about["bytes"] >= 0
        and re.fullmatch(r"[0-9a-f]{64}", str(about.get("sha256"))) is not None
    )


def look(
    folder: Path, manifest: Json, *, but: Collection[str] = (), only: Collection[str] = ("",)
) -> Findings:
    """Hold the files of a run against its manifest.

    Args:
        folder: of the run.
        manifest: of the run, sealed.
        but: files, and folders of files, that are not looked at.
        only: those that are; "" is the run folder itself.

    Raises:
        DataError: a file cannot be read, or something in the folder is a link.
    """

    def asked(name: str) -> bool:
        return _in(name, only) and not _in(name, but)

    table = {name: one for name, one in manifest[FILES].items() if asked(name)}
    there = {name: path for name, path in _sealable(folder).items() if asked(name)}
    return Findings(
        changed=tuple(n for n in table if n in there and not _as_it_was(there[n], table[n])),
        missing=tuple(n for n in table if n not in there and not _in(n, (WORKING,))),
        added=tuple(sorted(set(there) - set(table))),
    )


def _as_it_was(path: Path, about: Json) -> bool:
    return path.stat().st_size == about["bytes"] and _about(path) == dict(about)


def require_intact(
    folder: Path, manifest: Json, *, but: Collection[str] = (), only: Collection[str] = ("",)
) -> None:
    """Stop where a file of a sealed run is not as the run left it.

    Raises:
        DataError: names each such file.
    """
    if FILES not in manifest:
        return
    found = look(folder, manifest, but=but, only=only)
    if not found.intact:
        listed = ", ".join([*found.changed, *(f"{name} (missing)" for name in found.missing)])
        raise DataError(
            f"{folder}: changed since the run wrote it: {listed}; run the spec again, which mends"
            " it, or put the files back (`atlas verify` lists them)"
        )
