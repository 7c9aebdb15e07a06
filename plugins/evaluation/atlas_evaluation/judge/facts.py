"""What the rules on one arm decide on, read from its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from atlas_evaluation.judge.answers import Answers, answers_of
from atlas_evaluation.judge.bars import Bars, State, bars_of
from atlas_evaluation.judge.errors import Rule, rule_of
from atlas_evaluation.judge.figures import FEW_ROWS, Figure, of_share, ratio
from atlas_evaluation.judge.finding import About
from atlas_evaluation.judge.probabilities import Probabilities, probabilities_of
from atlas_evaluation.judge.sigma import Sigma, WrongAnswers, sigma_of

WORTHLESS_MAE = 0.9  # MAE over that of always predicting the median
WEAK_MAE = 0.4  # above it much of the spread is unexplained; R2 is below about 0.8
WORSE = 1.5  # times the in-domain error; less is within what two random test sets can differ by
HEADLINE_LEVEL = 0.9  # the level that the sentences quote, or the nearest there is
NOTICES = 0.9  # AUROC: nine in ten pairs in order; a threshold on it is of practical use
NOTICES_PARTLY = 0.7  # below it a threshold that finds most held-out rows flags half of the rest
FLAGS = 0.5  # share of held-out rows flagged, from which "when it flags a material" is advice
ENOUGH_ROWS = 100  # below it a coverage of 90 % is known to six points at best: none is shown
TINY = 1e-9  # of the error of a constant: an error below it is none, but for rounding

Noticing = Literal["not", "unclear", "in_part", "well"]
RANK: tuple[Noticing, ...] = ("not", "unclear", "in_part", "well")
Quality = Literal["good", "weak", "worthless"]


@dataclass(frozen=True)
class Part:
    """The metrics of the in-domain or the held-out part.

    Attributes:
        n: materials, 0 where there is no such part.
        metrics: by name.
        with_sigma: materials that have a sigma.
        reliability: of P(1), bin by bin; {} where it is not known.
    """

    n: int
    metrics: Mapping[str, Figure]
    with_sigma: int = 0
    reliability: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Mapping[str, Any] | None) -> Part:
        """Return a part of ``metrics.json``."""
        if not found:
            return cls(0, {})
        rows = int(found["n"])
        n = int(found.get("n_materials", rows))
        metrics = {name: Figure.of(entry) for name, entry in found["metrics"].items()}
        with_sigma = round(int(found.get("n_std", rows)) * n / rows)
        return cls(n, metrics, with_sigma, found.get("reliability") or {})

    @property
    def sigma(self) -> Sigma | None:
        """Return what is known of the size of sigma."""
        return sigma_of(self.metrics, self.with_sigma)

    @property
    def wrong(self) -> WrongAnswers | None:
        """Return what is known of sigma at wrong answers."""
        area, right = self.metrics.get("wrong_auroc"), self.value("accuracy")
        if area is None or right is None:
            return None
        return WrongAnswers(area, wrong=round((1 - right) * self.n), n=self.n)

    @property
    def share_of_constant(self) -> Figure | None:
        """Return the MAE as a share of what always predicting one value would err by.

        Its own interval is the best, as both errors are of the same materials; a run of an earlier
        version has both errors apart, or only the share of the mean of the part itself.
        """
        if "mae_over_baseline" in self.metrics:
            return self.metrics["mae_over_baseline"]
        mae, baseline = self.metrics.get("mae"), self.metrics.get("mae_baseline")
        apart = None if mae is None or baseline is None else ratio(mae, baseline)
        return self.metrics.get("mae_over_mad") if apart is None else apart

    @property
    def constant_error(self) -> float | None:
        """Return what always predicting the training median would err by.

        Without that baseline the mean of the part's own targets stands in, which flatters nobody
        but a mean that no one could know (MAE/MAD).
        """
        mae, baseline = self.value("mae"), self.value("mae_baseline")
        share = mae / baseline if mae is not None and baseline else self.value("mae_over_mad")
        return mae / share if mae is not None and share else None

    @property
    def errs_by_nothing(self) -> bool:
        """Return whether the errors are none but for rounding."""
        share = self.share_of_constant
        return share is not None and share.value < TINY

    def value(self, name: str) -> float | None:
        """Return a metric's value, None where it is not known."""
        found = self.metrics.get(name)
        return None if found is None else found.value


@dataclass(frozen=True)
class Facts:
    """What the rules decide on.

    Attributes:
        metrics: ``metrics["arms"][arm]`` of ``metrics.json``.
        about: the arm.
        classes: fold -> its held-out class in words.
        kept: calibration rows of each fold; () where they are not known.
    """

    metrics: Mapping[str, Any]
    about: About
    classes: Mapping[str, str]
    kept: Sequence[int]

    @cached_property
    def test(self) -> Part:
        """Return the in-domain part."""
        return Part.of(self.metrics.get("parts", {}).get("test"))

    @cached_property
    def _ood_test(self) -> Part:
        return Part.of(self.metrics.get("parts", {}).get("ood_test"))

    @property
    def ood_test(self) -> Part:
        """Return the held-out part, without anything where its materials are too few."""
        return Part(0, {}) if self.few_others else self._ood_test

    @property
    def few_others(self) -> int:
        """Return the held-out materials where they are too few to say anything of them, else 0."""
        return self._ood_test.n if self._ood_test.n < FEW_ROWS else 0

    @cached_property
    def detection(self) -> Mapping[str, Mapping[str, Any]]:
        """Return how the detector and sigma separate held-out rows, where that is known."""
        ood = self.metrics.get("ood") or {}
        keys = (("detector", "score"), ("sigma", "sigma"))
        return {name: ood[key] for name, key in keys if "auroc" in ood.get(key, {})}

    @cached_property
    def auroc(self) -> Mapping[str, Figure]:
        """Return the AUROC of the detector and of sigma, the mean over folds."""
        return {name: Figure.of(found["auroc"]) for name, found in self.detection.items()}

    @property
    def worst(self) -> Mapping[str, tuple[str, float]]:
        """Return the same of the worst fold, and that fold."""
        worst = {n: found["worst"] for n, found in self.detection.items() if "worst" in found}
        return {name: (str(one["fold"]), float(one["auroc"])) for name, one in worst.items()}

    @property
    def folds(self) -> int:
        """Return on how many folds detection was scored."""
        return max((len(found.get("folds", ())) for found in self.detection.values()), default=0)

    @property
    def hardest(self) -> tuple[str, float] | None:
        """Return the fold with surely the largest held-out error of several, and that error."""
        found = None if self.few_others else self.metrics.get("hardest")
        if found is None:
            return None
        return str(found["fold"]), float(found["brier" if self.about.binary else "mae"])

    @cached_property
    def flagged(self) -> tuple[Figure, Figure] | None:
        """Return the shares that the detector flags in-domain and held out."""
        score = (self.metrics.get("ood") or {}).get("score", {})
        shares = [score.get(f"share_flagged_{part}") for part in ("test", "ood_test")]
        return None if None in shares else (Figure.of(shares[0]), Figure.of(shares[1]))

    @property
    def flags_few(self) -> bool:
        """Return whether it surely flags less than ``FLAGS`` of the held-out materials."""
        held_out = None if self.flagged is None else of_share(self.flagged[1], self.ood_test.n)
        return held_out is not None and held_out.high < FLAGS

    @cached_property
    def rule(self) -> Rule | None:
        """Return what unseen elements alone separate."""
        return rule_of(self.metrics.get("ood") or {})

    @property
    def level(self) -> str:
        """Return the level of the intervals quoted; "" where there are none."""
        levels = [n.removeprefix("picp_") for n in self.test.metrics if n.startswith("picp_")]
        return min(levels, key=_far_from_headline, default="")

    @property
    def cautions(self) -> Sequence[Mapping[str, Any]]:
        """Return what makes the figures mean less than they seem, as findings."""
        return self.metrics.get("cautions") or ()

    @property
    def ratios(self) -> dict[str, Figure]:
        """Return held-out over in-domain of the mean and of the median error, where known.

        A few large errors in-domain hide a class on which nearly every error is larger: the mean
        alone cannot tell.
        """
        found: dict[str, Figure] = {}
        if self.ood_test.errs_by_nothing:
            return found
        for name in ("brier" if self.about.binary else "mae", "median_ae"):
            inside, outside = self.test.metrics.get(name), self.ood_test.metrics.get(name)
            quotient = None if inside is None or outside is None else ratio(outside, inside)
            if quotient is not None:
                found[name] = quotient
        return found

    @property
    def shift(self) -> Literal["worse", "alike", "unclear"]:
        """Say whether errors on the held-out class are ``WORSE`` times those in-domain or more."""
        ratios = self.ratios.values()
        if any(found.low >= WORSE for found in ratios):
            return "worse"
        return "unclear" if any(found.high >= WORSE for found in ratios) else "alike"

    @property
    def quality(self) -> Quality | None:
        """Judge the in-domain predictions themselves; None where all test targets are equal.

        Good and worthless are what the interval leaves no doubt of; all between is weak.
        """
        if self.answers is not None:
            return self.answers.quality
        share, r2 = self.test.share_of_constant, self.test.metrics.get("r2")
        if self.test.value("mae_over_mad") is None or share is None:
            return None
        if (r2 is not None and r2.high <= 0) or share.low >= WORTHLESS_MAE:
            return "worthless"  # a constant has smaller squared errors, or hardly larger ones
        return "good" if share.high < WEAK_MAE else "weak"

    @property
    def rough(self) -> bool:
        """Return whether predictions are no more than a guide: weak, or good on too few materials.

        Both are reported alike: which of them a small test shows changes with the split.
        """
        return self.quality == "weak" or self.test.n < ENOUGH_ROWS

    @property
    def answers(self) -> Answers | None:
        """Return the in-domain answers of a yes-or-no arm; None of another."""
        return answers_of(self.test.metrics, self.test.n) if self.about.binary else None

    @property
    def probabilities(self) -> Probabilities | None:
        """Return whether P(1) can be read as a probability; None where there is none."""
        if not self.about.binary:
            return None
        return probabilities_of(self.test.metrics, self.test.n, self.test.reliability)

    @property
    def uncertain(self) -> bool:
        """Return whether the arm says anything about its own errors."""
        sigma = self.test.value("spearman") is not None or self.test.sigma is not None
        return sigma or bool(self.level) or bool(self.auroc) or self.about.binary

    @property
    def constant(self) -> str:
        """Return which constant the errors are held against."""
        return "mean" if self.test.value("mae_baseline") is None else "training_median"

    @property
    def typical(self) -> dict[str, Any]:
        """Return the typical in-domain error, the number of test materials, and of trainings."""
        answers, n = self.answers, self.test.n
        over = self.trainings("mae" if answers is None else "accuracy")
        trainings = over and {"n": over["n"], **over["in_domain"]}
        if answers is None:
            return {"mae": self.test.metrics["mae"], "n": n, "trainings": trainings}
        typical = {"right": answers.right, "constant": answers.constant}
        return {**typical, "n": n, "trainings": trainings}

    @property
    def inside(self) -> Bars | None:
        """Return the in-domain intervals at the level quoted; None where there are none."""
        return self._bars(self.test)

    @property
    def outside(self) -> Bars | None:
        """Return those of the held-out class; None where there are none."""
        return self._bars(self.ood_test)

    def _bars(self, part: Part) -> Bars | None:
        return bars_of(part.metrics, part.n, self.level, binary=self.about.binary)

    @property
    def wide_enough(self) -> tuple[State | None, State | None]:
        """Say of in-domain and held-out intervals (else, of sigma) whether they are wide enough."""
        found: list[State | None] = []
        for bars, sigma in ((self.inside, self.test.sigma), (self.outside, self.ood_test.sigma)):
            if bars is not None or sigma is None:
                found.append(None if bars is None else bars.state)
            else:
                wide: State = "attained" if sigma.size in ("right", "too_large") else "unclear"
                found.append("too_low" if sigma.size == "too_small" else wide)
        return found[0], found[1]

    def warns(self, name: str) -> bool:
        """Return whether the ``detector`` or ``sigma`` surely separates the held-out class."""
        found = self.auroc.get(name)
        return found is not None and found.low >= NOTICES_PARTLY

    @property
    def detector_is_no_better(self) -> bool:
        """Return whether unseen elements separate held-out rows as well as the detector does."""
        score = self.auroc.get("detector")
        return self.rule is not None and score is not None and self.rule.equals(score)

    def values(self, name: str, part: str) -> Sequence[float]:
        """Return a metric of each training, the first one first; () of one training.

        Args:
            name: of the metric.
            part: ``test`` or ``ood_test``.
        """
        found: Mapping[str, Any] = self.metrics.get("repeats") or {}
        if part == "ood_test" and not self.ood_test.n:
            return ()
        own = found.get("parts", {}).get(part, {}).get(name)
        return () if own is None else own["values"]

    def trainings(self, name: str) -> dict[str, Any] | None:
        """Return the lowest and highest value of a metric over trainings; None of one training."""
        parts = {"in_domain": "test", "held_out": "ood_test"}
        values = {where: own for where, part in parts.items() if (own := self.values(name, part))}
        if "in_domain" not in values:
            return None
        return {
            "n": len(values["in_domain"]),
            **{where: ends(own) for where, own in values.items()},
        }

    def named(self, fold: str) -> dict[str, str]:
        """Return a fold and its held-out class, where that has a name."""
        return {"fold": fold, "class": self.classes.get(fold) or ""}


def ends(values: Sequence[float]) -> dict[str, float]:
    """Return the lowest and the highest value."""
    return {"low": min(values), "high": max(values)}


def _far_from_headline(level: str) -> tuple[float, float]:
    return abs(float(level) - HEADLINE_LEVEL), -float(level)


def noticing(found: Figure) -> Noticing:
    """Return how well a score of this AUROC separates the class; without an interval: unclear."""
    if found.high < NOTICES_PARTLY:
        return "not"
    if found.low < NOTICES_PARTLY:
        return "unclear"
    return "in_part" if found.high < NOTICES else "well"
