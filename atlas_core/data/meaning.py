"""What a target is, in words: its name, its classes, what it is not, and a page of each material.

Light: the standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from atlas_core.errors import DataError

URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?[/?][^\s<>\"'\\{}]*\{id\}[^\s<>\"'\\{}]*")
"""A page of the web per material: a server, and behind it the place of the id."""
LONGEST = {"quantity": 80, "class_names": 40, "caveat": 200, "url": 300}
"""Characters of each text: it stands in the middle of sentences and above columns."""


@dataclass(frozen=True)
class Meaning:
    """What a data set says of its target. All is optional, and changes no number.

    Attributes:
        quantity: the property in words, in the middle of a sentence: ``formation energy per atom``.
        class_names: what targets of 0 and of 1 are: ``("not a metal", "metal")``.
        caveat: what the target is not:
            ``formation energy, not stability: that is the distance to the convex hull``.
        url: page of a material, http or https, with ``{id}`` where its id stands.

    Raises:
        DataError: a text is too long or of several lines, two classes have one name, or a URL is
            none of the web or has no place for the id.
    """

    quantity: str = ""
    class_names: tuple[str, str] | None = None
    caveat: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        texts = {"quantity": [self.quantity], "caveat": [self.caveat], "url": [self.url]}
        texts["class_names"] = list(self.class_names or ())
        for name, some in texts.items():
            for text in some:
                if len(text) > LONGEST[name] or not text.isprintable() or text != text.strip():
                    raise DataError(
                        f"{name} {text[:40]!r}: expected at most {LONGEST[name]} characters in one"
                        " line, without spaces around them"
                    )
        if self.class_names is not None:
            zero, one = (name.casefold() for name in self.class_names)
            if not (zero and one) or zero == one:
                raise DataError(
                    f"class_names {list(self.class_names)}: expected two different names, that of"
                    " 0 or false first"
                )
        if self.url and not URL.fullmatch(self.url):
            raise DataError(
                f"url {self.url!r}: expected http(s)://..., with {{id}} once, behind the server,"
                " such as https://example.org/materials/{id}"
            )

    def words(self, target: str) -> str:
        """Return the property in words; ``target``, its column, where none are stated."""
        return self.quantity or target.replace("_", " ")

    def class_name(self, number: int) -> str:
        """Return what the class is called: ``metal``, else ``class 1``."""
        return f"class {number}" if self.class_names is None else self.class_names[number]

    def quoted(self, number: int) -> str:
        """Return the same in the middle of a sentence: “metal”, else ``class 1``."""
        name = self.class_name(number)
        return name if self.class_names is None else f"“{name}”"

    def of_class(self, number: int) -> str:
        """Return what a material is, behind "it is": “metal”, else ``of class 1``."""
        return self.quoted(number) if self.class_names is not None else f"of class {number}"

    def answer(self, number: int) -> str:
        """Return an answer: “metal”, else ``1``."""
        return self.quoted(number) if self.class_names is not None else str(number)

    def stated(self) -> dict[str, Any]:
        """Return what is stated, as plain JSON types; nothing else."""
        found = {"quantity": self.quantity, "caveat": self.caveat, "url": self.url}
        named = {} if self.class_names is None else {"class_names": list(self.class_names)}
        return {**{name: text for name, text in found.items() if text}, **named}


def meaning_of(about: Mapping[str, Any]) -> Meaning:
    """Return what a manifest, or a file of a stranger, states; what cannot be one is left out.

    Args:
        about: a table that may hold the attributes of a :class:`Meaning`.
    """
    found: dict[str, Any] = {}
    for one in fields(Meaning):
        value: Any = about.get(one.name)
        if one.name == "class_names":
            texts = value if isinstance(value, list | tuple) and len(value) == 2 else ()
            value = tuple(texts) if texts and all(isinstance(t, str) for t in texts) else None
        elif not isinstance(value, str):
            continue
        try:
            Meaning(**{one.name: value})
        except DataError:
            continue
        found[one.name] = value
    return Meaning(**found)


def written_bounds(bounds: tuple[float, float]) -> list[float | None]:
    """Return bounds as JSON takes them: None for an open end."""
    return [end if abs(end) != float("inf") else None for end in bounds]


def read_bounds(written: Any) -> tuple[float, float] | None:
    """Return bounds from [low, high], None for an open end; None where none are stated."""
    if written is None:
        return None
    low, high = written
    infinite = float("inf")
    return (-infinite if low is None else float(low), infinite if high is None else float(high))
