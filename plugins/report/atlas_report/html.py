"""One self-contained page: verdicts, figures, tables, provenance; figures also as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from atlas_core.observe import Export, FinishedRun, ReportSection
from atlas_pages import palette
from atlas_pages.foreign_svg import checked_svg
from atlas_pages.formatting import slug
from atlas_pages.page import render
from atlas_pages.panels import Panel, labeled
from atlas_pages.svg import to_file, with_ids
from atlas_report import metric_labels
from atlas_report.answer import answers, ranking, what_to_do
from atlas_report.arms import arm_view, described
from atlas_report.audit import audit_view
from atlas_report.beside import beside
from atlas_report.data_view import data_view
from atlas_report.decided import decided_views, title
from atlas_report.entries import entries
from atlas_report.error_strip import error_strip
from atlas_report.explorer import explorer
from atlas_report.hooks import NoOptions
from atlas_report.loop import loop_view
from atlas_report.notebook import notebook_card
from atlas_report.provenance import provenance
from atlas_report.source import Source, source_of
from atlas_report.trust import trust_views
from atlas_report.views import COLUMNS, views_of

LABELS = {
    "trust": "use the prediction",
    "verify": "compute or measure the material before using it",
    "defer": "do not even rank materials by it until the model has more training data",
}
"""Each label of a prediction, in words."""
UNFOLDED = 2
"""Arms whose sections are open; of more each is folded under its name."""
TEMPLATE = Path(__file__).parent / "templates" / "report.html.j2"


@dataclass(frozen=True)
class Added:
    """A section that an observer adds."""

    title: str
    paragraphs: tuple[str, ...]
    panels: tuple[Panel, ...]


class HtmlReport:
    """Write ``report.html`` and ``figures/*.svg``."""

    places = ("report.html", "figures")

    def __init__(self, config: NoOptions) -> None:
        """Take no option."""

    def report(self, run: FinishedRun, sections: Sequence[ReportSection]) -> list[Export]:
        """Return the page and each of its figures in the light colors."""
        view = _view(source_of(run), sections)
        page = render({**view, "spec": run.spec}, TEMPLATE).encode("utf-8", "backslashreplace")
        parts = (view[name] for name in ("learning", "views", "data"))
        shared = [part for part in parts if part]
        drawn = _drawn(
            [*shared, *view["decided"], *view["arms"], *view["trust"], *view["sections"]]
        )
        return [
            Export(PurePosixPath("report.html"), page),
            *(Export(PurePosixPath(f"figures/{name}.svg"), svg) for name, svg in drawn.items()),
        ]

    def card(self, run: FinishedRun) -> str:
        """Return the run at a glance, for a notebook."""
        return notebook_card(run)


def _drawn(parts: Iterable[Any]) -> dict[str, bytes]:
    """Return the figures of parts of the page as SVG files, by name."""
    panels = [p for part in parts for p in (*part.panels, *getattr(part, "tables", ()))]
    return {panel.name: to_file(str(panel.svg)).encode() for panel in panels}


def _added(place: int, section: ReportSection) -> Added:
    """Return a section of an observer; a figure that acts or loads is left out, and named."""
    panels, paragraphs = [], list(section.paragraphs)
    for number, figure in enumerate(section.figures):
        name = f"added-{place}-{number}-{slug(figure.title)}"
        try:
            svg = with_ids(checked_svg(figure.svg), name)
        except ValueError as err:
            paragraphs.append(f"The figure {figure.title!r} is left out: {err}.")
            continue
        label = f"{figure.title}. {figure.caption}"
        panels.append(Panel(name, figure.title, labeled(svg, label), figure.caption))
    return Added(section.title, tuple(paragraphs), tuple(panels))


def _view(source: Source, sections: Sequence[ReportSection]) -> dict[str, Any]:
    manifest, every = source.manifest, source
    source = entries(every)
    views, learning = views_of(source), loop_view(every)
    return {
        "name": str(manifest.get("name") or manifest.get("run_id") or "run"),
        "question": " ".join(str(manifest.get("question") or "").split()),
        "atlas": str(manifest.get("atlas") or ""),
        "finished": str(manifest.get("finished") or ""),
        "described": described(every),
        "audit": audit_view(source.audit),
        "answers": answers(source),
        "ranked": ranking(source),
        "strip": error_strip({"": source}),
        "todo": (*what_to_do(every), *([learning.choice] if learning and learning.choice else [])),
        "views": views,
        "folded": len(source.rows) > UNFOLDED,
        "arms": [arm_view(source, arm, alone=k >= COLUMNS) for k, arm in enumerate(source.rows)],
        "beside": beside(every),
        "learning": learning,
        "decided": decided_views(source),
        "decided_title": title(source),
        "asked": source.wording,
        "target": source.target,
        "unit": source.unit,
        "trust": trust_views(source),
        "labels": LABELS,
        "sections": [_added(place, section) for place, section in enumerate(sections, start=1)],
        "explorer": explorer(every),
        "data": data_view(every),
        "provenance": provenance(every),
        "glossary": metric_labels.glossary(source),
        "light": palette.css(0),
        "dark": palette.css(1),
        "classes": source.classes if source.task == "binary" else None,
        "held_out": source.held_out,
        "several_held_out": source.several_held_out,
    }
