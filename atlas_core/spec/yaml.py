"""Read YAML into plain values and remember where each one stands. Light: ruamel.yaml only.

ruamel.yaml follows YAML 1.2: ``1e-3`` is a number and ``no`` is text. Nothing but plain values is
ever made: no tags, no Python objects.
"""

from __future__ import annotations

import io
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from atlas_core.errors import SpecError

Path = tuple[str | int, ...]
_PLAIN = {f"tag:yaml.org,2002:{t}" for t in ("null", "bool", "int", "float", "str", "map", "seq")}
_MERGE = "tag:yaml.org,2002:merge"
MAX_NODES = 20_000
"""A spec has hundreds; aliases of aliases make billions from a few lines."""
MAX_DEPTH = 50
MAX_PROBLEMS = 100
"""Mistakes that are reported; whoever has more has no spec."""
MAX_STEPS = 60
MAX_BITS = 4096
"""Of an integer: those in hex may have more digits than Python writes."""
MAX_CHARACTERS = 1_000_000
"""A spec has thousands; a hundred million would take minutes to refuse."""


@dataclass
class Document:
    """A YAML document as plain values.

    Attributes:
        source: the file's name, for messages.
        value: mappings, lists, texts, numbers, booleans and None.
        places: (line, column), from 1, of each path.
        overrides: paths whose value came from a command line, with its text.
    """

    source: str
    value: Any
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    overrides: dict[Path, str] = field(default_factory=dict)

    def where(self, path: Path) -> str:
        """Return ``file:line:column  a.b.c`` of the nearest known place, for a message."""
        dotted = ".".join(str(step) for step in path) or "the file"
        for length in range(len(path), -1, -1):
            if path[:length] in self.overrides:
                return f"--set {self.overrides[path[:length]]}  {dotted}"
            if path[:length] in self.places:
                line, column = self.places[path[:length]]
                return f"{self.source}:{line}:{column}  {dotted}"
        if self.places:
            return f"{self.source}:1:1  {dotted}"
        return f"{self.source}  {dotted}" if path else self.source


class _Reader:
    """Walk a node tree once, collecting values, places and mistakes."""

    def __init__(self, source: str) -> None:
        self.document = Document(source, None)
        self.problems: dict[str, None] = {}
        self.yaml = _safe()
        self.nodes = 0
        self.open: list[int] = []  # the nodes around the one that is read

    def problem(self, node: Node, path: Path, text: str) -> None:
        mark = node.start_mark
        dotted = ".".join(str(step) for step in path) or "the file"
        place = f"{self.document.source}:{mark.line + 1}:{mark.column + 1}"
        self.problems[f"{place}  {dotted}: {text}"] = None  # two aliases of one mistake are one
        if len(self.problems) == MAX_PROBLEMS:
            raise SpecError([*self.problems, f"{place}  the file: further mistakes are not listed"])

    def read(self, node: Node, path: Path) -> Any:
        self.nodes += 1
        # an alias is the node itself, and '<<' adds nothing to the path
        if id(node) in self.open:
            self.problem(
                node, path, "an alias leads back to what it stands in, so the file has no end"
            )
            return None
        if self.nodes > MAX_NODES or len(self.open) > MAX_DEPTH:
            mark = node.start_mark
            place = f"{self.document.source}:{mark.line + 1}:{mark.column + 1}"
            raise SpecError(f"{place}  the file: nested too deeply, or aliases that multiply")
        self.open.append(id(node))
        try:
            return self.content(node, path)
        finally:
            self.open.pop()

    def content(self, node: Node, path: Path) -> Any:
        mark = node.start_mark
        self.document.places.setdefault(path, (mark.line + 1, mark.column + 1))
        tag = str(node.tag)
        if tag not in _PLAIN:
            self.problem(node, path, f"tag {tag!r} is not allowed; write a plain value")
            return None
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        if isinstance(node, SequenceNode):
            return [self.read(child, (*path, i)) for i, child in enumerate(node.value)]
        assert isinstance(node, MappingNode)  # noqa: S101 - the three node classes of YAML
        return self.mapping(node, path)

    def scalar(self, node: ScalarNode, path: Path) -> Any:
        try:
            value = self.yaml.constructor.construct_object(node)
            if isinstance(value, str):
                value.encode()
        except UnicodeEncodeError:
            self.problem(node, path, "a character that is half of a pair (a lone surrogate)")
            return None
        except (ValueError, KeyError, TypeError, YAMLError) as err:
            self.problem(node, path, f"cannot be read: {' '.join(str(err).split())[:120]}")
            return None
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            self.problem(node, path, f"an integer of {value.bit_length()} bits is too large")
            return None
        return value

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if str(key_node.tag) == _MERGE or key_node.value == "<<":
                parents = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                for parent in parents:
                    value = self.read(parent, path)
                    if not isinstance(value, dict):
                        if id(parent) in self.open:
                            continue  # it is reported already that this has no end
                        self.problem(parent, path, "'<<' takes a mapping")
                        continue
                    for name, content in value.items():
                        merged.setdefault(name, content)
                continue
            key = self.scalar(key_node, path) if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str):
                shown = key_node.value if isinstance(key_node, ScalarNode) else "[...]"
                self.problem(key_node, path, f"key {shown} is not a text; quote it")
                continue
            here = (*path, key)
            if key in result:
                self.problem(key_node, here, "this key occurs twice; keep one")
                continue
            mark = key_node.start_mark
            self.document.places[here] = (mark.line + 1, mark.column + 1)
            result[key] = self.read(value_node, here)
        return {**merged, **result}


class _Counting(Composer):
    """Build no more nodes than a spec may have: they take longer to make than to refuse."""

    made = 0

    def compose_node(self, parent: Any, index: int) -> Any:
        self.made += 1
        if self.made > MAX_NODES:
            mark = self.loader.parser.peek_event().start_mark
            problem = f"more than {MAX_NODES} keys and values are no spec"
            raise MarkedYAMLError(problem=problem, problem_mark=mark)
        return super().compose_node(parent, index)


def _safe() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Counting
    return yaml


def parse(text: str, source: str) -> Document:
    """Read one YAML document.

    Raises:
        SpecError: it is no YAML, has a tag, a repeated key or a key that is no text.
    """
    if len(text) > MAX_CHARACTERS:
        raise SpecError(
            f"{source}:1:1  the file: {len(text)} characters are no spec; a table of"
            " data is named in the options of a data set"
        )
    try:
        node = _safe().compose(text)
    except MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        detail = (err.problem or err.context or "unreadable").strip()
        if "mapping values are not allowed" in detail:
            detail += "; quote a text that holds ': '"
        elif "'\\t'" in detail:
            detail += "; indent with spaces in place of the tab"
        raise SpecError(f"{place}  the file: not YAML: {detail}") from err
    except YAMLError as err:
        raise SpecError(f"{source}:1:1  the file: not YAML: {str(err).splitlines()[0]}") from err
    except RecursionError as err:
        raise SpecError(f"{source}:1:1  the file: nested too deeply") from err
    if node is None:
        raise SpecError(f"{source}:1:1  the file: it is empty")
    reader = _Reader(source)
    reader.document.value = reader.read(node, ())
    if reader.problems:
        raise SpecError([*reader.problems])
    return reader.document


def _key(current: Any, step: str, assignment: str, path: Path) -> Any:
    """Return the key that a step of a dotted path means, a place where it leads into a list."""
    if not isinstance(current, list):
        return step
    if not step.isdecimal() or int(step) >= len(current):
        dotted = ".".join(map(str, path))
        raise SpecError(
            f"--set {assignment}  {dotted} is a list of {len(current)}; name one of its entries,"
            f" such as {dotted}.0"
        )
    return int(step)


def override(document: Document, assignment: str) -> None:
    """Set one value from ``a.b.c=value`` (the value is read as YAML), in place.

    A component in its short form (``model: cgcnn``) grows into ``{use: cgcnn}`` on the way; an
    entry of a list has its place from 0 (``featurizer.1.options``).
    Nothing after the ``=`` takes the key out: ``arms.cgcnn=`` leaves that arm out.

    Raises:
        SpecError: the text has no ``=`` or a path runs through a value that is no mapping.
    """
    dotted, equals, text = assignment.partition("=")
    steps = [step.strip() for step in dotted.split(".")]
    if not equals or not all(steps):
        raise SpecError(f"--set {assignment}  expected path=value, such as seed=8")
    if len(steps) > MAX_STEPS:
        raise SpecError(f"--set {dotted[:40]}...  {len(steps)} steps lead nowhere in a spec")
    if not isinstance(document.value, dict):
        raise SpecError(f"{document.source}:1:1  the file: expected a mapping")
    path: Path = ()
    current: Any = document.value
    for step in steps[:-1]:
        key = _key(current, step, assignment, path)
        path = (*path, key)
        child = current[key] if isinstance(current, list) else current.get(key)
        if isinstance(child, str):
            child = {"use": child}
        elif child is None:
            child = {}
            document.overrides[path] = assignment
        elif not isinstance(child, dict | list):
            raise SpecError(f"--set {assignment}  {'.'.join(map(str, path))} is no mapping")
        current[key] = copy(child)  # an alias shares it with others: copy before change
        current = current[key]
    last = _key(current, steps[-1], assignment, path)
    here = (*path, last)
    if text.strip():
        current[last] = parse(text, f"--set {dotted}").value
        document.overrides[here] = assignment
    elif isinstance(current, list):
        del current[last]
        here = path  # all that stood behind it has moved
        document.overrides[here] = assignment
    elif current.pop(last, None) is None:
        raise SpecError(f"--set {assignment}  {dotted} is not there, so it cannot be taken out")
    for place in [p for p in document.places if p[: len(here)] == here]:
        del document.places[place]  # what stood there in the file is gone


def written(value: Any) -> str:
    """Return plain values as YAML text."""
    body = io.StringIO()
    YAML().dump(value, body)
    return body.getvalue()
