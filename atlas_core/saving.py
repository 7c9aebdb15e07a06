"""Write fitted objects to a file and read them again, without pickle. Light: numpy only.

A file holds numbers and names, never code. Reading one imports classes of the core's data types, of
the packages of the components that the caller names, and the classes of libraries that these
declare (``Component.trusted``), and nothing else; it calls no constructor, no ``__setstate__`` and
no ``__reduce__`` that the file names.

What can be saved: numbers, texts, arrays, tuples, lists, dicts and sets of them, ``Config``s, and
objects of module-level classes whose attributes can be saved. A class that holds something else,
such as a network, implements ``Saves``. Objects of a library, such as scikit-learn, are saved where
a codec for that library is installed.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from atlas_core.codecs import Codecs, Saves, attributes_of, set_attributes
from atlas_core.component import Component
from atlas_core.errors import AtlasError, ContractError, DataError
from atlas_core.store import read_arrays, write_arrays

FORMAT = 3
CORE = (
    "atlas_core.engine.reference",
    "atlas_core.kinds",
    "atlas_core.materials",
    "atlas_core.standardizer",
    "atlas_core.target",
)
"""Modules of the core whose classes a file may name: those of data."""

MOST_SHARED = 1000
"""How many times more parts an object may lead to than it has: asking it takes as long."""

MOST_STRUCTURE = 2**24
"""Bytes of JSON that say what a fit is made of: numbers lie in arrays, and JSON is 25 times larger
in memory."""

MOST_KEY = 2**63
"""Whole numbers that are keys are smaller: of larger ones, many share one hash."""

MOST_TEXT = 600
"""Characters of a message that are shown where a file may have chosen them."""

_ATOMS = (type(None), bool, int, str)
_STRUCTURE = "structure"


@dataclass(frozen=True)
class Allowed:
    """Say what a file may name.

    Attributes:
        packages: of plugins, whose classes hold data; never Python's own, nor a library's.
        classes: of libraries, with their modules and dots.
    """

    packages: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()

    @classmethod
    def by(cls, components: Iterable[Component]) -> Allowed:
        """Return what installed components declare: their packages, and what they trust."""
        named = list(components)
        homes = (home for one in named for home in (one.module, one.config.__module__))
        packages = {home.split(".", maxsplit=1)[0] for home in homes}
        # an implementation may be a class of a library as it is
        libraries = sys.stdlib_module_names | Codecs().libraries
        trusted = frozenset(name for one in named for name in one.trusted)
        return cls(frozenset(packages - libraries), trusted)


def save(path: Path, value: Any, note: Mapping[str, Any], *, most: int | None = None) -> int:
    """Write a fitted object and a note, whole or not at all; the same object, the same bytes.

    Args:
        path: of the file.
        value: the object.
        note: plain data about it.
        most: bytes of arrays up to which it is written at all; None: any number.

    Returns:
        Bytes of its arrays.

    Raises:
        ContractError: a part of it cannot be saved; names the part.
        DataError: the file cannot be written.
    """
    structure, arrays = pack(value)
    size = sum(one.nbytes for one in arrays.values())
    if most is None or size <= most:
        text = np.frombuffer(json.dumps(structure, allow_nan=False).encode(), dtype=np.uint8)
        if len(text) > MOST_STRUCTURE:
            raise ContractError(
                f"{type(value).__qualname__} cannot be saved: it has {len(structure['parts'])}"
                " parts; keep numbers in arrays, or fit fewer models at once"
            )
        write_arrays(path, {_STRUCTURE: text, **arrays}, {"format": FORMAT, **note}, compress=True)
    return size


def load(path: Path, allowed: Allowed) -> tuple[Any, dict[str, Any]]:
    """Read what ``save`` wrote; return the object and the note.

    Args:
        path: of the file.
        allowed: what it may name.

    Raises:
        DataError: the file is missing or damaged, or names something that it may not name.
    """
    try:
        with readable(path):
            arrays, note = read_arrays(path)
            if note.pop("format", None) != FORMAT:
                raise DataError("saved by another version of ATLAS; fit anew")
            content = arrays.pop(_STRUCTURE).tobytes()
            if len(content) > MOST_STRUCTURE:
                raise DataError(f"its structure takes {len(content)} bytes, which is none of a fit")
            structure = json.loads(content)
            return unpack(structure, arrays, allowed), note
    except AtlasError as err:
        text = one_line(err)
        raise DataError(text if text.startswith(f"{path}:") else f"{path}: {text}") from err


def one_line(text: object) -> str:
    """Return a text that a file may have chosen as one line that a terminal only shows."""
    words = " ".join(str(text).split())[:MOST_TEXT]
    return "".join(one if one.isprintable() else "?" for one in words)


@contextmanager
def readable(what: object) -> Iterator[None]:
    """Turn whatever a file that anybody may have written leads to into one line.

    Args:
        what: is read or asked; stands in front.

    Raises:
        AtlasError: one was raised; it stays as it is.
        DataError: anything else was raised.
    """
    try:
        yield
    except AtlasError:
        raise
    except MemoryError as err:
        raise DataError(
            f"{what}: takes more memory than there is; it is too large for this machine (fewer rows"
            " at once take less), or it was made to harm"
        ) from err
    except Exception as err:  # what a file that was made to harm leads to has no list
        said = one_line(f"{type(err).__name__}: {err}")
        raise DataError(
            f"{what}: cannot be used ({said}); it is damaged, of another version of a plugin, made"
            " to harm, or the plugin has a defect: fit anew"
        ) from err


def restored(value: Any, allowed: Allowed) -> Any:
    """Return what saving and loading makes of ``value``, without a file."""
    structure, arrays = pack(value)
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, **arrays)
    with np.load(io.BytesIO(body.getvalue()), allow_pickle=False) as stored:
        read = {name: stored[name] for name in stored.files}
    return unpack(json.loads(json.dumps(structure, allow_nan=False)), read, allowed)


def pack(value: Any) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return the structure of an object as plain JSON data, and its arrays by name.

    Raises:
        ContractError: a part of it cannot be saved; names the part.
    """
    packer = _Packer()
    root = packer.value(value, type(value).__qualname__)
    return {"root": root, "parts": packer.parts}, packer.arrays


def unpack(
    structure: Mapping[str, Any],
    arrays: Mapping[str, npt.NDArray[Any]],
    allowed: Allowed,
) -> Any:
    """Return the object that ``pack`` described.

    Raises:
        DataError: it names a class that it may not name.
    """
    unpacker = _Unpacker(structure["parts"], arrays, allowed)
    return unpacker.value(structure["root"])


class _Packer:
    """Number whatever has an identity, so that what is shared is written once."""

    def __init__(self) -> None:
        self.parts: list[dict[str, Any]] = []
        self.arrays: dict[str, npt.NDArray[Any]] = {}
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # an id is an object's own only while it lives
        self._codecs = Codecs()

    def value(self, value: Any, where: str) -> Any:
        """Return the JSON of a value; ``where`` names it in a message."""
        if type(value) in _ATOMS:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if type(value) is bytes:
            return {"bytes": self._array(np.frombuffer(value, dtype=np.uint8), where)}
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value), where)}
        if type(value) is tuple:
            return {"tuple": [self.value(v, f"{where}[{i}]") for i, v in enumerate(value)]}
        if type(value) in {frozenset, set}:
            kind = type(value).__name__
            return {kind: [self._key(v, where) for v in sorted(value, key=repr)]}
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self.parts)
            self._alive.append(value)
            part: dict[str, Any] = {}
            self.parts.append(part)
            part.update(self._part(value, where))
        return {"part": self._numbers[id(value)]}

    def _part(self, value: Any, where: str) -> dict[str, Any]:
        if isinstance(value, np.ndarray):
            return {"array": self._array(value, where)}
        if type(value) is list:
            return {"list": [self.value(v, f"{where}[{i}]") for i, v in enumerate(value)]}
        if type(value) is dict:
            items = value.items()
            return {
                "dict": [[self._key(k, where), self.value(v, f"{where}[{k!r}]")] for k, v in items]
            }
        name = _class_name(type(value), value, where)
        if isinstance(value, BaseModel):
            return {"config": name, "fields": value.model_dump(mode="json")}
        if isinstance(value, Saves):
            return {"made": name, "state": self.value(dict(value.to_state()), where)}
        cls, codec = type(value), self._codecs.of(type(value))
        try:
            cls, state = (cls, attributes_of(value)) if codec is None else codec.describe(value)
        except ContractError as err:
            raise ContractError(f"{where} cannot be saved: {err}") from err
        return {
            "object" if codec is None else "library": _class_name(cls, value, where),
            "state": {k: self.value(v, f"{where}.{k}") for k, v in state.items()},
        }

    def _key(self, value: Any, where: str) -> Any:
        """Return a key of a dict or an element of a set: only what has no code of its own."""
        if not _is_key(value):
            raise ContractError(f"{where} cannot be saved: {value!r} is a key in it")
        return self.value(value, where)

    def _array(self, value: npt.NDArray[Any], where: str) -> str:
        if value.dtype.hasobject:
            raise ContractError(f"{where} cannot be saved: an array of Python objects")
        name = f"a{len(self.arrays)}"
        self.arrays[name] = np.asarray(value)
        return name


def _is_key(value: Any) -> bool:
    """Tell whether a value, or all of a tuple, has no code of its own and a hash of its own."""
    parts = value if type(value) is tuple else (value,)
    return all(
        type(part) in {*_ATOMS, float} and (type(part) is not int or abs(part) < MOST_KEY)
        for part in parts
    )


def _class_name(cls: type, value: Any, where: str) -> str:
    code = isinstance(value, type) or (callable(value) and not hasattr(value, "__dict__"))
    if code or "<" in cls.__qualname__ or cls.__module__ in {"builtins", "functools", "types"}:
        what = getattr(value, "__qualname__", cls.__qualname__)
        raise ContractError(
            f"{where} cannot be saved: {what} is no plain data; keep what it needs as attributes of"
            " a class, or give its owner to_state() and from_state()"
        )
    return f"{cls.__module__}:{cls.__qualname__}"


class _Unpacker:
    """Make the parts as they are asked for; a part that holds itself finds itself."""

    def __init__(
        self,
        parts: list[dict[str, Any]],
        arrays: Mapping[str, npt.NDArray[Any]],
        allowed: Allowed,
    ) -> None:
        self._parts, self._arrays, self._allowed = parts, arrays, allowed
        self._made: dict[int, Any] = {}
        self._open: set[int] = set()
        self._codecs = Codecs()
        self._reached, self._below = 0, dict[int, int]()

    def value(self, value: Any) -> Any:
        """Return what ``_Packer.value`` described."""
        if not isinstance(value, dict):
            if isinstance(value, list):
                raise DataError("a list without a name")
            return value
        ((kind, content),) = value.items()
        if kind == "part":
            return self._part(int(content))
        if kind == "float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
        if kind == "bytes":
            return self._arrays[content].tobytes()
        if kind == "scalar":
            return self._arrays[content][()]
        if kind == "tuple":
            return tuple(self.value(one) for one in content)
        if kind in _SETS:
            return _SETS[kind](map(self._key, content))
        raise DataError(f"holds a {kind!r}, which is unknown")

    def _key(self, value: Any) -> Any:
        found = self.value(value)
        if not _is_key(found):
            raise DataError(f"its key is a {type(found).__qualname__}, or too large a number")
        return found

    def _part(self, number: int) -> Any:
        # what is shared counts every time: an object that is asked goes through all of it again
        self._reached += self._below.get(number, 1)
        if self._reached > MOST_SHARED * len(self._parts):
            raise DataError("its parts share parts without end")
        if number in self._made:
            return self._made[number]
        if number in self._open:
            raise DataError("a part holds itself before it is made")
        self._open.add(number)
        before = self._reached
        self._made[number] = made = self._make(number, self._parts[number])
        self._below[number] = 1 + self._reached - before
        return made

    def _make(self, number: int, part: Mapping[str, Any]) -> Any:
        if "array" in part:
            return self._arrays[part["array"]]
        if "library" in part:
            cls = self._class(part["library"], library=True)
            codec = self._codecs.of(cls)
            if codec is None:
                raise DataError(f"it names {part['library']}, of a library without a codec")
            state = {str(name): self.value(value) for name, value in part["state"].items()}
            return codec.rebuild(cls, state)
        if "list" in part:
            made: list[Any] = []
            self._made[number] = made
            made.extend(self.value(one) for one in part["list"])
            return made
        if "dict" in part:
            table: dict[Any, Any] = {}
            self._made[number] = table
            table.update((self._key(key), self.value(one)) for key, one in part["dict"])
            return table
        if "config" in part:
            cls = self._class(part["config"])
            if not issubclass(cls, BaseModel):
                raise DataError(f"{part['config']} is no Config")
            return cls.model_validate(part["fields"])
        if "made" in part:
            cls = self._class(part["made"])
            if not (hasattr(cls, "to_state") and hasattr(cls, "from_state")):
                raise DataError(f"{part['made']} has no from_state")
            return cls.from_state(self.value(part["state"]))
        return self._object(number, self._class(part["object"]), part["state"])

    def _object(self, number: int, cls: type, state: Mapping[str, Any]) -> Any:
        known_otherwise = issubclass(cls, BaseModel) or hasattr(cls, "from_state")
        if known_otherwise or self._codecs.of(cls) is not None:
            raise DataError(f"{cls.__module__}:{cls.__qualname__} is not made from attributes")
        known = fields(cls) if is_dataclass(cls) else ()
        needed = [f.name for f in known if f.default is MISSING and f.default_factory is MISSING]
        if absent := [name for name in needed if name not in state]:
            raise DataError(
                f"its {cls.__qualname__} lacks {', '.join(absent)}: it was saved by another"
                " version; fit anew"
            )
        made: Any = object.__new__(cls)
        self._made[number] = made
        set_attributes(made, {name: self.value(content) for name, content in state.items()})
        return made

    def _class(self, name: str, *, library: bool = False) -> type:
        """Return a class by module and qualified name; nothing else is imported."""
        module, _, qualname = name.partition(":")
        homes = {*CORE, *self._allowed.packages} - {"atlas_core"}
        inside = any(module == one or module.startswith(f"{one}.") for one in homes)
        dotted = f"{module}.{qualname}"
        trusted = library and dotted in self._allowed.classes
        if not (inside or trusted) or any(step.startswith("__") for step in module.split(".")):
            raise DataError(
                f"it names {name}, which belongs to no component of this run; do not trust it. If"
                f' a plugin of yours saved it, add it to Component.trusted: "{dotted}"'
            )
        try:
            found: Any = importlib.import_module(module)
            for step in qualname.split("."):
                found = vars(found)[step]
        except (ImportError, KeyError, TypeError) as err:
            raise DataError(
                f"it names {name}, which is not there: the plugin is another version; fit anew"
            ) from err
        if not isinstance(found, type) or (found.__module__, found.__qualname__) != (
            module,
            qualname,
        ):
            raise DataError(f"it names {name}, which is no class of that module")
        return found


_SETS: dict[str, Callable[[Any], Any]] = {"frozenset": frozenset, "set": set}
