"""A finding and a verdict as data: codes and figures, which scripts read and templates tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from atlas_core.api import Grade, Meaning, Wording
from atlas_evaluation.judge.codes import codes
from atlas_evaluation.judge.figures import Figure


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: one of :func:`atlas_evaluation.judge.codes.codes`.
        grade: that this finding, taken alone, leaves; None where it only describes.
        figures: what it rests on, as plain JSON: a figure is ``{"value": v, "low": l, "high": h}``
            with its 95 % interval (ends that are not known are absent), a share lies in 0 to 1.
    """

    code: str
    grade: Grade | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, code: str, **figures: Any) -> Finding:
        """Return a finding with the grade of its code.

        Args:
            code: what was found.
            figures: numbers, names, :class:`Figure`; None is left out.

        Raises:
            KeyError: there is no such code.
        """
        return cls(code, codes()[code].grade, _plain(figures))

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def _plain(value: Any) -> Any:
    """Return plain JSON types: a :class:`Figure` as a table of its finite numbers."""
    if isinstance(value, Figure):
        ends = {"low": value.low, "high": value.high}
        known = {name: end for name, end in ends.items() if math.isfinite(end)}
        return {"value": value.value, **known}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


@dataclass(frozen=True)
class About:
    """What an arm is about, as its sentences need it.

    Attributes:
        arm: its name.
        task: ``regression`` or ``binary``.
        target: name of the property.
        unit: of the target; "" where it has none.
        held_out: the held-out classes in words, joined with "; "; "" for none.
        chose: whether the arm chose its own training set, which test materials then differ from.
        bounded: whether the target has stated bounds, at which intervals are cut.
        meaning: the target and its classes in words.
        wording: the question of the reference in words; None without one.
        target_reliability: share of trusted decisions that should be right.
    """

    arm: str
    task: str = "regression"
    target: str = "target"
    unit: str = ""
    held_out: str = ""
    chose: bool = False
    bounded: bool = False
    meaning: Meaning = field(default_factory=Meaning)
    wording: Wording | None = None
    target_reliability: float = 0.9

    @property
    def binary(self) -> bool:
        """Return whether the answers are yes or no."""
        return self.task == "binary"


@dataclass(frozen=True)
class Verdict:
    """The judgment of one arm.

    Attributes:
        about: whose.
        grade: how far it may be believed.
        headline: how far its predictions may be used, then what limits that.
        evidence: what it rests on.
        advice: what to do.
    """

    about: About
    grade: Grade
    headline: tuple[Finding, ...]
    evidence: tuple[Finding, ...] = ()
    advice: tuple[Finding, ...] = ()

    @property
    def arm(self) -> str:
        """Return the name of the arm."""
        return self.about.arm

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return all findings: headline, evidence, advice."""
        return (*self.headline, *self.evidence, *self.advice)

    @property
    def codes(self) -> list[str]:
        """Return the codes of all findings."""
        return [one.code for one in self.findings]

    def of(self, code: str) -> Iterator[Finding]:
        """Yield the findings of a code."""
        return (one for one in self.findings if one.code == code)
