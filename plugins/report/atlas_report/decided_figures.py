"""Draw what came of decisions: their labels, and what is wrong while the least sure are dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlas_core.data.decisions import Decisions
from atlas_pages.formatting import fixed
from atlas_pages.palette import PART_COLOR, SENTINELS
from atlas_pages.panels import Drawn, legend, new_figure
from atlas_report.figures import FEWEST, MARKED, curve_points
from atlas_report.source import IN_DOMAIN, PART_LABEL
from atlas_report.ticks import percent_ticks
from atlas_statistics.binomial import wilson


@dataclass(frozen=True)
class LabelShare:
    """How many decisions with a label were right in a part.

    Attributes:
        part: of the rows.
        label: ``trust``, ``verify`` or ``defer``.
        n: decisions.
        right: share of them that is right.
        ends: of its 95 % interval.
    """

    part: str
    label: str
    n: int
    right: float
    ends: tuple[float, float]


def label_shares(shares: Sequence[LabelShare], *, target: float) -> Drawn:
    """Draw the share of right decisions of each label beside the target reliability."""
    figure, axes = new_figure()
    axes.axvline(target, color=SENTINELS["ref"], linewidth=1.1, linestyle=(0, (4, 3)))
    places = np.arange(len(shares))[::-1]
    for part in dict.fromkeys(one.part for one in shares):
        color, marker = SENTINELS[PART_COLOR[part]], "o" if part == IN_DOMAIN else "s"
        own = [(at, one) for at, one in zip(places, shares, strict=True) if one.part == part]
        for at, one in own:
            axes.plot(one.ends, [at] * 2, color=color, linewidth=1.6)
        rights, rows = [one.right for _, one in own], [at for at, _ in own]
        look: dict[str, Any] = {
            "color": color,
            "marker": marker,
            "linestyle": "",
            "markersize": 6.5,
        }
        axes.plot(rights, rows, **look, label=PART_LABEL[part], clip_on=False, zorder=3)
    names = [f"{one.label}\nn = {fixed(one.n, 0)}" for one in shares]
    axes.set_yticks(places, names)
    axes.set_ylim(-0.6, len(shares) - 0.4)
    low = min([target, *(one.ends[0] for one in shares)])
    axes.set_xlim(max(0.0, low - 0.05), 1.0)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=SENTINELS["ink"])
    percent_ticks(axes.xaxis)
    axes.set_xlabel("share of right decisions")
    legend(axes)
    return Drawn(figure)


def wrong_of_kept(rows: Decisions) -> tuple[np.ndarray, np.ndarray]:
    """Return shares kept, ascending, and the share of wrong calls among these.

    The most certain are kept: those whose P is farthest from one half. Decisions of one P are kept
    or dropped together.
    """
    order = np.argsort(rows.risk, kind="stable")
    risk, wrong = rows.risk[order], (rows.call != rows.true)[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(risk)), len(risk) - 1)
    last = last[last >= min(FEWEST, len(risk)) - 1]  # the mean of a handful is noise
    at = last[curve_points(len(last))]
    return (at + 1) / len(risk), (np.cumsum(wrong) / np.arange(1, len(wrong) + 1))[at]


def wrong_when_dropped(parts: Mapping[str, Decisions]) -> Drawn:
    """Draw the share of wrong calls among those kept, beside that of one call for all."""
    figure, axes = new_figure()
    top = 0.0
    for part, rows in parts.items():
        color, marker = SENTINELS[PART_COLOR[part]], "o" if part == IN_DOMAIN else "s"
        kept, wrong = wrong_of_kept(rows)
        known = MARKED[kept[0] <= MARKED]
        at = sorted({int(np.argmin(abs(kept - one))) for one in (*known, 1.0)})
        materials = len(set(rows.ids.tolist()))
        for k in at:
            ends = wilson(float(wrong[k]), max(1.0, kept[k] * materials))
            axes.plot([kept[k]] * 2, ends, color=color, linewidth=1.0, alpha=0.6)
            top = max(top, ends[1])
        axes.plot(
            kept, wrong, color=color, marker=marker, markersize=4.5, markevery=at, linewidth=1.7,
            label=f"{PART_LABEL[part]}, by P",
        )  # fmt: skip
        share = float(rows.true.mean())
        constant = min(share, 1.0 - share)
        top = max(top, constant, float(wrong.max()))
        axes.axhline(
            constant, color=color, linewidth=1.1, linestyle=(0, (1, 1.5)),
            label=f"{PART_LABEL[part]}, one call for all",
        )  # fmt: skip
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, min(1.0, 1.06 * top) or 1.0)
    percent_ticks(axes.xaxis)
    percent_ticks(axes.yaxis)
    axes.set_xlabel("share of decisions kept, most certain first")
    axes.set_ylabel("share of these that is wrong")
    legend(axes)
    return Drawn(figure)
