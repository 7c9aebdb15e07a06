"""Phase diagrams of two and three elements, with candidates among the known phases.

The hull is drawn through what is stable at its known or predicted energy; how dark a point is says
in how many of the worlds of ``joint`` it is on the hull. Imports scipy; matplotlib when it draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError

from atlas_core.arrays import F8, I8, Bool
from atlas_core.elements import ATOMIC_NUMBER
from atlas_core.materials import Materials
from atlas_pages import palette
from atlas_pages.panels import Drawn, Panel, new_figure, panel
from atlas_screening.held import Held
from atlas_screening.joint import System

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 6
"""Diagrams of a page."""
LABELED = 10
"""Points of a diagram that have their formula beside them: candidates first."""
FAINT = 0.15
"""How dark a point is that is on the hull in no world."""
HEIGHT = np.sqrt(3) / 2
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True, eq=False)
class Points:
    """The points of a diagram: known phases, then candidates.

    Attributes:
        elements: symbols of the two or three elements, alphabetical.
        fractions: (n, e) atomic fractions.
        energy: (n,) formation energies in eV/atom, known or predicted.
        formulas: n formulas as chemists write them.
        share: (n,) of worlds in which each is on the hull.
        candidate: (n,) whether it is predicted.
        lower: (n,) ends of intervals of candidates; NaN of known phases.
        upper: (n,).
    """

    elements: tuple[str, ...]
    fractions: F8
    energy: F8
    formulas: list[str]
    share: F8
    candidate: Bool
    lower: F8
    upper: F8

    @property
    def places(self) -> F8:
        """Return (n,) of two elements: the share of the second; (n, 2) of three: in a triangle."""
        if len(self.elements) == 2:
            return self.fractions[:, 1]
        a, b, c = self.fractions.T
        del a
        return np.stack([b + c / 2, c * HEIGHT], axis=1)


def points_of(system: System, held: Held, prediction: F8, lower: F8, upper: F8) -> Points:
    """Return the points of a system of two or three elements; known phases on the hull or near."""
    elements = tuple(system.name.split("-"))
    columns = [ATOMIC_NUMBER[one] - 1 for one in elements]
    made = Materials.from_formulas(
        [str(i) for i in system.candidates], held.canonical[system.candidates].tolist()
    )
    vertices = np.flatnonzero(system.on_hull > 0)
    phases = system.phases.materials.take(vertices)
    n, at = len(vertices), system.candidates
    nan = np.full(n, np.nan)
    return Points(
        elements=elements,
        fractions=np.concatenate([phases.element_fractions(), made.element_fractions()])[
            :, columns
        ],
        energy=np.concatenate([system.phases.energy[vertices], prediction[at]]),
        formulas=[*phases.written(), *made.written()],
        share=np.concatenate([system.on_hull[vertices], system.competed]),
        candidate=np.arange(n + len(at)) >= n,
        lower=np.concatenate([nan, lower[at]]),
        upper=np.concatenate([nan, upper[at]]),
    )


def tie_lines(points: Points) -> list[tuple[int, int]]:
    """Return the pairs of points that a line of the lower hull joins; rising, each once.

    Of two elements the points in the order of their composition; of three the edges of the
    triangles of the lower convex hull.
    """
    if len(points.elements) == 2:
        return _binary(points.places, points.energy)
    corners = np.column_stack([points.places, points.energy])
    try:
        hull = ConvexHull(corners, qhull_options="Qt")
    except QhullError:  # flat: nothing lies below the elements
        lines = [k for k in range(len(points.energy)) if points.fractions[k].max() > 1 - 1e-9]
        return [(a, b) for i, a in enumerate(lines) for b in lines[i + 1 :]]
    lower = hull.simplices[hull.equations[:, 2] < -1e-9]
    pairs = {
        tuple(sorted((int(one[i]), int(one[j]))))
        for one in lower
        for i, j in ((0, 1), (1, 2), (0, 2))
    }
    return sorted((pair[0], pair[1]) for pair in pairs)


def _binary(x: F8, energy: F8) -> list[tuple[int, int]]:
    """Return the segments of the lower hull of points in a plane (Andrew's monotone chain)."""
    chain: list[int] = []
    for k in np.lexsort((energy, x)).tolist():
        if chain and x[k] - x[chain[-1]] < 1e-12:
            continue  # the same composition: the lower one came first
        while len(chain) > 1:
            a, b = chain[-2], chain[-1]
            turn = (x[b] - x[a]) * (energy[k] - energy[a]) - (energy[b] - energy[a]) * (x[k] - x[a])
            if turn > 1e-12:
                break
            chain.pop()
        chain.append(k)
    return list(pairwise(chain))


def diagrams(
    systems: list[System], held: Held, *, prediction: F8, lower: F8, upper: F8, unit: str
) -> list[Panel]:
    """Return the diagrams of the first systems of two or three elements."""
    found = []
    for system in systems:
        if len(system.name.split("-")) not in (2, 3):
            continue
        points = points_of(system, held, prediction, lower, upper)
        names = ", ".join(points.formulas[k] for k in np.flatnonzero(points.candidate))
        found.append(
            panel(
                "screen",
                f"Phase diagram {system.name}",
                lambda points=points: _drawn(points, unit),  # type: ignore[misc]  # the default binds
                caption=f"Diamonds: candidates ({names}); dots: phases of the reference. Lines:"
                " the hull at known and predicted energies. The fainter a point, the fewer of"
                " the worlds drawn from all predictions have it on the hull.",
            )
        )
        if len(found) == MOST:
            break
    return found


def _drawn(points: Points, unit: str) -> Drawn:
    figure, axes = new_figure()
    if len(points.elements) == 2:
        _draw_binary(axes, points, unit)
    else:
        _draw_ternary(axes, points)
    return Drawn(figure)


def _draw_binary(axes: Axes, points: Points, unit: str) -> None:
    color, x = palette.SENTINELS, points.places
    for a, b in tie_lines(points):
        axes.plot(x[[a, b]], points.energy[[a, b]], color=color["ref"], linewidth=1.0)
    for k in np.flatnonzero(points.candidate & np.isfinite(points.lower + points.upper)):
        ends = [points.lower[k], points.upper[k]]
        axes.plot([x[k], x[k]], ends, color=color["in"], linewidth=1.4, alpha=0.6)
    _marks(axes, points, x, points.energy)
    axes.set_xlim(-0.06, 1.06)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_xlabel(f"share of {points.elements[1]} in {'-'.join(points.elements)}")
    axes.set_ylabel(f"formation energy ({unit})")


def _draw_ternary(axes: Axes, points: Points) -> None:
    color, place = palette.SENTINELS, points.places
    for a, b in tie_lines(points):
        axes.plot(*place[[a, b]].T, color=color["ref"], linewidth=0.8)
    _marks(axes, points, *place.T)
    axes.set_xlim(-0.16, 1.16)
    axes.set_ylim(-0.14, HEIGHT + 0.14)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _marks(axes: Axes, points: Points, x: F8, y: F8) -> None:
    """Draw the points, as dark as they are likely on the hull, and name some of them."""
    color = palette.SENTINELS
    for k in range(len(x)):
        candidate = bool(points.candidate[k])
        axes.plot(
            x[k : k + 1],
            y[k : k + 1],
            linestyle="none",
            marker="D" if candidate else "o",
            markersize=7.0 if candidate else 6.0,
            color=color["in" if candidate else "ink"],
            alpha=round(FAINT + (1 - FAINT) * float(points.share[k]), 2),
            zorder=4 if candidate else 3,
        )
    beside = _beside(points, x)
    for k in _named(points).tolist():
        corner = points.fractions[k].max() > 1 - 1e-9
        text = points.formulas[k].translate(_SUBSCRIPT)
        if corner:
            text = points.elements[int(points.fractions[k].argmax())]
        axes.annotate(
            text,
            (x[k], y[k]),
            xytext=beside.get(k, (0, 7)),
            textcoords="offset points",
            ha={-1: "right", 0: "center", 1: "left"}[int(np.sign(beside.get(k, (0, 0))[0]))],
            color=color["ink" if points.candidate[k] or corner else "muted"],
            fontsize=8.8,
            zorder=5,
        )


def _beside(points: Points, x: F8) -> dict[int, tuple[int, int]]:
    """Return where the name of each candidate stands: on the outer side of it, in pixels."""
    order = sorted(np.flatnonzero(points.candidate).tolist(), key=lambda k: float(x[k]))
    half = len(order) // 2
    left = {k: (-8, -3 - 11 * i) for i, k in enumerate(order[:half])}
    return left | {k: (8, -3 - 11 * i) for i, k in enumerate(reversed(order[half:]))}


def _named(points: Points) -> npt.NDArray[np.int64]:
    """Return the points that are named: elements, candidates, then the likeliest phases."""
    corner = points.fractions.max(axis=1) > 1 - 1e-9
    order = np.lexsort((-points.share, ~(corner | points.candidate)))
    found: I8 = np.asarray(order[: LABELED + int(corner.sum())], dtype=np.int64)
    return found
