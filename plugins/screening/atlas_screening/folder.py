"""The folder of the results: where it lies, and how it is replaced as one. Light."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from atlas_core.engine.folder import SCREENS, slug
from atlas_core.errors import DataError
from atlas_core.links import TEMPORARY
from atlas_core.seal import MANIFEST
from atlas_core.store import cannot_write, in_the_way

try:
    import fcntl
except ImportError:  # there is none on Windows
    fcntl = None  # type: ignore[assignment]

TABLE, TOP, PROBLEMS = "screened.parquet", "top.csv", "unreadable.csv"
PAGE, FACTS = "screen.html", "screen.json"
FILES = (TABLE, TOP, PAGE, PROBLEMS, FACTS)


def default_out(
    run: Path, candidates: Path, *, arm: str | None = None, fold: str | None = None
) -> Path:
    """Return the folder of the results in the run folder, named by what was asked for."""
    listed = candidates.name.removesuffix(".gz").removesuffix(".csv")
    asked = [f"{what}={one}" for what, one in (("arm", arm), ("fold", fold)) if one]
    return run / SCREENS / slug("/".join([listed, *asked]))


@contextmanager
def replaced(out: Path, *, run: Path, candidates: Path) -> Iterator[Path]:
    """Give a folder to write into, whose files take the place of another screen's at the end.

    Args:
        out: folder of the results.
        run: folder of the run, whose files are left alone.
        candidates: file or folder, which is left alone.

    Raises:
        DataError: they would stand among the files of a run, or in the place of the candidates,
            or cannot be written.
    """
    _check(out, run.resolve(), candidates.resolve())
    new = out
    held: int | None = None
    try:
        out.mkdir(parents=True, exist_ok=True)
        _clear(out)
        made = Path(tempfile.mkdtemp(dir=out, prefix=".new."))
        held = hold(made)  # before it has the name under which others look for what was left
        new = made.rename(out / f".screen.{made.name.removeprefix('.new.')}{TEMPORARY}")
        yield new
        (out / FACTS).unlink(missing_ok=True)
        for name in FILES:  # the one that says what they are comes last
            (new / name).replace(out / name)
    except OSError as err:
        raise cannot_write(out, err) from err
    except DataError as err:
        raise DataError(str(err).replace(f"{new}{os.sep}", f"{out}{os.sep}")) from err
    finally:
        if new != out:
            shutil.rmtree(new, ignore_errors=True)
        if held is not None:
            os.close(held)
        with suppress(OSError):  # nothing is left of a screen that failed at once
            out.rmdir()


def _check(out: Path, run: Path, candidates: Path) -> None:
    here = out.resolve()
    inside = here.relative_to(run).parts if here.is_relative_to(run) else None
    if (out / MANIFEST).exists() or (inside is not None and inside[:1] != (SCREENS,)):
        raise DataError(f"{out}: holds files of a run; choose another folder with --out")
    for name in FILES:
        if (out / name).is_dir():
            raise in_the_way(out / name)
        if (here / name) == candidates:
            raise DataError(f"{out / name}: holds the candidates; choose another --out")


def _clear(out: Path) -> None:
    """Delete what screens that were killed have left; what another one writes is held by it."""
    for old in out.glob(f".screen.*{TEMPORARY}"):
        if (free := hold(old)) is not None:
            shutil.rmtree(old, ignore_errors=True)
            os.close(free)


def hold(folder: Path) -> int | None:
    """Return a descriptor that keeps others from holding a folder until it is closed.

    None: another process holds it, or this system cannot tell.
    """
    if fcntl is None:
        return None
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return number
