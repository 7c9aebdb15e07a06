"""The last door of the ``atlas`` command: whatever happens, one line and an exit code. Light."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import click

from atlas_core.cli.console import echo, print_anything
from atlas_core.cli.exits import DEFECT, INTERRUPTED
from atlas_core.cli.installed_commands import WithPlugins
from atlas_core.cli.stopping import deaf, stopping
from atlas_core.errors import MORE_MEMORY, AtlasError, DataError, SpecError, named, short_of_memory

PATIENCE = 10.0
"""Seconds that threads may work on once a command has answered."""


class _Stopped(Exception):  # noqa: N818 - no error: the user asked for it
    """Carry an interrupt past click, which would print an empty line and forget the signal."""


class Atlas(WithPlugins):
    """Turn every error into one line and an exit code; ``--debug`` anywhere shows the traceback."""

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and exit."""
        try:
            self._main(args, **extra)
        except SystemExit as err:
            if args is None and isinstance(err.code, int):  # the command itself, no caller's
                _leave(err.code)
            raise

    def _main(self, args: Sequence[str] | None, **extra: Any) -> NoReturn:
        print_anything()
        # spinning threads on shared cores cost sevenfold; must stand before torch loads OpenMP
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # looking for plugins of its own, pydantic falls over any package's broken entry points
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
        given = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in given
        given = [text for text in given if text != "--debug"]
        extra["standalone_mode"] = False
        with stopping() as came:
            try:
                code = super().main(given, **extra)
                if sys.stdout is not None:
                    sys.stdout.flush()
            except (_Stopped, click.exceptions.Abort, KeyboardInterrupt):
                _interrupted(came, anew="--force" in given)
            except click.exceptions.NoArgsIsHelpError as err:
                err.show()
                sys.exit(err.exit_code)
            except click.ClickException as err:
                sys.exit(say(_usage(err), err.exit_code))
            except SystemExit:
                raise
            except BaseException as err:
                if came:  # a library made another error of the interrupt
                    _interrupted(came, anew="--force" in given)
                if debug:
                    raise
                sys.exit(say(*_explained(err)))
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the context names."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as err:
            raise _Stopped from err


def _usage(err: click.ClickException) -> str:
    """Return what is wrong with a command line, and where to read how it is meant."""
    context = getattr(err, "ctx", None)
    text = " ".join(err.format_message().split()).rstrip(".")
    line = f"{text[:1].lower()}{text[1:]}"
    return f"{line}; see `{context.command_path} --help`" if context is not None else line


def say(text: str, code: int) -> int:
    """Print an error on stderr, line by line, and return the exit code."""
    with suppress(OSError):  # stderr is full or closed: the exit code is all that is left to say
        for line in text.splitlines():
            echo(f"error: {line}", err=True)
    return code


def _interrupted(came: list[int], *, anew: bool) -> NoReturn:
    deaf()
    number = came[0] if came else signal.SIGINT
    word = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    code = 128 + number if came else INTERRUPTED
    then = "begins anew (--force)" if anew else "goes on where it stopped"
    say(f"{word}; the same command {then}", code)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.flush()
    # an interrupt inside an import leaves a mark in CPython, which would then end by the
    # signal whatever code is asked for; and threads that still train are not waited for
    os._exit(code)


def _leave(code: int) -> NoReturn:
    """End the process once all is written, without taking the interpreter down.

    A library's thread that asks for Python while it ends aborts the process: a run that had
    finished then ended by a signal, once in many.
    """
    with suppress(TimeoutError, KeyboardInterrupt), _at_most(PATIENCE):  # Ctrl-C: no longer
        # waits for threads that are to end by themselves, as Python does; one that never ends is
        # a plugin's
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):  # what could not be printed was reported before
                stream.flush()
    os._exit(code)


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside where it takes longer, on systems that have timers."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def late(_number: int, _frame: object) -> NoReturn:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _explained(err: BaseException) -> tuple[str, int]:
    """Return the line and the exit code of an error."""
    if isinstance(err, AtlasError):
        lines = err.problems if isinstance(err, SpecError) else str(err).splitlines()
        return "\n".join(lines), err.exit_code
    if isinstance(err, OSError) and _cannot_print(err):
        why = err.strerror or str(err)
        line = f"stdout: cannot be written: {why}; free the disk or send the output elsewhere"
        return line, DataError.exit_code
    line = named(err)
    if short_of_memory(err):
        return f"too little memory ({line}); {MORE_MEMORY}", DataError.exit_code
    # a defect is one line, too, with its own code
    return (
        f"{line}; this is a defect of ATLAS or of a plugin, the same command with --debug shows"
        " where",
        DEFECT,
    )


def _cannot_print(err: OSError) -> bool:
    """Return whether it was stdout that took nothing more: on stderr, that is never an error."""
    frames = [frame.f_code for frame, _ in traceback.walk_tb(err.__traceback__)]
    if frames[-1] not in {click.echo.__code__, Atlas._main.__code__}:
        return False
    # Python would try once more when it ends, and print a traceback of its own
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return True
