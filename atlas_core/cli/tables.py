"""Plain text tables for the terminal. Light: nothing is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atlas_core.printing import on_one_line


def columns(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return rows as aligned columns under a header; the last column is not padded."""
    table = [list(header), *[[on_one_line(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = [
        "  ".join(
            cell if i == len(row) - 1 else cell.ljust(widths[i]) for i, cell in enumerate(row)
        ).rstrip()
        for row in table
    ]
    return "\n".join(lines)


def plugin_table(rows: Sequence[Mapping[str, str]], *, verified: bool) -> str:
    """Return the components as a table, and a last line with their count."""
    if not rows:
        return "no component is installed: pip install -r requirements.txt"
    body = columns(
        [
            (
                row["kind"],
                row["name"],
                row["distribution"],
                row["version"],
                f"BROKEN: {row['problem']}" if row["problem"] else row["summary"],
            )
            for row in rows
        ],
        ("KIND", "NAME", "DISTRIBUTION", "VERSION", "WHAT IT IS"),
    )
    broken = sum(bool(row["problem"]) for row in rows)
    state = f", {broken} broken" if broken or verified else ""
    return f"{body}\n{len(rows)} components{state}"


def size(count: int) -> str:
    """Return a number of bytes in the unit that leaves it digits."""
    if count < 100:
        return f"{count} B"
    if count < 100_000:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
