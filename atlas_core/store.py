"""Write and read files so that a crash leaves the old one or the new one, never half. Light."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def cannot_write(path: Path, err: OSError) -> DataError:
    """Return the error of a path that cannot be written: why, and what to do."""
    if isinstance(err, FileExistsError | NotADirectoryError):
        why = "a file stands where a folder is needed"
    else:
        why = err.strerror or str(err)
    return DataError(
        f"{path}: cannot be written: {why}; free the disk or choose another folder with --out"
    )


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


def write_arrays(path: Path, arrays: Arrays, note: Mapping[str, Any] | None = None) -> None:
    """Write arrays, with a note and a checksum, as an uncompressed npz without pickle."""
    body = io.BytesIO()
    # numpy stamps no time into a zip made this way: same arrays, same bytes
    np.savez(body, allow_pickle=False, **dict(arrays))
    data = body.getvalue()
    head = json.dumps(
        {"sha256": hashlib.sha256(data).hexdigest(), "note": plain(note or {})}, sort_keys=True
    ).encode()
    write_bytes(path, len(head).to_bytes(8, "little") + head + data)


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
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}, dict(head["note"])
    except OSError as err:
        raise DataError(f"{path}: cannot be read: {err.strerror}") from err
    except (ValueError, KeyError, TypeError) as err:
        raise DataError(f"{path}: damaged ({err})") from err
