"""Hold the code that makes the numbers of each stage, so that none of it changes unnoticed.

``python tools/stages.py`` accepts the code as it is: run it after a change that gives no other
numbers, and after the VERSION of a stage was raised in ``atlas_core/stages.py``. With ``--check``
it says what was not accepted yet, as ``tests/test_stages.py`` does.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED = ROOT / "tools/stages.json"
PACKAGE = "atlas_core"
TOOL = "tools/stages.py"
Held = dict[str, dict[str, Any]]

ROOTS = {
    "shared": ("api",),
    "load": ("kinds.dataset", "rows", "engine.loading"),
    "split": ("kinds.split", "engine.loading"),
    "featurize": ("kinds.featurizer", "engine.features"),
    "fit": (
        *("engine.fits", "kinds.model", "kinds.uq", "saving"),
        *("engine.arm", "engine.final", "engine.kept", "engine.trained"),
    ),
    "calibrate": ("engine.arm", "kinds.calibrator"),
    "detect": ("engine.arm", "kinds.ood"),
    "trust": ("engine.nested", "engine.regions", "kinds.trust"),
    "acquire": ("engine.loop", "kinds.acquisition"),
    "decide": ("engine.decide", "kinds.reference", "data.decisions"),
    "predict": ("data", "engine.job", "engine.reference", "engine.view", "kinds.prediction"),
    "score": (*("kinds.evaluator", "kinds.metric", "metrics", "engine.finish"),),
}
"""The modules and packages that a stage begins in; what they import makes its numbers, too."""

NO_NUMBERS = (
    *("api", "cli", "component", "errors", "hookspecs", "installed", "interfaces", "links"),
    *(
        "finished",
        "observe",
        "origin",
        "pages",
        "printing",
        "progress",
        "text_table",
        "resolver",
        "seal",
        "spec",
        "stages",
    ),
    *("store", "testing", "engine.result_file", "engine.jobs", "engine.notes", "kinds.kind"),
    *("kinds.command", "kinds.executor", "kinds.report", "engine.blame", "engine.failures"),
    *("engine.folder", "engine.reporting"),
    *("engine.guard", "engine.local", "engine.machine", "engine.options", "engine.run"),
    *("engine.workers",),
)
"""Modules and packages that read, write, name and report, and compute nothing."""


def path_of(module: str) -> Path | None:
    """Return the file of a dotted module of the core, None where it is none."""
    place = ROOT.joinpath(*module.split("."))
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file():
            return path
    return None


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Return the modules of the core that a file imports, wherever in it."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if path_of(name) else node.module for name in inner]
        found += [name for name in names if name.split(".")[0] == PACKAGE]
    return tuple(found)


def roots_of(stage: str) -> set[str]:
    """Return the modules that a stage begins in.

    Raises:
        SystemExit: one is not there.
    """
    found: set[str] = set()
    for root in ROOTS[stage]:
        path = path_of(f"{PACKAGE}.{root}")
        if path is None:
            sys.exit(f"{TOOL}: stage {stage} begins in {PACKAGE}.{root}, which is not there")
        inner = path.parent.rglob("*.py") if path.name == "__init__.py" else [path]
        names = (".".join(one.relative_to(ROOT).with_suffix("").parts) for one in inner)
        found |= {name.removesuffix(".__init__") for name in names}
    return found


def modules_of(stage: str) -> set[str]:
    """Return the modules that make the numbers of a stage."""
    begins = roots_of(stage)
    waiting = [*begins, *(m for root in begins if (path := path_of(root)) for m in imported(path))]
    found = set[str]()
    while waiting:
        module = waiting.pop()
        silent = any(f"{module}.".startswith(f"{PACKAGE}.{one}.") for one in NO_NUMBERS)
        path = path_of(module)
        if module not in found and not silent and path is not None:
            found.add(module)
            waiting += imported(path)
    return found


def stages_by_module() -> dict[str, list[str]]:
    """Return {module: stages whose VERSION stands for it}.

    These are the stages that begin in it; else the one that imports it, or ``shared``.
    """
    begins, reached = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for stage in ROOTS:
        for module in roots_of(stage):
            begins[module].append(stage)
        for module in modules_of(stage):
            reached[module].append(stage)
    return {
        module: begins.get(module) or (found if len(found) == 1 else ["shared"])
        for module, found in sorted(reached.items())
    }


def _plain(node: object) -> object:
    """Return a syntax tree as plain data: no places, comments, formatting or docstrings."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: value for name, value in ast.iter_fields(node) if value not in (None, [])}
    body = fields.get("body")
    if isinstance(body, list) and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
        # a text that stands alone is a docstring, of an attribute, too
        fields["body"] = [one for one in body if not _is_text(one)]
    return [type(node).__name__, {name: _plain(value) for name, value in fields.items()}]


def _is_text(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def digest(code: str) -> str:
    """Return a short hash of what code does: docstrings, comments and formatting are left out."""
    text = json.dumps(_plain(ast.parse(code)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def now() -> Held:
    """Return the VERSIONs and the digests of the code as they are."""
    from atlas_core.stages import STAGES

    paths = {module: path_of(module) for module in stages_by_module()}
    return {
        "stages": {name: stage.VERSION for name, stage in sorted(STAGES.items())},
        "modules": {
            module: digest(path.read_text(encoding="utf-8"))
            for module, path in paths.items()
            if path is not None
        },
    }


def unaccepted(accepted: Held, found: Held) -> list[str]:
    """Return a line for each module and VERSION that is not as it was accepted."""
    owners = stages_by_module()
    then, here = accepted["modules"], found["modules"]
    lines = []
    for stage in sorted({*accepted["stages"], *found["stages"]}):
        before, after = (side["stages"].get(stage, 0) for side in (accepted, found))
        if before != after:
            lines.append(f"stage {stage}: VERSION {before} is {after} now: run {TOOL} to accept")
    for module in sorted({*then, *here}):
        if then.get(module) == here.get(module):
            continue
        what = "is new" if module not in then else "changed" if module in here else "is gone"
        stages = " or ".join(owners.get(module, ["that it served"]))
        lines.append(
            f"{module} {what}: raise VERSION of stage {stages} in atlas_core/stages.py or, if no"
            f" number changes, run {TOOL} to accept"
        )
    return lines


def main() -> None:
    """Accept the code as it is, or say what was not accepted."""
    found = now()
    if "--check" in sys.argv[1:]:
        lines = unaccepted(json.loads(ACCEPTED.read_text(encoding="utf-8")), found)
        sys.exit("\n".join(lines) or 0)
    ACCEPTED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
