r'''The ``report`` kind: turn a finished run into files. Light: numpy only.

A whole plugin, in a module ``atlas_lines``::

    """Every metric in a line of text."""

    from pathlib import PurePosixPath

    from atlas_core.api import Component, Config, Export, Field, hookimpl


    class LinesConfig(Config):
        """How the lines are written."""

        digits: int = Field(3, ge=1, le=15, description="Digits of each value.")


    class Lines:
        """Write metrics as text."""

        places = ("lines.txt",)

        def __init__(self, config):
            self.digits = config.digits

        def report(self, run, sections):
            lines = []
            for arm in run.arms:
                for part, scored in run.metrics["arms"][arm]["parts"].items():
                    for name, entry in scored["metrics"].items():
                        value = f"{entry['value']:.{self.digits}g}"
                        lines.append(f"{arm}, {part}: {name} {value}")
            return [Export(PurePosixPath("lines.txt"), "\n".join(lines).encode())]


    @hookimpl
    def atlas_report():
        return [Component("lines", LinesConfig, Lines)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.report"]
    lines = "atlas_lines"

With ``reports: [html, lines]`` in a spec, ``lines.txt`` then stands in the run folder.
'''

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from atlas_core.kinds.kind import Kind
from atlas_core.observe import Export, FinishedRun, ReportSection


@runtime_checkable
class Reporter(Protocol):
    """Turn a finished run into files of the run folder, the same bytes each time.

    Attributes:
        places: names at the top of the run folder that this reporter writes and nobody else does:
            a file, whose name has an ending, or a folder, whose name has none. The first is what
            a reader opens.

    It may also have ``card(run) -> str``: HTML of the run at a glance, for a notebook.
    """

    places: tuple[str, ...]

    def report(self, run: FinishedRun, sections: Sequence[ReportSection]) -> Sequence[Export]:
        """Return the files; each is, or lies in, one of ``places``.

        The run may have been read from a folder that somebody else made: names of materials, arms
        and classes are any text, and must do no harm in a page or a spreadsheet.

        Args:
            run: the finished run; only read.
            sections: what observers add, for a format that can show it.
        """
        ...


KIND = Kind(
    "report",
    Reporter,
    place="run",
    key="reports",
    description="Reports to write of the finished run; [] for the tables only.",
    many=True,
    default=("html",),
)
