"""Reasons why a prediction may be wrong, as data, shared by detectors, trust methods and screens.

Light: numpy only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atlas_core.arrays import Str
from atlas_core.errors import ContractError
from atlas_core.printing import listed


@dataclass(frozen=True)
class Reason:
    """One reason; two with the same code and figures are equal, whatever their source.

    Attributes:
        code: what was found, in snake_case; it does not change, so that scripts may rest on it.
        text: the same in words: a clause without a final period.
        figures: what it rests on, as plain JSON: numbers, symbols of elements.
    """

    code: str
    text: str = field(compare=False)
    figures: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def unseen_elements(cls, symbols: Sequence[str]) -> Reason:
        """Return that a material contains elements that no training material has."""
        text = f"contains {listed(symbols)}, never seen in training"
        return cls("unseen_elements", text, {"elements": list(symbols)})


Reasons = tuple[tuple[Reason, ...], ...]
"""Of each of n rows, its reasons; () for none."""


def checked(reasons: Iterable[Iterable[Reason]], n: int, what: str) -> Reasons:
    """Return the reasons of n rows.

    Raises:
        ContractError: they are of another number of rows, or something among them is no reason.
    """
    found = tuple(map(tuple, reasons))
    if len(found) != n or not all(isinstance(one, Reason) for own in found for one in own):
        raise ContractError(f"{what}: reasons must be, of each of {n} rows, a tuple of Reason")
    return found


def distinct(*several: Reasons | None) -> Reasons:
    """Return all reasons of each row, each once; None among them gives none."""
    known = [reasons for reasons in several if reasons is not None]
    rows = zip(*known, strict=True)
    return tuple(tuple(_once(one for own in row for one in own)) for row in rows)


def _once(reasons: Iterable[Reason]) -> list[Reason]:
    found: list[Reason] = []
    for one in reasons:
        if one not in found:
            found.append(one)
    return found


def texts(reasons: Reasons | None, n: int) -> Str:
    """Return (n,) the reasons of each row in words, joined with "; ", "" where there are none."""
    if reasons is None:
        return np.full(n, "")
    return np.array(["; ".join(one.text for one in own) for own in reasons], dtype=np.str_)
