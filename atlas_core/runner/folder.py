"""The run folder: what stands where, and what makes it complete. Light.

Everything in it is JSON, YAML, Parquet, SVG, HTML or npz without pickle: reading a folder from a
stranger runs no code.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from atlas_core.errors import AtlasError, DataError
from atlas_core.observe import Export, FinishedRun, ReportSection
from atlas_core.resolver import Observers
from atlas_core.runner.cell import CellResult
from atlas_core.spec.plan import Plan
from atlas_core.store import (
    cannot_write,
    plain,
    read_arrays,
    read_json,
    write_arrays,
    write_bytes,
    write_json,
)

LOCK, ASIDE = ".lock", ".previous"
FITTED = "fitted"
NEEDED = ("predictions.parquet", "metrics.json", "records.json", "report.html")


def slug(name: str) -> str:
    """Return ``name`` as a folder name; two names never share one, whatever the file system."""
    safe = re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip(".-")[:60] or "x"
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class RunFolder:
    """Hold the paths of one run.

    Attributes:
        path: the folder.
    """

    path: Path

    def complete(self, science: str) -> bool:
        """Tell whether the run of this science hash has finished and all of it is here."""
        try:
            manifest = read_json(self.path / "manifest.json")
        except DataError:
            return False
        if not isinstance(manifest, dict) or manifest.get("status") != "complete":
            return False
        there = all((self.path / name).is_file() for name in NEEDED)
        return there and manifest.get("science_hash") == science

    def cell(self, arm: str, fold: str) -> Path:
        """Return where a cell keeps its checkpoints."""
        return self.path / "checkpoints" / slug(arm) / slug(fold)

    def fitted(self, arm: str, fold: str) -> Path:
        """Return where the fit of a cell is kept."""
        return self.path / FITTED / slug(arm) / slug(fold)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out of the folder.

        Raises:
            DataError: the folder cannot be made.
            AtlasError: another process is running this spec.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / LOCK).open("w")
        except OSError as err:
            raise cannot_write(self.path, err) from err
        with file:
            try:
                import fcntl
            except ImportError:  # no POSIX: two runs of one spec at once are not guarded there
                yield
                return
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                raise AtlasError(
                    f"{self.path}: another process is running this spec; wait for it"
                ) from err
            yield

    def discard(self) -> None:
        """Delete the folder of a run that failed before anything was computed."""
        kept = [*self.path.glob("checkpoints/**/*.npz"), self.path / ASIDE]
        if not any(path.exists() for path in [*kept, self.path / "manifest.json"]):
            shutil.rmtree(self.path, ignore_errors=True)

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Put an earlier result aside; it comes back when the new one fails."""
        aside = self.path / ASIDE
        if aside.exists():
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
            if child.name not in {LOCK, ASIDE}:
                goal = target / child.name
                if goal.is_dir():
                    shutil.rmtree(goal)
                child.replace(goal)
        if source.name == ASIDE:
            source.rmdir()

    def begin(self, plan: Plan, described: Mapping[str, Any]) -> None:
        """Write the spec as it was read and with every default filled."""
        write_bytes(self.path / "spec.yaml", plan.text.encode())
        body = io.StringIO()
        body.write("# Every default filled; the versions that filled them:\n")
        for chosen in sorted(plan.components(), key=lambda c: (c.kind, c.name)):
            resolved = chosen.resolved
            line = f"# {chosen.kind} {chosen.name}: {resolved.distribution} {resolved.version}\n"
            if line not in body.getvalue():
                body.write(line)
        YAML().dump(plain(described), body)
        write_bytes(self.path / "spec.lock.yaml", body.getvalue().encode())
        self.event("started", {})

    def event(self, kind: str, content: Mapping[str, Any]) -> None:
        """Append a line to events.jsonl.

        Raises:
            DataError: the folder cannot be written to.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": kind, **plain(content)}, sort_keys=True)
        try:
            with (self.path / "events.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as err:
            raise cannot_write(self.path, err) from err

    def keep_cell(self, arm: str, fold: str, result: CellResult) -> None:
        """Store a finished cell, so that a killed run need not compute it again."""
        arrays = {f"columns/{name}": values for name, values in result.columns.items()}
        arrays |= {f"rounds/{name}": values for name, values in result.rounds.items()}
        arrays |= {f"trust/{name}": values for name, values in result.trust.items()}
        note = {"records": result.records, "stages": result.stages}
        write_arrays(self.cell(arm, fold) / "result.npz", arrays, note)

    def stored_cell(self, arm: str, fold: str) -> CellResult | None:
        """Return a finished cell, or None; a damaged one is computed anew."""
        path = self.cell(arm, fold) / "result.npz"
        if not path.exists():
            return None
        try:
            arrays, note = read_arrays(path)
        except DataError as err:
            self.event("dropped", {"why": str(err)})
            path.unlink()
            return None
        parts: dict[str, dict[str, Any]] = {"columns": {}, "rounds": {}, "trust": {}}
        for name, values in arrays.items():
            part, _, column = name.partition("/")
            parts[part][column] = values
        stages = [(str(stage), float(seconds)) for stage, seconds in note["stages"]]
        return CellResult(
            parts["columns"], note["records"], stages, parts["rounds"], parts["trust"]
        )

    def complete_with(
        self, manifest: Mapping[str, Any], observers: Observers, *, status: str = "complete"
    ) -> None:
        """Let observers add files and sections, write the report, then state the ``status``."""
        write_json(self.path / "manifest.json", {**manifest, "status": "reporting"})
        finished = self.finished()
        for exports in observers.call("atlas_run_exports", run=finished):
            for export in exports:
                if not isinstance(export, Export):
                    raise AtlasError(f"an observer exported {export!r}, not an Export")
                write_bytes(self.path / "exports" / export.path, export.content)
        self.report(observers)
        write_json(self.path / "manifest.json", {**manifest, "status": status})
        self.event(status, {"seconds": manifest["seconds"]})

    def report(self, observers: Observers) -> Path:
        """Write report.html from what the folder holds; return its path."""
        from atlas_core.report import write_report

        returned = observers.call("atlas_report_sections", run=self.finished())
        sections: list[ReportSection] = [section for some in returned for section in some]
        path: Path = write_report(self.path, sections=sections)
        return path

    def finished(self) -> FinishedRun:
        """Return what observers are shown.

        Raises:
            DataError: the folder holds no finished run.
        """
        from atlas_core.report.source import checked_run

        return checked_run(self.path)
