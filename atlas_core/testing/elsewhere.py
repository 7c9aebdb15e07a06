"""Run a component in another process: what it imports, its bytes, the files it leaves. Light.

``python -m atlas_core.testing MODULE`` imports a module that offers components, prints one line of
JSON, and then one for each line that asks for a component. One process serves the components of a
module one after the other: what they import is imported once.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_core.arrays import fingerprint
from atlas_core.component import Component
from atlas_core.errors import ContractError, named
from atlas_core.kinds import KINDS
from atlas_core.testing.samples import Sample

HEAVY = ("torch", "sklearn", "pymatgen", "matminer", "scipy", "pandas")
"""Packages that a light module must not import."""


@dataclass(frozen=True)
class Elsewhere:
    """Hold what another process found; ``error`` is why it could not, and then the rest is empty.

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


def home_of(component: Component, kind: str) -> str | None:
    """Return the module that another process can import to find the component, or None.

    It defines the implementation or the options, or is the ``hooks`` beside one of them, and has
    the hook of the kind. A component that a test makes on the fly has none.
    """
    own = (component.module, component.config.__module__)
    for module in (*own, *(f"{one.rpartition('.')[0]}.hooks" for one in own)):
        if hasattr(sys.modules.get(module), f"atlas_{kind}") and importlib.util.find_spec(module):
            return module
    return None


def components_of(module: str, kind: str) -> list[Component]:
    """Return the components that the hook of ``kind`` in ``module`` offers.

    Raises:
        ContractError: the module has no such hook, or it returns no list.
    """
    hook = getattr(importlib.import_module(module), f"atlas_{kind}", None)
    if not callable(hook):
        raise ContractError(f"module {module} has no hook atlas_{kind}()")
    found = hook()
    if not isinstance(found, list):
        raise ContractError(f"{module}.atlas_{kind}() must return a list of components")
    return found


def run_elsewhere(component: Component, sample: Sample, module: str) -> Elsewhere:
    """Run the component's toy once more in another process, in an empty working folder."""
    asked = [sample.kind, component.name, sample.config.model_dump_json(), str(sample.folder)]
    return _server(module).ask(asked)


class _Server:
    """Hold the process that imported one module; it ends with this one, or when it is closed."""

    def __init__(self, module: str) -> None:
        self.parent = os.getpid()
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(p or ".").resolve()) for p in sys.path)
        environment["PYTHONHASHSEED"] = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        self._folder = tempfile.TemporaryDirectory()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "atlas_core.testing", module],
            cwd=self._folder.name,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        self._start = self._line()
        self._left = _files(self._folder.name)

    def ask(self, request: list[str]) -> Elsewhere:
        """Return what the process found of one component."""
        if self._start is None:
            return self._ended(self._left)
        with tempfile.TemporaryDirectory() as folder:
            assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps([*request, folder]) + "\n")
                self._process.stdin.flush()
            found = self._line()
            files = (*self._left, *_files(folder))
        if found is None:
            return self._ended(files)
        heavy = tuple(self._start["heavy"])
        return Elsewhere(True, heavy, found["digest"], found["error"], files)

    def is_alive(self) -> bool:
        """Tell whether the process waits for requests."""
        return self._start is not None and self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._complaints.close()
        self._folder.cleanup()

    def _line(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def _ended(self, files: tuple[str, ...]) -> Elsewhere:
        code = self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        text = f"exit code {code}: {(lines or ['no message'])[-1]}"
        return Elsewhere(False, (), "", text, files)


_servers: dict[tuple[str, ...], _Server] = {}


def _server(module: str) -> _Server:
    """Return the process of a module; the last one is kept, those before are ended."""
    key = (module, *sys.path)
    kept = _servers.get(key)
    if kept is None or not kept.is_alive():
        _close()
        _servers[key] = _Server(module)
    return _servers[key]


@atexit.register
def _close() -> None:
    while _servers:
        server = _servers.popitem()[1]
        if server.parent == os.getpid():  # not one that a fork of this process inherited
            server.close()


def _files(folder: str) -> tuple[str, ...]:
    return tuple(sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*")))


def serve(module: str) -> None:
    """Answer for the components of a module, until the input ends: the other process's part."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a component prints is no answer
    imported = importlib.import_module(module)
    for kind in KINDS:  # a hook that imports its methods makes every command slow, too
        with suppress(Exception):  # one that fails is told where its component is asked for
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
    checks = importlib.import_module(f"atlas_core.testing.checks.{kind}")
    try:
        digest = fingerprint(checks.outcome(found[0], Sample(kind, config, Path(folder))))
    except Exception as err:  # reported to the parent, which fails the check
        return {"digest": "", "error": named(err)}
    return {"digest": digest, "error": ""}
