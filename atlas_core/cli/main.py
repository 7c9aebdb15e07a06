"""The ``atlas`` command. Light: click only; a command imports its parts when it runs."""

from __future__ import annotations

import click

from atlas_core import __version__
from atlas_core.cli.door import Atlas
from atlas_core.cli.plugins import plugins
from atlas_core.cli.run import run
from atlas_core.cli.validate import validate

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 120}


@click.group(cls=Atlas, context_settings=SETTINGS)
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


for one in (plugins, run, validate):
    main.add_command(one)
