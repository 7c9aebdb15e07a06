"""Render a page of the house style from a template. Light: jinja2 on demand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"
"""``page.css``, which every page includes."""


def render(view: Mapping[str, Any], template: Path) -> str:
    """Return a page; whatever stands in ``view`` is escaped.

    Args:
        view: what the template names.
        template: beside which others lie that it includes; ``page.css`` is found, too.
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
