"""The run folder: what stands where, and what makes it complete. Light.

Everything in it is JSON, YAML, Parquet, SVG, HTML or npz without pickle: reading a folder from a
stranger runs no code.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from atlas_core.context import Notify
from atlas_core.engine.job import Job, JobResult
from atlas_core.engine.result_file import arrays_of, result_of
from atlas_core.errors import AtlasError, DataError
from atlas_core.links import TEMPORARY, append_line, delete, files
from atlas_core.origin import doubt, mark
from atlas_core.rows import UNREADABLE
from atlas_core.seal import (
    FILES,
    MANIFEST,
    SCORED,
    look,
    read_manifest,
)
from atlas_core.store import (
    DROPPED,
    cannot_write,
    checked_bytes,
    in_the_way,
    plain,
    read_arrays,
    write_arrays,
)

LOCK, ASIDE, EXPORTS = ".lock", ".previous", "exports"
FITTED, SCREENS, EVENTS, RESULT = "fitted", "screens", "events.jsonl", "result.npz"
_FOLDERS = ("checkpoints", EXPORTS, FITTED, SCREENS, ASIDE)
_FILES = (
    *(MANIFEST, *SCORED, "audit.json", "records.json", EVENTS, LOCK, UNREADABLE),
    *("spec.yaml", "spec.lock.yaml"),
    *("predictions.parquet", "repeats.parquet", "trust.parquet", "decisions.parquet"),
    "active_learning.parquet",
)


OWN = (*_FILES, *_FOLDERS)
"""Names in the folder that no report may have."""


def slug(name: str) -> str:
    """Return ``name`` as a folder name; two names never share one, whatever the file system."""
    safe = re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip(".-")[:60] or "x"
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run.

    Attributes:
        path: the folder.
    """

    path: Path

    def complete(self, science: str) -> bool:
        """Return whether the run of this science hash has finished."""
        try:
            manifest = read_manifest(self.path)
        except DataError:
            return False
        known = isinstance(manifest, dict) and FILES in manifest
        return known and (manifest.get("status"), manifest.get("science_hash")) == (
            "complete",
            science,
        )

    def damage(self) -> list[str]:
        """Return a line for each file that is not as a finished run left it; [] without one."""
        if not (self.path / MANIFEST).exists():
            return []
        try:
            manifest = read_manifest(self.path)
        except DataError as err:
            return [str(err)]
        if not isinstance(manifest, dict) or FILES not in manifest:
            return []
        found = look(self.path, manifest)
        return [
            *(f"{self.path / name}: changed since the run wrote it" for name in found.changed),
            *(f"{self.path / name}: missing" for name in found.missing),
        ]

    def checkpoints(self, arm: str, fold: str, repeat: int = 1) -> Path:
        """Return where a job keeps its checkpoints."""
        again = () if repeat == 1 else (f"repeat-{repeat}",)
        return self.path.joinpath("checkpoints", slug(arm), slug(fold), *again)

    def fitted(self, arm: str, fold: str) -> Path:
        """Return where the fit of a job is kept."""
        return self.path / FITTED / slug(arm) / slug(fold)

    def keeps(self, arms: Iterable[str], fold: str) -> bool:
        """Return whether the fit of every arm on a fold is kept."""
        return all(self.fitted(arm, fold).is_dir() for arm in arms)

    def require_room(self, files: Iterable[str], folders: Iterable[str]) -> None:
        """Stop, before anything is computed, where a folder keeps a file from being written.

        Raises:
            DataError: a folder stands in place of a file, or the other way about.
        """
        for name in files:
            if (self.path / name).is_dir():
                raise in_the_way(self.path / name)
        for name in folders:
            if (self.path / name).is_file():
                raise DataError(
                    f"{self.path / name}: a file is where a folder is needed; delete it"
                )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out of the folder, but for screens, which have places of their own.

        Raises:
            DataError: the folder cannot be made, or something in it is a link, or stands where
                something else is needed.
            AtlasError: another process is running this spec.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            files(self.path)
            self.require_room(_FILES, _FOLDERS)
            held = FileLock(self.path / LOCK).acquire(timeout=0)
        except Timeout as err:
            raise AtlasError(
                f"{self.path}: another process is running this spec; wait for it"
            ) from err
        except OSError as err:
            raise cannot_write(self.path, err) from err
        with held:
            for path in files(self.path):  # nobody is writing them any more
                if (
                    path.name.endswith(TEMPORARY)
                    and SCREENS not in path.relative_to(self.path).parts[:1]
                ):
                    path.unlink(missing_ok=True)
            yield

    def discard(self) -> None:
        """Delete the folder of a run that failed before anything was computed."""
        kept = [*self.path.glob("checkpoints/**/*.npz"), self.path / ASIDE, self.path / SCREENS]
        if not any(path.exists() for path in [*kept, self.path / "manifest.json"]):
            shutil.rmtree(self.path, ignore_errors=True)

    def forget_replaced(self) -> None:
        """Delete a result that a run put aside and, killed, never came back to."""
        shutil.rmtree(self.path / ASIDE, ignore_errors=True)

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Put an earlier result aside; it comes back when the new one fails.

        Where a run that had put one aside was killed, that one is the earlier result still.
        """
        aside = self.path / ASIDE
        if _status(aside) == "complete" and _status(self.path) != "complete":
            self._move(aside, self.path)
        elif aside.exists():
            shutil.rmtree(aside)
        self._move(self.path, aside)
        try:
            yield
        except BaseException:
            shutil.rmtree(self.path / "checkpoints", ignore_errors=True)
            self._move(aside, self.path)
            raise
        shutil.rmtree(aside)

    @staticmethod
    def _move(source: Path, target: Path) -> None:
        target.mkdir(exist_ok=True)
        for child in sorted(source.iterdir()):
            if child.name not in {LOCK, ASIDE, SCREENS}:
                goal = target / child.name
                if goal.is_dir():
                    shutil.rmtree(goal)
                child.replace(goal)
        if source.name == ASIDE:
            source.rmdir()

    def event(self, kind: str, content: Mapping[str, Any]) -> None:
        """Append a line to events.jsonl.

        Raises:
            DataError: the folder cannot be written to.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": kind, **plain(content)}, sort_keys=True)
        try:
            append_line(self.path / EVENTS, line)
        except OSError as err:
            raise cannot_write(self.path, err) from err

    def stored_result(self, job: Job, notify: Notify) -> JobResult | None:
        """Return a finished job, or None; another than is expected is computed anew, and told."""
        arm, fold, key_file = job.arm.name, job.arm.fold, job.key_file
        path = job.directory / RESULT
        try:
            for fitted in files(self.fitted(arm, fold)) if job.repeat == 1 else ():
                if fitted.suffix == path.suffix:  # the mark beside them is no file of arrays
                    checked_bytes(fitted)
            if key_file is not None and (why := doubt(path.parent, [RESULT], key_file)):
                checked_bytes(path)  # of damage, which says more
                raise DataError(f"{path}: {why}")
            return result_of(*read_arrays(path), job)
        except DataError as err:
            text = str(err)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as err:
            text = f"{path}: is no finished job ({err})"
        self.event("dropped", {"why": text})
        notify(f"job {DROPPED}: {text}")
        delete(path)
        return None


def keep_result(folder: Path, result: JobResult, key_file: Path | None) -> None:
    """Store a finished job under the user's mark: a killed run need not compute it again."""
    arrays, note = arrays_of(result)
    write_arrays(folder / RESULT, arrays, note)
    if key_file is not None:
        mark(folder, sorted(path.name for path in folder.glob("*.npz")), key_file)


def _status(folder: Path) -> str:
    """Return how far the run of a folder came by its own manifest, "" where it has none."""
    try:
        manifest = read_manifest(folder)
    except DataError:
        return ""
    return str(manifest.get("status", "")) if isinstance(manifest, dict) else ""
