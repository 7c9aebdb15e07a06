"""Chemical symbols by atomic number, and formula text to amounts. Light: numpy only."""

from __future__ import annotations

import re

_TABLE = (
    "X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As"
    " Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu"
    " Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np"
    " Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
)
SYMBOLS: tuple[str, ...] = tuple(_TABLE.split())
"""``SYMBOLS[z]`` is the symbol of atomic number z; entry 0 is no element."""

ATOMIC_NUMBER: dict[str, int] = {symbol: z for z, symbol in enumerate(SYMBOLS) if z}
MAX_Z = len(SYMBOLS) - 1

_PAIR = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?")
_TOKEN = re.compile(r"([A-Z][a-z]?)|([(\[{])|([)\]}])|(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(\s+)")


def parse_formula(formula: str) -> dict[int, float]:
    """Return {atomic number: amount} of a formula such as ``Ca3(PO4)2`` or ``Li0.5CoO2``.

    Amounts add up over repeated elements and brackets (any of ``()[]{}``) nest. Elements stand in
    order of first appearance, as in the text.

    Raises:
        ValueError: the text is no formula; the message says what was met and where.
    """
    amounts = _parse_flat(formula)
    if amounts is None:
        amounts = _parse_nested(formula)
    if not all(amounts.values()):
        amounts = {z: amount for z, amount in amounts.items() if amount > 0}
    if not amounts:
        raise ValueError(f"formula {formula!r}: no element in it")
    return amounts


def _parse_flat(formula: str) -> dict[int, float] | None:
    """Return the amounts of a formula of known symbols, plain numbers and spaces, else None.

    Most formulas are such, and this is about three times as fast as the full grammar.
    """
    amounts: dict[int, float] = {}
    read = 0
    for symbol, number in _PAIR.findall(formula):
        z = ATOMIC_NUMBER.get(symbol)
        if z is None:
            return None
        read += len(symbol) + len(number)
        amounts[z] = amounts.get(z, 0.0) + (float(number) if number else 1.0)
    return amounts if read + formula.count(" ") == len(formula) else None


def _parse_nested(formula: str) -> dict[int, float]:
    """Return the amounts of any formula, zeros included; see ``parse_formula``."""
    stack: list[dict[int, float]] = [{}]
    openers: list[str] = []
    position = 0
    pending: dict[int, float] | None = None

    def close(amount: float) -> None:
        nonlocal pending
        if pending is not None:
            for z, value in pending.items():
                stack[-1][z] = stack[-1].get(z, 0.0) + value * amount
            pending = None

    while position < len(formula):
        match = _TOKEN.match(formula, position)
        if match is None:
            raise ValueError(
                f"formula {formula!r}: unexpected {formula[position]!r} at character {position + 1}"
            )
        symbol, opening, closing, number, _ = match.groups()
        if symbol:
            close(1.0)
            if symbol not in ATOMIC_NUMBER:
                raise ValueError(f"formula {formula!r}: unknown element {symbol!r}")
            pending = {ATOMIC_NUMBER[symbol]: 1.0}
        elif opening:
            close(1.0)
            stack.append({})
            openers.append(opening)
        elif closing:
            close(1.0)
            if not openers or "([{".index(openers.pop()) != ")]}".index(closing):
                raise ValueError(f"formula {formula!r}: bracket {closing!r} closes nothing")
            pending = stack.pop()
        elif number:
            if pending is None:
                raise ValueError(
                    f"formula {formula!r}: number {number!r} at character {position + 1}"
                    " follows no element"
                )
            close(float(number))
        position = match.end()
    close(1.0)
    if openers:
        raise ValueError(f"formula {formula!r}: bracket {openers[-1]!r} is never closed")
    return stack[0]
