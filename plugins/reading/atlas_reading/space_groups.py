"""Look names of space groups up among the 530 settings of International Tables A. Light.

spglib holds them (S. R. Hall, Acta Cryst. A37, 517 (1981)); it is imported at the first look-up.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_OLD = {  # symbols of before 1992, in spglib's order of settings
    39: "Abm2 Bma2 B2cm C2mb Cm2a Ac2m",
    41: "Aba2 Bba2 B2cb C2cb Cc2a Ac2a",
    64: "Cmca Ccmb Abma Acam Bbcm Bmab",
    67: "Cmma Cmmb Abmm Acmm Bmcm Bmam",
    68: "Ccca Ccca Cccb Cccb Abaa Abaa Acaa Acaa Bbcb Bbcb Bbab Bbab",
}
_SUFFIX = {"h": "H", "r": "R", "s": "1", "z": "2"}
"""ICSD's marks after a symbol: hexagonal or rhombohedral axes, first or second origin."""


@dataclass(frozen=True)
class Table:
    """Look names of space groups up among spglib's 530 settings.

    Attributes:
        numbers: {hall number: number in International Tables}.
        choices: {hall number: the choice of origin, axes or cell}.
        symbols: {hall number: Hermann-Mauguin symbol}.
        names: {normal form: settings}.
        hall: {normal form of a Hall symbol: settings}.
    """

    numbers: dict[int, int]
    choices: dict[int, str]
    symbols: dict[int, str]
    names: dict[str, frozenset[int]]
    hall: dict[str, frozenset[int]]

    def lookup(self, name: str, code: str = "") -> frozenset[int]:
        """Return the settings that a symbol can mean; none where it is unknown."""
        key, _, choice = symbol_key(name).partition(":")
        found = self.names.get(key, frozenset())
        if not found and key[-1:] in _SUFFIX:
            choice = choice or _SUFFIX[key[-1]]
            found = self.names.get(key[:-1], frozenset())
        if choice:
            said = {h: self.choices[h].lower() for h in found}
            found = frozenset(h for h in found if said[h] == choice.lower()) or frozenset(
                h for h in found if said[h].startswith(choice.lower())
            )
        coded = frozenset(h for h in found if self.choices[h].lower() == code.lower())
        # of axes and cells that one short monoclinic symbol can mean, all: the cell decides
        return (coded if code else found) or found


def symbol_key(name: str) -> str:
    """Return the normal form of a Hermann-Mauguin symbol: no capitals, blanks or marks."""
    text = name.strip().strip("'\"").lower()
    for dash in "\u2212\u2010\u2011\u2012\u2013\u2014\u00af":
        text = text.replace(dash, "-")
    return re.sub(r"[\s_(){}$~]", "", text)


def hall_key(name: str) -> str:
    """Return the normal form of a Hall symbol."""
    return re.sub(r"[\s_]+", "", name.strip().lower()).replace("''", '"')


def spglib_says(function: str, *arguments: Any, **options: Any) -> Any:
    """Return what a function of spglib returns, without its warning of how it will report errors.

    Args:
        function: its name.
        arguments: its own.
        options: its own.
    """
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(spglib, function)(*arguments, **options)


@lru_cache(maxsize=1)
def settings() -> Table:
    """Return the settings that spglib holds."""
    kinds = {hall: spglib_says("get_spacegroup_type", hall) for hall in range(1, 531)}
    numbers = {hall: int(kind.number) for hall, kind in kinds.items()}
    first = {number: hall for hall, number in reversed(numbers.items())}
    symbols: dict[int, str] = {}
    names: dict[str, set[int]] = {}
    halls: dict[str, set[int]] = {}
    for hall, kind in kinds.items():
        number = numbers[hall]
        symbols[hall], *others = [part.strip() for part in kind.international.split("=")]
        own = [kind.international_full, *others]
        if 3 <= number <= 15:  # the short symbol is in all its settings
            own.append(re.sub(r" 1(?= |$)", "", kind.international_full))
        else:
            own = [kind.international_full, kind.international_short, symbols[hall]]
        if number in _OLD:
            own.append(_OLD[number].split()[hall - first[number]])
        if 200 <= number <= 206 or number >= 221:
            own.append(symbols[hall].replace("-3", "3"))  # m3m, as before 1983
        for one in own:
            names.setdefault(symbol_key(one), set()).add(hall)
        halls.setdefault(hall_key(kind.hall_symbol), set()).add(hall)
    return Table(
        numbers,
        {hall: str(kind.choice) for hall, kind in kinds.items()},
        symbols,
        {key: frozenset(found) for key, found in names.items()},
        {key: frozenset(found) for key, found in halls.items()},
    )
