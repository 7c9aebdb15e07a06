"""What observing hooks are shown, and what they may add. Light."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from atlas_core.data.predictions import Predictions

LONGEST = 255
"""Bytes that a name may have on the file systems of Linux, macOS and Windows."""


_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def strange_name(name: PurePosixPath) -> bool:
    """Tell whether a part of a name is a drive, a device or another name on some system."""
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
        run_id: the folder's name.
        manifest: the content of ``manifest.json``.
        metrics: the content of ``metrics.json``.
        predictions: of every arm, fold and part.
    """

    run_id: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    predictions: Predictions


@dataclass(frozen=True)
class ReportSection:
    """Add a section to a report: a title and paragraphs of plain text (escaped by the host)."""

    title: str
    paragraphs: tuple[str, ...]

    def __post_init__(self) -> None:
        texts = (self.title, *self.paragraphs)
        if isinstance(self.paragraphs, str) or not all(isinstance(text, str) for text in texts):
            raise ValueError("report section: a title and a tuple of texts are needed")


@dataclass(frozen=True)
class Export:
    """Add a file to the run folder, at a relative path below ``exports/``."""

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
