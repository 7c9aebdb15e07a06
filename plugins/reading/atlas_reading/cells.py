"""Turn cells of a user's file into numbers and targets. Light: standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Literal

from atlas_core.elements import formula_flags, parse_formula, shown

Decimal = Literal[".", ","]
_TRUE = ("true", "yes", "1", "1.0")
_FALSE = ("false", "no", "0", "0.0")
_EMPTY = ("", "na", "n/a", "nan", "null", "none", "<na>", "#n/a")
_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?\s*")
_THOUSAND = re.compile(r"\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*")


class NoTargetError(ValueError):
    """A row has no target."""


def text_of(value: Any) -> str:
    """Return a cell as text; "" for none."""
    return "" if value is None else str(value)


def number(text: str, decimal: Decimal = ".") -> float:
    """Return the number in ``text``, written in plain digits.

    Python would also take ``5_000`` and digits of other scripts, where a file more likely has a
    slip or a code.

    Raises:
        ValueError: it is not such a number.
    """
    if "_" in text or not text.isascii() or (decimal == "," and "." in text):
        raise ValueError(f"not a number: {text!r}")
    return float(text.replace(",", ".") if decimal == "," else text)


def read_target(value: Any, *, column: str, task: str, decimal: Decimal = ".") -> float:
    """Return a target as a number, 0 or 1 when ``task`` is ``binary``.

    Raises:
        NoTargetError: the cell is empty or states that there is none.
        ValueError: it is text, infinite, or no truth value when binary; the text is the reason.
    """
    text = text_of(value).strip()
    if text.lower() in _EMPTY:
        raise NoTargetError(f"target {column!r} is {text.lower() or 'empty'}")
    if task == "binary":
        if text.lower() not in _TRUE + _FALSE:
            raise ValueError(
                f"target {column!r} is {shown(text)}; expected true/false, yes/no or 1/0"
            )
        return float(text.lower() in _TRUE)
    if isinstance(value, bool):
        raise ValueError(
            f"target {column!r} is {text!r}, not a number; a yes/no target is task: binary"
        )
    try:
        found = number(text, decimal if isinstance(value, str) else ".")
    except ValueError:
        hint = '; is decimal: "," meant?' if decimal == "." and _COMMA.fullmatch(text) else ""
        raise ValueError(f"target {column!r} is {shown(text)}, not a number{hint}") from None
    if not math.isfinite(found):
        raise ValueError(f"target {column!r} is {text}; remove the row or fix it")
    return found


def sniff_decimal(cells: Iterable[Any]) -> Decimal | None:
    """Return the decimal sign of a column of text; None where it may be either.

    It is a comma where no cell has a period and some have a comma between digits. Where each of
    these has three digits after it, as 1,500 has, it may separate thousands as well.
    """
    some = [text for text in (text_of(cell).strip() for cell in cells) if text]
    commas = [text for text in some if _COMMA.fullmatch(text)]
    if not commas or any("." in text for text in some):
        return "."
    return None if all(_THOUSAND.fullmatch(text) for text in commas) else ","


def read_formula(value: Any) -> tuple[dict[int, float], tuple[str, ...]]:
    """Return the amounts of the formula in a cell, and what is odd about it.

    Raises:
        ValueError: there is none, or it cannot be read.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError("no formula")
    return parse_formula(value), formula_flags(value)
