"""Chemical symbols by atomic number, and formula text to amounts. Light: standard library only."""

from __future__ import annotations

import math
import re
import unicodedata

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

_ELECTRONEGATIVITY = (
    "2.2 - 0.98 1.57 2.04 2.55 3.04 3.44 3.98 - 0.93 1.31 1.61 1.9 2.19 2.58 3.16 - 0.82 1 1.36"
    " 1.54 1.63 1.66 1.55 1.83 1.88 1.91 1.9 1.65 1.81 2.01 2.18 2.55 2.96 3 0.82 0.95 1.22 1.33"
    " 1.6 2.16 1.9 2.2 2.28 2.2 1.93 1.69 1.78 1.96 2.05 2.1 2.66 2.6 0.79 0.89 1.1 1.12 1.13"
    " 1.14 1.13 1.17 1.2 1.2 1.1 1.22 1.23 1.24 1.25 1.1 1.27 1.3 1.5 2.36 1.9 2.2 2.2 2.28 2.54"
    " 2 1.62 2.33 2.02 2 2.2 2.2 0.7 0.9 1.1 1.3 1.5 1.38 1.36 1.28"
)
ELECTRONEGATIVITY: tuple[float, ...] = (
    math.nan,
    *(math.nan if word == "-" else float(word) for word in _ELECTRONEGATIVITY.split()),
    *(math.nan for _ in range(MAX_Z - len(_ELECTRONEGATIVITY.split()))),
)
"""Pauling's, by atomic number; NaN where none is known."""

SYMBOL_Z = {**ATOMIC_NUMBER, "D": 1, "T": 1}
"""Atomic numbers of the symbols in formulas and structures: D and T are hydrogen."""
DOT = "·"
"""What joins the parts of a formula, as in CuSO4·5H2O."""
_DOTS = dict.fromkeys("*•∙⋅‧・●⸱×", DOT)
_SUBSCRIPTS = {chr(0x2080 + digit): str(digit) for digit in range(10)} | {"⁄": "/", "∕": "/"}
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_HALVES = re.compile("([0-9]*)([¼½¾])")
_HALF = {"¼": 0.25, "½": 0.5, "¾": 0.75}

_PAIR = re.compile(r"([A-Z][a-z]?)([0-9]+\.?[0-9]*|\.[0-9]+)?")
_TOKEN = re.compile(
    r"([A-Z][a-z]?)|([(\[{])|([)\]}])"
    r"|([0-9]+/[0-9]+|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+)|([·.])|(\s+)"
)
_END = r"\s*(?=$|[·.,)\]}])"
_WATER = r"(?:[HD]2O(?![a-z0-9.])|\([HD]2O\)(?![0-9.]))"
_SOLVATE = (
    rf"(?:{_WATER}|\(?(?:N[HD]3|N2H4|CH3OH|CH4O|C2H5OH|C2H6O|CH3CN|C2H3N|H2O2|H2S|HF|HCl|HBr|HI"
    rf"|HNO3|H2SO4|H3PO4|CO2|SO2)\)?{_END})"
)
_UNIT = r"(?:[A-Z][a-z]?[0-9]*|\((?:[A-Z][a-z]?[0-9]*)+\)[0-9]*)"
_COMPOUND = rf"(?=[^·.]*O(?![a-z])){_UNIT}{{2,}}{_END}"
# Behind these a period may be the dot of a hydrate or the point of a decimal number.
_FULL_STOP = re.compile(
    rf"(?<=[A-Za-z)\]}}])([0-9]*)\.([1-9][0-9]*)\s*{_SOLVATE}"
    rf"|(?<=[O)\]}}])([0-9]*)\.([1-9][0-9]*){_COMPOUND}"
)
_COUNT = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
# A salt in front of a compound, as in FeCl3.3KCl, or a fullerene.
_ADDUCT = re.compile(
    rf"(?<![A-Za-z0-9.)\]}}])[0-9]*"
    rf"(?P<front>C[6-9]0|{_UNIT}*(?:[HNOFSI]|Cl|Br|Se|Te|\))(?:1?[1-9]|10)?)\.[1-9][0-9]*\s*"
    rf"(?P<rest>{_UNIT}+)(?![a-z0-9])\s*(?=$|[·,)\]}}]|\.[1-9][0-9]*[A-Z(])"
)
# Behind a symbol without a number a blank may be the dot of a hydrate or of two salts.
_BLANK = re.compile(
    rf"(?<=[A-Za-z)\]}}])(\s+)(?=(?:{_COUNT})(?:\s*{_WATER}|{_SOLVATE}))"
    rf"|(?<![^\s·.(]){_UNIT}{{2,}}(?<=[A-Za-z)])(\s+)(?=(?:{_COUNT})[A-Z][a-z]?[0-9]*[A-Z(])"
)
_ROMAN = re.compile(r"(?<=[A-Za-z])\((?:I{1,3}|I?V|VI{1,3}|I?X)\)")
_FORM = re.compile(r"(?<=\S)\s*\([A-Z][a-z]?\)\s*$")
_T_FIRST = re.compile(r"T(?:I|A|B|C|E|H|L|M|S)")
"""Capitals that may be one element (TI: titanium) or tritium and another one."""
_NONMETALS = frozenset(["H", "C", "N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I"])
_SHORT = (
    "BBO BKT BNT BSCCO BST BSTO BTO CCTO CTO DKDP FTO HBCCO ITO KBBF KDP KNN KTN KTO KTP NBT PTO"
    " SBT STO TBCCO YBCO"
)
"""Short names of materials that all consist of symbols, as STO of SrTiO3."""
_TWO_STOPS = re.compile(rf"(?<=[A-Za-z)\]}}])([0-9]+)\.([0-9]+)\.([0-9]+)\s*{_SOLVATE}")
_SPACED_STOP = re.compile(rf"(?<=[A-Za-z0-9)\]}}])\s+\.([1-9][0-9]*)\s*{_SOLVATE}")


def parse_formula(formula: str) -> dict[int, float]:
    """Return {atomic number: amount} of a formula such as ``Ca3(PO4)2`` or ``CuSO4·5H2O``.

    Amounts add up over repeated elements and brackets (any of ``()[]{}``) nest. Parts that a dot
    (``·``, ``•``, ``*``) joins may have a number in front. D and T are hydrogen; digits may be
    subscripts. Elements stand in order of first appearance, as in the text.

    Raises:
        ValueError: the text is no formula, or may be read in two ways (``CuSO4.5H2O``,
            ``BaO 8H2O``, ``Fe(III)Cl3``, ``STO``); the message says what was met and where.
    """
    amounts = _amounts(formula)
    if not all(amounts.values()):
        amounts = {z: amount for z, amount in amounts.items() if amount > 0}
    if not amounts:
        raise ValueError(f"formula {shown(formula)}: no element in it")
    if not math.isfinite(sum(amounts.values())):
        raise ValueError(f"formula {shown(formula)}: an amount is too large")
    return amounts


def formula_flags(formula: str) -> tuple[str, ...]:
    """Return what is odd about how a formula is read, in words that formulas of one kind share."""
    if formula.strip() == "NaN":
        return ("NaN is read as sodium and nitrogen, not as a missing formula",)
    absent: list[str] = []
    if "0" in formula or not formula.isascii():
        absent = [SYMBOLS[z] for z, amount in _amounts(formula).items() if amount == 0]
    isotopes = [one for one in "DT" if re.search(f"{one}(?![a-z])", formula)]
    return (
        *(f"{one} has an amount of 0 and is left out" for one in absent),
        *map(as_hydrogen, isotopes),
    )


def as_hydrogen(isotope: str) -> str:
    """Return the flag of D or T."""
    return f"{isotope} is read as hydrogen"


def shown(text: str) -> str:
    """Return a text in quotes, shortened where it is too long for a message."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def _amounts(formula: str) -> dict[int, float]:
    """Return the amounts of a formula, zeros included."""
    text = _plain(formula)
    if "." in text:
        _refuse_full_stop(formula, text)
    if " " in text and (found := _BLANK.search(text)):
        start, end = found.span(found.lastindex or 0)
        joined = f"{text[:start]}{DOT}{text[end:]}"
        _refuse(formula, "the blank", joined, _flat(_Parser(formula, text).read()))
    if "(" in text and (found := _ROMAN.search(text) or _FORM.search(text)):
        raise ValueError(
            f"formula {shown(formula)}: {found.group().strip()} may be an oxidation state, the name"
            " of a form, or an element; leave it out, or write the element without a bracket"
        )
    if text.isupper():
        _refuse_short(formula, text)
    amounts = _parse_flat(text)
    return _Parser(formula, text).read() if amounts is None else amounts


def _plain(formula: str) -> str:
    """Return a formula with plain digits, spaces and dots; superscripts stay as they are."""
    if formula.isascii():
        return formula.replace("*", DOT)
    text = _HALVES.sub(lambda m: f"{int(m[1] or 0) + _HALF[m[2]]:g}", formula)
    out = []
    for sign in text:
        known = _DOTS.get(sign) or _SUBSCRIPTS.get(sign)
        if known is None and not sign.isascii():
            category = unicodedata.category(sign)
            # spaces of any width, and marks that take no room at all
            known = " " if category == "Zs" else "" if category == "Cf" else None
        out.append(sign if known is None else known)
    return "".join(out)


def _refuse_full_stop(formula: str, text: str) -> None:
    """Refuse a period that may be the dot of a hydrate or the point of a decimal number.

    Raises:
        ValueError: names both readings.
    """
    readings: tuple[str, str] | None = None
    if found := _TWO_STOPS.search(text):
        first, second = found.end(1), found.end(2)
        readings = (
            f"{text[:first]}{DOT}{text[first + 1 :]}",
            f"{text[:second]}{DOT}{text[second + 1 :]}",
        )
    elif found := _SPACED_STOP.search(text):
        stop = found.start(1) - 1
        readings = f"{text[:stop]}{DOT}{text[stop + 1 :]}", f"{text[:stop]}{DOT}0{text[stop:]}"
    elif re.search(r"\.\s*\.", text):
        raise ValueError(f"formula {shown(formula)}: two periods in a row; write one, or '{DOT}'")
    elif _doubtful_stop(text) is not None:
        readings = _joined(text), _flat(_Parser(formula, text).read())
    if readings is not None:
        _refuse(formula, "the period", *readings)


def _refuse(formula: str, what: str, first: str, second: str) -> None:
    first, second = (one.replace(" ", "") for one in (first, second))
    raise ValueError(
        f"formula {shown(formula)}: {what} may be read as {first} or as {second}; write the one"
        f" that is meant ('{DOT}' or '*' joins parts)"
    )


def _refuse_short(formula: str, text: str) -> None:
    """Refuse capitals that people write for something else than their symbols.

    Raises:
        ValueError: it is a short name, or T may be tritium or begin another symbol.
    """
    if text.strip() in _SHORT.split():
        raise ValueError(
            f"formula {shown(formula)}: this is a short name of a material; write its elements with"
            " their amounts"
        )
    if found := _T_FIRST.search(text):
        raise ValueError(
            f"formula {shown(formula)}: {found.group()!r} may be {found.group().capitalize()} or"
            " tritium and another element; write symbols with one capital letter"
        )


def _doubtful_stop(text: str) -> int | None:
    """Return where a period stands that may be a dot, behind which a compound follows."""
    for found in _FULL_STOP.finditer(text):
        whole = found[1] if found[2] else found[3]
        if not whole or int(whole):  # an amount of 0 in front of a dot would make no sense
            return found.start(2 if found[2] else 4) - 1
    for found in _ADDUCT.finditer(text):
        front, rest = (set(re.findall("[A-Z][a-z]?", found[name])) for name in ("front", "rest"))
        salt = len(front) > 1 or found["front"][-1] == "0"
        if salt and len(rest) > 1 and rest & _NONMETALS:
            return found.end("front")
    return None


def _joined(text: str) -> str:
    """Return a formula with every period that may be a dot as one."""
    while (stop := _doubtful_stop(text)) is not None:
        text = f"{text[:stop]}{DOT}{text[stop + 1 :]}"
    return text


def _flat(amounts: dict[int, float]) -> str:
    """Return a formula in whose order of elements every period is a decimal point."""
    texts = [f"{SYMBOLS[z]}{'' if a == 1 else f'{a:g}'}" for z, a in amounts.items()]
    # behind a decimal that stands last nothing follows that a dot could join
    orders = (texts, sorted(texts), sorted(texts, key=lambda text: "." in text))
    joined = ["".join(order) for order in orders]
    plain = (one for one in joined if not _FULL_STOP.search(one) and _doubtful_stop(one) is None)
    return next(plain, joined[-1])


def _parse_flat(formula: str) -> dict[int, float] | None:
    """Return the amounts of a formula of known symbols, plain numbers and spaces, else None.

    Most formulas are such, and this is about three times as fast as the full grammar.
    """
    amounts: dict[int, float] = {}
    read = 0
    for symbol, number in _PAIR.findall(formula):
        z = SYMBOL_Z.get(symbol)
        if z is None:
            return None
        read += len(symbol) + len(number)
        amounts[z] = amounts.get(z, 0.0) + (float(number) if number else 1.0)
    return amounts if read + formula.count(" ") == len(formula) else None


def _capitals(text: str) -> str:
    """Return the hint for a formula without capitals: how it is written, if there is one way."""
    ways = [""] if len(text) <= 20 else []
    for run in re.findall("[a-z]+|[^a-z]+", text):
        ways = [way + one for way in ways for one in _symbols(run)][:3]
    meant = f": did you mean {ways[0]}?" if len(ways) == 1 else ""
    return f"; symbols begin with a capital letter{meant}"


def _symbols(run: str) -> list[str]:
    """Return at most three ways to read small letters as symbols; other text as it is."""
    if not run or not run.isalpha():
        return [run]
    heads = [run[:n].capitalize() for n in (1, 2) if len(run) >= n]
    ways = [
        head + rest for head in heads if head in SYMBOL_Z for rest in _symbols(run[len(head) :])
    ]
    return ways[:3]


class _Level:
    """What was read inside one pair of brackets: whole parts, and the part at hand."""

    def __init__(self, opener: str = "") -> None:
        self.opener = opener
        self.total: dict[int, float] = {}
        self.part: dict[int, float] = {}
        self.factor: float | None = None


class _Parser:
    """Read any formula; see ``parse_formula``."""

    def __init__(self, formula: str, text: str) -> None:
        self.formula, self.text = formula, text
        self.dotted = DOT in text or re.search(r"\.(?![0-9])", text) is not None
        self.levels = [_Level()]
        self.pending: dict[int, float] | None = None

    def read(self) -> dict[int, float]:
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                raise self._error(self._unexpected(position))
            symbol, opening, closing, number, dot, _ = match.groups()
            if symbol:
                self._close(1.0)
                if symbol not in SYMBOL_Z:
                    raise self._error(f"unknown element {symbol!r}")
                self.pending = {SYMBOL_Z[symbol]: 1.0}
            elif opening:
                self._close(1.0)
                self.levels.append(_Level(opening))
            elif closing:
                self._leave(closing)
            elif number:
                self._number(number, position)
            elif dot:
                self._end_part(f"{dot!r} at character {position + 1}")
            position = match.end()
        if len(self.levels) > 1:
            raise self._error(f"bracket {self.levels[-1].opener!r} is never closed")
        self._end_part("the end")
        return self.levels[0].total

    def _number(self, number: str, position: int) -> None:
        level = self.levels[-1]
        if self.pending is not None and "/" not in number:
            self._close(float(number))
        elif self.pending is None and not level.part and level.factor is None and self.dotted:
            above, _, below = number.partition("/")
            if below and not int(below):
                raise self._error(f"number {number!r} at character {position + 1} divides by 0")
            level.factor = float(above) / float(below or 1)
        else:
            hint = "" if position else "; leave a number in front, or of the mass, out"
            where = f"at character {position + 1} follows no element{hint}"
            raise self._error(f"number {number!r} {where}")

    def _close(self, amount: float) -> None:
        part = self.levels[-1].part
        for z, value in (self.pending or {}).items():
            part[z] = part.get(z, 0.0) + value * amount
        self.pending = None

    def _end_part(self, where: str) -> None:
        self._close(1.0)
        level = self.levels[-1]
        if not level.part and (self.dotted or level.factor is not None):
            raise self._error(f"no element in front of {where}")
        for z, value in level.part.items():
            factor = 1.0 if level.factor is None else level.factor
            level.total[z] = level.total.get(z, 0.0) + value * factor
        level.part, level.factor = {}, None

    def _leave(self, closing: str) -> None:
        opener = self.levels[-1].opener
        if not opener or "([{".index(opener) != ")]}".index(closing):
            raise self._error(f"bracket {closing!r} closes nothing")
        self._end_part(f"bracket {closing!r}")
        self.pending = self.levels.pop().total

    def _unexpected(self, position: int) -> str:
        sign, following = self.text[position], self.text[position + 1 : position + 2]
        hint = ""
        if sign.isalpha() and self.text.islower():
            hint = _capitals(self.text)
        elif sign in "_$^\\":
            hint = "; write amounts as plain digits"
        elif sign == "/":
            hint = f"; {DOT!r} joins a part with a fraction in front, as in CdSO4{DOT}8/3H2O"
        elif sign in "+-−–±" and following and following in "xyzndδ":
            hint = "; write the amount as a number"
        elif sign in "-−–" and following.isupper():
            hint = "; a hyphen joins no elements"
        elif sign in _SUPERSCRIPTS or sign in "+-−–":
            hint = "; leave charges and mass numbers out"
        elif sign in "xyzn" or sign in "δ±":
            hint = "; write the amount as a number"
        elif not sign.isascii() and sign.isalpha():
            hint = f" ({unicodedata.name(sign, 'no Latin letter').lower()})"
        return f"unexpected {sign!r} at character {position + 1}{hint}"

    def _error(self, what: str) -> ValueError:
        return ValueError(f"formula {shown(self.formula)}: {what}")
