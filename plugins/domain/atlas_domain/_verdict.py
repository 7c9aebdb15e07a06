"""From distances to flags and reasons in words. Light: numpy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from atlas_core.api import F8, I8, SYMBOLS, Inputs, Materials, OODScore

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
    def of(cls, materials: Materials) -> Elements:
        """Count the elements of the training materials."""
        return cls((materials.element_fractions() > 0).sum(axis=0), len(materials))

    def unseen(self, materials: Materials) -> F8:
        """Return (n,) the share of each material's atoms whose element was never seen."""
        unknown = materials.element_fractions()[:, self.counts == 0]
        return np.asarray(unknown.sum(axis=1), dtype=np.float64)

    def describe(self, fractions: F8) -> str:
        """Return what is unusual about the elements of one material, or ""."""
        present = np.flatnonzero(fractions)
        new = [SYMBOLS[z + 1] for z in present if not self.counts[z]]
        if new:
            return f"contains {' and '.join(new)}, never seen in training"
        rarest = present[np.argmin(self.counts[present])]
        if self.counts[rarest] < RARE * self.total:
            times = f"{self.counts[rarest]} of {self.total}"
            return f"contains {SYMBOLS[rarest + 1]}, seen in {times} training materials"
        return ""


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
            elements=Elements.of(train.materials),
        )

    def judge(
        self, scores: F8, materials: Materials, facts: Sequence[str] | None = None
    ) -> OODScore:
        """Return scores, threshold and a reason for each flagged row.

        Args:
            scores: (n,) of the rows.
            materials: the n rows.
            facts: n texts that are told whether a row is flagged or not, "" for nothing.
        """
        reasons = np.full(len(scores), "", dtype=object)
        if facts is not None:
            reasons[:] = facts
        fractions = materials.element_fractions()
        below = np.searchsorted(self.reference, scores, side="left") / len(self.reference)
        for row in np.flatnonzero(scores > self.threshold):
            share = "all" if below[row] >= 1.0 else f"{100.0 * below[row]:.1f} % of the"
            parts = [
                self.elements.describe(fractions[row]),
                reasons[row],
                f"farther than {share} {self.what}",
            ]
            reasons[row] = "; ".join(part for part in parts if part)
        return OODScore(scores, self.threshold, reasons.astype(np.str_))


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
        return self.verdict.judge(scores, rows.materials)
