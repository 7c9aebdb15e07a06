"""``atlas validate``: a spec and its data, before anything is trained. Light."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from atlas_core.cli.console import answer, warn
from atlas_core.cli.run import set_option, spec_argument
from atlas_core.command_options import cache_dir_option, data_dir_option, json_option
from atlas_core.python.machine import cache_folder


@click.command()
@spec_argument
@set_option
@data_dir_option
@cache_dir_option
@json_option
def validate(
    *,
    spec: Path,
    overrides: tuple[str, ...],
    data_dir: Path | None,
    cache_dir: Path | None,
    as_json: bool,
) -> None:
    """Check SPEC, all mistakes at once, then its data.

    Data are checked where they are at hand, and nothing is downloaded.

    Exit code 2 if the spec is invalid, 4 if the data are not suitable for it.
    """
    from atlas_core.cli.validating import look_ahead
    from atlas_core.spec.load import load_plan
    from atlas_registry.loading import Registry

    plan = load_plan(spec, Registry(warn), overrides=overrides)
    with redirect_stdout(sys.stderr):
        ahead = look_ahead(plan, data_dir=data_dir, cache_dir=cache_folder(cache_dir))
    arms = f"{len(plan.arms)} {'arm' if len(plan.arms) == 1 else 'arms'}: {', '.join(plan.arms)}"
    value = {
        "valid": True,
        "spec": plan.describe(),
        "folds": ahead.folds,
        "unchecked": ahead.unchecked,
        "warnings": ahead.warnings,
    }
    answer(value, "\n".join([f"{spec}: valid, {arms}", *ahead.lines]), as_json=as_json)
