"""What is known of a fold before anything is trained, for components to look at. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from atlas_core.data.meaning import Meaning
from atlas_core.kinds.dataset import Task
from atlas_core.kinds.inputs import Inputs


@dataclass(frozen=True, eq=False)
class FoldFacts:
    """Show a component's ``check`` one fold: rows without targets, and how many of each class.

    Attributes:
        task: ``regression`` or ``binary``.
        levels: coverage levels of the intervals that are wanted, ascending.
        train: the training rows; ``features`` are None where they are not at hand.
        calibration: the calibration rows, likewise; ``embedding``, ``std`` and ``leaves`` of both
            are None: they need a trained model.
        classes: for a binary task, {part: (rows of class 0, rows of class 1)} of ``train`` and
            ``calibration``; else empty.
        meaning: what the target and its classes are, in words, for messages.
    """

    task: Task
    levels: tuple[float, ...]
    train: Inputs
    calibration: Inputs
    classes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    meaning: Meaning = field(default_factory=Meaning)
