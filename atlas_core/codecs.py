"""What can be saved of an object beside plain data, and who says so for a library. Light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

from atlas_core.errors import ContractError, DataError
from atlas_core.installed import offers


@runtime_checkable
class Saves(Protocol):
    """Say what is kept of an object that holds more than plain data, such as a network."""

    def to_state(self) -> Mapping[str, Any]:
        """Return what can be saved, by name."""
        ...

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the object that ``to_state`` described."""
        ...


class Codec(Protocol):
    """Save and load objects of a library: what an entry point of the group ``atlas.codec`` names.

    The entry point has the name of the library's top-level package. Subclasses count, too.
    """

    def describe(self, value: Any) -> tuple[type, Mapping[str, Any]]:
        """Return the class to make the object of, and what can be saved of it, by name.

        Raises:
            ContractError: it cannot be saved.
        """
        ...

    def rebuild(self, cls: type, state: Mapping[str, Any]) -> Any:
        """Return the object; the state may come from a stranger: check what harms if it is wrong.

        Raises:
            DataError: a part of the state cannot be used.
        """
        ...


class Codecs:
    """Find the codec of a class: the installed one for the library that it or a base is from."""

    def __init__(self) -> None:
        sound = [offer for offer in offers("atlas.codec") if not offer.problem]
        self._points = {offer.point.name: offer.point for offer in sound}
        self._found: dict[type, Codec | None] = {}

    @property
    def libraries(self) -> frozenset[str]:
        """Return the packages that have a codec."""
        return frozenset(self._points)

    def of(self, cls: type) -> Codec | None:
        """Return the codec, None where there is none.

        Raises:
            ContractError: it cannot be imported.
        """
        if cls not in self._found:
            tops = [one.__module__.split(".", maxsplit=1)[0] for one in cls.__mro__]
            point = next((self._points[top] for top in tops if top in self._points), None)
            try:
                self._found[cls] = None if point is None else point.load()
            except Exception as err:  # whatever an import of somebody's package leads to
                raise ContractError(f"a {cls.__qualname__} has a codec that fails: {err}") from err
        return self._found[cls]


def attributes_of(value: Any) -> dict[str, Any]:
    """Return the attributes of an object by name.

    Raises:
        ContractError: it is of compiled code, or of a builtin, and holds more than these.
    """
    cls = type(value)
    try:
        object.__new__(cls)  # as it will be made again
    except TypeError as err:
        raise ContractError(f"a {cls.__module__}.{cls.__qualname__} hides its data") from err
    state = {name: getattr(value, name) for name in slots_of(cls) if hasattr(value, name)}
    return state | getattr(value, "__dict__", {})


def set_attributes(made: Any, state: Mapping[str, Any]) -> None:
    """Give an object that was made without its constructor its attributes.

    Raises:
        DataError: one of them would hide a method.
    """
    cls = type(made)
    slots = set(slots_of(cls))
    for name, value in state.items():
        if name.startswith("__") or (callable(getattr(cls, name, None)) and name not in slots):
            raise DataError(f"{cls.__qualname__}.{name} is no attribute for data")
        if name in slots:
            object.__setattr__(made, name, value)
        else:
            made.__dict__[name] = value


def slots_of(cls: type) -> list[str]:
    """Return the names of the slots of a class and its bases."""
    found: list[str] = []
    for one in cls.__mro__:
        slots = one.__dict__.get("__slots__", ())
        names = (slots,) if isinstance(slots, str) else tuple(slots)
        found += [name for name in names if name not in {"__dict__", "__weakref__"}]
    return found
