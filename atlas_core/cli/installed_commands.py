"""The commands of plugins beside those of ATLAS itself. Light: click only.

They are listed from package metadata alone, and only the one that is called is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from atlas_core.cli.console import answer, note, open_report, warn
from atlas_core.cli.progress import progress
from atlas_core.cli.terminal import width
from atlas_core.errors import PluginError, SpecError
from atlas_core.python.machine import key_file

if TYPE_CHECKING:
    from atlas_core.context import Notify
    from atlas_core.resolver import Observers, Resolver
    from atlas_registry.listing import Listed


@dataclass(frozen=True)
class Host:
    """Implement ``atlas_core.kinds.command.CommandHost``."""

    resolver: Resolver
    key_file: Path

    def run_folder(self, path: Path) -> Path:
        """Return the folder of a finished run, given the folder or its report.

        Raises:
            SpecError: there is no finished run.
        """
        if path.suffix in (".yaml", ".yml") and path.is_file() and path.name != "spec.lock.yaml":
            raise SpecError(
                f"{path}: a spec; name the folder of a finished run, which `atlas run {path}`"
                " prints"
            )
        folder = path.parent if path.is_file() else path
        if not (folder / "manifest.json").exists():
            raise SpecError(f"{folder}: no finished run here; `atlas run` prints the folder of one")
        return folder

    def answer(
        self, value: Any, text: str, *, as_json: bool, grades: Mapping[str, str] | None = None
    ) -> None:
        """Print the answer on stdout, as JSON or as text."""
        answer(value, text, as_json=as_json, grades=grades)

    def note(self, text: str) -> None:
        """Print one line on stderr, such as a warning."""
        note(text)

    @property
    def width(self) -> int | None:
        """Return the characters of a line of stdout; None where it is no terminal."""
        return width()

    def show(self, page: Path | None) -> None:
        """Show a page in the browser; say in one line why where it cannot be shown."""
        open_report(page)

    def observers(self) -> AbstractContextManager[Observers]:
        """Load the installed observers, until the context is left; a broken one is warned of."""
        from atlas_registry.loading import Registry

        return closing(Registry().observers(warn))

    def progress(self, *, quiet: bool) -> AbstractContextManager[Notify]:
        """Show lines of progress on stderr, until the context is left."""
        return progress(quiet=quiet)


class WithPlugins(click.Group):
    """Add the commands that are installed to those of the group, which none can replace."""

    def installed(self) -> list[Listed]:
        """Return the commands of plugins, importing none of them."""
        from atlas_registry.listing import installed

        return [row for row in installed(["command"]) if row.name not in self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing it where a plugin brings it; None where there is none.

        Raises:
            PluginError: it is broken, or known and not installed.
        """
        own = super().get_command(ctx, cmd_name)
        try:
            return own or _loaded(ctx, cmd_name)
        except PluginError:
            if ctx.resilient_parsing:  # a shell completes the line: there is nobody to tell
                return None
            raise

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return what a shell may complete, names of installed commands included."""
        rows = [row for row in self.installed() if row.name.startswith(incomplete)]
        found = [CompletionItem(row.name, help=_reported(row)) for row in rows]
        return [*super().shell_complete(ctx, incomplete), *found]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands of ATLAS itself, then those of plugins, each with its whole line."""
        own = [
            (name, one.get_short_help_str(limit=formatter.width * 10))
            for name, one in sorted(self.commands.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(own)
        rows = [(row.name, _reported(row)) for row in self.installed()]
        if rows:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(rows)


def _loaded(ctx: click.Context, name: str) -> click.Command | None:
    """Return the command of a plugin, and put its host into the context."""
    from atlas_registry.importing import blamed
    from atlas_registry.loading import Registry

    registry = Registry()
    if name not in registry.names("command"):
        if owner := registry.known("command", name):
            raise PluginError(f"command {name!r} is not installed: pip install {owner}")
        return None
    found = registry.resolve("command", name)
    label = f"command {name} of {found.distribution} {found.version}"
    with blamed(f"{label}: build failed"):
        command = found.component.build(found.component.config())
    if not isinstance(command, click.Command):
        raise PluginError(f"{label}: build returned a {type(command).__name__}, no command")
    ctx.obj = Host(registry, key_file())
    return copy(command)  # click keeps the first context's help option on a command


def _reported(row: Listed) -> str:
    return f"BROKEN: {row.problem}" if row.problem else row.summary
