"""Share of element pairs that occur together in no training material."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_core.api import F8, Detector, FitContext, Inputs, OODScore
from atlas_domain._rules import UnseenPairs
from atlas_domain._verdict import Verdict
from atlas_domain.options import UnseenPairConfig


@dataclass(frozen=True)
class _Fitted:
    pairs: UnseenPairs
    verdict: Verdict

    def score(self, rows: Inputs) -> OODScore:
        reasons = self.pairs.describe(rows)
        return self.verdict.judge(self.pairs.share(rows), rows.fractions, reasons)


@dataclass(frozen=True)
class UnseenPair:
    """Measure how new the company of a row's elements is."""

    config: UnseenPairConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Note which elements occur together; the seed is not needed.

        Without calibration rows the threshold is that of training rows, whose pairs are all
        known but those that occur in one material only: each is scored without itself.
        """
        pairs = UnseenPairs.of(train, known=False)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=pairs.share,
            training_scores=lambda: _without_self(train),
        )
        return _Fitted(pairs, verdict)


def _without_self(train: Inputs) -> F8:
    """Return the share of each training row's pairs that no other row has."""
    return UnseenPairs.of(train, known=False, least=2).share(train)
