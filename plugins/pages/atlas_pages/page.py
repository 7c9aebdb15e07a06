"""Render a page of the house style from a template. Light: jinja2 on demand."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from atlas_pages.formatting import fixed
from atlas_pages.tables import titled
from atlas_pages.unseen import with_numbers

TEMPLATES = Path(__file__).parent / "templates"
"""``page.css``, which every page includes."""


SCRIPT = Markup((TEMPLATES / "page.js").read_text(encoding="utf-8"))  # noqa: S704 - our own file
"""The one script of a page: it sorts, filters and takes along what stands there without it, too."""
POLICY = "sha256-" + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
"""What a page's Content-Security-Policy says of it: no other script runs."""


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
    environment.filters["grouped"] = lambda n: fixed(n, 0)
    own = {"script": SCRIPT, "script_policy": POLICY}
    page = environment.get_template(template.name).render({**own, **view})
    return titled(with_numbers(page))
