"""Take over an SVG that somebody else drew, once nothing in it acts or loads. Light."""

from __future__ import annotations

import re
from xml.etree import ElementTree

LARGEST = 5_000_000
"""Characters of an SVG; a page of more is of no use to a reader."""
DEEPEST = 100
"""Elements inside each other; Python's own stack holds some hundreds."""
CHAIN = 5
"""Uses that show what uses another."""
MOST = 1_000_000
"""Elements that are drawn, those of a ``use`` each time: a few lines can ask for billions."""
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_SHAPES = {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "image", "use"}
_TEXTS = {"text", "tspan", "textPath", "title", "desc"}
_GROUPS = {"svg", "g", "defs", "symbol", "clipPath", "mask", "marker", "pattern"}
_KNOWN = _SHAPES | _TEXTS | _GROUPS | {"linearGradient", "radialGradient", "stop"}
_OUTSIDE = re.compile(r"url\(\s*['\"]?(?!#)|javascript:|@import|image(-set)?\(", re.IGNORECASE)
_INSIDE = re.compile(r"#|data:image/(png|jpeg);base64,")
_EVERYTHING = re.compile(r"\s*\*\s*\{([^{}]*)\}\s*")
"""The one style sheet that matplotlib writes; on the root it says the same."""


def checked_svg(text: str) -> str:
    """Return an SVG as an element for a page: without namespaces, a size or a style sheet.

    Args:
        text: of an SVG file or element, such as ``Figure.savefig(..., format="svg")`` writes.

    Raises:
        ValueError: it is no well-formed SVG, has no size, or holds a script, a reference to what
            is outside it, or an element that does not draw; says which.
    """
    if len(text) > LARGEST:
        raise ValueError(f"the SVG has {len(text)} characters, more than {LARGEST}")
    if "<!ENTITY" in text:
        raise ValueError("the SVG defines entities")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - without entities nothing expands
    except ElementTree.ParseError as err:
        raise ValueError(f"the SVG is not well-formed: {err}") from err
    if _name(root) != "svg":
        raise ValueError(f"the SVG's first element is <{_name(root)}>")
    _take(root, root)
    _shown(root, {one.get("id", ""): one for one in root.iter()}, frozenset())
    size = [root.attrib.pop(side, "") for side in ("width", "height")]
    if "viewBox" not in root.attrib:
        numbers = [re.fullmatch(r"(\d+(?:\.\d+)?)(?:px|pt)?", one) for one in size]
        if not all(numbers):
            raise ValueError("the SVG has neither a viewBox nor a width and height")
        root.set("viewBox", f"0 0 {' '.join(one[1] for one in numbers if one)}")
    root.tail = None
    return ElementTree.tostring(root, encoding="unicode")


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).removeprefix(_NAMESPACE)


def _shown(
    element: ElementTree.Element, parts: dict[str, ElementTree.Element], inside: frozenset[str]
) -> int:
    """Return how many elements are drawn.

    Args:
        element: with all below it.
        parts: by id.
        inside: ids of those that show it through a ``use``.

    Raises:
        ValueError: they are too many, or a ``use`` shows itself.
    """
    count = 1
    for child in element:
        count += _shown(child, parts, inside)
        if count > MOST:
            raise ValueError(f"the SVG draws more than {MOST} elements through <use>")
    name = element.get("href", "").removeprefix("#")
    if element.tag == "use" and name in parts:
        if name in inside or len(inside) >= CHAIN:
            raise ValueError(f"the SVG's <use> of {name[:60]!r} shows itself, or too many others")
        count += _shown(parts[name], parts, inside | {name})
    return count


def _take(element: ElementTree.Element, root: ElementTree.Element, depth: int = 0) -> None:
    """Check an element and all below it; take its namespace away."""
    if depth > DEEPEST:
        raise ValueError(f"the SVG has more than {DEEPEST} elements inside each other")
    name = _name(element)
    if name not in _KNOWN:
        raise ValueError(f"the SVG has an element <{name.rpartition('}')[2]}>, which draws nothing")
    element.tag = name
    for key, value in list(element.attrib.items()):
        del element.attrib[key]
        if key in ("href", _LINK):
            if not _INSIDE.match(value) or (name != "image" and not value.startswith("#")):
                raise ValueError(f"the SVG's <{name}> refers to {value[:60]!r}, outside it")
            element.set("href", value)
        elif key.lower().startswith("on") or _acts(key, value):
            raise ValueError(f"the SVG's <{name}> has {key}={value[:60]!r}, which acts or loads")
        elif not key.startswith("{"):
            element.set(key, value)
    for child in list(element):
        if _name(child) == "style":
            _spread(child, root)
        if _name(child) in {"style", "metadata"}:
            element.remove(child)
        else:
            _take(child, root, depth + 1)


def _acts(key: str, value: str) -> bool:
    hidden = key == "style" and "\\" in value  # an escape may spell what is looked for
    return hidden or _OUTSIDE.search(value) is not None


def _spread(sheet: ElementTree.Element, root: ElementTree.Element) -> None:
    """Give the root what a style sheet says of everything; any other would hold for the page.

    Raises:
        ValueError: it says something of a part.
    """
    found = _EVERYTHING.fullmatch(sheet.text or "")
    if found is None or _acts("style", found[1]):
        raise ValueError("the SVG has a style sheet, which would hold for the whole page")
    own = root.get("style", "").rstrip("; ")
    root.set("style", "; ".join(one for one in (own, found[1].strip()) if one))
