"""What observing hooks are shown, and what they may add. Light."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy.typing as npt

from atlas_core.data.assessments import Assessments
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.errors import DataError

LONGEST = 255
"""Bytes that a name may have on the file systems of Linux, macOS and Windows."""


_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def strange_name(name: PurePosixPath) -> bool:
    """Return whether a part of a name is a drive, a device or another name on some system."""
    return (
        any(
            _DEVICE.fullmatch(part) or part.endswith((" ", ".")) or ":" in part
            for part in name.parts
        )
        or not str(name).isprintable()
    )


@dataclass(frozen=True)
class RunInfo:
    """Name a run that starts: its id and its spec with every default filled."""

    run_id: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class StageInfo:
    """Name a stage that ended; ``arm`` and ``fold`` are "" where the stage has none."""

    run_id: str
    stage: str
    arm: str
    fold: str
    seconds: float


@dataclass(frozen=True)
class FinishedRun:
    """Show a finished run.

    Attributes:
        folder: where it stands.
        manifest: the content of ``manifest.json``.
        metrics: the content of ``metrics.json``.
        predictions: of every arm, fold and part.
        repeats: likewise, row for row, of the second training of each arm, the third and so on;
            () of a run that trains once.
        records: the content of ``records.json``.
        rounds: columns of ``active_learning.parquet`` by name; {} without a loop.
        trust: what each trust method says of each prediction; None where no arm has one.
        exam: the content of ``exam.json``, by arm; {} where no arm has a trust method.
        verdict: the content of ``verdict.json``, by arm: grade, texts and findings.
        audit: the content of ``audit.json``; {} for a run without a split audit.
        decisions: the predictions held against a border; None without a reference.
        reused: whether its result was stored before.
    """

    folder: Path
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    predictions: Predictions
    repeats: Sequence[Predictions] = ()
    records: Sequence[Mapping[str, Any]] = ()
    rounds: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    trust: Assessments | None = None
    exam: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    verdict: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    audit: Mapping[str, Any] = field(default_factory=dict)
    decisions: Decisions | None = None
    reused: bool = False

    @property
    def run_id(self) -> str:
        """Return the folder's name."""
        return self.folder.name

    @property
    def spec(self) -> str:
        """Return the text of ``spec.lock.yaml``: the spec with every default; "" without one.

        Raises:
            DataError: it cannot be read.
        """
        lock = self.folder / "spec.lock.yaml"
        try:
            return lock.read_text(encoding="utf-8") if lock.exists() else ""
        except (OSError, UnicodeDecodeError) as err:
            raise DataError(f"{lock}: cannot be read: {err}") from err

    @property
    def report(self) -> Path | None:
        """Return what a reader opens of the spec's first report; None of a run without one."""
        reports = self.manifest.get("reports")
        return self.folder / reports[0]["places"][0] if reports else None

    @property
    def arms(self) -> tuple[str, ...]:
        """Return the arms in the order of the spec, which survives in the rows alone."""
        return tuple(dict.fromkeys(self.predictions.arm.tolist()))

    @property
    def audited(self) -> dict[str, Mapping[str, Any]]:
        """Return {fold: its figures} of the split audit; {} where there was none."""
        return {fold["fold"]: fold["figures"] for fold in self.audit.get("folds") or ()}


def held_out_classes(split: Mapping[str, Any] | None) -> dict[str, str]:
    """Return {fold: its held-out class in words}; folds that hold nothing out are left out.

    Args:
        split: what the manifest says of it.
    """
    folds = (split or {}).get("folds") or ()
    named = {str(fold.get("name") or ""): str(fold.get("held_out") or "") for fold in folds}
    return {fold: text for fold, text in named.items() if text}


def held_out(split: Mapping[str, Any] | None) -> str:
    """Return all held-out classes of a run in words, "" where nothing is held out.

    A figure over all folds is about all of them, so no single one may name it.
    """
    return "; ".join(dict.fromkeys(held_out_classes(split).values()))


@dataclass(frozen=True)
class ReportFigure:
    """Add a figure to a section of a report.

    Attributes:
        title: a few words of plain text.
        svg: an SVG as matplotlib writes it, or as ``atlas_pages.svg.to_svg`` returns it in the
            colors of the page. A page leaves out one that runs a script or refers to what is
            outside it, and says so.
        caption: what it shows and how to read it, in plain text.
    """

    title: str
    svg: str
    caption: str

    def __post_init__(self) -> None:
        if not all(isinstance(text, str) for text in (self.title, self.svg, self.caption)):
            raise ValueError("report figure: title, svg and caption are texts")


@dataclass(frozen=True)
class ReportSection:
    """Add a section to a report: title and paragraphs of plain text (the host escapes them)."""

    title: str
    paragraphs: tuple[str, ...]
    figures: tuple[ReportFigure, ...] = ()

    def __post_init__(self) -> None:
        texts = (self.title, *self.paragraphs)
        if isinstance(self.paragraphs, str) or not all(isinstance(text, str) for text in texts):
            raise ValueError("report section: a title and a tuple of texts are needed")
        if not all(isinstance(figure, ReportFigure) for figure in self.figures):
            raise ValueError("report section: its figures are ReportFigure")


@dataclass(frozen=True)
class Export:
    """Add a file to the run folder, at a relative path: of an observer below ``exports/``."""

    path: PurePosixPath
    content: bytes

    def __post_init__(self) -> None:
        if self.path.is_absolute() or ".." in self.path.parts or not self.path.parts:
            raise ValueError(f"export path {self.path} must be relative, without '..'")
        text = str(self.path)
        if strange_name(self.path):
            raise ValueError(f"export path {text[:80]!r}: some systems read that name otherwise")
        if any(len(os.fsencode(part)) > LONGEST for part in self.path.parts):
            raise ValueError(f"export path {text[:80]!r}...: no file can have that name")
        if not isinstance(self.content, bytes):
            raise ValueError(f"export {self.path}: its content is no bytes")
