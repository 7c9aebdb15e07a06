"""Run contracts for ``atlas check``: installed components, or those of a plugin's folder."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from atlas_core.component import Component
from atlas_core.errors import PluginError, SpecError, reported
from atlas_core.kinds import KINDS
from atlas_core.testing import CheckResult, format_results, run_contract
from atlas_core.testing.offered import components_of
from atlas_registry.listing import core_range_problem, installed
from atlas_registry.loading import Registry


def check_components(
    names: Sequence[str], *, kind: str | None, path: Path | None, everything: bool
) -> tuple[list[dict[str, Any]], bool, str]:
    """Return the results as plain data, whether some fail, and the text.

    Raises:
        SpecError: no component named, or an unknown name.
        PluginError: a component cannot be loaded.
    """
    if path is not None:
        checked = [
            (own, component.name, run_contract(component, own))
            for own, component in _of_folder(path, names, kind)
        ]
    else:
        checked = list(_of_installed(names, kind, everything=everything))
    if not checked:
        raise SpecError("name a component, or give --path FOLDER or --all")
    rows = [
        {
            "kind": own,
            "name": name,
            "checks": [{"name": r.name, "outcome": r.outcome, "message": r.message} for r in found],
        }
        for own, name, found in checked
    ]
    blocks = [f"{own} {name}\n{format_results(found)}" for own, name, found in checked]
    failed = any(result.broken for _, _, found in checked for result in found)
    if len(rows) > 1:
        count = sum(len(found) for _, _, found in checked)
        state = "some fail" if failed else "all pass"
        blocks.append(f"{len(rows)} components, {count} checks: {state}")
    return rows, failed, "\n\n".join(blocks)


def _of_installed(
    names: Sequence[str], kind: str | None, *, everything: bool
) -> Iterator[tuple[str, str, Sequence[CheckResult]]]:
    """Yield kind, name and results; of all, one that cannot be loaded keeps no other from its."""
    listed = installed([kind] if kind else KINDS)
    known = {row.name for row in listed}
    if unknown := [name for name in names if name not in known]:
        raise SpecError(
            f"check: no component {unknown[0]!r} is installed; `atlas plugins` lists them, and"
            " --path FOLDER checks one that is not installed"
        )
    registry = Registry()
    asked = [row for row in listed if everything or row.name in names]
    problems = registry.problems(asked) if everything else {}
    for row in asked:
        if problem := problems.get(row):
            yield row.kind, row.name, [CheckResult("loads", "failed", problem, 0.0)]
        else:
            component = registry.resolve(row.kind, row.name).component
            yield row.kind, row.name, run_contract(component, row.kind)


def _of_folder(path: Path, names: Sequence[str], kind: str | None) -> list[tuple[str, Component]]:
    """Return the components of a folder that were asked for; without a name, all of them."""
    offered = [found for found in _offered(path) if kind in {None, found[0]}]
    known = [component.name for _, component in offered]
    if unknown := [name for name in names if name not in known]:
        raise SpecError(
            f"check: {path} offers no {kind or 'component'} {unknown[0]!r}; it offers"
            f" {', '.join(known) or 'none'}"
        )
    return [found for found in offered if not names or found[1].name in names]


def _offered(path: Path) -> list[tuple[str, Component]]:
    """Load the components that a folder's pyproject.toml offers, installed or not."""
    project = path / "pyproject.toml"
    try:
        content = tomllib.loads(project.read_text(encoding="utf-8"))
    except OSError as err:
        raise PluginError(f"{project}: cannot be read: {err.strerror}") from err
    except tomllib.TOMLDecodeError as err:
        raise PluginError(f"{project}: is no TOML: {err}") from err
    about = content.get("project", {})
    if problem := core_range_problem(tuple(about.get("dependencies", ()))):
        raise PluginError(f"{project}: {problem}")
    groups = about.get("entry-points", {})
    folder = str(path.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    out: list[tuple[str, Component]] = []
    for kind in KINDS:
        for name, module in groups.get(f"atlas.{kind}", {}).items():
            try:
                components = components_of(module, kind)
            except (Exception, SystemExit) as err:
                raise PluginError(f"{project}: {kind} {name}: {reported(err)}") from err
            match = [component for component in components if component.name == name]
            if not match:
                raise PluginError(f"{project}: {module} offers no {kind} {name!r}")
            out.append((kind, match[0]))
    if not out:
        raise PluginError(
            f'{project}: no entry point in a group such as [project.entry-points."atlas.uq"]'
        )
    return out
