"""Write and read files so that a crash leaves the old one or the new one, never half. Light.

Arrays and a note lie in one form of file, whatever it is for: 8 bytes that name the form, a head,
an npz without pickle, and the sha256 of all that stands before it. Nothing is parsed before that
sha256 was held against the bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import psutil

from atlas_core.errors import DataError
from atlas_core.links import TEMPORARY, plain_file


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes the place of ``path`` when the block ends well.

    It has a name of its own until then, which no link can stand under.

    Raises:
        DataError: the folder cannot be written to, or the disk is full; names the path.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY
        )
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes it private to the user
        Path(temporary).replace(path)
        temporary = None
    except OSError as err:
        raise cannot_write(path, err) from err
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        DataError: the folder cannot be written to, or the disk is full; names the path.
    """
    with written(path) as file:
        file.write(content)


def cannot_write(path: Path, err: OSError, option: str = "--out") -> DataError:
    """Return the error of a path that cannot be written: why, and what to do.

    Args:
        path: of the file or folder.
        err: what the system said.
        option: of the command line, which chooses another folder.
    """
    if isinstance(err, FileExistsError | NotADirectoryError):
        why = "a file is where a folder is needed"
    elif isinstance(err, IsADirectoryError):
        return in_the_way(path)
    else:
        why = err.strerror or str(err)
    return DataError(
        f"{path}: cannot be written: {why}; free the disk or choose another folder with {option}"
    )


def in_the_way(path: Path) -> DataError:
    """Return the error of a folder that stands where a file is needed."""
    return DataError(f"{path}: a folder is where a file is needed; delete it or move it away")


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


def utf8(text: str) -> str:
    """Return a text as UTF-8 can hold it: half a character, as of a file name, is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def json_bytes(value: Any) -> bytes:
    """Return ``dump_json`` as UTF-8; half a character, as of a file name, is written escaped."""
    return dump_json(value).encode("utf-8", "backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write plain data as JSON, whole or not at all."""
    write_bytes(path, json_bytes(value))


def as_written(value: Any) -> Any:
    """Return plain data as it will be read back from the JSON that is written of it."""
    return json.loads(json_bytes(value))


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        DataError: the file is missing or no JSON; names it.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        raise DataError(f"{path}: is no JSON: {err}") from err


def canonical_hash(value: Any) -> str:
    """Return the sha256 of plain data, whatever the order of its keys."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


Arrays = Mapping[str, npt.NDArray[Any]]

DROPPED = "dropped and computed anew"
"""Stands in every warning of a stored file that was damaged."""

MAGIC = b"ATLAS\x00\x02\n"
"""The first bytes of a file of arrays; the last but one is the version of the form."""
_DIGEST = 32
_SMALL, _DENSEST = 64 * 2**20, 1000
"""Bytes that any file may unpack to, and how many times its own size a larger one may."""
_COPIES = 3
"""How often an array is in memory while it is read."""


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
    head: dict[str, Any] = {"note": plain(note or {}), "names": sorted(arrays)}
    if compress:
        from pyarrow import Codec

        packed = Codec("zstd", compression_level=3).compress(data, asbytes=True)
        if _may_unpack(len(packed), len(data)):  # else no reader would take it
            head["size"], data = len(data), packed
    text = json.dumps(head, sort_keys=True).encode()
    whole = MAGIC + len(text).to_bytes(8, "little") + text + data
    write_bytes(path, whole + hashlib.sha256(whole).digest())


def _may_unpack(packed: int, size: int) -> bool:
    return size <= max(_SMALL, _DENSEST * packed)


def checked_bytes(path: Path) -> bytes:
    """Return the content of a file that ``write_arrays`` wrote, once its checksum was found right.

    Raises:
        DataError: the file is missing, truncated or damaged; names it.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror or err}") from err
    except MemoryError as err:
        raise DataError(f"{path}: cannot be read: it does not fit into memory") from err
    if content[: len(MAGIC)] != MAGIC:
        raise DataError(f"{path}: damaged, or written by another version of ATLAS")
    if hashlib.sha256(content[:-_DIGEST]).digest() != content[-_DIGEST:]:
        raise DataError(f"{path}: damaged (its checksum differs)")
    return content


def read_arrays(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Read what ``write_arrays`` wrote.

    Raises:
        DataError: the file is missing, truncated or damaged; names it.
    """
    content = checked_bytes(path)
    start = len(MAGIC) + 8
    size = int.from_bytes(content[len(MAGIC) : start], "little")
    # a right checksum says that nothing fell upon the file, not that its maker meant well
    try:
        head = json.loads(content[start : start + size])
        data = content[start + size : -_DIGEST]
        if "size" in head:
            data = _unpacked(data, int(head["size"]))
        arrays = _members(data)
        if sorted(arrays) != head["names"]:
            raise ValueError("an array is missing")
        return arrays, dict(head["note"])
    except (
        ArithmeticError,
        EOFError,
        KeyError,
        MemoryError,
        NotImplementedError,
        OSError,
        RecursionError,
        RuntimeError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
    ) as err:
        text = " ".join(str(err).split()) or type(err).__name__
        raise DataError(f"{path}: is no file of arrays of ATLAS ({text})") from err


def _unpacked(data: bytes, size: int) -> bytes:
    from pyarrow import Codec

    if size < 0 or not _may_unpack(len(data), size):
        raise ValueError(f"it claims to unpack to {size} bytes")
    if size > max(_SMALL, psutil.virtual_memory().available // _COPIES):
        raise MemoryError(f"it unpacks to {size} bytes, for which there is no room")
    unpacked: bytes = Codec("zstd").decompress(data, decompressed_size=size, asbytes=True)
    if len(unpacked) != size:
        raise ValueError("it unpacks to another size than it says")
    return unpacked


def _members(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an npz whose every claim is held against the bytes that are there."""
    found: dict[str, npt.NDArray[Any]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > len(data):
            raise ValueError("two arrays in it share their bytes")
        for info in archive.infolist():
            stored = info.compress_type == zipfile.ZIP_STORED
            if not stored or info.file_size != info.compress_size or info.file_size > len(data):
                raise ValueError(f"{info.filename} is not stored as it is")
            member = io.BytesIO(archive.read(info))
            version = np.lib.format.read_magic(member)
            read_head = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, kind = read_head(member)
            there = info.file_size - member.tell()
            if not _credible(kind, shape, there):
                raise ValueError(f"{info.filename} claims another size than it has")
            member.seek(0)
            found[info.filename.removesuffix(".npy")] = np.lib.format.read_array(
                member, allow_pickle=False
            )
    return found


def _credible(kind: np.dtype[Any], shape: tuple[int, ...], size: int) -> bool:
    """Return whether ``size`` bytes hold an array of this type and shape, and it is of honest size.

    An array of no bytes may have any number of rows, each of which takes time when it is used.
    """
    wide = kind.itemsize * math.prod(max(1, length) for length in shape)
    return (
        not kind.hasobject
        and kind.itemsize > 0
        and kind.itemsize * math.prod(shape) == size
        and (size > 0 or wide <= _SMALL)
    )


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
            made = tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
            self._folder = Path(made)
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
            (self._folder / NOTE).write_bytes(json_bytes(whole))
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
        DataError: the folder is missing, truncated or damaged; names the file.
    """
    try:
        text = plain_file(path / NOTE).read_bytes()
        head = json.loads(text)
        content = {"arrays": head["arrays"], "note": head["note"]}
        whole = {**content, "sha256": canonical_hash(content)}
        if json_bytes(whole) != text:  # as it was written, to the last byte
            raise DataError(f"{path / NOTE}: damaged (its checksum differs)")
        arrays = {name: _mapped(_file(path, name), about) for name, about in head["arrays"].items()}
        return arrays, dict(head["note"])
    except OSError as err:
        raise DataError(f"{err.filename or path}: cannot be read: {err.strerror}") from err
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise DataError(f"{path / NOTE}: damaged ({err})") from err


def _file(folder: Path, name: str) -> Path:
    if not name.isidentifier():
        raise ValueError(f"{name!r} is the name of no array")
    return folder / f"{name}.bin"


def _mapped(file: Path, about: Mapping[str, Any]) -> npt.NDArray[Any]:
    kind, shape = np.dtype(about["type"]), tuple(about["shape"])
    if not _credible(kind, shape, plain_file(file).stat().st_size):
        raise DataError(f"{file}: damaged (it is not as long as it was)")
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != about["sha256"]:
            raise DataError(f"{file}: damaged (its checksum differs)")
    if not file.stat().st_size:  # nothing cannot be mapped
        return np.zeros(shape, kind)
    return np.memmap(file, dtype=kind, mode="r", shape=shape)
