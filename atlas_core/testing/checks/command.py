"""What a command promises. Light."""

from __future__ import annotations

import click
from click.testing import CliRunner, Result

from atlas_core.kinds.command import BUILT_IN
from atlas_core.testing.outcome import require
from atlas_core.testing.samples import Sample


def _called(sample: Sample, *words: str) -> Result:
    """Call the command without a host: what it prints, its exit code or its exception."""
    return CliRunner().invoke(sample.build(), words, prog_name=sample.component.name)


def given(sample: Sample) -> str:
    """Return the one word that every command knows."""
    return "--help"


def make(sample: Sample, word: str) -> str:
    """Return the command's help."""
    return _called(sample, word).output


def check_name_is_the_entry_points(sample: Sample) -> None:
    """The command calls itself what the user types, so that its help and errors fit."""
    name, own = sample.build().name, sample.component.name
    require(name == own, f"the command calls itself {name!r}, not {own!r}")


def check_no_built_in_command_is_shadowed(sample: Sample) -> None:
    """Its name is not one of the commands of ATLAS itself, which would be called instead."""
    name = sample.component.name
    require(name not in BUILT_IN, f"`atlas {name}` is a command of ATLAS itself")


def check_help_works(sample: Sample) -> None:
    """``--help`` exits with 0 and says in its own words what the command does."""
    done = _called(sample, "--help")
    require(done.exit_code == 0, f"--help ends with {done.exit_code}: {done.exception!r}")
    command = sample.build()
    require((command.help or "").strip(), "the command has no help text (the docstring)")


def check_options_have_help(sample: Sample) -> None:
    """Each option says in ``--help`` what it does, in subcommands too."""
    waiting: list[click.Command] = [sample.build()]
    while waiting:
        command = waiting.pop()
        if isinstance(command, click.Group):
            waiting += command.commands.values()
        for one in command.params:
            helped = not isinstance(one, click.Option) or one.hidden or (one.help or "").strip()
            require(helped, f"option {'/'.join(one.opts)} of {command.name} has no help")


def check_unknown_option_is_a_usage_error(sample: Sample) -> None:
    """A misspelled option is refused with exit code 2 and one line, before anything is done."""
    done = _called(sample, "--no-such-option")
    require(done.exit_code == 2, f"--no-such-option ends with {done.exit_code}, not with 2")
    errors = [line for line in done.output.splitlines() if line.startswith("Error:")]
    require(len(errors) == 1, f"--no-such-option is reported as {done.output.strip()!r}")
