"""Walk through the files of Matbench, whatever stands in them: JSON by rows and JSON by columns."""

from __future__ import annotations

import bz2
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from atlas_core.api import DataError


def rows(path: Path, text: str, wanted: str, target: str) -> Iterator[tuple[Any, Any]]:
    """Yield (input, target) of one row after another; the largest file has 4 million sites.

    Args:
        path: of the file, for messages.
        text: what it holds.
        wanted: column of the inputs.
        target: column of the targets.

    Raises:
        DataError: it is no Matbench file, or lacks a column; the text says which.
    """
    columns: list[str] | None = None
    seen_data = False
    try:
        for key, value in _members(text):
            if key == "columns":
                columns = list(value())
                _need(path, columns, (wanted, target))
            elif key == "index":
                index = value()
                if index != list(range(len(index))):
                    raise DataError(f"{path}: rows are not in Matbench's order (index)")
            elif key == "data":
                if columns is None:
                    raise DataError(f"{path}: 'columns' must stand before 'data'")
                seen_data = True
                i, t = columns.index(wanted), columns.index(target)
                for row in _lists(value.each(), len(columns)):
                    yield row[i], row[t]
            else:
                value()
    except (ValueError, TypeError, AttributeError, RecursionError) as err:
        raise DataError(f"{path}: no Matbench file ({err})") from err
    if not seen_data:
        raise DataError(f"{path}: no Matbench file ('data' is missing)")


def _lists(found: Iterator[Any], width: int) -> Iterator[list[Any]]:
    """Yield what is found, as long as it is a list of ``width`` values."""
    for number, row in enumerate(found, 1):
        if not isinstance(row, list) or len(row) != width:
            raise ValueError(f"row {number} is no list of {width} values")
        yield row


def columns_of(path: Path, content: bytes, needed: Sequence[str]) -> dict[str, list[Any]]:
    """Return the columns of a file that stores them one by one, each with the rows of the others.

    Args:
        path: of the file, for messages.
        content: of the packed file.
        needed: columns that it must have.

    Raises:
        DataError: it is no such file, lacks a column, or its columns have other rows.
    """
    try:
        table = json.loads(unpacked(path, content, bz2.decompress))
        found = {name: list(values.values()) for name, values in table.items()}
        keys = {name: list(values) for name, values in table.items()}
    except (ValueError, AttributeError, RecursionError) as err:
        raise DataError(f"{path}: no Matbench file ({err})") from err
    _need(path, list(found), needed)
    for name in found:
        if keys[name] != keys[needed[0]]:
            raise DataError(f"{path}: column {name!r} has other rows than {needed[0]!r}")
    return found


def _need(path: Path, present: Sequence[str], needed: Sequence[str]) -> None:
    for name in needed:
        if name not in present:
            raise DataError(f"{path}: no column {name!r}; it has {', '.join(present)}")
        if present.count(name) > 1:
            raise DataError(f"{path}: more than one column {name!r}")


class _Value:
    """A JSON value in a text that is decoded when asked for."""

    def __init__(self, text: str, start: int) -> None:
        self.text, self.start = text, start
        self.end: int | None = None
        self._decode = json.JSONDecoder().raw_decode

    def __call__(self) -> Any:
        value, self.end = self._decode(self.text, self.start)
        return value

    def each(self) -> Iterator[Any]:
        """Yield the items of an array one by one."""
        if self.text[self.start : self.start + 1] != "[":
            raise ValueError(f"an array was expected at character {self.start + 1}")
        at = _skip(self.text, self.start + 1)
        while self.text[at : at + 1] != "]":
            item, at = self._decode(self.text, at)
            yield item
            at = _skip(self.text, at)
            if self.text[at : at + 1] == ",":
                at = _skip(self.text, at + 1)
            elif self.text[at : at + 1] != "]":
                raise ValueError(f"',' or ']' was expected at character {at + 1}")
        self.end = at + 1


def _skip(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _members(text: str) -> Iterator[tuple[str, _Value]]:
    """Yield the members of the JSON object ``text``; each value must be used before the next."""
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("an object was expected")
    at = _skip(text, at + 1)
    decode = json.JSONDecoder().raw_decode
    while text[at : at + 1] != "}":
        key, at = decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError(f"':' was expected at character {at + 1}")
        value = _Value(text, _skip(text, at + 1))
        yield str(key), value
        if value.end is None:
            raise ValueError(f"member {key!r} was not read")
        at = _skip(text, value.end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "}":
            raise ValueError(f"',' or '}}' was expected at character {at + 1}")


def unpacked(path: Path, content: bytes, unpack: Callable[[bytes], bytes]) -> str:
    """Return the text of a packed file.

    Raises:
        DataError: it is damaged.
    """
    try:
        return unpack(content).decode("utf-8")
    except (OSError, EOFError, zlib.error, ValueError) as err:
        raise DataError(f"{path}: damaged or truncated ({err}); get the file again") from err


def content_of(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as err:
        raise DataError(f"{path}: cannot be read ({err.strerror})") from err
