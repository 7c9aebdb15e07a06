'''The ``command`` kind: a command of its own for ``atlas``. Light: click only.

A whole plugin, in a module ``atlas_arms``::

    """Count the arms of a finished run."""

    import json
    from pathlib import Path

    import click

    from atlas_core.api import CommandHost, Component, Config, hookimpl


    @click.command("count_arms")
    @click.argument("run", type=click.Path(path_type=Path))
    @click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
    @click.pass_obj
    def count_arms(host: CommandHost, run: Path, as_json: bool) -> None:
        """Count the arms of RUN."""
        manifest = json.loads((host.run_folder(run) / "manifest.json").read_text())
        arms = sorted(manifest["arms"])
        host.answer({"arms": arms}, f"{len(arms)} arms: {', '.join(arms)}", as_json=as_json)


    @hookimpl
    def atlas_command() -> list[Component]:
        """Offer the command."""
        return [Component("count_arms", Config, lambda config: count_arms)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.command"]
    count_arms = "atlas_arms"

``atlas --help`` then lists ``count_arms`` with the first line of the module's docstring, and
``atlas count_arms RUN`` imports this module and no other plugin. Errors are raised as
``AtlasError`` (``SpecError`` for a wrong command line): the host prints one line and chooses the
exit code.
'''

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from atlas_core.kinds.kind import Kind

if TYPE_CHECKING:
    from atlas_core.context import Notify
    from atlas_core.resolver import Observers, Resolver

BUILT_IN = frozenset({"plugins", "run", "validate"})
"""The commands of ATLAS itself: no plugin can take one of these names."""


class CommandHost(Protocol):
    """What the command line lends a command; ``@click.pass_obj`` hands it over.

    Attributes:
        resolver: finds installed components by kind and name.
        key_file: the user's key, by which fits are recognized as their own; it need not exist.
    """

    resolver: Resolver
    key_file: Path

    @property
    def width(self) -> int | None:
        """Characters of a line of stdout; None where it is no terminal."""
        ...

    def run_folder(self, path: Path) -> Path:
        """Return the folder of a finished run, given the folder or its report.

        Raises:
            SpecError: there is no finished run.
        """
        ...

    def answer(
        self, value: Any, text: str, *, as_json: bool, grades: Mapping[str, str] | None = None
    ) -> None:
        """Print the answer on stdout, safe for a terminal whatever it quotes.

        Args:
            value: plain data, arrays included, for ``--json``.
            text: the same for people.
            as_json: print the value rather than the text.
            grades: {what lines of the text begin with: grade of a verdict, whose color a terminal
                gives it}.
        """
        ...

    def note(self, text: str) -> None:
        """Print one line on stderr, such as a warning."""
        ...

    def show(self, page: Path | None) -> None:
        """Show a page in the browser, for ``--open``; say so where there is no page or browser."""
        ...

    def observers(self) -> AbstractContextManager[Observers]:
        """Load the installed observers, until the context is left; a broken one is warned of."""
        ...

    def progress(self, *, quiet: bool) -> AbstractContextManager[Notify]:
        """Show on stderr how far a long command is, until the context is left.

        The context gives a function of one line, such as ``rows read: 3 of 8``, which has a bar.

        Args:
            quiet: show nothing.
        """
        ...


KIND = Kind("command", click.Command)
