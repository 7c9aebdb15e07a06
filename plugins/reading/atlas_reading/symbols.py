"""Say which element a symbol or the label of a site means, or refuse to guess. Light.

A symbol is an element and a charge (``Na``, ``Na+``, ``Fe3+``, ``O-2``), and a moment as pymatgen
writes it (``Fe3+,spin=5``); D and T are hydrogen.
Nothing else is read: a symbol such as Va, NH4, OH, Wat, Du or 7Li begins with, or looks like, an
element that it does not mean.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from atlas_core.elements import ATOMIC_NUMBER, as_hydrogen

ISOTOPES = {"D": 1, "T": 1}
"""Symbols of isotopes that have a letter of their own, with their atomic number."""
_CHARGED = re.compile(r"([A-Z][A-Za-z]?|[a-z]{1,2})(?:[+-]\d*(?:\.\d+)?|\d+(?:\.\d+)?[+-]|)")
_SPIN = re.compile(r",spin=[+-]?\d+(?:\.\d+)?$")
"""What pymatgen writes after the element of a site with a magnetic moment."""
_HEAVY = re.compile(r"\s*[DT](?![A-Za-z])")
_LETTERS = re.compile(r"[A-Za-z]+")
_SUFFIXES = frozenset(ATOMIC_NUMBER) | set("ABDEGMTWXZ")
"""Letters that follow an element in labels with a meaning of their own: OW1, CA1, HO1."""
_GROUPS = frozenset(["AC", "AM", "AT", "RE", "TM"])
"""Capitals of labels that may be a kind of site, such as a rare earth or a transition metal."""
_LAST = 103
"""The heaviest element that a label means: Nh, Ts or Mt are ammonium and sites of tetrahedra."""
_NO_ELEMENT = {
    word: meaning
    for meaning, words in {
        "a vacancy": "va vac",
        "a dummy atom": "x xx du dum q",
        "a molecule of water": "wat",
        "a group of atoms": "oh oh2 nh4",
        "a metal of several": "m me",
    }.items()
    for word in words.split()
}


def read_symbol(text: str, known: Collection[int] = ()) -> int:
    """Return the atomic number of an element with or without a charge.

    Capitals (``NA``, ``CL``) are read; where both letters are elements, as in ``CO``, only if
    ``known`` holds the element that they would make together.

    Args:
        text: the symbol.
        known: atomic numbers of the elements that must occur, where a formula states them.

    Raises:
        ValueError: it is not such a symbol; the message states why.
    """
    text = text.strip()
    match = _CHARGED.fullmatch(_SPIN.sub("", text))
    if match is None:
        raise ValueError(_refusal(text))
    letters = match.group(1)
    if letters in ISOTOPES:
        return ISOTOPES[letters]
    number = ATOMIC_NUMBER.get(letters.capitalize())
    if number is None:
        raise ValueError(_refusal(text))
    two = len(letters) == 2 and letters.isupper() and all(one in ATOMIC_NUMBER for one in letters)
    if two and number not in known:
        raise ValueError(f"ambiguous element {text!r} ({letters.capitalize()}, or two elements)")
    return number


def isotope_flags(symbols: Iterable[str]) -> tuple[str, ...]:
    """Return a flag for each isotope of hydrogen among symbols of sites."""
    found = {symbol.strip()[0] for symbol in symbols if _HEAVY.match(symbol)}
    return tuple(as_hydrogen(isotope) for isotope in ISOTOPES if isotope in found)


def read_label(text: str, known: Collection[int] = ()) -> int:
    """Return the atomic number that the label of a site begins with, as in Na1, Fe2A, O1W or Cl-1.

    Two capitals, or three letters and more, can be meant in more than one way (CA1 is calcium or
    an alpha carbon, HO1 holmium or a hydrogen of a hydroxyl, CaM2 calcium on site M2): then the
    reading that ``known`` holds is taken, and none where it holds none or several. Capitals whose
    second letter means nothing else (CL1, BR1) are read, but those of a kind of site (RE1, TM1)
    are not.

    Args:
        text: the label.
        known: atomic numbers of the elements that must occur, where a formula states them.

    Raises:
        ValueError: it begins with no element, or is ambiguous.
    """
    match = _LETTERS.match(text)
    if match is None:
        raise ValueError(f"unknown element {text!r} (it does not begin with one)")
    letters = match.group()
    if letters == "T" and 1 not in known:
        raise ValueError(f"ambiguous element {text!r} (tritium, or a tetrahedral site)")
    if letters in ISOTOPES:
        return ISOTOPES[letters]
    number = ATOMIC_NUMBER.get(letters.capitalize(), 0)
    grouped = number not in known and (number > _LAST or letters in _GROUPS)
    if letters in ATOMIC_NUMBER and not grouped:
        return number
    readings = [one for one in (letters[:2].capitalize(), letters[0]) if one in ATOMIC_NUMBER]
    fitting = [one for one in readings if ATOMIC_NUMBER[one] in known]
    if len(letters) == 2 and letters.isupper() and letters.capitalize() in ATOMIC_NUMBER:
        plain = letters[0] not in ATOMIC_NUMBER or letters[1] not in _SUFFIXES
        if plain and not grouped and (not known or letters.capitalize() in fitting):
            return ATOMIC_NUMBER[letters.capitalize()]
    if len(fitting) == 1:
        return ATOMIC_NUMBER[fitting[0]]
    if readings and not _NO_ELEMENT.get(letters.lower()):
        meant = " or ".join(readings)
        raise ValueError(f"ambiguous element {text!r} ({meant}, or a group of atoms)")
    raise ValueError(_refusal(text, letters))


def _refusal(text: str, letters: str = "") -> str:
    """Say that a text is not an element and, where that is known, what it is instead."""
    stem = letters or re.sub(r"(?<=[A-Za-z])[+-].*", "", text)
    meaning = _NO_ELEMENT.get(stem.lower(), "")
    numbered = re.fullmatch(r"([A-Z][a-z]?)\d+|\d+([A-Z][a-z]?)", text)
    if numbered and (numbered[1] or numbered[2]) in ATOMIC_NUMBER and not letters:
        meaning = f"write {numbered[1] or numbered[2]}, and a charge with its sign"
    elif re.search(r"[A-Za-z].*[\s+/,|].*[A-Z]", text):
        meaning = "a mixed site is disordered; order the structure first"
    return f"unknown element {text!r}{f' ({meaning})' if meaning else ''}"
