"""Novelty score: rule-based checks and several detectors combined (Fisher 1932)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from atlas_core.api import (
    F8,
    Bool,
    DataError,
    Detector,
    FitContext,
    Inputs,
    OODScore,
    Reason,
    Reasons,
)
from atlas_domain._checks import FOLDS
from atlas_domain._rules import OutOfRange, UnseenElements, UnseenPairs
from atlas_domain._surprisal import CountedSurprisal, Surprisal
from atlas_domain._verdict import farther
from atlas_domain.disagreement import Sigma
from atlas_domain.knn_distance import NeighborDistance
from atlas_domain.leaf_proximity import LeafProximity
from atlas_domain.lof import OutlierFactor
from atlas_domain.mahalanobis import Distance
from atlas_domain.options import NoveltyConfig

LARGEST = 20_000
"""Training rows that detectors compare with; of more, this many are drawn."""
NEAREST = 5
"""Training rows that count for company in leaves, and for `knn`."""

Part = Callable[[Inputs], F8]


def _sigma(train: Inputs, config: NoveltyConfig) -> Part:
    return Sigma()


def _leaf(train: Inputs, config: NoveltyConfig) -> Part:
    return LeafProximity.of(train, NEAREST)


def _leaf_local(train: Inputs, config: NoveltyConfig) -> Part:
    return LeafProximity.of(train, NEAREST, local=True)


def _lof(train: Inputs, config: NoveltyConfig) -> Part:
    return OutlierFactor.of(train, config.representation, config.neighbors)


def _knn(train: Inputs, config: NoveltyConfig) -> Part:
    return NeighborDistance.of(train, config.representation, NEAREST)


def _mahalanobis(train: Inputs, config: NoveltyConfig) -> Part:
    return Distance.of(train, config.representation)


def _mahalanobis_fractions(train: Inputs, config: NoveltyConfig) -> Part:
    return Distance.of(train, "fractions")


def _knn_fractions(train: Inputs, config: NoveltyConfig) -> Part:
    return NeighborDistance.of(train, "root_fractions", NEAREST)


PARTS: Mapping[str, tuple[Callable[[Inputs, NoveltyConfig], Part], str]] = {
    "sigma": (_sigma, "the predictions disagree more than for {share}"),
    "leaf": (_leaf, "more alone in the leaves of the trees than {share}"),
    "leaf_local": (_leaf_local, "in emptier leaves, beside its surroundings, than {share}"),
    "lof": (_lof, "its surroundings are emptier than those of {share}"),
    "knn": (_knn, "farther from its nearest training materials than {share}"),
    "mahalanobis": (_mahalanobis, "farther from the training mean than {share}"),
    "mahalanobis_fractions": (
        _mahalanobis_fractions,
        "a more unusual mix of elements than {share}",
    ),
    "knn_fractions": (
        _knn_fractions,
        "farther in composition from its nearest training materials than {share}",
    ),
}
"""How each part is fitted, and what its score means in words."""

Rule = UnseenElements | UnseenPairs | OutOfRange


def _rules(train: Inputs, config: NoveltyConfig) -> dict[str, Rule]:
    """Return the facts that can be told, in the order of the reasons."""
    found: dict[str, Rule] = {}
    if "element" in config.rules:
        found["element"] = UnseenElements.of(train)
    if "pair" in config.rules:
        found["pair"] = UnseenPairs.of(train, known=True)
    if "range" in config.rules and (ranges := OutOfRange.of(train)) is not None:
        found["range"] = ranges
    return found


@dataclass(frozen=True)
class _Detectors:
    """Everything that scores a row, fitted to training rows.

    Attributes:
        parts: detectors by name.
        rules: facts by name.
    """

    parts: Mapping[str, Part]
    rules: Mapping[str, Rule]

    @classmethod
    def of(cls, train: Inputs, config: NoveltyConfig, seed: int) -> _Detectors:
        rows = np.random.default_rng(seed).permutation(len(train))[:LARGEST]
        drawn = train.take(np.sort(rows)) if len(train) > LARGEST else train
        parts: dict[str, Part] = {name: PARTS[name][0](drawn, config) for name in config.parts}
        return cls(parts, _rules(train, config))

    def look(self, rows: Inputs) -> dict[str, F8]:
        """Return (n,) scores of every part and fact."""
        return {name: judge(rows) for name, judge in {**self.parts, **self.rules}.items()}


@dataclass(frozen=True)
class _Fitted:
    """Score rows by the sum of -log p over parts and facts.

    Attributes:
        detectors: fitted to the training rows.
        surprisals: by part or fact, what its scores are in domain.
        reference: ascending sums of the reference rows.
        threshold: sums above it are flagged.
        what: what the reference rows are called in a reason.
    """

    detectors: _Detectors
    surprisals: Mapping[str, Surprisal | CountedSurprisal]
    reference: F8
    threshold: float
    what: str

    def terms(self, rows: Inputs) -> dict[str, F8]:
        """Return (n,) -log p of every part and fact."""
        return {n: self.surprisals[n](values) for n, values in self.detectors.look(rows).items()}

    def score(self, rows: Inputs) -> OODScore:
        """Return n sums with threshold and reasons."""
        if not len(rows):
            return OODScore(np.zeros(0), self.threshold, ())
        terms = self.terms(rows)
        total = _sum(terms)
        if "element" in terms:  # flagged even where every other sign is ordinary
            just_outside = np.nextafter(self.threshold, np.inf)
            new = self.detectors.rules["element"](rows) > 0
            total = np.where(new, np.maximum(total, just_outside), total)
        return OODScore(total, self.threshold, self._reasons(rows, terms, total))

    def _reasons(self, rows: Inputs, terms: Mapping[str, F8], total: F8) -> Reasons:
        """Return the facts of each row and, of flagged rows, what is most unusual about them."""
        reasons = [rule.describe(rows) for rule in self.detectors.rules.values()]
        rules = [tuple(one for own in reasons for one in own[row]) for row in range(len(rows))]
        names = tuple(self.detectors.parts)
        strongest = np.argmax([terms[name] for name in names], axis=0)
        outside = total > self.threshold
        return tuple(
            (*known, self._stranger(names[strongest[row]], terms, row)) if outside[row] else known
            for row, known in enumerate(rules)
        )

    def _stranger(self, name: str, terms: Mapping[str, F8], row: int) -> Reason:
        """Return how much more unusual a row is by a part than the reference rows are."""
        p = float(np.exp(-terms[name][row]))
        share = 1.0 if p < 2 / (len(self.reference) + 1) else 1 - p
        return farther(PARTS[name][1], share, self.what, by=name)


def _sum(terms: Mapping[str, F8]) -> F8:
    return np.asarray(np.sum(list(terms.values()), axis=0), dtype=np.float64)


@dataclass(frozen=True)
class Novelty:
    """Combine detectors by Fisher's method, beside facts that need none."""

    config: NoveltyConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Fit each part to the training rows, and learn its scores in domain.

        Fisher's statistic is the sum of -log p (Fisher 1932, section 21.1). Parts depend on each
        other, so the threshold is not that of a chi-square distribution: it is a quantile of
        the sums of the reference rows. Those are calibration rows or, without any, training
        rows, each scored by what was fitted to other folds. Then sigma is the one of rows the
        model was trained on, and smaller than it should be.

        Raises:
            DataError: too few training rows for a part, or the arm lacks what it needs.
        """
        config = self.config
        detectors = _Detectors.of(train, config, context.seed)
        kept_aside = len(calibration) > 0
        found = (
            detectors.look(calibration) if kept_aside else _crossfit(train, config, context.seed)
        )
        surprisals: dict[str, Surprisal | CountedSurprisal] = {
            name: (CountedSurprisal if name in detectors.rules else Surprisal).of(values)
            for name, values in found.items()
        }
        sums = np.sort(_sum({name: surprisals[name](values) for name, values in found.items()}))
        return _Fitted(
            detectors=detectors,
            surprisals=surprisals,
            reference=sums,
            threshold=float(np.quantile(sums, config.quantile, method="higher")),
            what="calibration materials" if kept_aside else "training materials",
        )


def _crossfit(train: Inputs, config: NoveltyConfig, seed: int) -> dict[str, F8]:
    """Return scores of the training rows, each by what was fitted to other folds."""
    n = len(train)
    if n < 2 * FOLDS:
        raise DataError(
            f"ood novelty: {n} training rows and no calibration rows; give at least {2 * FOLDS}"
            " training rows or a split with calibration rows"
        )
    fold = np.random.default_rng(seed).permutation(n) % FOLDS
    found: dict[str, F8] = {}
    for k in range(FOLDS):
        inside: Bool = fold == k
        rest = train.take(np.flatnonzero(~inside))
        scores = _Detectors.of(rest, config, seed).look(train.take(np.flatnonzero(inside)))
        for name, values in scores.items():
            found.setdefault(name, np.empty(n))[inside] = values
    return found
