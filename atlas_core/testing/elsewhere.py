"""Run a component in another process: what it imports, its bytes, the files it leaves. Light.

``python -m atlas_core.testing MODULE PIPE`` imports a module that offers components and says
through a pipe what came with it; then it answers each request for a component. One process serves
the components of a module one after the other: what they import is imported once.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from atlas_core.component import Component
from atlas_core.errors import named
from atlas_core.kinds import KINDS
from atlas_core.testing.offered import offered
from atlas_core.testing.samples import Sample

HEAVY = ("torch", "sklearn", "pymatgen", "matminer", "scipy", "pandas")
"""Packages that a light module must not import."""


@dataclass(frozen=True)
class Elsewhere:
    """What another process found; ``error`` is why it could not, and then the rest is empty.

    Attributes:
        heavy: the heavy packages that came with the light module; None where it was not imported.
        digest: sha256 of what came of the toy run.
        error: what stopped it, or "".
        files: what was left in its working folder.
    """

    heavy: tuple[str, ...] | None
    digest: str
    error: str
    files: tuple[str, ...]


def module_of(component: Component, kind: str) -> str | None:
    """Return the module that another process can import to find the component, or None.

    It defines the implementation or the options, or is the ``hooks`` beside one of them, and has
    the hook of the kind. A component that a test makes on the fly has none.
    """
    own = (component.module, component.config.__module__)
    for module in (*own, *(f"{one.rpartition('.')[0]}.hooks" for one in own)):
        if hasattr(sys.modules.get(module), f"atlas_{kind}") and importlib.util.find_spec(module):
            return module
    return None


def run_elsewhere(sample: Sample, module: str) -> Elsewhere:
    """Run the component's toy once more in another process, in an empty working folder."""
    server = _server(module, *sys.path)
    if server.process.poll() is not None:
        _server.cache_clear()
        server = _server(module, *sys.path)
    options = sample.config.model_dump_json()
    return server.ask(sample.kind, sample.component.name, options, str(sample.folder))


@lru_cache(maxsize=1)
def _server(module: str, *path: str) -> _Server:
    """Return the process of a module; the last one is kept, those before end."""
    return _Server(module, path)


class _Server:
    """The process that imported one module; it ends with this object, or with this process."""

    def __init__(self, module: str, path: tuple[str, ...]) -> None:
        found = os.pathsep.join(str(Path(p or ".").resolve()) for p in path)
        salt = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        self._folder = tempfile.TemporaryDirectory()
        self._complaints = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - as long
        self._ours, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "atlas_core.testing", module, str(theirs.fileno())],
                cwd=self._folder.name,
                env={**os.environ, "PYTHONPATH": found, "PYTHONHASHSEED": salt},
                stdin=subprocess.DEVNULL,
                stdout=self._complaints,  # what a component prints is no answer
                stderr=self._complaints,
                pass_fds=[theirs.fileno()],
            )
        weakref.finalize(self, _end, self.process, os.getpid())
        self._heavy: tuple[str, ...] | None = None
        with suppress(EOFError):
            self._heavy = self._ours.recv()

    def ask(self, *request: str) -> Elsewhere:
        """Return what the process found of one component."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                self._ours.send((*request, folder))
                digest, error = self._ours.recv()
            except (EOFError, OSError):
                code = self.process.wait()
                self._complaints.seek(0)
                lines = self._complaints.read().strip().splitlines() or ["no message"]
                digest, error = "", f"exit code {code}: {lines[-1]}"
            files = (*_files(self._folder.name), *_files(folder))
        return Elsewhere(self._heavy, digest, error, files)


def _end(process: subprocess.Popen[bytes], parent: int) -> None:
    if os.getpid() == parent:  # not a fork that inherited it
        process.kill()
        process.wait()


def _files(folder: str) -> tuple[str, ...]:
    return tuple(sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*")))


def serve(module: str, pipe: int) -> None:
    """Answer for the components of a module, until nobody asks: the other process's part."""
    imported = importlib.import_module(module)
    for kind in KINDS:  # a hook that imports its methods makes every command slow, too
        with suppress(Exception):  # one that fails is reported where its component is asked for
            getattr(imported, f"atlas_{kind}", list)()
    with suppress(EOFError), Connection(pipe) as asked:
        asked.send(tuple(sorted(set(HEAVY) & set(sys.modules))))
        while True:
            *request, here = asked.recv()
            os.chdir(here)
            asked.send(_answer(module, *request))


def _answer(module: str, kind: str, name: str, options: str, folder: str) -> tuple[str, str]:
    """Return the digest of the component's toy run and "", or "" and its error."""
    shared = importlib.import_module("atlas_core.testing.checks.shared")
    try:
        component = offered(name, kind, module)
        config = component.config.model_validate_json(options)
        return shared.use(Sample(component, kind, config, Path(folder))).digest, ""
    except Exception as err:  # reported to the parent, which fails the check
        return "", named(err)
