"""Write the report of a run folder: one self-contained page, and its figures as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atlas_core import exam_words
from atlas_core.observe import ReportSection
from atlas_core.report import palette, words
from atlas_core.report.arms import arm_view, card, described
from atlas_core.report.audit import AuditView, audit_view
from atlas_core.report.beside import beside
from atlas_core.report.loop import loop_view
from atlas_core.report.provenance import provenance
from atlas_core.report.source import Source, foreign, read_run
from atlas_core.report.svg import to_file
from atlas_core.report.trust import trust_views
from atlas_core.store import write_bytes
from atlas_core.verdict import held_out_classes

TEMPLATES = Path(__file__).parent / "templates"


def write_report(folder: Path, sections: Sequence[ReportSection] = ()) -> Path:
    """Write ``report.html`` and ``figures/*.svg`` into a run folder; the same bytes each time.

    Args:
        folder: of a finished run: manifest.json, metrics.json and predictions.parquet; where they
            exist also records.json, active_learning.parquet and spec.lock.yaml.
        sections: what plug-ins add, shown before the provenance; their text is escaped.

    Returns:
        The path of ``report.html``.

    Raises:
        DataError: a file is missing or cannot be read, or the folder cannot be written to.
    """
    source = read_run(folder)
    with foreign(folder):
        view = _view(source, sections, audit_view(folder))
        plates = [p for arm in view["arms"] for p in (*arm.plates, *arm.tables)]
        plates += view["learning"].plates if view["learning"] else ()
        plates += [p for trust in view["trust"] for p in trust.plates]
        drawn = {plate.name: to_file(str(plate.svg)).encode() for plate in plates}
        page = render(view, TEMPLATES / "report.html.j2").encode("utf-8", "backslashreplace")
    for name, svg in drawn.items():
        write_bytes(folder / "figures" / f"{name}.svg", svg)
    path = folder / "report.html"
    write_bytes(path, page)
    return path


def _view(
    source: Source, sections: Sequence[ReportSection], audit: AuditView | None
) -> dict[str, Any]:
    manifest = source.manifest
    return {
        "name": str(manifest.get("name") or manifest.get("run_id") or "run"),
        "question": " ".join(str(manifest.get("question") or "").split()),
        "atlas": str(manifest.get("atlas") or ""),
        "finished": str(manifest.get("finished") or ""),
        "described": described(source),
        "audit": audit,
        "cards": [card(source, arm) for arm in source.rows],
        "arms": [arm_view(source, arm) for arm in source.rows],
        "beside": beside(source),
        "learning": loop_view(source),
        "trust": trust_views(source),
        "labels": exam_words.LABELS,
        "sections": list(sections),
        "provenance": provenance(source),
        "glossary": [(m.label, m.meaning) for m in words.METRICS.values()],
        "light": palette.css(0),
        "dark": palette.css(1),
        "binary": source.task == "binary",
        "held_out": source.held_out,
        "several_held_out": len(set(held_out_classes(manifest).values())) > 1,
    }


def render(view: Mapping[str, Any], template: Path) -> str:
    """Return a page of the house style; whatever stands in ``view`` is escaped.

    Args:
        view: what the template names.
        template: beside which others lie that it includes; ``report.css`` is found, too.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template.name).render(view)
