"""Make a matminer featurizer from its name, preset and options. Heavy: matminer."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Protocol

from matminer.featurizers.base import BaseFeaturizer  # type: ignore[import-untyped]

from atlas_core.api import SpecError


class Wanted(Protocol):
    """What a spec says of the featurizer: see ``MatminerConfig``."""

    @property
    def featurizer(self) -> str:
        """Return the name of the class."""

    @property
    def input(self) -> str:
        """Return ``composition`` or ``structure``."""

    @property
    def preset(self) -> str | None:
        """Return the name for ``from_preset``, or None."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Return further arguments by name."""


def make(wanted: Wanted) -> BaseFeaturizer:
    """Return the matminer object that the options describe.

    Classes come from the two fixed modules only: an option never names an import path.

    Raises:
        SpecError: unknown class, preset or option, or a class that must be fitted first.
    """
    known = classes(wanted.input)
    where = f"matminer: {wanted.featurizer}"
    if wanted.featurizer not in known:
        other = "structure" if wanted.input == "composition" else "composition"
        hint = f"; set input: {other}" if wanted.featurizer in classes(other) else ""
        raise SpecError(
            f"matminer: no featurizer {wanted.featurizer!r} for input {wanted.input}{hint};"
            f" {closest(wanted.featurizer, known)}"
        )
    chosen = known[wanted.featurizer]
    presets = presets_of(chosen)
    if wanted.preset is not None and not hasattr(chosen, "from_preset"):
        raise SpecError(f"{where} has no presets; leave preset out")
    maker = chosen if wanted.preset is None else chosen.from_preset
    allowed = argument_names(chosen, preset=wanted.preset is not None)
    for option in wanted.options:
        if option not in allowed:
            raise SpecError(f"{where} has no option {option!r}; {closest(option, allowed)}")
    arguments = [] if wanted.preset is None else [wanted.preset]
    try:
        made = maker(*arguments, **wanted.options)
    except Exception as err:  # matminer raises many types; its message is passed on
        reason = " ".join(str(err).split())
        if wanted.preset is not None and wanted.preset not in presets:
            hint = closest(wanted.preset, presets)
            raise SpecError(f"{where} has no preset {wanted.preset!r}; {hint}") from err
        hint = f"; presets: {', '.join(presets)}" if presets and wanted.preset is None else ""
        raise SpecError(f"{where} cannot be made: {reason}{hint}") from err
    if must_be_fitted(made):
        raise SpecError(
            f"{where} must be fitted to a whole data set, so that a row would depend on the others;"
            " take a featurizer without fit"
        )
    return made


def classes(kind: str) -> dict[str, Any]:
    """Return the public featurizers of ``matminer.featurizers.composition`` or ``.structure``."""
    path = f"matminer.featurizers.{kind}"
    return {
        name: found
        for name, found in vars(import_module(path)).items()
        if inspect.isclass(found)
        and issubclass(found, BaseFeaturizer)
        and found.__module__.startswith(f"{path}.")
    }


def presets_of(chosen: Any) -> list[str]:
    """Return the preset names that ``from_preset`` compares its argument with, as written there.

    matminer has no list of them; names that it looks up in other ways are not found here, so this
    serves messages only.
    """
    if not hasattr(chosen, "from_preset"):
        return []
    tree = ast.parse(textwrap.dedent(inspect.getsource(chosen.from_preset)))
    return [
        side.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for side in node.comparators
        if isinstance(side, ast.Constant) and isinstance(side.value, str)
    ]


def argument_names(chosen: Any, *, preset: bool) -> list[str]:
    """Return the names of arguments that ``options`` may give."""
    parameters = dict(inspect.signature(chosen).parameters)
    if preset:
        own = dict(inspect.signature(chosen.from_preset).parameters)
        own.pop(next(iter(own)))  # the preset's name itself
        passes_on = any(p.kind is p.VAR_KEYWORD for p in own.values())
        parameters = {**parameters, **own} if passes_on else own
    return [n for n, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def must_be_fitted(featurizer: BaseFeaturizer) -> bool:
    """Return whether a featurizer is fitted to data; a wrapper is if what it wraps is."""
    for name in ("site_featurizer", "featurizer"):
        inner = getattr(featurizer, name, None)
        if isinstance(inner, BaseFeaturizer):
            return must_be_fitted(inner)
    return type(featurizer).fit is not BaseFeaturizer.fit


def closest(text: str, known: Iterable[str]) -> str:
    """Return the closest names and the list of all, for an error message."""
    names = sorted(known)
    close = get_close_matches(text, names, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}there are: {', '.join(names) if names else 'none'}"
