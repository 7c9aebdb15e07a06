"""Run a component in another process: what it imports, its bytes, the files it leaves. Light.

``python -m atlas_core.testing MODULE KIND NAME OPTIONS FOLDER`` prints one line of JSON.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from atlas_core.arrays import fingerprint
from atlas_core.component import Component
from atlas_core.errors import ContractError, named
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
    """Run the component's toy once more in a new process, in an empty working folder."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(str(Path(p or ".").resolve()) for p in sys.path)
    environment["PYTHONHASHSEED"] = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    arguments = [module, sample.kind, component.name]
    arguments += [sample.config.model_dump_json(), str(sample.folder)]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "atlas_core.testing", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        files = tuple(sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*")))
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Elsewhere(False, (), "", f"exit code {done.returncode}: {last}", files)
    found = json.loads(lines[-1])
    return Elsewhere(True, tuple(found["heavy"]), found["digest"], found["error"], files)


def answer(module: str, kind: str, name: str, options: str, folder: str) -> dict[str, object]:
    """Return what the module imported, and the digest of the component's toy run or its error."""
    found = [c for c in components_of(module, kind) if c.name == name]
    heavy = sorted(set(HEAVY) & set(sys.modules))
    if not found:
        return {"heavy": heavy, "digest": "", "error": f"{module} offers no {name!r}"}
    config = found[0].config.model_validate_json(options)
    checks = importlib.import_module(f"atlas_core.testing.checks.{kind}")
    sample = Sample(kind, config, Path(folder))
    try:
        digest = fingerprint(checks.outcome(found[0], sample))
    except Exception as err:  # reported to the parent, which fails the check
        return {"heavy": heavy, "digest": "", "error": named(err)}
    return {"heavy": heavy, "digest": digest, "error": ""}
