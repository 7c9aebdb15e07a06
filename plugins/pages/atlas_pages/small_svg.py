"""Write a figure of matplotlib in fewer characters, the same to the eye. Light.

Coordinates have a tenth of a pixel, a path goes on from where it is, ticks and grid lines are one
path each, what clips nothing goes, and what most elements have in common stands on the root.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Style = dict[str, str]

_PIECE = re.compile(r"[A-Za-z]|-?\d*\.?\d+(?:e[-+]?\d+)?")
_DOTS = re.compile(r"h\.01")
_CLIP = re.compile(r"url\(#([^)]+)\)")
_TURN = re.compile(r"rotate\((-?[\d.]+) (-?[\d.]+) (-?[\d.]+)\)")
_PLACES = ("x", "y", "width", "height")
_STROKE = {
    "stroke-width": "1",
    "stroke-linecap": "butt",
    "stroke-linejoin": "round",  # matplotlib's style sheet says so of everything
    "stroke-dasharray": "none",
}
_TEXT = {"font-size": "8.8px", "text-anchor": "start"}
_INITIAL = {"fill": "#000", "stroke": "none", **_STROKE, **_TEXT}
"""What is inherited, and its value where nothing says another."""


def smaller(svg: str) -> str:
    """Return an inline ``<svg>`` that matplotlib wrote with fewer characters.

    Args:
        svg: of :func:`atlas_pages.svg.to_svg`: colors are variables, nothing has a namespace.
    """
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own figure
    _unwrap(root)
    boxes = _boxes(root)
    styles = {one: _style(one) for one in root.iter() if one is not root}
    for one, own in styles.items():
        _rounded(one, own, boxes)
    _joined(root, styles)
    _marked(root, styles)
    _shared(root, styles)
    _named(root)
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


def _unwrap(parent: Element) -> None:
    """Take away groups that say nothing, style sheets and what draws nothing."""
    kept: list[Element] = []
    for child in list(parent):
        _unwrap(child)
        hidden = child.tag == "path" and _style(child) == {"fill": "none"}
        if child.tag == "g" and not child.attrib:
            kept += list(child)
        elif not (child.tag == "style" or hidden or (child.tag == "defs" and not len(child))):
            kept.append(child)
    parent[:] = kept


def _boxes(root: Element) -> dict[str, tuple[float, ...]]:
    """Return left, top, right and bottom of each clip path, by its id."""
    found: dict[str, tuple[float, ...]] = {}
    for clip in root.iter("clipPath"):
        x, y, width, height = (float(clip[0].get(name, "0")) for name in _PLACES)
        found[clip.get("id", "")] = (x, y, x + width, y + height)
    return found


def _style(element: Element) -> Style:
    pairs = (one.partition(":") for one in element.get("style", "").split(";") if one.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _short(value: float) -> str:
    """Return a number in tenths without what needs no writing: ``-.5``, ``12``."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text in ("0", "-0") else re.sub(r"^(-?)0\.", r"\1.", text)


def _rounded(element: Element, own: Style, boxes: dict[str, tuple[float, ...]]) -> None:
    for name in _PLACES:
        if name in element.attrib:
            element.set(name, _short(float(element.attrib[name])))
    if turn := _TURN.fullmatch(element.get("transform", "")):
        del element.attrib["transform"]
        if float(turn[1]):
            angle, x, y = (_short(float(one)) for one in turn.groups())
            element.set("transform", f"rotate({angle} {x} {y})")
    for name, useless in (("font-family", "inherit"), ("stroke-dashoffset", "0")):
        if own.get(name) == useless:
            del own[name]
    if (path := element.get("d")) is not None:
        points = list(_points(path))
        if points and _inside(points, boxes, element.get("clip-path", "")):
            del element.attrib["clip-path"]
        if len(points) < 3:
            own.pop("stroke-linejoin", None)  # nothing is joined
        element.set("d", path if _DOTS.search(path) else _onward(path))


def _commands(path: str) -> Iterator[tuple[str, list[float]]]:
    """Yield each command of a path with its numbers."""
    sizes = {"M": 2, "L": 2, "C": 6, "Q": 4, "z": 0, "h": 1, "v": 1}
    name, numbers = "", []
    for piece in _PIECE.findall(path):
        if piece in sizes:
            name = piece
        else:
            numbers.append(float(piece))
        if len(numbers) == sizes[name]:
            yield name, numbers
            numbers = []


def _points(path: str) -> Iterator[tuple[float, float]]:
    """Yield the points that a path names: all of it lies between them."""
    for name, numbers in _commands(path):
        if name in "MLCQ":
            yield from zip(numbers[::2], numbers[1::2], strict=True)


def _inside(
    points: list[tuple[float, float]], boxes: dict[str, tuple[float, ...]], clip: str
) -> bool:
    """Return whether a clip path takes nothing away from what goes through some points."""
    found = _CLIP.fullmatch(clip)
    if not found:
        return False
    left, top, right, bottom = boxes[found[1]]
    slack = 0.5
    return all(
        left - slack <= x <= right + slack and top - slack <= y <= bottom + slack for x, y in points
    )


def _onward(path: str) -> str:
    """Return a path with relative lines and curves; in whole tenths, so that no error adds up."""
    out, said, here, begun = "", "", (0, 0), (0, 0)
    for name, numbers in _commands(path):
        tenths = [round(10 * one) for one in numbers]
        if name == "z":
            out, said, here = out + "z", "z", begun
            continue
        *_, x, y = tenths
        command, values = name, tenths
        if name == "M":
            begun = (x, y)
        else:
            command = name.lower()
            values = [one - here[k % 2] for k, one in enumerate(tenths)]
            if name == "L" and not values[1]:
                command, values = "h", values[:1]
            elif name == "L" and not values[0]:
                command, values = "v", values[1:]
        here = (x, y)
        text = "".join(
            written if written.startswith("-") else f" {written}"
            for written in (_short(one / 10) for one in values)
        )
        out += text if command == said else command + text.removeprefix(" ")
        said = command
    return out


def _joined(root: Element, styles: dict[Element, Style]) -> None:
    """Make one path of all grid lines, and of all ticks of one kind.

    Grid lines lie below everything and ticks outside the axes, so their order shows nowhere.
    """
    marks = {f"#{path.get('id')}": path for path in root.iter("path") if path.get("id")}
    first: dict[tuple[object, ...], Element] = {}
    for one in list(root):
        own = styles[one]
        tick = marks.get(one.get("href", "")) if one.tag == "use" else None
        if tick is not None and re.fullmatch(r"M0 0[hv]-?[\d.]+", tick.get("d", "")):
            own = styles[tick]
            line = f"M{one.get('x')} {one.get('y')}{tick.get('d', '').removeprefix('M0 0')}"
        elif own.get("stroke") == "var(--grid)" and not one.get("clip-path"):
            line = one.get("d", "")
        else:
            continue
        key = tuple(sorted(own.items()))
        if key in first:
            path = first[key]
            path.set("d", path.get("d", "") + line)
            root.remove(one)
            continue
        path = first[key] = Element("path", {"d": line})
        styles[path] = dict(own)
        root[list(root).index(one)] = path


def _marked(root: Element, styles: dict[Element, Style]) -> None:
    """Say of a mark once what all its uses say, and drop what nothing uses."""
    for defs in list(root.iter("defs")):
        for one in list(defs):
            name = one.get("id")
            uses = [use for use in root.iter("use") if use.get("href") == f"#{name}"]
            clipped = [at for at in root.iter() if at.get("clip-path") == f"url(#{name})"]
            if not (uses or clipped or one.tag == "pattern"):
                defs.remove(one)
            if uses and one.tag == "path":
                _of_mark(styles[one], [styles[use] for use in uses])
        if not len(defs):
            root.remove(defs)


def _of_mark(mark: Style, uses: list[Style]) -> None:
    """Move to a mark what all its uses have; what a mark says itself, no use changes."""
    for name in ("fill", "stroke", *_STROKE):
        said = {use.get(name, _INITIAL[name]) for use in uses}
        if name in mark or len(said) == 1:
            mark.setdefault(name, next(iter(said)))
            for use in uses:
                use.pop(name, None)


def _shared(root: Element, styles: dict[Element, Style]) -> None:
    """Say on the root what most elements have, and of the others what differs."""
    defined = {one for defs in root.iter("defs") for one in defs}
    marks = {f"#{one.get('id')}": one for one in defined if one.tag == "path"}
    shown = {}
    for one in root.iter():
        if one.tag == "use":
            said = styles[marks[one.get("href", "")]]
            names = [name for name in ("fill", "stroke", *_STROKE) if name not in said]
        elif one in marks.values():
            names = [name for name in _INITIAL if name in styles[one]]
        elif one.tag in {"path", "text"} and one not in defined:
            names = ["fill", "stroke", *(_TEXT if one.tag == "text" else ())]
            names += _STROKE if styles[one].get("stroke", "none") != "none" else ()
        else:
            continue
        shown[one] = {name: styles[one].get(name, _INITIAL[name]) for name in names}
    common = {}
    for name, initial in _INITIAL.items():
        counted = Counter(own[name] for own in shown.values() if name in own)
        common[name] = counted.most_common(1)[0][0] if counted else initial
    for one in root.iter():
        own = styles.get(one, {})
        if one in shown:
            others = {name: value for name, value in own.items() if name not in _INITIAL}
            own = others | {n: v for n, v in shown[one].items() if v != common[n]}
        if own:
            one.set("style", ";".join(f"{name}:{value}" for name, value in own.items()))
        else:
            one.attrib.pop("style", None)
    root.set("style", "font-family: inherit;" + ";".join(f"{n}:{v}" for n, v in common.items()))


def _named(root: Element) -> None:
    """Give every id a short name that no other figure has."""
    names = {}
    for one in root.iter():
        if (name := one.attrib.get("id")) is not None:
            names[name] = f"i{hashlib.blake2s(name.encode(), digest_size=5).hexdigest()}"
            one.set("id", names[name])
    for one in root.iter():
        for key, value in one.attrib.items():
            for pattern in (r"^#(.+)$", r"url\(#([^)]+)\)"):
                found = re.search(pattern, value)
                if found and found[1] in names:
                    one.set(key, value.replace(found[1], names[found[1]]))
