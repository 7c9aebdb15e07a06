"""Write and read files so that a crash leaves the old one or the new one, never half. Light."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from atlas_core.errors import DataError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        DataError: the folder cannot be written to, or the disk is full; names the path.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes it private to the user
        Path(temporary).replace(path)
    except OSError as err:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise cannot_write(path, err) from err


def cannot_write(path: Path, err: OSError, option: str = "--out") -> DataError:
    """Return the error of a path that cannot be written: why, and what to do.

    Args:
        path: of the file or folder.
        err: what the system said.
        option: of the command line, which chooses another folder.
    """
    if isinstance(err, FileExistsError | NotADirectoryError):
        why = "a file stands where a folder is needed"
    else:
        why = err.strerror or str(err)
    return DataError(
        f"{path}: cannot be written: {why}; free the disk or choose another folder with {option}"
    )


def link(source: Path, target: Path) -> None:
    """Let ``target`` be the same file as ``source``, or a copy where the disk cannot do that.

    Raises:
        DataError: the folder cannot be written to.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with suppress(OSError):
            target.hardlink_to(source)
            return
        shutil.copyfile(source, target)
    except OSError as err:
        raise cannot_write(target, err) from err


def plain(value: Any) -> Any:
    """Return ``value`` as plain JSON types; NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(content) for key, content in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(content) for content in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def dump_json(value: Any) -> str:
    """Return canonical, readable JSON with a final newline."""
    return json.dumps(plain(value), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write plain data as JSON, whole or not at all."""
    write_bytes(path, dump_json(value).encode())


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        DataError: the file is missing or no JSON; names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror}") from err
    except ValueError as err:
        raise DataError(f"{path}: is no JSON: {err}") from err


def canonical_hash(value: Any) -> str:
    """Return the sha256 of plain data, whatever the order of its keys."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


Arrays = Mapping[str, npt.NDArray[Any]]


def write_arrays(
    path: Path,
    arrays: Arrays,
    note: Mapping[str, Any] | None = None,
    *,
    compress: bool = False,
) -> None:
    """Write arrays, with a note and a checksum, as an npz without pickle; ``compress`` by zstd."""
    body = io.BytesIO()
    # numpy stamps no time into a zip made this way: same arrays, same bytes
    np.savez(body, allow_pickle=False, **dict(arrays))
    data = body.getvalue()
    head: dict[str, Any] = {"note": plain(note or {})}
    if compress:
        from pyarrow import Codec

        head["size"] = len(data)
        data = Codec("zstd", compression_level=3).compress(data, asbytes=True)
    head["sha256"] = hashlib.sha256(data).hexdigest()
    text = json.dumps(head, sort_keys=True).encode()
    write_bytes(path, len(text).to_bytes(8, "little") + text + data)


def read_arrays(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read what ``write_arrays`` wrote.

    Raises:
        DataError: the file is missing, cut short or damaged; names it.
    """
    try:
        content = path.read_bytes()
        size = int.from_bytes(content[:8], "little")
        head = json.loads(content[8 : 8 + size])
        data = content[8 + size :]
        if hashlib.sha256(data).hexdigest() != head["sha256"]:
            raise DataError(f"{path}: damaged (its checksum differs)")
        if "size" in head:
            from pyarrow import Codec

            data = Codec("zstd").decompress(data, decompressed_size=head["size"], asbytes=True)
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}, dict(head["note"])
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror or err}") from err
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as err:
        raise DataError(f"{path}: damaged ({err})") from err


NOTE = "note.json"
"""In a folder of arrays: their types, shapes and checksums, and the caller's note."""


class FolderWriter:
    """Write arrays row after row into a folder from which they can be memory-mapped.

    Every array is one file of its plain bytes; ``note.json`` says what they are. The folder appears
    under its name when it is whole, or not at all: leave the ``with`` block without ``finish`` and
    nothing is left. No pickle, no fsync: a power cut can tear an entry, its checksums tell.

    Raises:
        DataError: the folder cannot be written to, or the disk is full; names the path.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digests: dict[str, Any] = {}
        self._about: dict[str, tuple[str, list[int]]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
            self._folder.chmod(0o755)  # mkdtemp makes it private to the user
        except OSError as err:
            raise cannot_write(path, err, "--cache-dir") from err

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)  # gone already when it was finished

    def append(self, name: str, rows: npt.NDArray[Any]) -> None:
        """Write ``rows`` behind those that the array ``name`` has so far.

        Raises:
            ValueError: it holds Python objects, or its type or width is another than before.
        """
        if rows.dtype.hasobject or not rows.ndim or not name.isidentifier():
            raise ValueError(f"array {name!r}: {rows.dtype} of shape {rows.shape} is not stored")
        kind, shape = self._about.setdefault(name, (rows.dtype.str, [0, *rows.shape[1:]]))
        if kind != rows.dtype.str or shape[1:] != list(rows.shape[1:]):
            raise ValueError(f"array {name!r}: {rows.dtype} {rows.shape} after {kind} {shape}")
        shape[0] += len(rows)
        content = np.ascontiguousarray(rows).reshape(-1).view(np.uint8)
        self._digests.setdefault(name, hashlib.sha256()).update(content)
        try:
            with _file(self._folder, name).open("ab") as file:
                file.write(content.data)
        except OSError as err:
            raise cannot_write(self.path, err, "--cache-dir") from err

    def finish(self, note: Mapping[str, Any]) -> None:
        """Give the folder its name; the same one made by another process meanwhile is kept."""
        arrays = {
            name: {"type": kind, "shape": shape, "sha256": self._digests[name].hexdigest()}
            for name, (kind, shape) in self._about.items()
        }
        content = {"arrays": arrays, "note": plain(note)}
        whole = {**content, "sha256": canonical_hash(content)}
        try:
            (self._folder / NOTE).write_text(dump_json(whole), encoding="utf-8")
            self._folder.rename(self.path)
        except OSError as err:
            if not self.path.is_dir():
                raise cannot_write(self.path, err, "--cache-dir") from err


def write_folder(path: Path, arrays: Arrays, note: Mapping[str, Any] | None = None) -> None:
    """Write whole arrays and a note as ``FolderWriter`` does."""
    with FolderWriter(path) as writer:
        for name, values in arrays.items():
            writer.append(name, values)
        writer.finish(note or {})


def read_folder(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Map the arrays of a folder, read-only, after each file was held against its checksum.

    The check reads every file once (about 1 s for 1 GB) in small pieces. The arrays themselves
    take memory only where they are touched, and processes that map one folder share it.

    Raises:
        DataError: the folder is missing, cut short or damaged; names the file.
    """
    try:
        head = json.loads((path / NOTE).read_text(encoding="utf-8"))
        content = {"arrays": head["arrays"], "note": head["note"]}
        if canonical_hash(content) != head["sha256"]:
            raise DataError(f"{path / NOTE}: damaged (its checksum differs)")
        arrays = {name: _mapped(_file(path, name), about) for name, about in head["arrays"].items()}
        return arrays, dict(head["note"])
    except OSError as err:
        raise DataError(f"{err.filename or path}: cannot be read: {err.strerror}") from err
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise DataError(f"{path / NOTE}: damaged ({err})") from err


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.bin"


def _mapped(file: Path, about: Mapping[str, Any]) -> npt.NDArray[Any]:
    kind, shape = np.dtype(about["type"]), tuple(about["shape"])
    if file.stat().st_size != kind.itemsize * math.prod(shape):
        raise DataError(f"{file}: damaged (it is not as long as it was)")
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != about["sha256"]:
            raise DataError(f"{file}: damaged (its checksum differs)")
    if not file.stat().st_size:  # nothing cannot be mapped
        return np.zeros(shape, kind)
    return np.memmap(file, dtype=kind, mode="r", shape=shape)
