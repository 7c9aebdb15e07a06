"""The ``atlas`` command. Light: click only; a command imports its parts when it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import click

from atlas_core import __version__
from atlas_core.cli.console import echo
from atlas_core.cli.door import Atlas
from atlas_core.cli.keeping import export, verify
from atlas_core.errors import SpecError
from atlas_core.kinds import KINDS
from atlas_core.python.machine import cache_folder, key_file


def _answer(value: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Print the answer on stdout: as JSON for a script, else as text."""
    from atlas_core.store import plain

    echo(json.dumps(plain(value), indent=1) if as_json else text())


@click.group(cls=Atlas, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="atlas")
@click.option(
    "--debug", is_flag=True, help="Show the traceback of an error (also after a command)."
)
def main(debug: bool) -> None:
    """Say when a materials-property model may be believed.

    A spec names a data set, a split and arms (featurizer, model, uncertainty, calibrator, OOD
    detector); `atlas run` composes them and writes a report.
    """
    del debug  # handled before click sees it


_set = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change one value of the spec, such as arms.cgcnn.model.options.epochs=5; nothing after"
    " the = takes the key out: arms.cgcnn= leaves that arm out. An entry of a list is named by its"
    " place, from 0: arms.forest.featurizer.1=stoichiometry.",
)
_spec = click.argument("spec", type=click.Path(path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
_data_dir = click.option(
    "--data-dir",
    envvar="ATLAS_DATA",
    type=click.Path(path_type=Path),
    help="Folder with local copies of data files; also ATLAS_DATA.",
)
_cache_dir = click.option(
    "--cache-dir",
    envvar="ATLAS_CACHE",
    type=click.Path(path_type=Path),
    help="Folder for features, fits and downloads; also ATLAS_CACHE. Default: the user's cache"
    " folder.",
)
_offline = click.option("--offline", is_flag=True, help="Refuse downloads.")


@main.command()
@_spec
@_set
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder that run folders go into.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Cells (arm x fold) that are computed at a time; each gets its part of the cores.",
)
@click.option(
    "--executor",
    metavar="NAME",
    default="local",
    show_default=True,
    help="Where cells are computed: `atlas plugins --kind executor` lists the places.",
)
@click.option(
    "--executor-set",
    "executor_settings",
    multiple=True,
    metavar="OPTION=VALUE",
    help="An option of the executor.",
)
@click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:<number>."
)
@_data_dir
@_cache_dir
@_offline
@click.option(
    "--force",
    is_flag=True,
    help="Train and compute anew although a stored result or fit is there; features stay.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with an unfinished run, and refuse to start a new one. (Without this flag an"
    " unfinished run is gone on with, too.)",
)
@click.option(
    "--save-fitted/--no-save-fitted",
    default=None,
    help="Keep the fitted arms in the run folder, for `atlas screen`. Default: where the split has"
    " one fold and an arm takes at most 256 MB.",
)
@click.option(
    "-q",
    "--quiet",
    is_flag=True,
    help="Say nothing on stderr but errors and what lowers a verdict.",
)
@_json
def run(
    *,
    spec: Path,
    overrides: tuple[str, ...],
    out: Path,
    workers: int,
    executor: str,
    executor_settings: tuple[str, ...],
    device: str,
    data_dir: Path | None,
    cache_dir: Path | None,
    offline: bool,
    force: bool,
    resume: bool,
    save_fitted: bool | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run SPEC and print the verdicts and the path of the report."""
    from atlas_core.cli.progress import note, progress, warn
    from atlas_core.cli.verdicts import answer
    from atlas_core.engine.machine import choose_device
    from atlas_core.engine.options import RunOptions
    from atlas_core.engine.run import run as run_plan
    from atlas_core.spec.load import load_plan, resolve_one
    from atlas_registry.loading import Registry

    if force and resume:
        raise SpecError("--force and --resume: give one of them")
    if data_dir is not None and not data_dir.is_dir():
        raise SpecError(f"--data-dir {data_dir}: no such folder")
    # told also where quiet is asked: something that was installed on purpose is left out
    registry = Registry(warn)
    plan = load_plan(spec, registry, overrides=overrides)
    place = resolve_one("executor", executor, executor_settings, registry).build()
    watching = registry.observers(warn)
    with closing(watching) as observers, progress(quiet=quiet) as tell:
        options = RunOptions(
            out=out,
            cache_dir=cache_folder(cache_dir),
            data_dir=data_dir,
            workers=workers,
            device=choose_device(device),
            force=force,
            resume=resume,
            offline=offline,
            save_fitted=save_fitted,
            key_file=key_file(),
            tell=tell,
        )
        with redirect_stdout(sys.stderr):  # what a component prints is no answer
            outcome = run_plan(plan, options, observers=observers, executor=place)
    notes, value, text = answer(outcome)
    for line in notes if not (quiet or outcome.reused) else ():
        note(line)
    for line in value["cautions"]:
        warn(line)
    _answer(value, as_json, lambda: text)


@main.command()
@_spec
@_set
@_data_dir
@_cache_dir
@_json
def validate(
    *,
    spec: Path,
    overrides: tuple[str, ...],
    data_dir: Path | None,
    cache_dir: Path | None,
    as_json: bool,
) -> None:
    """Check SPEC, its mistakes together, and its data where they are at hand; nothing is trained.

    Exit code 2 where the spec is wrong, 4 where its data do not do for it.
    """
    from atlas_core.cli.progress import warn
    from atlas_core.cli.validating import look_ahead
    from atlas_core.spec.load import load_plan
    from atlas_registry.loading import Registry

    plan = load_plan(spec, Registry(warn), overrides=overrides)
    with redirect_stdout(sys.stderr):
        ahead = look_ahead(plan, data_dir=data_dir, cache_dir=cache_folder(cache_dir))
    arms = f"{len(plan.arms)} {'arm' if len(plan.arms) == 1 else 'arms'}: {', '.join(plan.arms)}"
    _answer(
        {
            "valid": True,
            "spec": plan.describe(),
            "folds": ahead.folds,
            "unchecked": ahead.unchecked,
            "warnings": ahead.warnings,
        },
        as_json,
        lambda: "\n".join([f"{spec}: valid, {arms}", *ahead.lines]),
    )


@main.command()
@click.option("--kind", type=click.Choice(KINDS), help="Only this kind.")
@click.option(
    "--verify",
    is_flag=True,
    help="Import each one, and each observer, in a process of its own, and report the broken; exit"
    " 1 if any is.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="With --verify: one whose import takes longer is broken.",
)
@_json
def plugins(*, kind: str | None, verify: bool, timeout: float, as_json: bool) -> None:
    """List installed components, from package metadata alone."""
    from atlas_registry.listing import installed

    listed = installed([kind] if kind else KINDS, observers=verify and kind is None)
    problems = {row: row.problem for row in listed}
    if verify:
        from atlas_registry.verify import verify as load_all

        problems = load_all(listed, seconds=timeout)
    rows = [
        {
            "kind": row.kind,
            "name": row.name,
            "distribution": row.distribution,
            "version": row.version,
            "summary": row.summary,
            "problem": problems[row],
        }
        for row in listed
    ]
    if as_json:
        echo(json.dumps(rows, indent=1))
    else:
        from atlas_core.cli.tables import plugin_table

        echo(plugin_table(rows, verified=verify))
    if verify and any(problems.values()):
        sys.exit(1)


@main.command()
@click.argument("names", nargs=-1)
@click.option("--kind", type=click.Choice(KINDS), help="Kind of the names.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Check every component that the pyproject.toml in this folder offers.",
)
@click.option("--all", "everything", is_flag=True, help="Check every installed component.")
@_json
def check(
    *, names: tuple[str, ...], kind: str | None, path: Path | None, everything: bool, as_json: bool
) -> None:
    """Hold components against the contract of their kind; exit 1 when a promise is broken."""
    from atlas_core.cli.checking import check_components

    with redirect_stdout(sys.stderr):
        report, failed, text = check_components(names, kind=kind, path=path, everything=everything)
    _answer(report, as_json, lambda: text)
    if failed:
        sys.exit(1)


@main.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file instead.")
def schema(*, out: Path | None) -> None:
    """Print the JSON Schema of specs, with the options of every installed component.

    A broken component is left out, and stderr names it.
    """
    from atlas_core.cli.progress import note
    from atlas_core.kinds.kind import kinds
    from atlas_core.spec.schema import schema_text
    from atlas_core.store import write_bytes
    from atlas_registry.listing import installed
    from atlas_registry.loading import Registry
    from atlas_registry.verify import named

    registry = Registry()
    named_in_specs = [kind.name for kind in kinds() if kind.place]
    for row, problem in registry.problems(installed(named_in_specs)).items():
        if problem:
            note(f"warning: {named(row, problem)}; it is left out")
    text = schema_text(registry)
    if out is None:
        echo(text, nl=False)
    else:
        write_bytes(out, text.encode())


main.add_command(verify)
main.add_command(export)


@main.group()
def datasets() -> None:
    """List data sets, show one, or write one as a Parquet file."""


@datasets.command("list")
@_json
def datasets_list(*, as_json: bool) -> None:
    """List the installed data sets."""
    from atlas_core.cli.tables import plugin_table
    from atlas_registry.listing import installed

    rows = [
        {
            "kind": row.kind,
            "name": row.name,
            "distribution": row.distribution,
            "version": row.version,
            "summary": row.summary,
            "problem": row.problem,
        }
        for row in installed(["dataset"])
    ]
    _answer(rows, as_json, lambda: plugin_table(rows, verified=False))


@datasets.command("show")
@click.argument("name")
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="An option of it.")
@_data_dir
@_cache_dir
@_offline
@_json
def datasets_show(
    *,
    name: str,
    settings: tuple[str, ...],
    data_dir: Path | None,
    cache_dir: Path | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Load the data set NAME and say what it holds."""
    from atlas_core.cli.showing import show_dataset
    from atlas_core.kinds.dataset import DataContext

    context = DataContext(data_dir, cache_folder(cache_dir), Path.cwd(), offline)
    with redirect_stdout(sys.stderr):
        about, text = show_dataset(name, settings, context)
    _answer(about, as_json, lambda: text)


@datasets.command("export")
@click.argument("name")
@click.option("--set", "settings", multiple=True, metavar="OPTION=VALUE", help="An option of it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write, such as flla.parquet.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@_data_dir
@_cache_dir
@_offline
@_json
def datasets_export(
    *,
    name: str,
    settings: tuple[str, ...],
    out: Path,
    force: bool,
    data_dir: Path | None,
    cache_dir: Path | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Write the data set NAME as Parquet, in the bulk format that `table` reads."""
    from atlas_core.cli.exporting import export_dataset
    from atlas_core.kinds.dataset import DataContext

    context = DataContext(data_dir, cache_folder(cache_dir), Path.cwd(), offline)
    with redirect_stdout(sys.stderr):
        about, text = export_dataset(name, settings, context, out=out, force=force)
    _answer(about, as_json, lambda: text)


@main.group()
def cache() -> None:
    """Show or clear what is stored: features, answers of fitted models, parsed data files."""


@cache.command("show")
@_cache_dir
@_json
def cache_show(*, cache_dir: Path | None, as_json: bool) -> None:
    """Say where features, fits and parsed data files are kept and how much room they take."""
    from atlas_core.cli.tables import size as shown
    from atlas_core.engine.cache import FeatureCache
    from atlas_core.engine.fits import FitCache

    folder = cache_folder(cache_dir)
    fits = [size for _, size in FitCache(folder).entries()]
    sizes = [*(size for _, size in FeatureCache(folder).entries()), *fits]
    about = {
        "folder": str(folder),
        "entries": len(sizes),
        "bytes": sum(sizes),
        "fits": len(fits),
        "fit_bytes": sum(fits),
    }
    _answer(
        about,
        as_json,
        lambda: (
            f"{folder}: {len(sizes)} entries, {shown(sum(sizes))};"
            f" {len(fits)} of them fits, {shown(sum(fits))}"
        ),
    )


@cache.command("clear")
@_cache_dir
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def cache_clear(*, cache_dir: Path | None, yes: bool) -> None:
    """Delete stored features, fits and parsed data files, once you say yes.

    All of them are made again when needed, which takes as long as it did.
    """
    from atlas_core.cli.tables import size as shown
    from atlas_core.engine.cache import FeatureCache
    from atlas_core.engine.fits import FitCache

    folder = cache_folder(cache_dir)
    features, fits = FeatureCache(folder), FitCache(folder)
    sizes = [size for cached in (features, fits) for _, size in cached.entries()]
    held = f"{len(sizes)} {'entry' if len(sizes) == 1 else 'entries'}, {shown(sum(sizes))}"
    if sizes and not yes:
        if not sys.stdin.isatty():
            raise SpecError(
                f"cache clear: would delete {held} in {folder}; nobody can be asked here, so say"
                " so with --yes"
            )
        if not click.confirm(f"delete {held} in {folder}?", err=True):
            echo("nothing was deleted")
            return
    features.clear()
    fits.clear()
    echo(f"deleted {held}")
