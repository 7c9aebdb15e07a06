"""Whether intervals or label sets attain their coverage, and where they say nothing.

An infinite interval, one over all that the target can be, and a set of both classes hold the truth
whatever it is: coverage bought so is no merit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from atlas_evaluation.judge.figures import Figure, doubt, of_share, slack
from atlas_evaluation.judge.finding import Finding

MANY_INFINITE = 0.1  # share of infinite intervals worth a sentence
MOSTLY_INFINITE = 0.5  # share from which coverage is no merit: most intervals say nothing
TINY = 1e-9  # a share that is 0 but for rounding

State = Literal["attained", "too_low", "unclear", "nothing"]


@dataclass(frozen=True)
class Bars:
    """The intervals, or the label sets, of one part at one level.

    Attributes:
        level: as the metrics are named by it.
        covered: share that holds the truth, with an interval that n materials allow.
        empty: share that says nothing, with the same; None where it is not known.
        n: materials.
        binary: whether these are label sets.
    """

    level: str
    covered: Figure
    empty: Figure | None
    n: int
    binary: bool

    @property
    def nominal(self) -> float:
        """Return the level as a number."""
        return float(self.level)

    @property
    def state(self) -> State:
        """Say whether the level is attained; ``nothing`` where half may say nothing at all."""
        level = self.nominal
        if self.covered.high < level and self.covered.low < level - slack(level):
            return "too_low"
        if self.empty is not None and self.empty.high >= MOSTLY_INFINITE:
            return "nothing"
        return "attained" if self.covered.low >= level - doubt(level) else "unclear"

    @property
    def below(self) -> bool:
        """Return whether coverage is surely below the level, by however little."""
        return self.covered.high < self.nominal

    @property
    def too_wide(self) -> bool:
        """Return whether they are surely larger than need be; a set of one class cannot be."""
        if self.covered.low <= self.nominal + slack(self.nominal):
            return False
        return not self.binary or (self.empty is not None and self.empty.low > 0)

    @property
    def many_empty(self) -> bool:
        """Return whether enough say nothing for a sentence."""
        return self.empty is not None and self.empty.value >= MANY_INFINITE

    @property
    def reported(self) -> Figure | None:
        """Return the coverage of those that say something; None where hardly one does."""
        if not self.many_empty or self.empty is None:
            return self.covered
        rest = 1 - self.empty.value
        rows = round(rest * self.n)
        if not rows:
            return None
        share = min(1.0, max(0.0, (self.covered.value - self.empty.value) / rest))
        return of_share(Figure(share, share, share), rows)

    @property
    def nothing(self) -> dict[str, Any]:
        """Return the share that says nothing, and whether that surely is most of them."""
        share = 0.0 if self.empty is None else self.empty.value
        surely = self.empty is not None and self.empty.low >= MOSTLY_INFINITE
        extent = "some" if not surely else "all" if share >= 1 - TINY else "most"
        return {"empty": share, "extent": extent}


def bars_of(metrics: Mapping[str, Figure], n: int, level: str, *, binary: bool) -> Bars | None:
    """Return the intervals of a part at a level; None where there are none.

    Args:
        metrics: of the part.
        n: its materials.
        level: "" for none.
        binary: whether these are label sets; one of both classes has the width 1.
    """
    covered = metrics.get(f"picp_{level}") if level else None
    if covered is None:
        return None
    empty = metrics.get(f"{'mpiw' if binary else 'infinite_share'}_{level}")
    known = None if empty is None else of_share(empty, n)
    return Bars(level, of_share(covered, n), known, n, binary)


def coverage(inside: Bars | None, outside: Bars | None, *, calibrator: bool) -> Iterator[Finding]:
    """Yield how often they hold the truth, and where they say nothing.

    Args:
        inside: in-domain.
        outside: of the held-out class, where there is one.
        calibrator: whether another method has intervals of its own beside.
    """
    if inside is None:
        return
    parts = {"in_domain": inside} | ({} if outside is None else {"held_out": outside})
    shown = {
        name: {"covered": bars.reported, "some": bars.many_empty}
        for name, bars in parts.items()
        if bars.state != "nothing" and bars.reported is not None
    }
    if shown:
        code, below = _coverage_code(inside, outside)
        yield Finding.of(
            code, level=inside.nominal, **shown, n={name: one.n for name, one in parts.items()},
            below=below, calibrator=calibrator or None,
        )  # fmt: skip
    many = {n: bars.empty.value for n, bars in parts.items() if bars.empty and bars.many_empty}
    if many:
        yield Finding.of("intervals_uninformative", level=inside.nominal, **many)


def _coverage_code(inside: Bars, outside: Bars | None) -> tuple[str, list[str] | None]:
    """Return what follows from the coverages, and the parts where they are a little low."""
    holds, elsewhere = inside.state, None if outside is None else outside.state
    if holds == "too_low":
        return "coverage_too_low", None
    if elsewhere == "too_low":
        return "coverage_too_low_held_out", None
    if inside.too_wide and holds != "nothing":
        return "coverage_high", None
    if holds == "unclear":
        return "coverage_unclear", None
    if elsewhere == "unclear":
        alone = holds == "nothing"
        return f"coverage_unclear_held_out{'_alone' if alone else ''}", None
    parts = {"in_domain": inside, "held_out": outside}
    below = {n: bars.below for n, bars in parts.items() if bars and bars.state == "attained"}
    if any(below.values()):
        return "coverage_slightly_low", [name for name, low in below.items() if low]
    return ("coverage_attained" if len(below) == 1 else "coverage_attained_on_both"), None


def rows_needed(level: str) -> int:
    """Return how many calibration rows an interval at ``level`` needs to be finite, n.

    The largest of n errors bounds the next one with the probability n / (n + 1) (Vovk, Gammerman
    & Shafer 2005), so n >= level / (1 - level); reckoned in decimals, as 0.9 / 0.1 is 9.
    """
    exact = Fraction(level)
    return math.ceil(exact / (1 - exact))


def calibration_rows(
    parts: Sequence[Mapping[str, Figure]], kept: Sequence[int], *, binary: bool, bounded: bool
) -> Iterator[Finding]:
    """Yield how many calibration rows the levels with infinite intervals need, and how many are.

    Args:
        parts: metrics of each part.
        kept: calibration rows of each fold; () where they are not known.
        binary: whether these are label sets.
        bounded: whether the target has stated bounds: an interval over all of it may come of large
            errors alone.
    """
    name = "mpiw_" if binary else "infinite_share_"
    levels = {
        metric.removeprefix(name)
        for metrics in parts
        for metric, figure in metrics.items()
        if metric.startswith(name) and figure.value > (1 - TINY if binary else TINY)
    }
    if not levels or not kept:
        return
    needed = {float(level): rows_needed(level) for level in sorted(levels, key=float)}
    enough = min(kept) >= max(needed.values())
    if not (enough and bounded):
        yield Finding.of(
            "calibration_rows_split" if enough else "calibration_rows_few",
            needed=[{"level": level, "rows": rows} for level, rows in needed.items()],
            least=min(kept), most=max(kept), folds=len(kept),
        )  # fmt: skip
