"""Run a component in another process: what it imports, its bytes, the files it leaves. Light.

``python -m atlas_core.testing MODULE`` imports a module that offers components, prints one line of
JSON, and then one for each line that asks for a component. One process serves the components of a
module one after the other: what they import is imported once.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from atlas_core.arrays import fingerprint
from atlas_core.component import Component
from atlas_core.errors import named
from atlas_core.kinds import KINDS
from atlas_core.testing.offered import components_of
from atlas_core.testing.samples import Sample

HEAVY = ("torch", "sklearn", "pymatgen", "matminer", "scipy", "pandas")
"""Packages that a light module must not import."""


@dataclass(frozen=True)
class Elsewhere:
    """What another process found; ``error`` is why it could not, and then the rest is empty.

    Attributes:
        imported: whether the light module was imported at all.
        heavy: the heavy packages that came with it.
        digest: sha256 of the toy run's arrays.
        error: what stopped it, or "".
        files: what was left in its working folder.
    """

    imported: bool
    heavy: tuple[str, ...]
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
    if server.ended():
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
        self._process = subprocess.Popen(
            [sys.executable, "-m", "atlas_core.testing", module],
            cwd=self._folder.name,
            env={**os.environ, "PYTHONPATH": found, "PYTHONHASHSEED": salt},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        weakref.finalize(self, _end, self._process, os.getpid())
        self._start = self._line()

    def ask(self, *request: str) -> Elsewhere:
        """Return what the process found of one component."""
        with tempfile.TemporaryDirectory() as folder:
            with suppress(BrokenPipeError):
                print(json.dumps([*request, folder]), file=self._process.stdin, flush=True)
            found = self._line()
            files = (*_files(self._folder.name), *_files(folder))
        if self._start is None or found is None:
            code = self._process.wait()
            self._complaints.seek(0)
            lines = self._complaints.read().strip().splitlines() or ["no message"]
            return Elsewhere(False, (), "", f"exit code {code}: {lines[-1]}", files)
        heavy = tuple(self._start["heavy"])
        return Elsewhere(True, heavy, found["digest"], found["error"], files)

    def ended(self) -> bool:
        """Return whether the process answers no more."""
        return self._process.poll() is not None

    def _line(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        line = self._process.stdout.readline()
        return json.loads(line) if line else None


def _end(process: subprocess.Popen[str], parent: int) -> None:
    if os.getpid() == parent:  # not a fork that inherited it
        process.kill()
        process.wait()


def _files(folder: str) -> tuple[str, ...]:
    return tuple(sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*")))


def serve(module: str) -> None:
    """Answer for the components of a module, until the input ends: the other process's part."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a component prints is no answer
    imported = importlib.import_module(module)
    for kind in KINDS:  # a hook that imports its methods makes every command slow, too
        with suppress(Exception):  # one that fails is reported where its component is asked for
            getattr(imported, f"atlas_{kind}", list)()
    start: dict[str, object] = {"heavy": sorted(set(HEAVY) & set(sys.modules))}
    print(json.dumps(start), file=answers, flush=True)
    for line in sys.stdin:
        kind, name, options, folder, here = json.loads(line)
        os.chdir(here)
        print(json.dumps(_answer(module, kind, name, options, folder)), file=answers, flush=True)


def _answer(module: str, kind: str, name: str, options: str, folder: str) -> dict[str, str]:
    """Return the digest of the component's toy run or its error."""
    found = [c for c in components_of(module, kind) if c.name == name]
    if not found:
        return {"digest": "", "error": f"{module} offers no {name!r}"}
    config = found[0].config.model_validate_json(options)
    shared = importlib.import_module("atlas_core.testing.checks.shared")
    try:
        digest = fingerprint(shared.use(Sample(found[0], kind, config, Path(folder))).arrays)
    except Exception as err:  # reported to the parent, which fails the check
        return {"digest": "", "error": named(err)}
    return {"digest": digest, "error": ""}
