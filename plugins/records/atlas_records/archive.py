"""Pack a finished run into one file, and hold such a file against its own manifest. Light.

The file is a zip of plain files in one folder; the same run gives the same bytes. One from a
stranger is read, never unpacked: every name and every size that it claims is checked before.
"""

from __future__ import annotations

import hashlib
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from atlas_core.api import DataError
from atlas_core.observe import strange_name
from atlas_core.seal import FILES, MANIFEST, WORKING, Findings, look, parse_manifest, read_manifest
from atlas_core.store import written

SUFFIX = ".zip"
MOST_FILES = 100_000
MOST_BYTES = 64 * 2**30
"""Of all files of an archive, unpacked."""
_MOST_MANIFEST = 64 * 2**20
_DENSEST = 1100
"""How many times its own size a deflated file can unpack to: the format allows 1032."""
_PIECE = 2**20
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def finished_manifest(manifest: Any, where: str) -> dict[str, Any]:
    """Return the manifest of a run that has finished and says what its files are.

    Raises:
        DataError: it has not, or says nothing of them.
    """
    if not isinstance(manifest, dict):
        raise DataError(f"{where}: is not the manifest of a run")
    if FILES not in manifest:
        why = (
            "was made by another version of ATLAS: its manifest has no checksums, nothing tells"
            " whether its files were changed"
            if manifest.get("status") == "complete"
            else "has not finished; run its spec again"
        )
        raise DataError(f"{where}: this run {why}")
    return manifest


def archive_name(manifest: dict[str, Any]) -> str:
    """Return how the archive of a run, and the folder in it, is named."""
    name = str(manifest.get("run_id"))
    return name if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,150}", name) else "run"


def export(folder: Path, out: Path) -> dict[str, Any]:
    """Write a run as one file, whole or not at all; return what went into it.

    What the run itself wrote goes in, but for the working files of its training, which nobody
    needs any more. The data are not in it.

    Raises:
        DataError: a file is not as the run left it, or the archive cannot be written.
    """
    manifest = finished_manifest(read_manifest(folder), str(folder))
    found = look(folder, manifest, but=(WORKING,))
    if not found.intact:
        listed = ", ".join((*found.changed, *found.missing))
        raise DataError(
            f"{folder}: changed since the run wrote it: {listed}; run the spec again, which mends"
            " it, and export then"
        )
    table = {n: one for n, one in manifest[FILES].items() if not n.startswith(f"{WORKING}/")}
    if clash := _clash([MANIFEST, *table]):
        raise DataError(f"{folder}: {clash[0]!r} and {clash[1]!r} are one file on some systems")
    top = archive_name(manifest)
    with written(out) as file, zipfile.ZipFile(file, "w") as archive:
        for name in sorted([MANIFEST, *table]):
            info = zipfile.ZipInfo(f"{top}/{name}", _LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.file_size = (folder / name).stat().st_size
            with (folder / name).open("rb") as source, archive.open(info, "w") as target:
                digest, _ = _copied(source, target)
            if name in table and digest != table[name]["sha256"]:
                raise DataError(f"{folder / name}: changed while it was read")
    return {
        "file": str(out),
        "bytes": out.stat().st_size,
        "files": len(table) + 1,
        "left_out": list(found.added),
    }


def _pieces(source: IO[bytes], most: int) -> Iterator[bytes]:
    while most > 0 and (piece := source.read(min(_PIECE, most))):
        most -= len(piece)
        yield piece


def _copied(source: IO[bytes], target: IO[bytes] | None, most: int = 2**62) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(source, most):
        digest.update(piece)
        size += len(piece)
        if target is not None:
            target.write(piece)
    return digest.hexdigest(), size


_BROKEN = (
    EOFError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def verify_archive(path: Path) -> tuple[dict[str, Any], Findings]:
    """Return the manifest of an archive, and which of its files are not as the run left them.

    Nothing is written.

    Raises:
        DataError: it is no archive of a run, or claims what no such archive has.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members, top = _members(path, archive)
            text = _read(archive, members[MANIFEST], _MOST_MANIFEST)
            manifest = parse_manifest(text, f"{path}: {top}/{MANIFEST}")
            table = finished_manifest(manifest, str(path))[FILES]
            changed = [
                n for n in table if n in members and not _same(archive, members[n], table[n])
            ]
    except _BROKEN as err:
        text_of = " ".join(str(err).split()) or type(err).__name__
        raise DataError(f"{path}: is no archive of a run, or damaged ({text_of})") from err
    return manifest, Findings(
        changed=tuple(changed),
        missing=tuple(n for n in table if n not in members and not n.startswith(f"{WORKING}/")),
        added=tuple(sorted(set(members) - set(table) - {MANIFEST})),
    )


def _members(path: Path, archive: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], str]:
    """Return the files of an archive by their paths in the run, and the name of its folder."""
    listed = archive.infolist()
    if len(listed) > MOST_FILES:
        raise DataError(f"{path}: holds {len(listed)} files, more than {MOST_FILES}")
    claimed = sum(info.file_size for info in listed)
    if claimed > MOST_BYTES:
        raise DataError(f"{path}: claims {claimed} bytes unpacked, more than {MOST_BYTES}")
    found: dict[str, zipfile.ZipInfo] = {}
    tops = set()
    for info in listed:
        where = f"{path}: {info.orig_filename!r}"
        name = PurePosixPath(info.filename)
        plain = info.filename == info.orig_filename == name.as_posix() and "\\" not in info.filename
        if not plain or name.is_absolute() or ".." in name.parts or len(name.parts) < 2:
            raise DataError(f"{where} is no path inside a run; do not unpack this file")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
            raise DataError(f"{where} is no plain file; do not unpack this file")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{where} is packed in another way than ATLAS does")
        if info.file_size > _DENSEST * info.compress_size + _PIECE:
            raise DataError(f"{where} claims {info.file_size} bytes, which cannot be in it")
        tops.add(name.parts[0])
        inside = "/".join(name.parts[1:])
        if strange_name(name):
            raise DataError(f"{where} is a name that some systems read otherwise; do not unpack it")
        if inside in found:
            raise DataError(f"{where} is there twice; do not unpack this file")
        found[inside] = info
    if clash := _clash(found):
        raise DataError(
            f"{path}: {clash[0]!r} and {clash[1]!r} unpack to one place on some systems; do not"
            " unpack this file"
        )
    if len(tops) != 1 or MANIFEST not in found:
        raise DataError(f"{path}: is no archive of one run: one folder with a {MANIFEST} is wanted")
    return found, tops.pop()


def _clash(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two names of which one overwrites, or lies below, the other on some system."""

    def folded(name: str) -> str:
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

    places: dict[str, str] = {}
    for name in names:
        if (other := places.setdefault(folded(name), name)) != name:
            return other, name
    for name in names:
        for parent in PurePosixPath(folded(name)).parents:
            if (other := places.get(parent.as_posix(), name)) != name:
                return other, name
    return None


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    if info.file_size > most:
        raise DataError(f"{info.filename}: claims {info.file_size} bytes, more than {most}")
    with archive.open(info) as source:
        return b"".join(_pieces(source, info.file_size))


def _same(archive: zipfile.ZipFile, info: zipfile.ZipInfo, about: dict[str, Any]) -> bool:
    if info.file_size != about["bytes"]:
        return False
    try:
        with archive.open(info) as source:
            return _copied(source, None, info.file_size) == (about["sha256"], about["bytes"])
    except _BROKEN:  # its own checksum, or its packing, is damaged: it is not as it was
        return False
