"""Keep every file that is read or written inside its own folder: no link leads out. Light.

A run folder may come from a stranger, and a cache may lie where others write. Below such a folder
only plain files and plain folders are followed; a link, a pipe or a device is refused by its name.
The folder itself may be a link: its owner named it.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from atlas_core.errors import DataError

TEMPORARY = ".atlas-tmp"
"""How the names of files end that are being written; one that is left belonged to a killed run."""


def refuse(path: Path, mode: int) -> DataError:
    """Return the error of a path that is neither a plain file nor a plain folder."""
    if stat.S_ISLNK(mode):
        try:
            target = f" to {path.readlink()}"
        except OSError:
            target = ""
        return DataError(
            f"{path}: is a link{target}; a link is never followed here: delete it, or put the file"
            " itself in its place"
        )
    if stat.S_ISDIR(mode):
        return DataError(f"{path}: is a folder, not a file; delete it")
    return DataError(f"{path}: is no plain file or folder; delete it")


def walk(root: Path) -> Iterator[tuple[Path, int]]:
    """Yield what lies below a folder, with the mode of each; links are not followed."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            listed = sorted(folder.iterdir())
        except FileNotFoundError:
            continue
        except OSError as err:
            raise DataError(f"{folder}: cannot be read: {err.strerror}") from err
        for path in listed:
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:  # another process ended meanwhile
                continue
            except OSError as err:
                raise DataError(f"{path}: cannot be read: {err.strerror}") from err
            yield path, mode
            if stat.S_ISDIR(mode):
                waiting.append(path)


def files(root: Path) -> list[Path]:
    """Return the plain files below a folder, sorted.

    Raises:
        DataError: something there is a link, a pipe or a device; names it.
    """
    found = []
    for path, mode in walk(root):
        if stat.S_ISREG(mode):
            found.append(path)
        elif not stat.S_ISDIR(mode):
            raise refuse(path, mode)
    return sorted(found)


def plain_file(path: Path) -> Path:
    """Return ``path``, once it is known to be a plain file: a pipe would never end.

    Raises:
        DataError: it is a link, a folder, a pipe or a device.
        OSError: it is not there.
    """
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode):
        raise refuse(path, mode)
    return path


def delete(path: Path) -> None:
    """Delete a folder or a file; it may be gone already."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def below(root: Path, path: Path) -> Path:
    """Return ``path``, below ``root``, once no step on the way there is a link.

    Raises:
        DataError: a step is a link, or no plain file or folder; names it.
    """
    here = root
    for step in path.relative_to(root).parts:
        here = here / step
        try:
            mode = here.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            break
        except OSError as err:
            raise DataError(f"{here}: cannot be read: {err.strerror}") from err
        if step == ".." or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise refuse(here, mode)
    return path


def append_line(path: Path, line: str) -> None:
    """Append a line to a plain file that has this one name, made where it is not there.

    Raises:
        DataError: it is a link, a pipe or a device.
        OSError: it cannot be written.
    """
    flags = os.O_CREAT | os.O_CLOEXEC | os.O_WRONLY | os.O_APPEND
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    if path.is_symlink():
        raise refuse(path, stat.S_IFLNK)
    number = os.open(path, flags, 0o644)
    with os.fdopen(number, "ab") as file:
        mode = os.fstat(number).st_mode
        if not stat.S_ISREG(mode):
            raise refuse(path, mode)
        if os.fstat(number).st_nlink > 1:
            raise DataError(
                f"{path}: has a second name elsewhere (a hard link), which would be written, too;"
                " copy the folder"
            )
        file.write(line.encode("utf-8", "backslashreplace") + b"\n")
