"""What the page shows of one arm below its card, and of all arms above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atlas_pages import formatting
from atlas_pages.formatting import count, slug
from atlas_pages.panels import Panel
from atlas_report.arm_panels import element_tables, panels_of
from atlas_report.cards import Card, card
from atlas_report.families import FamilyTable, family_table
from atlas_report.source import Source, shown
from atlas_report.views import of_arm
from atlas_report.worst import Bad, Confusion, confusion, worst_rows


@dataclass(frozen=True)
class ArmView:
    """Everything the page shows of one arm: its card, and what is below it."""

    arm: str
    anchor: str
    card: Card
    panels: tuple[Panel, ...]
    missing: tuple[str, ...]
    confusion: tuple[Confusion, ...]
    tables: tuple[Panel, ...]
    families: FamilyTable | None
    worst: tuple[Bad, ...]
    spread: str
    has_flags: bool

    @property
    def captions(self) -> list[str]:
        """Return the captions of its figures, without what is of one figure alone."""
        return [p.caption.replace(p.note, "").strip() for p in (*self.panels, *self.tables)]


def arm_view(source: Source, arm: str, *, alone: bool) -> ArmView:
    """Draw the figures of one arm and list its worst predictions.

    Args:
        source: of the page.
        arm: which.
        alone: whether it does not stand among the views of several arms, and so has its own.
    """
    rows = source.rows[arm]
    parts = shown(rows)
    panels, missing = panels_of(source, arm, parts)

    binary = source.task == "binary"
    worst, spread = worst_rows(rows, source.twins, meaning=source.meaning, binary=binary)
    return ArmView(
        arm=source.called(arm),
        anchor=slug(arm),
        card=card(source, arm),
        panels=(*(of_arm(source, arm) if alone else ()), *panels),
        missing=tuple(missing),
        confusion=tuple(confusion(part, r) for part, r in parts.items()) if binary else (),
        tables=tuple(element_tables(source, arm)),
        families=family_table(source, arm),
        worst=worst,
        spread=spread,
        has_flags=rows.has_score,
    )


def described(source: Source) -> list[str]:
    """Return what was done, a sentence each: first what is predicted, of which data."""
    data = source.manifest["dataset"]
    unit = f" in {source.unit}" if source.unit else ""
    caveat = f" ({source.meaning.caveat})" if source.meaning.caveat else ""
    if source.decided:
        words = source.wording
        caveat = f"; what is asked: {words.yes} or not, against {words.against}"
    size = f" ({count(int(data['rows']), 'material')})" if data.get("rows") else ""
    sentences = [
        f"Data: {data.get('name', 'unnamed')}{size}; what is predicted: {source.target}{unit}"
        f"{caveat}."
    ]
    names = list(source.rows)
    arms = f"Arm {names[0]}" if len(names) == 1 else f"Each of {formatting.listed(names)}"
    sizes: list[Mapping[str, int]] = [fold.get("sizes") or {} for fold in source.folds]
    if not sizes:
        sentences.append(f"{arms} was trained, then evaluated on unseen materials.")
        return sentences
    first = sizes[0]
    more = f", in {len(sizes)} folds (sizes of the first)" if len(sizes) > 1 else ""
    kept = _size(first, "calibration")
    calibrated = f", had its uncertainty calibrated on {kept}" if kept != "0" else ""
    learned = f"was trained on {_size(first, 'train')} of them"
    if source.active is not None and source.loop:
        candidates = int(first.get("train") or 0) + int(first.get("pool") or 0)
        low, high = (
            formatting.fixed(float(f(source.active["labeled"])), 0) for f in (np.min, np.max)
        )
        learned = (
            f"began with {low} labeled materials of {formatting.fixed(candidates, 0)} candidates"
            f" and chose more, up to {high}"
        )
        calibrated = f", had its uncertainty calibrated on {kept} others" if calibrated else ""
    sentences.append(
        f"{arms} {learned}{calibrated} and was evaluated on {_size(first, 'test')} unseen ones of"
        f" the same kind{more}."
    )
    if any(size.get("ood_test") for size in sizes):
        n = sum(int(size.get("ood_test") or 0) for size in sizes)
        held = source.held_out or "a class of materials"
        each = ", one class in each fold" if source.several_held_out else ""
        sentences.append(
            f"Held out entirely{each}: {held} ({count(n, 'material')}), to see whether the model"
            " detects what it was not trained on."
        )
    return sentences


def _size(sizes: Mapping[str, int], part: str) -> str:
    return formatting.fixed(int(sizes.get(part) or 0), 0)
