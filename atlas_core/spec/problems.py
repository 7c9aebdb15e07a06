"""The mistakes of a spec: each with its place, all at once. Light."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from atlas_core.component import kind_in
from atlas_core.errors import (
    PluginError,
    SpecError,
)
from atlas_core.spec.model import Arm, Spec
from atlas_core.spec.yaml import Document, Path

RENAMED = {
    "budget": ("error_tolerance",),
    "budget_quantile": ("error_tolerance_quantile",),
    "centre": ("center",),
    "confidence": ("target_reliability",),
    "distinct": ("deduplicate",),
    "licence": ("license",),
    "neighbours": ("neighbors",),
    "promise": ("target_reliability",),
    "pseudo_shift": ("nested", "surrogate"),
}
"""Keys of earlier specs, and what they are called now where that stands; only messages read it."""


@dataclass
class Problems:
    """Collect one line a mistake, in the order of the file.

    Attributes:
        document: the spec.
        choices: names of the installed components of a kind, of which a missing key needs one;
            None: they are not listed.
        lines: mistakes of the spec.
        plugin_lines: faults of plugins.
    """

    document: Document
    choices: Callable[[str], Iterable[str]] | None = None
    lines: list[str] = field(default_factory=list)
    plugin_lines: list[str] = field(default_factory=list)
    _reported: set[object] = field(default_factory=set)

    def first(self, what: object) -> bool:
        """Return whether this is reported for the first time."""
        known = what in self._reported
        self._reported.add(what)
        return not known

    def add(self, path: Path, text: str) -> None:
        """Note a mistake of the spec."""
        self.lines.append(f"{self.document.where(path)}: {text}")

    def add_plugin(self, path: Path, text: str) -> None:
        """Note that a plugin is broken."""
        self.plugin_lines.append(f"{self.document.where(path)}: {text}")

    def add_validation(self, path: Path, model: type[BaseModel], error: ValidationError) -> None:
        """Note what pydantic found, each mistake at its place."""
        for item in error.errors():
            steps = self._real_steps(path, item["loc"], last=item["type"] == "missing")
            missing = item["type"] == "missing"
            text = self._missing(model, item["loc"]) if missing else _explain(item, model)
            self.add((*path, *steps), text)

    def _missing(self, model: type[BaseModel], location: Sequence[str | int]) -> str:
        """Say that a key is missing, and what may stand there."""
        text = "this key is missing"
        if tuple(location) == ("atlas",):
            return f"{text}; write atlas: 1"
        owner = _model_at(model, location[:-1])
        about = None if owner is None else owner.model_fields.get(str(location[-1]))
        kind = "" if about is None else kind_in(about)
        if not kind or self.choices is None:
            return text
        return f"{text}; it names a component of the kind {kind}: {join(self.choices(kind))}"

    def _real_steps(self, path: Path, location: Sequence[str | int], *, last: bool) -> Path:
        """Return the steps that exist in the file; pydantic adds tags of unions between them."""
        value = self.value_at(path)
        steps: Path = ()
        for number, step in enumerate(location):
            inside = isinstance(value, list) and isinstance(step, int) and step < len(value)
            if inside or (isinstance(value, Mapping) and step in value):
                value = value[step]
                steps = (*steps, step)
            elif last and number == len(location) - 1:
                steps = (*steps, step)
        return steps

    def value_at(self, path: Path) -> Any:
        """Return what stands at a path of the file, None where nothing does."""
        value = self.document.value
        for step in path:
            if isinstance(value, list):
                value = value[step] if isinstance(step, int) and step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, Mapping) else None
        return value

    def place(self, path: Path) -> Path:
        """Return a path as the file has it: a component need not stand in a list."""
        found: Path = ()
        for step in path:
            value = self.value_at(found)
            if not isinstance(step, int) or value is None or isinstance(value, list):
                found = (*found, step)
        return found

    def stop(self) -> None:
        """Raise what was noted, if anything.

        Raises:
            SpecError: the spec is wrong.
            PluginError: it is right, but a plugin is broken.
        """
        if self.lines:
            raise SpecError(sorted(self.lines + self.plugin_lines, key=_in_file_order))
        if self.plugin_lines:
            raise PluginError("\n".join(sorted(self.plugin_lines, key=_in_file_order)))


def _in_file_order(line: str) -> tuple[int, ...]:
    """Return line and column from ``file:line:column  ...``; a ``--set`` stands first."""
    numbers = line.split("  ", maxsplit=1)[0].rsplit(":", 2)[1:]
    return tuple(int(n) for n in numbers) if all(n.isdigit() for n in numbers) else ()


def _explain(item: Any, model: type[BaseModel]) -> str:
    kind, value, location = item["type"], item.get("input"), item["loc"]
    if kind == "extra_forbidden":
        owner = _model_at(model, location[:-1])
        names = [] if owner is None else sorted(owner.model_fields)
        key = str(location[-1])
        now = [name for name in RENAMED.get(key, ()) if name in names]
        said = f" {key!r}, which is called {now[0]!r} now" if now else closest(key, names)
        return f"unknown key{said}; known here: {join(names)}"
    shown = repr(value) if isinstance(value, str | int | float | bool | type(None)) else ""
    message = str(item["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if kind in {"tuple_type", "list_type", "set_type"}:
        message = f"expected a list, such as [{value}]"
    if kind in {"model_type", "dict_type"}:
        message = "expected a mapping"
        shown = shown or type(value).__name__
    return f"{shown}: {message}" if shown else message


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model that ``location`` leads to, through our own nesting; None without one."""
    current: type[BaseModel] = model
    steps = [step for step in location if not isinstance(step, int)]  # places in a list
    while steps:
        step = steps.pop(0)
        if current is Spec and step == "arms":
            current = Arm
            steps = steps[1:]
            continue
        field_info = current.model_fields.get(str(step))
        models = [] if field_info is None else models_in(field_info.annotation)
        if not models:
            return None
        current = models[0]
    return current


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the pydantic models inside an annotation such as ``Annotated[Use, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def closest(name: str, known: Iterable[str]) -> str:
    """Return a name, and the known ones like it, for a message."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" {name!r}, did you mean {' or '.join(map(repr, near))}?" if near else f" {name!r}"


def join(names: Iterable[str]) -> str:
    """Return names in order, joined with commas."""
    return ", ".join(sorted(names)) or "nothing"
