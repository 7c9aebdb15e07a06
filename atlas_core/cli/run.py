"""``atlas run``: the arms of a spec, their verdicts and the report. Light."""

from __future__ import annotations

import sys
from contextlib import closing, redirect_stdout
from pathlib import Path

import click

from atlas_core.cli.console import answer, note, open_report, warn
from atlas_core.cli.progress import progress
from atlas_core.command_options import (
    cache_dir_option,
    data_dir_option,
    json_option,
    offline_option,
    open_option,
)
from atlas_core.errors import SpecError
from atlas_core.python.machine import cache_folder, key_file

spec_argument = click.argument("spec", type=click.Path(path_type=Path))
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change one value of the spec, such as arms.cgcnn.model.options.epochs=5; nothing after"
    " the = removes the key: arms.cgcnn= drops that arm. An entry of a list is addressed by"
    " its index, from 0: arms.forest.featurizer.1=stoichiometry.",
)


@click.command()
@spec_argument
@set_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder for run folders.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of jobs (arm x fold) computed in parallel; the cores are divided among them.",
)
@click.option(
    "--executor",
    metavar="NAME",
    default="local",
    show_default=True,
    help="Where jobs are computed: `atlas plugins --kind executor` lists the places.",
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
@data_dir_option
@cache_dir_option
@offline_option
@click.option(
    "--force",
    is_flag=True,
    help="Retrain and recompute even if a stored result or fit exists; features are reused.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue an unfinished run, and refuse to start a new one. (An unfinished run is"
    " continued without this flag, too.)",
)
@click.option(
    "--save-fitted/--no-save-fitted",
    default=None,
    help="Keep the fitted arms in the run folder, for `atlas screen` and `atlas predict`."
    " Default: if the split has one fold and the arm takes at most 256 MB.",
)
@click.option(
    "-q",
    "--quiet",
    is_flag=True,
    help="Print nothing to stderr but errors and warnings that affect a verdict.",
)
@open_option
@json_option
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
    opened: bool,
    as_json: bool,
) -> None:
    """Run SPEC and print the verdicts and the path of the report."""
    from atlas_core.cli.answers import answer_of, grades, notes
    from atlas_core.engine.machine import choose_device
    from atlas_core.engine.options import RunOptions
    from atlas_core.engine.run import run as run_plan
    from atlas_core.spec.load import load_plan, resolve_one
    from atlas_registry.loading import Registry

    if force and resume:
        raise SpecError("--force and --resume: give only one of them")
    if data_dir is not None and not data_dir.is_dir():
        raise SpecError(f"--data-dir {data_dir}: no such folder")
    # reported with --quiet, too: something that was installed on purpose is left out
    registry = Registry(warn)
    plan = load_plan(spec, registry, overrides=overrides)
    place = resolve_one("executor", executor, executor_settings, registry).build()
    with progress(quiet=quiet) as notify:
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
            notify=notify,
        )
        # what a component prints is not part of the answer
        with redirect_stdout(sys.stderr), closing(registry.observers(warn)) as observers:
            finished = run_plan(plan, options, observers=observers, executor=place)
    value, text = answer_of(finished)
    for line in () if quiet or finished.reused else notes(finished):
        note(line)
    for line in value["cautions"]:
        warn(line)
    answer(value, text, as_json=as_json, grades=grades(finished))
    if opened:
        open_report(finished.report)
