"""Test components against the contract of their kind."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import click
from pydantic import BaseModel, Field, ValidationError

from atlas_core.api import CommandHost, Component, Config, PluginError, SpecError
from atlas_core.command_options import json_option, kind_option
from atlas_core.errors import reported
from atlas_core.installed import core_range_problem
from atlas_core.kinds import KINDS
from atlas_core.progress import Step
from atlas_core.resolver import Resolver
from atlas_core.testing import CheckResult, format_results, run_contract
from atlas_core.testing.offered import components_of

Checked = tuple[str, str, Sequence[CheckResult]]
"""Kind and name of a component, and how it fared."""


@click.command()
@click.argument("names", nargs=-1)
@kind_option("Kind of the named components")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Check every component that the pyproject.toml in this folder offers.",
)
@click.option("--all", "everything", is_flag=True, help="Check every installed component.")
@json_option
@click.pass_obj
def check(
    host: CommandHost,
    *,
    names: tuple[str, ...],
    kind: str | None,
    path: Path | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Test components against the contract of their kind; exit 1 if a check fails."""
    kinds = KINDS if kind is None else (kind,)
    with host.progress(quiet=as_json) as notify, redirect_stdout(sys.stderr):

        def tried(component: Component, own: str) -> Checked:
            line = f"check: {own} {component.name}"
            notify(Step(line, stage="check", brief=True))
            return own, component.name, run_contract(component, own)

        if path is not None:
            found = _of_folder(path, names, kinds)
            checked = [tried(component, own) for own, component in found]
        else:
            checked = list(_of_installed(host.resolver, names, kinds, tried, everything=everything))
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
    blocks = [f"{own} {name}\n{format_results(results)}" for own, name, results in checked]
    failed = any(result.broken for _, _, found in checked for result in found)
    if len(rows) > 1:
        count = sum(len(found) for _, _, found in checked)
        state = "some fail" if failed else "all pass"
        blocks.append(f"{len(rows)} components, {count} checks: {state}")
    host.answer(rows, "\n\n".join(blocks), as_json=as_json)
    if failed:
        sys.exit(1)


def _of_installed(
    resolver: Resolver,
    names: Sequence[str],
    kinds: Sequence[str],
    tried: Callable[[Component, str], Checked],
    *,
    everything: bool,
) -> Iterator[Checked]:
    """Check what was asked for; of all, one that cannot be loaded keeps no other from its turn."""
    offered = [(kind, name) for kind in kinds for name in resolver.names(kind)]
    if unknown := set(names) - {name for _, name in offered}:
        raise SpecError(
            f"check: no component {min(unknown)!r} is installed; `atlas plugins` lists them, and"
            " --path FOLDER checks one that is not installed"
        )
    problems = resolver.problems(kinds) if everything else {}
    for kind, name in offered:
        if problem := problems.get((kind, name)):
            yield kind, name, [CheckResult("loads", "failed", problem, 0.0)]
        elif everything or name in names:
            yield tried(resolver.resolve(kind, name).component, kind)


def _of_folder(
    path: Path, names: Sequence[str], kinds: Sequence[str]
) -> list[tuple[str, Component]]:
    """Return the components of a folder that were asked for; without a name, all of them."""
    offered = [found for found in _offered(path) if found[0] in kinds]
    known = [component.name for _, component in offered]
    if unknown := set(names) - set(known):
        what = "component" if len(kinds) > 1 else kinds[0]
        raise SpecError(
            f"check: {path} offers no {what} {min(unknown)!r}; it offers"
            f" {', '.join(known) or 'none'}"
        )
    return [found for found in offered if not names or found[1].name in names]


class _Project(BaseModel):
    """What is read of the table ``project`` of a pyproject.toml."""

    dependencies: list[str] = []
    entry_points: dict[str, dict[str, str]] = Field({}, alias="entry-points")


def _offered(path: Path) -> list[tuple[str, Component]]:
    """Load the components that a folder's pyproject.toml offers, installed or not."""
    project = path / "pyproject.toml"
    try:
        content = tomllib.loads(project.read_text(encoding="utf-8"))
    except OSError as err:
        raise PluginError(f"{project}: cannot be read: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise PluginError(f"{project}: is no TOML: {err}") from err
    try:
        about = _Project.model_validate(content.get("project", {}))
    except ValidationError as err:
        first = err.errors()[0]
        place = ".".join(map(str, ("project", *first["loc"])))
        raise PluginError(f"{project}: {place}: {first['msg']}") from err
    if problem := core_range_problem(tuple(about.dependencies)):
        raise PluginError(f"{project}: {problem}")
    groups = about.entry_points
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


def command(config: Config) -> click.Command:
    """Return the command ``check``; it has no options of a component."""
    del config
    return check
