"""Tell a fit that this user made from one that came from elsewhere. Light.

A random key lies in the user's own folder, readable by nobody else. Beside a fit stands a mark: a
keyed hash of its files. Who does not have the key cannot make one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from atlas_core.errors import DataError
from atlas_core.store import read_json, write_json

MARK = "origin.json"
_BYTES = 32
WHAT_IT_MEANS = (
    "ATLAS checks its numbers and runs no code from it, but it answers whatever its maker chose;"
    " --trust-fit (trust_fit=True in Python) opens it where you trust who made it, else run its"
    " spec yourself"
)


def mark(folder: Path, files: Iterable[str], key_file: Path) -> str:
    """Write the mark of a fit; return "", or why there is none.

    Args:
        folder: of the fit.
        files: names of its files.
        key_file: of the user's key, which is made where there is none.

    Raises:
        DataError: the folder of the fit cannot be written to.
    """
    try:
        key = _key(key_file) or _new_key(key_file)
    except OSError as err:
        why = err.strerror or str(err)
        return f"{key_file}: {why}: no key of yours, so `atlas screen` will ask for --trust-fit"
    write_json(folder / MARK, {name: _digest(folder / name, key) for name in files})
    return ""


def doubt(folder: Path, files: Iterable[str], key_file: Path | None) -> str:
    """Return "" where this user made a fit and nobody changed it, else what is known of it."""
    try:
        key = None if key_file is None else _key(key_file)
        if key is None or not (folder / MARK).is_file():
            return "it was not made by you on this machine"
        marked = read_json(folder / MARK)
        for name in files:
            said = marked.get(name) if isinstance(marked, dict) else None
            if not isinstance(said, str) or not said.isascii():
                return "its mark is damaged"
            if not hmac.compare_digest(said, _digest(folder / name, key)):
                return "it was not made by you on this machine, or it was changed since"
    except (OSError, RecursionError, DataError) as err:
        return f"its mark cannot be read ({' '.join(str(err).split())})"
    return ""


def _digest(path: Path, key: bytes) -> str:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return hmac.new(key, f"{path.name} {content}".encode(), "sha256").hexdigest()


def _key(path: Path) -> bytes | None:
    """Return the key, or None where there is none, or none that is the user's alone."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe would never end
            raise OSError("the key is no plain file")
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(key) != _BYTES:
        return None
    if os.name == "posix" and (about := path.stat()).st_mode & 0o077:
        if about.st_uid != os.getuid():
            return None
        path.chmod(0o600)
    return key


def _new_key(path: Path) -> bytes:
    """Make a key; of two processes that do so at once, both return the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:  # mkstemp makes it private to the user
            file.write(secrets.token_bytes(_BYTES))
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    if (key := _key(path)) is None:
        raise OSError(f"{path}: is no key of yours; delete it")
    return key
