"""One matminer featurizer, row by row, with the rows that failed listed."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
import warnings
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from matminer.featurizers.base import BaseFeaturizer  # type: ignore[import-untyped]
from pymatgen.core import Composition, Structure

from atlas_core.api import SYMBOLS, DataError, Materials, SpecError, Vectors

if TYPE_CHECKING:
    from atlas_crystal.matminer import MatminerConfig


class Matminer:
    """Call a matminer featurizer for each material."""

    def __init__(self, config: MatminerConfig) -> None:
        self.config = config
        self.inner = make(config)

    def featurize(self, materials: Materials) -> Vectors:
        """Return (n, d) columns of the matminer class that hold numbers.

        A column that holds text or a list for any material is left out, with one warning that names
        all such columns. A material that matminer cannot featurize, or where a column is infinite,
        gets a row of NaN and stands in ``failures`` with the reason. A NaN that matminer itself
        returns stays.

        Raises:
            DataError: only compositions are known but structures are needed, every row failed, or
                no column holds numbers.
        """
        name = self.config.featurizer
        if self.config.input == "structure" and not materials.has_structure:
            raise DataError(f"matminer: {name} needs crystal structures, not formulas")
        labels = [str(label) for label in self.inner.feature_labels()]
        rows: list[list[Any] | None] = []
        failures: list[tuple[str, str]] = []

        def fail(index: int, reason: str) -> None:
            failures.append((str(materials.ids[index]), reason))

        for i in range(len(materials)):
            row: list[Any] | None = None
            try:
                row = values_of(self.inner.featurize(self._entry(materials, i)), labels)
            except Exception as err:  # listed by id: a featurizer of matminer may raise anything
                reason = " ".join(str(err).split()) or "no message"
                fail(i, f"{type(err).__name__}: {reason}")
            rows.append(row)
        kept = self._columns_of_numbers(rows, labels)
        values = np.full((len(rows), len(kept)), np.nan)
        for i, row in enumerate(rows):
            if row is None:
                continue
            numbers = [number for j in kept if (number := number_of(row[j])) is not None]
            if infinite := [labels[j] for j, x in zip(kept, numbers, strict=True) if math.isinf(x)]:
                fail(i, f"column {infinite[0]!r} is infinite")
            else:
                values[i] = numbers
        if failures and len(failures) == len(materials):
            raise DataError(
                f"matminer: {name} failed for all {len(failures)} materials;"
                f" id {failures[0][0]}: {failures[0][1]}"
            )
        names = np.asarray([labels[j] for j in kept], dtype=np.str_)
        return Vectors(values, names, tuple(failures))

    def _columns_of_numbers(self, rows: list[list[Any] | None], labels: list[str]) -> list[int]:
        """Return the columns that hold no text or list in any row; warn of the others."""
        odd: dict[int, Any] = {}
        for row in rows:
            for column, value in enumerate(row or ()):
                if number_of(value) is None:
                    odd.setdefault(column, value)
        kept = [column for column in range(len(labels)) if column not in odd]
        if odd:
            named = ", ".join(f"{labels[j]!r} ({str(odd[j])[:40]!r})" for j in sorted(odd))
            text = f"matminer: {self.config.featurizer}: no numbers in"
            if not kept:
                raise DataError(f"{text} any column: {named}")
            warnings.warn(f"{text} and left out: {named}", stacklevel=3)
        return kept

    def _entry(self, materials: Materials, index: int) -> Composition | Structure:
        if self.config.input == "structure":
            return materials.structure(index)
        amounts: dict[str, float] = {}
        for row in range(materials.offsets[index], materials.offsets[index + 1]):
            symbol = SYMBOLS[int(materials.numbers[row])]
            amounts[symbol] = amounts.get(symbol, 0.0) + float(materials.amounts[row])
        return Composition(amounts)


def values_of(row: Iterable[Any], labels: list[str]) -> list[Any]:
    """Return a featurizer's answer as a list.

    Raises:
        ValueError: the wrong number of values.
    """
    given = list(row)
    if len(given) != len(labels):
        raise ValueError(f"{len(given)} values for {len(labels)} labels")
    return given


def number_of(value: Any) -> float | None:
    """Return a featurizer's value as a number, NaN for None; or None where it is no number."""
    if value is None:
        return math.nan
    if isinstance(value, str) or np.ndim(value) != 0:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def make(config: MatminerConfig) -> BaseFeaturizer:
    """Return the matminer object that the options describe.

    Classes come from the two fixed modules only: an option never names an import path.

    Raises:
        SpecError: unknown class, preset or option, or a class that must be fitted first.
    """
    known = classes(config.input)
    where = f"matminer: {config.featurizer}"
    if config.featurizer not in known:
        other = "structure" if config.input == "composition" else "composition"
        hint = f"; set input: {other}" if config.featurizer in classes(other) else ""
        raise SpecError(
            f"matminer: no featurizer {config.featurizer!r} for input {config.input}{hint};"
            f" {closest(config.featurizer, known)}"
        )
    chosen = known[config.featurizer]
    presets = presets_of(chosen)
    if config.preset is not None and not hasattr(chosen, "from_preset"):
        raise SpecError(f"{where} has no presets; leave preset out")
    maker = chosen if config.preset is None else chosen.from_preset
    allowed = argument_names(chosen, preset=config.preset is not None)
    for option in config.options:
        if option not in allowed:
            raise SpecError(f"{where} has no option {option!r}; {closest(option, allowed)}")
    arguments = [] if config.preset is None else [config.preset]
    try:
        made = maker(*arguments, **config.options)
    except Exception as err:  # matminer raises many types; its message is passed on
        reason = " ".join(str(err).split())
        if config.preset is not None and config.preset not in presets:
            hint = closest(config.preset, presets)
            raise SpecError(f"{where} has no preset {config.preset!r}; {hint}") from err
        hint = f"; presets: {', '.join(presets)}" if presets and config.preset is None else ""
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
    """Tell whether a featurizer learns from a data set; a wrapper does when what it wraps does."""
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
