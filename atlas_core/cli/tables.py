"""Plain text tables for the terminal. Light."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import StringIO

from atlas_core.printing import on_one_line

UNLIMITED = 10**6
"""Characters of a line where there is no terminal."""


def columns(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return rows as aligned columns under a header.

    On a terminal the last column is folded to fit; elsewhere each row is one line of any length.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for number, name in enumerate(header, start=1):
        table.add_column(name, no_wrap=number < len(header))
    for row in rows:
        table.add_row(*(Text(on_one_line(cell)) for cell in row))  # brackets in it are no markup
    out = StringIO()
    width = Console().width if sys.stdout.isatty() else UNLIMITED
    Console(file=out, width=width, color_system=None, legacy_windows=False).print(table)
    return "\n".join(map(str.rstrip, out.getvalue().splitlines()))
