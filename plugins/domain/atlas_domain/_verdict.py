"""From distances to flags and reasons. Light: numpy only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8, I8, SYMBOLS, Inputs, OODScore, Reason, Reasons

RARE = 0.01
"""An element in fewer than this share of the training materials is worth naming."""


@dataclass(frozen=True)
class Elements:
    """Know in how many training materials each element occurs.

    Attributes:
        counts: (118,) materials with the element of atomic number i + 1.
        total: training materials.
    """

    counts: I8
    total: int

    @classmethod
    def of(cls, fractions: F8) -> Elements:
        """Count the elements of the training materials; ``fractions`` are (t, 118)."""
        return cls((fractions > 0).sum(axis=0), len(fractions))

    def unseen(self, fractions: F8) -> F8:
        """Return (n,) the share of each material's atoms whose element was never seen."""
        unknown = fractions[:, self.counts == 0]
        return np.asarray(unknown.sum(axis=1), dtype=np.float64)

    def new(self, fractions: F8) -> tuple[Reason, ...]:
        """Return that one material has elements that were never seen, () where it has none."""
        found = [SYMBOLS[z + 1] for z in np.flatnonzero(fractions) if not self.counts[z]]
        return (Reason.unseen_elements(found),) if found else ()

    def describe(self, fractions: F8) -> tuple[Reason, ...]:
        """Return what is unusual about the elements of one material, or ()."""
        if new := self.new(fractions):
            return new
        present = np.flatnonzero(fractions)
        rarest = present[np.argmin(self.counts[present])]
        count = int(self.counts[rarest])
        if count >= RARE * self.total:
            return ()
        symbol = SYMBOLS[rarest + 1]
        text = f"contains {symbol}, seen in {count} of {self.total} training materials"
        figures = {"element": symbol, "seen": count, "of": self.total}
        return (Reason("rare_element", text, figures),)


@dataclass(frozen=True)
class Verdict:
    """Judge scores against those of reference rows.

    Attributes:
        reference: (r,) ascending scores of calibration rows, or of training rows without them.
        what: what the reference rows are called in a reason.
        threshold: scores above it are flagged.
        elements: of the training materials.
    """

    reference: F8
    what: str
    threshold: float
    elements: Elements

    @classmethod
    def of(
        cls,
        train: Inputs,
        calibration: Inputs,
        quantile: float,
        *,
        score: Callable[[Inputs], F8],
        training_scores: Callable[[], F8],
    ) -> Verdict:
        """Set the threshold at a quantile of calibration scores.

        Args:
            train: the training rows.
            calibration: rows kept aside; may be empty.
            quantile: the share of reference rows that are not flagged.
            score: scores rows.
            training_scores: scores the training rows, each without itself.
        """
        kept_aside = len(calibration) > 0
        reference = np.sort(score(calibration) if kept_aside else training_scores())
        return cls(
            reference=reference,
            what="calibration materials" if kept_aside else "training materials",
            threshold=float(np.quantile(reference, quantile, method="higher")),
            elements=Elements.of(train.fractions),
        )

    def judge(self, scores: F8, fractions: F8, rules: Reasons | None = None) -> OODScore:
        """Return scores, threshold and the reasons of each flagged row.

        Args:
            scores: (n,) of the rows.
            fractions: (n, 118) of the elements of the rows.
            rules: reasons of each of n rows that hold whether it is flagged or not.
        """
        reasons = list(rules or [()] * len(scores))
        below = np.searchsorted(self.reference, scores, side="left") / len(self.reference)
        for row in np.flatnonzero(scores > self.threshold):
            far = farther("farther than {share}", float(below[row]), self.what)
            reasons[row] = (*self.elements.describe(fractions[row]), *reasons[row], far)
        return OODScore(scores, self.threshold, tuple(reasons))


def farther(text: str, share: float, what: str, *, by: str = "") -> Reason:
    """Return that a score is above those of a share of the reference rows.

    Args:
        text: with a place for ``{share}``.
        share: 1 where it is above all.
        what: what the reference rows are called.
        by: which of several scores says so.
    """
    shown = "all" if share >= 1.0 else f"{100.0 * share:.1f} % of the"
    figures = {"share": share, "of": what.replace(" ", "_")} | ({"by": by} if by else {})
    return Reason("farther", text.format(share=f"{shown} {what}"), figures)


@dataclass(frozen=True)
class Fitted:
    """Score rows by a measure and judge the scores.

    Attributes:
        measure: scores rows.
        verdict: judges scores.
    """

    measure: Callable[[Inputs], F8]
    verdict: Verdict

    def score(self, rows: Inputs) -> OODScore:
        """Return n scores with threshold and reasons."""
        scores = self.measure(rows) if len(rows) else np.zeros(0)
        return self.verdict.judge(scores, rows.fractions)
