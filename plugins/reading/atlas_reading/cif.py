"""Split the text of a CIF file into data blocks of named values (CIF 1.1 and 2.0). Light.

S. R. Hall, F. H. Allen and I. D. Brown, Acta Cryst. A47, 655 (1991); the grammar:
https://www.iucr.org/resources/cif/spec/version1.1/cifsyntax. Lists and tables of CIF 2.0
(H. J. Bernstein et al., J. Appl. Cryst. 49, 277 (2016)) are skipped like other values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from atlas_core.errors import DataError

LIKE_CIF = re.compile(
    r"^[^\S\n]*(data_|loop_|_cell_|_atom_site|_symmetry_|_space_group)", re.I | re.M
)
"""How a line begins that only a CIF has."""
_QUOTED = re.compile(
    r"""(?P<q>'''|\"\"\")(?P<long>.*?)(?P=q)|(?P<s>['"])(?P<short>[^\n]*?)(?P=s)(?=\s|$)""", re.S
)
_FOLDED = re.compile(r"\\[ \t]*(?:\n|$)")
"""What ends a line of a folded text field, which goes on in the next one."""
_BRACKETS = {"[": "]", "{": "}"}
_BARE = re.compile(r"[^ \t\n]+")
_QUOTED_IN_LIST = re.compile(
    r"""(?P<q>'''|\"\"\").*?(?P=q)|'[^'\n]*'|"[^"\n]*"|(?<=\n);.*?\n;""", re.S
)
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+))?(?:\(\d+\))?", re.ASCII)


class Value(str):
    """One value; ``quoted``: whether it was in quotes or in a text field."""

    quoted: bool = False

    @property
    def missing(self) -> bool:
        """Return whether it says ``?`` (unknown) or ``.`` (does not apply), or nothing."""
        return not self.strip() or (not self.quoted and self in ("?", "."))


@dataclass(frozen=True)
class Block:
    """One data block.

    Attributes:
        name: what follows ``data_``.
        columns: values by tag, in lower case and with ``_`` for ``.``; one for a plain item.
        twice: tags that occur with two different values.
    """

    name: str
    columns: dict[str, list[Value]] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)

    def first(self, *tags: str) -> Value | None:
        """Return the value of the first of ``tags`` that has one; None for ``?`` and ``.``.

        Raises:
            DataError: it has two different ones.
        """
        for tag in tags:
            values = self.column(tag)
            if values and not values[0].missing:
                return values[0]
        return None

    def column(self, *tags: str) -> list[Value] | None:
        """Return the values of the first of ``tags`` that is there.

        Raises:
            DataError: it occurs twice in the block, with different values.
        """
        found = next((tag for tag in tags if tag in self.columns), None)
        if found in self.twice:
            raise DataError(f"{found} occurs twice, with different values")
        return None if found is None else self.columns[found]

    @property
    def has_atoms(self) -> bool:
        """Return whether it lists atoms."""
        return any(tag.startswith(("_atom_site_fract", "_atom_site_cartn")) for tag in self.columns)


@dataclass(frozen=True)
class _Token:
    kind: str
    value: Value
    line: int


def read_blocks(text: str) -> list[Block]:
    """Return the data blocks of a file in their order.

    Raises:
        DataError: it is not a CIF; the message states in which line and why.
    """
    blocks: list[Block] = []
    tags: list[str] = []
    values: list[Value] = []
    loop_line = 0
    waiting: str | None = None

    def close() -> None:
        nonlocal loop_line
        if waiting is not None:
            raise DataError(f"{waiting} has no value")
        if not loop_line:
            return
        if not tags:
            raise DataError(f"the loop_ of line {loop_line} names no columns")
        if len(values) % len(tags):
            raise DataError(
                f"the loop_ of line {loop_line} ({tags[0]}, ...) has {len(tags)} columns, but"
                f" {len(values)} values: a value is missing, or one with spaces is not quoted"
            )
        for i, tag in enumerate(tags):
            _put(blocks[-1], tag, values[i :: len(tags)])
        loop_line = 0

    for token in _tokens(text):
        if token.kind == "data":
            close()
            blocks.append(Block(token.value))
            continue
        if not blocks:
            raise DataError(
                f"line {token.line}: {token.value[:40]!r} comes before any data_ line; a CIF"
                " begins with data_<name>"
            )
        if token.kind == "loop":
            close()
            tags, values, loop_line = [], [], token.line
        elif token.kind == "tag" and loop_line and not values:
            tags.append(token.value)
        elif token.kind == "tag":
            close()
            waiting = token.value
        elif waiting is not None:
            _put(blocks[-1], waiting, [token.value])
            waiting = None
        elif loop_line:
            values.append(token.value)
        else:
            raise DataError(f"line {token.line}: {token.value[:40]!r} belongs to no tag")
    if blocks:
        close()
    return blocks


def _put(block: Block, tag: str, values: list[Value]) -> None:
    if tag in block.columns and block.columns[tag] != values:
        block.twice.add(tag)
    block.columns[tag] = values


def _tokens(text: str) -> Iterator[_Token]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # what editors and old systems append to a file
    text = text.rstrip("\x00\x0c\x1a \t\n")
    lists = text.startswith("#\\#CIF_2.0")
    at, line, seen = 0, 1, 0
    while at < len(text):
        sign = text[at]
        if sign in " \t\n":
            at += 1
            continue
        line, seen = line + text.count("\n", seen, at), at
        if sign == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif sign == ";" and (at == 0 or text[at - 1] == "\n"):
            end = text.find("\n;", at)
            if end < 0:
                raise DataError(f"line {line}: the text field that begins with ; is never closed")
            yield _Token("value", _quoted(_unfolded(text[at + 1 : end])), line)
            at = end + 2
        elif lists and sign in _BRACKETS:
            end = _list_end(text, at, line)
            yield _Token("value", _quoted(text[at:end]), line)
            at = end
        elif sign in "'\"":
            match = _QUOTED.match(text, at)
            if match is None:
                raise DataError(f"line {line}: a quote is never closed")
            found = match["long"] if match["q"] else match["short"]
            yield _Token("value", _quoted(found), line)
            at = match.end()
        else:
            match = _BARE.match(text, at)
            word = match.group() if match else sign
            at += len(word)
            yield _bare(word, line)


def _unfolded(text: str) -> str:
    """Return a text field with its folded lines joined; the sign of folding is its first line."""
    start = _FOLDED.match(text)
    return _FOLDED.sub("", text[start.end() :]) if start else text


def _list_end(text: str, start: int, line: int) -> int:
    """Return where a list or table of CIF 2.0 that begins at ``start`` has ended."""
    open_brackets, at = [], start
    while at < len(text):
        sign = text[at]
        quote = _QUOTED_IN_LIST.match(text, at)
        if quote:
            at = quote.end()
            continue
        if sign in _BRACKETS:
            open_brackets.append(_BRACKETS[sign])
        elif open_brackets and sign == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return at + 1
        at += 1
    raise DataError(f"line {line}: the list that begins with {text[start]} is never closed")


def _quoted(text: str) -> Value:
    value = Value(text)
    value.quoted = True
    return value


def _bare(word: str, line: int) -> _Token:
    lowered = word.lower()
    if lowered.startswith("data_"):
        return _Token("data", Value(word[5:]), line)
    if lowered == "loop_":
        return _Token("loop", Value(word), line)
    if lowered.startswith("save_"):
        raise DataError(f"line {line}: a save frame: this is a CIF dictionary, not a crystal")
    if word.startswith("_"):
        return _Token("tag", Value(lowered.replace(".", "_")), line)
    return _Token("value", Value(word), line)


def number(text: str) -> tuple[float, int]:
    """Return a number of CIF, its standard uncertainty left out, and its written decimals.

    Raises:
        ValueError: it is not a number.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a number")
    digits, exponent = match.groups()
    decimals = len(digits.partition(".")[2]) - int(exponent or 0)
    return float(digits + (f"e{exponent}" if exponent else "")), min(max(decimals, 0), 15)
