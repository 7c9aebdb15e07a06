"""Say in plain words when one arm of a run may be believed. Light: pure Python.

The reader is a physicist who opens the report and reads nothing else. Every rule below has its
threshold as a named constant with its reason and is decided by what the interval of its figure
excludes (:mod:`atlas_core.judgement`), so that a verdict does not flip with the next split; a
figure that is missing is never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

from atlas_core import error_words, exam_words
from atlas_core.judgement import Figure, of_share, ratio
from atlas_core.metrics import digits
from atlas_core.probability_words import (
    Probabilities,
    probabilities_of,
    probability_sentences,
    wrong_answer_sentences,
)
from atlas_core.sigma_words import Sigma, order_sentences, sigma_of, size_sentences

Grade = Literal["trust", "keeps its word", "caution", "do not trust", "unknown"]
Noticing = Literal["not", "unclear", "in part", "well"]
_RANK: tuple[Noticing, ...] = ("not", "unclear", "in part", "well")

WORTHLESS_MAE = 0.9  # MAE over the mean deviation of the target; 1 is predicting the mean
WEAK_MAE = 0.4  # above it much of the spread is unexplained; R2 is below about 0.8
WORTHLESS_AUC = 0.6  # ROC AUC of a classifier; 0.5 is chance level
WEAK_AUC = 0.8  # below it one pair in five is put in the wrong order
WORSE = 1.5  # times the in-domain error; less is within what two random test sets can differ by
COVERAGE_SLACK = 0.05  # five points short of its promise is no matter in use
COVERAGE_UNKNOWN = 0.1  # a coverage that may be this far short is not called kept
HEADLINE_LEVEL = 0.9  # the level that the sentences quote, or the nearest there is
NOTICES = 0.9  # AUROC: nine in ten pairs in order; a threshold on it is of practical use
NOTICES_PARTLY = 0.7  # below it a threshold that finds most held-out rows flags half of the rest
FLAGS = 0.5  # share of held-out rows flagged, from which "when it flags a material" is advice
MANY_INFINITE = 0.1  # share of infinite intervals worth a sentence
MOSTLY_INFINITE = 0.5  # share from which coverage is no merit: most intervals say nothing
FEW_ROWS = 30  # below it an interval of a mean is too rough to rest a judgement on
ENOUGH_ROWS = (
    100  # below it a coverage of 90 % is known to six points at best: no bar is shown to hold
)
TINY = 1e-9  # a share that is 0 but for rounding
LONG_NAME = 60  # characters; a longer held-out class is called "held-out materials"

IN_DOMAIN = "in-domain"


@dataclass(frozen=True)
class Verdict:
    """Hold the judgement of one arm.

    Attributes:
        headline: one sentence; all that some readers will read.
        sentences: what it rests on, each a plain sentence with its figures; advice comes last.
        grade: ``trust`` (also on the held-out class, where there is one), ``caution`` (on some
            materials, or it warns of the others), ``do not trust``, or ``unknown`` (the run cannot
            tell).
    """

    headline: str
    sentences: tuple[str, ...]
    grade: Grade

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**asdict(self), "sentences": list(self.sentences)}


@dataclass(frozen=True)
class _Part:
    """Hold the metrics of the in-domain or the held-out part; n is 0 where there is none."""

    n: int
    metrics: Mapping[str, Figure]
    rows_with_sigma: int = 0

    @property
    def sigma(self) -> Sigma | None:
        """Return what is known of the size of sigma."""
        return sigma_of(self.metrics, self.rows_with_sigma)

    def value(self, name: str) -> float | None:
        found = self.metrics.get(name)
        return None if found is None else found.value


@dataclass(frozen=True)
class _Facts:
    """Hold what the rules decide on."""

    test: _Part
    shifted: _Part
    detection: Mapping[str, float]  # auroc by "score" and "sigma", the mean over folds
    auroc: Mapping[str, Figure]  # the same with intervals
    worst: Mapping[str, tuple[str, float]]  # the same of the worst fold: its class, auroc
    folds: int  # that detection was scored on
    hardest: tuple[str, float] | None  # class with the largest error of several folds, its error
    flagged: tuple[float, float] | None  # share flagged by the detector: test, shifted
    rule: error_words.Rule | None  # what is told apart by unseen elements alone
    level: str  # of the intervals quoted; "" where there are none
    unit: str
    others: str  # the held-out class in words
    target: str
    binary: bool
    home: str  # what in-domain materials are like
    kept: tuple[int, ...]  # calibration rows of each fold; () where they are not known
    flags_few: bool  # whether the interval of the share of held-out rows flagged is below FLAGS
    cautions: tuple[tuple[str, str], ...]  # kind and text of what makes the figures mean less

    @property
    def bars(self) -> str:
        """Return what the arm hands out around a prediction."""
        return "label sets" if self.binary else "error bars"

    @property
    def narrow(self) -> str:
        """Return what they are where they hold the truth too seldom."""
        return "small" if self.binary else "narrow"

    @property
    def error(self) -> str:
        return "brier" if self.binary else "mae"

    @property
    def ratios(self) -> dict[str, Figure]:
        """Return held-out over in-domain of the mean and of the median error, where known.

        A few large errors in-domain hide a class on which nearly every error is larger: the mean
        alone cannot tell.
        """
        found = {}
        for name in (self.error, "median_ae"):
            inside, outside = self.test.metrics.get(name), self.shifted.metrics.get(name)
            if inside is not None and outside is not None:
                quotient = ratio(outside, inside)
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

    def warns(self, name: str) -> bool:
        """Return whether the detector (``score``) or ``sigma`` surely separates the class."""
        found = self.auroc.get(name)
        return found is not None and found.low >= NOTICES_PARTLY

    @property
    def typical(self) -> str:
        """Return the typical in-domain error, its interval and the number of test materials."""
        if self.binary:
            right = of_share(self.test.metrics["accuracy"], self.test.n)
            return (
                f"right for {percent(right.value)}, 95 % interval {percent(right.low)} to"
                f" {percent(right.high)}, n = {self.test.n}"
            )
        mae = self.test.metrics["mae"]
        size = f"{mae.text} {self.unit}".rstrip()
        return f"mean error {size}, 95 % interval {mae.interval}, n = {self.test.n}"

    @property
    def at_home(self) -> str:
        """Return what in-domain materials are like, with the typical error there."""
        return f"{self.home} ({self.typical})"

    @property
    def probabilities(self) -> Probabilities | None:
        """Return whether P(1) can be read as a probability; None where there is none."""
        return probabilities_of(self.test.metrics, self.test.n) if self.binary else None

    @property
    def uncertain(self) -> bool:
        """Return whether the arm says anything about its own errors."""
        sigma = self.test.value("spearman") is not None or self.test.sigma is not None
        return sigma or bool(self.level) or bool(self.detection) or self.binary


_GRADES: dict[exam_words.Tone, Grade] = {
    "good": "keeps its word",
    "fair": "caution",
    "poor": "do not trust",
    "ref": "unknown",
}


def held_out_classes(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return {fold: its held-out class in words}; folds that hold nothing out are left out."""
    folds = (manifest.get("split") or {}).get("folds") or ()
    named = {str(fold.get("name") or ""): str(fold.get("held_out") or "") for fold in folds}
    return {fold: text for fold, text in named.items() if text}


def held_out(manifest: Mapping[str, Any]) -> str:
    """Return all held-out classes of a run in words, "" where nothing is held out.

    A figure over all folds is about all of them, so no single one may name it.
    """
    return "; ".join(dict.fromkeys(held_out_classes(manifest).values()))


def verdict_of_run(
    manifest: Mapping[str, Any],
    metrics: Mapping[str, Any],
    arm: str,
    *,
    exam: Mapping[str, Any] | None = None,
) -> Verdict:
    """Return the judgement of an arm from ``manifest.json`` and ``metrics.json``.

    Args:
        manifest: of the run.
        metrics: of the run.
        arm: whose.
        exam: what ``exam.json`` holds of the arm, where it has a trust method.
    """
    about = manifest["dataset"]
    return verdict(
        metrics["arms"][arm],
        arm=arm,
        unit=str(about.get("unit") or ""),
        held_out=held_out(manifest),
        task=str(about["task"]),
        target_name=str(about["target"]),
        classes=held_out_classes(manifest),
        chose=bool(((manifest.get("arms") or {}).get(arm) or {}).get("acquisition")),
        kept=_calibration_rows(manifest),
        exam=exam,
    )


def _calibration_rows(manifest: Mapping[str, Any]) -> tuple[int, ...]:
    """Return how many calibration rows each fold keeps."""
    folds = (manifest.get("split") or {}).get("folds") or ()
    return tuple(int((fold.get("sizes") or {}).get("calibration") or 0) for fold in folds)


def rows_needed(level: str) -> int:
    """Return how many calibration rows an interval at ``level`` needs to be finite, n.

    The largest of n errors bounds the next one with the probability n / (n + 1) (Vovk, Gammerman
    & Shafer 2005), so n >= level / (1 - level); reckoned in decimals, as 0.9 / 0.1 is 9.
    """
    exact = Fraction(level)
    return math.ceil(exact / (1 - exact))


def verdict(
    metrics_of_arm: Mapping[str, Any],
    *,
    arm: str,
    unit: str,
    held_out: str,
    task: str,
    target_name: str,
    classes: Mapping[str, str] | None = None,
    chose: bool = False,
    kept: Sequence[int] = (),
    exam: exam_words.Exam | None = None,
) -> Verdict:
    """Return the judgement of one arm in plain words.

    Args:
        metrics_of_arm: ``metrics["arms"][arm]`` of :func:`atlas_core.evaluate.evaluate`.
        arm: its name, for a message.
        unit: of the target; "" where it has none.
        held_out: the held-out class in words, such as ``materials with F``; "" for none.
        task: ``regression`` or ``binary``.
        target_name: the property.
        classes: fold -> its held-out class; the worst of several folds is named by it.
        chose: whether the arm chose its own training set, which test materials then differ from.
        kept: calibration rows of each fold; () where they are not known.
        exam: of its trust method, where it has one: what it says of single predictions then
            comes before what it says of all of them together.
    """
    words = {"unit": unit, "held_out": held_out, "task": task, "target": target_name}
    words["home"] = "materials like its candidates" if chose else "materials like its training set"
    facts = _facts(metrics_of_arm, words, classes or {}, kept)
    if not facts.test.n or facts.test.value(facts.error) is None:
        headline = f"Unknown: {arm} has no in-domain test rows, so nothing shows how well it does."
        return Verdict(headline, (), "unknown")
    headline, advice, grade = _judge(facts)
    examined: list[str] = []
    if exam is not None and facts.test.n >= FEW_ROWS and _quality(facts) in {"good", "weak"}:
        headline, tone = exam_words.headline(exam, classes or {})
        headline = f"{headline.removesuffix('.')}; in-domain: {facts.typical}."
        advice, grade = exam_words.ADVICE, _GRADES[tone]
        examined = exam_words.sentences(exam, classes or {}, unit)
    headline, grade = _with_cautions(facts, headline, grade)
    unexamined = "" if exam else exam_words.unexamined(metrics_of_arm.get("labels") or {}, unit)
    sentences = [
        *examined,
        *([unexamined] if unexamined else []),
        *(f"{text[0].upper()}{text[1:]}." for _, text in facts.cautions),
        *_error_sentences(facts),
        *_median_sentences(facts),
        *_coverage_sentences(facts, "Its calibrator's" if examined else "Its"),
        *_unbounded_sentences(facts),
        *_sigma_sentences(facts),
        *_notice_sentences(facts),
        *_size_sentences(facts),
        *([advice] if advice else []),
    ]
    return Verdict(headline, tuple(sentences), grade)


def _facts(
    metrics: Mapping[str, Any],
    words: Mapping[str, str],
    classes: Mapping[str, str],
    kept: Sequence[int],
) -> _Facts:
    parts = metrics.get("parts", {})
    test, shifted = _part(parts.get("test")), _part(parts.get("shifted"))
    ood = metrics.get("ood") or {}
    detection = {
        name: float(ood[name]["auroc"]["value"])
        for name in ("score", "sigma")
        if "auroc" in ood.get(name, {})
    }
    score = ood.get("score", {})
    flagged, flags_few = None, False
    if "share_flagged_test" in score and "share_flagged_shifted" in score:
        flagged = (
            float(score["share_flagged_test"]["value"]),
            float(score["share_flagged_shifted"]["value"]),
        )
        flags_few = of_share(Figure.of(score["share_flagged_shifted"]), shifted.n).high < FLAGS
    levels = [name.removeprefix("picp_") for name in test.metrics if name.startswith("picp_")]
    level = min(levels, key=lambda v: (abs(float(v) - HEADLINE_LEVEL), -float(v)), default="")
    binary = words["task"] == "binary"
    return _Facts(
        test=test,
        shifted=shifted,
        detection=detection,
        auroc={name: Figure.of(ood[name]["auroc"]) for name in detection},
        worst={
            name: (_class(ood[name]["worst"]["fold"], classes), float(ood[name]["worst"]["auroc"]))
            for name in detection
            if "worst" in ood[name]
        },
        folds=max((len(ood[name].get("folds", ())) for name in detection), default=0),
        hardest=_hardest(metrics, "brier" if binary else "mae", classes),
        flagged=flagged,
        rule=error_words.rule_of(ood),
        level=level,
        unit="" if binary else words["unit"],
        others=_short(words["held_out"]),
        target=words["target"].replace("_", " "),
        binary=binary,
        home=words["home"],
        kept=tuple(kept),
        flags_few=flags_few,
        cautions=tuple((one["kind"], one["text"]) for one in metrics.get("cautions") or ()),
    )


def _part(found: Mapping[str, Any] | None) -> _Part:
    if not found:
        return _Part(0, {})
    n = int(found.get("n_materials", found["n"]))  # rows of one material are not independent
    metrics = {name: Figure.of(entry) for name, entry in found["metrics"].items()}
    return _Part(n, metrics, min(n, int(found.get("n_std", n))))


def _class(fold: str, classes: Mapping[str, str]) -> str:
    return classes.get(fold) or f"the held-out materials of fold {fold}"


def _hardest(
    metrics: Mapping[str, Any], error: str, classes: Mapping[str, str]
) -> tuple[str, float] | None:
    """Return the held-out class with surely the largest error of several folds, or None."""
    found = metrics.get("hardest")
    return None if found is None else (_class(found["fold"], classes), float(found[error]))


def _short(held_out: str) -> str:
    several = ";" in held_out
    return (
        "held-out materials" if not held_out or several or len(held_out) > LONG_NAME else held_out
    )


def _quality(facts: _Facts) -> Literal["good", "weak", "worthless"] | None:
    """Judge the in-domain predictions themselves; None where all test targets are equal.

    Good and worthless are what the interval leaves no doubt of; all between is weak.
    """
    if facts.binary:
        auc = facts.test.metrics.get("roc_auc")
        if auc is None:
            return None
        return (
            "worthless" if auc.high < WORTHLESS_AUC else "good" if auc.low >= WEAK_AUC else "weak"
        )
    share = _share_of_mean(facts.test)
    if facts.test.value("mae_over_mad") is None or share is None:
        return None
    return (
        "worthless" if share.low >= WORTHLESS_MAE else "good" if share.high < WEAK_MAE else "weak"
    )


def _share_of_mean(part: _Part) -> Figure | None:
    """Return the MAE as a share of what always predicting one value would err by.

    Its own interval is the best, as both errors are of the same materials; a run of an earlier
    version has both errors apart, or only the share of the mean of the part itself.
    """
    if "mae_over_baseline" in part.metrics:
        return part.metrics["mae_over_baseline"]
    mae, baseline = part.metrics.get("mae"), part.metrics.get("mae_baseline")
    apart = None if mae is None or baseline is None else ratio(mae, baseline)
    return part.metrics.get("mae_over_mad") if apart is None else apart


def _constant(facts: _Facts) -> str:
    """Return which constant the predictions are held against."""
    return "mean" if facts.test.value("mae_baseline") is None else "training median"


def _against_mean(part: _Part) -> float | None:
    """Return the MAE as a share of what always predicting the training median would err by.

    Without that baseline the mean of the part's own targets stands in, which flatters nobody but
    a mean that no one could know (MAE/MAD).
    """
    mae, baseline = part.value("mae"), part.value("mae_baseline")
    return mae / baseline if mae is not None and baseline else part.value("mae_over_mad")


def _coverage(facts: _Facts, part: _Part) -> Figure | None:
    """Return the coverage of the intervals quoted, with an interval that n rows allow."""
    found = part.metrics.get(f"picp_{facts.level}") if facts.level else None
    return None if found is None else of_share(found, part.n)


def _keeps_word(facts: _Facts, part: _Part) -> Literal["kept", "short", "unclear"] | None:
    """Say whether intervals (or, without them, sigma) are wide enough; None: unknown."""
    found = _coverage(facts, part)
    if found is not None:
        level = float(facts.level)
        if found.high < level and found.low < level - COVERAGE_SLACK:
            return "short"
        return "kept" if found.low >= level - COVERAGE_UNKNOWN else "unclear"
    if part.sigma is None:
        return None
    size = part.sigma.size
    return (
        "short" if size == "too small" else "kept" if size in ("right", "too large") else "unclear"
    )


def _vacuous(facts: _Facts) -> bool:
    """Return whether most in-domain intervals say nothing: infinite, or sets of both classes."""
    share = _empty_share(facts, facts.test)
    return share is not None and share >= MOSTLY_INFINITE


def _empty_share(facts: _Facts, part: _Part) -> float | None:
    """Return the share of intervals that say nothing; a set of both classes has the width 1."""
    return part.value(f"{'mpiw' if facts.binary else 'infinite_share'}_{facts.level}")


def _too_wide(facts: _Facts) -> bool:
    """Return whether intervals (or, without them, sigma) are larger in-domain than they need be."""
    found = _coverage(facts, facts.test)
    if found is not None:
        level = float(facts.level)
        return found.low > level + min(COVERAGE_SLACK, (1 - level) / 2)
    return facts.test.sigma is not None and facts.test.sigma.size == "too large"


def _reserves(facts: _Facts) -> str:
    """Return what a headline must add to trust, "" where there is nothing."""
    told = ""
    if _too_wide(facts):
        what = f"{facts.bars} are" if facts.level else "sigma is"
        told = (
            f"its {what} {'wider' if facts.level and not facts.binary else 'larger'} than need be"
        )
    elif facts.level and facts.test.sigma is not None and facts.test.sigma.size == "too small":
        told = "its sigma is too small"
    return f", but {told}" if told else ""


def _trust(facts: _Facts) -> tuple[str, Grade]:
    """Return how far predictions like those of the training set may be believed."""
    if facts.probabilities == "off":
        return "Trust its answers, not its probabilities, on", "caution"
    if facts.probabilities == "off at the ends":
        return "Trust its answers, not its probabilities near 0 and 1, on", "caution"
    return ("Use it with caution on", "caution") if facts.cautions else ("Trust it on", "trust")


def _with_cautions(facts: _Facts, headline: str, grade: Grade) -> tuple[str, Grade]:
    """Add what makes the figures mean less than they seem; nothing with it is called trust."""
    if not facts.cautions or grade == "do not trust":
        return headline, grade
    own = [text for kind, text in facts.cautions if kind != "component"]
    texts = own[:2] or [text for _, text in facts.cautions[:1]]
    lowered: Grade = "unknown" if grade == "unknown" else "caution"
    return f"{headline.removesuffix('.')}; {'; '.join(texts)}.", lowered


def _judge(facts: _Facts) -> tuple[str, str, Grade]:
    """Return headline, advice and grade."""
    others, quality = facts.others, _quality(facts)
    if quality is None:
        headline = (
            "Unknown: the test targets do not vary, so nothing shows that it tells materials apart."
        )
        return headline, "Test it on materials whose values differ.", "unknown"
    if quality == "worthless":
        return _judge_worthless(facts)
    if facts.shift == "worse" or _keeps_word(facts, facts.shifted) == "short":
        return _judge_failing(facts)
    if not facts.uncertain:
        where = f", also on {others}" if facts.shifted.n else ""
        headline = (
            f"Unknown: its errors are known on average{where} ({facts.typical}), but it gives no"
            " uncertainty."
        )
        advice = "It cannot say which of its predictions to believe: add an uncertainty method."
        return headline, advice, "unknown"
    silent = f"; {_nothing_said(facts)}" if _vacuous(facts) else ""
    if facts.test.n < FEW_ROWS:
        headline = f"Too few test materials to judge it by ({facts.typical}){silent}."
        return headline, "Test it on more materials before relying on it.", "caution"
    if _rough(facts):
        headline = (
            f"Take it as a rough guide only in-domain ({facts.typical}{_weakness(facts)}){silent}."
        )
        told = []
        if quality == "weak":
            told.append("Use it to rank or to sort out, not for values.")
        if facts.test.n < ENOUGH_ROWS:
            told.append(
                f"Fewer than {ENOUGH_ROWS} test materials show the size of its errors only roughly,"
                f" and not whether its {facts.bars} hold: in k folds every material is tested once."
            )
        advice = " ".join(told)
        return headline, advice, "caution"
    if silent:
        headline = f"Believe its predictions on {facts.at_home}{silent}."
        advice = (
            "Keep more calibration rows aside (the split's option `calibration`), or ask for lower"
            " `levels`."
        )
        return headline, advice, "caution"
    if _keeps_word(facts, facts.test) == "short":
        headline = (
            f"Believe its predictions on {facts.at_home}, not its {facts.bars}: they are too"
            f" {facts.narrow} in-domain."
        )
        one = "a label set" if facts.binary else "an error bar"
        return headline, f"Calibrate its uncertainty before using {one}.", "caution"
    return _judge_trusted(facts)


def _rough(facts: _Facts) -> bool:
    """Return whether predictions are no more than a guide: weak, or good on too few materials.

    Both are told in the same words: which of them a small test shows changes with the split.
    """
    return _quality(facts) == "weak" or facts.test.n < ENOUGH_ROWS


def _judge_worthless(facts: _Facts) -> tuple[str, str, Grade]:
    """Judge an arm that knows next to nothing in-domain."""
    auc, share = facts.test.metrics.get("roc_auc"), _share_of_mean(facts.test)
    base = "chance" if facts.binary else f"always predicting the {_constant(facts)} {facts.target}"
    lost = auc is not None and auc.high < 0.5
    if not facts.binary:
        lost = share is not None and share.low > 1
    how = "worse" if lost else "hardly better"
    return f"Do not trust it: it is {how} than {base} ({facts.typical}).", "", "do not trust"


def _weakness(facts: _Facts) -> str:
    """Return how good an arm is by the figure that its grade rests on."""
    if facts.binary:
        auc = facts.test.metrics["roc_auc"]
        if not auc.known:
            return "; too few materials of one class to tell whether it beats chance"
        return f"; ROC AUC {digits.auroc(asdict(auc))}, {auc.interval}, 0.5 is chance level"
    share = _share_of_mean(facts.test)
    assert share is not None  # noqa: S101 - an arm without it is not called weak
    return (
        f"; {percent(share.value)}, {percent(share.low)} to {percent(share.high)}, of the error of"
        f" always predicting the {_constant(facts)}"
    )


def _judge_trusted(facts: _Facts) -> tuple[str, str, Grade]:
    """Judge an arm that is good in-domain, with error bars that hold there."""
    others = facts.others
    opening, grade = _trust(facts)
    trust = f"{opening} {facts.at_home}{_reserves(facts)}"
    if not facts.shifted.n:
        unlike = facts.home.replace("like", "unlike", 1)
        advice = f"Nothing was held out, so nothing is known of {unlike}."
        return f"{trust}; nothing else was tested.", advice, grade
    advice = f"Test it on more {others} before relying on it there."
    if facts.shifted.n < FEW_ROWS:
        return f"{trust}; too few {others} to tell there.", advice, "caution"
    if facts.shift == "unclear":
        return f"{trust}; on {others} {_how_much(facts)}.", advice, "caution"
    advice = f"Of other classes than {others} nothing is known."
    return f"{opening} {facts.at_home} and on {others}{_reserves(facts)}.", advice, grade


def _how_much(facts: _Facts) -> str:
    """Return how much larger errors on the held-out class are, by the figure that says most."""
    name, found = max(facts.ratios.items(), key=lambda item: item[1].low)
    if not math.isfinite(found.value):
        return "its errors are larger, where in-domain they are none"
    times, interval = f"{number(found.value)} times", _ends(found)
    if name == "median_ae":
        return f"its median error is {times} as large ({interval})"
    if name == "brier":
        return f"its Brier score is {times} as large ({interval})"
    return f"it errs {times} as much ({interval})"


def _nothing_said(facts: _Facts) -> str:
    """Say why intervals say nothing."""
    if facts.binary:
        return f"its {facts.bars} mostly hold both classes, which says nothing"
    share = _empty_share(facts, facts.test) or 0.0
    mostly = "" if share >= 1 - TINY else "mostly "
    return f"its {facts.bars} are {mostly}infinite and say nothing"


def _judge_failing(facts: _Facts) -> tuple[str, str, Grade]:
    """Judge an arm that fails on the held-out class: does it say so by itself?"""
    others = facts.others
    narrow_inside = _keeps_word(facts, facts.test) == "short"
    if not any(facts.warns(name) for name in facts.auroc):
        what = f"its {facts.bars} are too {facts.narrow} there"
        if facts.shift == "worse":
            what = f"{_how_much(facts)} there"
        sure = all(found.high < NOTICES_PARTLY for found in facts.auroc.values())
        warning = "it gives no warning" if sure else "it may give no warning"
        advice = f"Check by hand whether a material is among {others}: the model will not say so."
        headline = f"Do not trust it on {others}: {what} and {warning}; in-domain: {facts.typical}."
        return headline, advice, "do not trust"
    places = f"{facts.at_home}, not on {others}"
    trust = (
        f"Trust its predictions, not its {facts.bars}, on" if narrow_inside else _trust(facts)[0]
    )
    if _rough(facts):
        trust = "Take it as a rough guide on"
    silent = f"; {_nothing_said(facts)}" if _vacuous(facts) else ""
    headline = f"{trust} {places}; {_who_notices(facts)}{silent}."
    if facts.warns("score") and facts.flagged is not None and not facts.flags_few:
        advice = (
            "When its detector flags a material, do not use the prediction: compute or measure it."
        )
    elif facts.warns("sigma"):
        advice = (
            "When sigma is large against its in-domain values, do not use the prediction:"
            " compute or measure it."
        )
    else:
        advice = (
            f"Its detector orders materials well but flags few of the {others}: lower its"
            " threshold before relying on the flag."
        )
    return headline, advice, "caution"


def _noticing(found: Figure) -> Noticing:
    """Return how well a score of this AUROC separates the class; without an interval: unclear."""
    if found.high < NOTICES_PARTLY:
        return "not"
    if found.low < NOTICES_PARTLY:
        return "unclear"
    return "in part" if found.high < NOTICES else "well"


def _who_notices(facts: _Facts) -> str:
    """Say which of detector and sigma warns: a detector may see what the model itself does not."""
    names = {"score": "its detector", "sigma": "its sigma"}
    well = {name: _noticing(found) for name, found in facts.auroc.items()}
    first, *rest = sorted(well, key=lambda name: -_RANK.index(well[name]))
    if _detector_is_no_better(facts) and well["score"] in ("in part", "well"):
        part = " only in part," if well["score"] == "in part" else ""
        text = f"unseen elements tell them apart{part} as well as its detector does"
        if "sigma" in well:
            seen = {
                "not": "does not notice them",
                "unclear": "may or may not notice them",
                "in part": "notices them only in part",
                "well": "notices them",
            }
            text += f", its sigma {seen[well['sigma']]}"
        return text
    same = bool(rest) and well[rest[0]] == well[first]
    both = "its detector and its sigma notice them"
    text = both if same else f"{names[first]} notices them"
    if well[first] == "in part":
        text += " only in part"
    if rest and not same:
        other = {"not": "does not", "unclear": "may or may not", "in part": "only in part"}
        text += f", {names[rest[0]]} {other[well[rest[0]]]}"
    if first in facts.worst:
        name, auroc = facts.worst[first]
        if _RANK.index(_noticing(Figure(auroc, auroc, auroc))) < _RANK.index(well[first]):
            text += f"; it is worst at {name}: AUROC {_area(auroc)}"
    return text


def _detector_is_no_better(facts: _Facts) -> bool:
    """Return whether unseen elements alone tell the held-out rows as well as the detector does."""
    score = facts.auroc.get("score")
    return facts.rule is not None and score is not None and facts.rule.equals(asdict(score))


def _error_sentences(facts: _Facts) -> list[str]:
    if facts.binary:
        return _binary_sentences(facts)
    mae = facts.test.metrics["mae"]
    text = (
        f"In-domain it errs by {f'{mae.text} {facts.unit}'.rstrip()} on average (95 % interval"
        f" {mae.interval} {error_words.OVER_MATERIALS})"
    )
    outside = facts.shifted.metrics.get("mae")
    if outside is not None:
        text += f"; on {facts.others} by {outside.text}, {_times(facts.ratios.get('mae'))}"
    sentences = [text + ".", *_direction_sentences(facts)]
    if facts.hardest is not None:
        name, error = facts.hardest
        sentences.append(
            f"It errs most on {name}: by {digits.number(error)} {facts.unit}".rstrip() + "."
        )
    share = _against_mean(facts.test)
    if share:
        base = _with_unit(mae.value / share, facts.unit)
        text = f"Always predicting the {_constant(facts)} {facts.target} would err by {base}"
        floor = facts.shifted.value("mae_baseline")
        if floor is not None:
            text += f" in-domain and by {_with_unit(floor, facts.unit)} on {facts.others}"
        sentences.append(text + ".")
    return sentences


def _direction_sentences(facts: _Facts) -> list[str]:
    """Say where predictions are too high or too low as a rule."""
    found = []
    for part, where in ((facts.test, IN_DOMAIN), (facts.shifted, f"on {facts.others}")):
        signed = part.metrics.get("mean_error")
        text = error_words.direction(
            None if signed is None else asdict(signed),
            mae=part.value("mae"),
            share_too_high=part.value("share_too_high"),
            where=where,
            unit=facts.unit,
        )
        found += [text] if text else []
    return found


def _median_sentences(facts: _Facts) -> list[str]:
    """Say by how much the median error grows where that decides: a tail may hide it."""
    found = facts.ratios.get("median_ae")
    if found is None or found.low <= 1 or found.high < WORSE or not math.isfinite(found.value):
        return []
    inside, outside = (part.metrics["median_ae"] for part in (facts.test, facts.shifted))
    return [
        f"Half of its errors are below {f'{inside.text} {facts.unit}'.rstrip()} in-domain, and"
        f" below {outside.text} on {facts.others}: {number(found.value)} times ({_ends(found)})."
    ]


def _binary_sentences(facts: _Facts) -> list[str]:
    right = of_share(facts.test.metrics["accuracy"], facts.test.n)
    text = (
        f"In-domain it calls {percent(right.value)} of the materials right (95 % interval"
        f" {percent(right.low)} to {percent(right.high)})"
    )
    outside = facts.shifted.value("accuracy")
    if outside is not None:
        text += f"; of {facts.others} {percent(outside)}"
    sentences = [text + "."]
    balanced = facts.test.value("balanced_accuracy")
    if balanced is not None:
        sentences = [f"{text}; the mean of its two classes is {percent(balanced)}."]
    auc = facts.test.metrics.get("roc_auc")
    if auc is not None:
        sentences.append(
            f"Its ROC AUC in-domain is {digits.auroc(asdict(auc))}"
            " (1 = always right, 0.5 = chance level)."
        )
    return [*sentences, *probability_sentences(facts.test.metrics, facts.test.n)]


def _coverage_sentences(facts: _Facts, whose: str) -> list[str]:
    if not facts.level:
        return []
    name = f"picp_{facts.level}"
    kind = "label sets" if facts.binary else "intervals"
    inside, outside = (
        of_share(facts.test.metrics[name], facts.test.n),
        _coverage(facts, facts.shifted),
    )
    text = (
        f"{whose} {100 * float(facts.level):.12g} % {kind} hold the truth for"
        f" {_share(inside)} of in-domain materials"
    )
    if outside is not None:
        text += f" and {_share(outside)} of {facts.others}"
    sentences = [] if _vacuous(facts) else [f"{text}: {_coverage_end(facts)}."]
    empty = "set holds both classes" if facts.binary else "interval is infinite"
    many = [
        f"{percent(share)} of {where}"
        for part, where in ((facts.test, "in-domain materials"), (facts.shifted, facts.others))
        if (share := _empty_share(facts, part)) is not None and share >= MANY_INFINITE
    ]
    if many:
        sentences.append(f"For {' and '.join(many)} the {empty}: it says nothing there.")
    return sentences


def _unbounded_sentences(facts: _Facts) -> list[str]:
    """Say how many calibration rows the levels with infinite intervals need, and how many are."""
    levels = _unbounded_levels(facts)
    if not levels or not facts.kept:
        return []
    needs = [
        f"{rows_needed(level)} for {100 * float(level):.12g} %"
        for level in (levels if len(levels) <= 3 else [levels[0], levels[-1]])
    ]
    joined = " up to " if len(levels) > 3 else " and " if len(needs) == 2 else ", "
    few, many = min(facts.kept), max(facts.kept)
    there = f"there were {few}" if few == many else f"the folds had {few} to {many}"
    if few == many and len(facts.kept) > 1:
        there = f"each fold had {few}"
    if few >= rows_needed(levels[-1]):
        there += ", too few where they are split into groups or weighted"
    end = "say something" if facts.binary else "be finite"
    one = "A label set" if facts.binary else "An interval"
    return [
        f"{one} needs level / (1 − level) calibration rows to {end}: {joined.join(needs)}; {there}."
    ]


def _unbounded_levels(facts: _Facts) -> list[str]:
    """Return the levels at which some interval is infinite; every set holding both classes."""
    name = "mpiw_" if facts.binary else "infinite_share_"
    found = set()
    for part in (facts.test, facts.shifted):
        for metric, figure in part.metrics.items():
            if metric.startswith(name) and figure.value > (1 - TINY if facts.binary else TINY):
                found.add(metric.removeprefix(name))
    return sorted(found, key=float)


def _share(figure: Figure) -> str:
    return f"{percent(figure.value)} ({percent(figure.low)} to {percent(figure.high)})"


def _coverage_end(facts: _Facts) -> str:
    bars = facts.bars
    holds, elsewhere = _keeps_word(facts, facts.test), _keeps_word(facts, facts.shifted)
    if holds == "short":
        return f"its {bars} are too {facts.narrow}" + (f" {IN_DOMAIN}" if elsewhere else "")
    if elsewhere == "short":
        return f"do not use its {bars} there"
    if _too_wide(facts):
        size = "larger" if facts.binary else "wider"
        return f"its {bars} are {size} than they need to be"
    if holds == "unclear":
        return f"{facts.test.n} materials are too few to tell whether its {bars} keep their word"
    if elsewhere == "unclear":
        return f"its {bars} keep their word in-domain, and the {facts.others} are too few to tell"
    return f"its {bars} keep their word" + (" on both" if elsewhere else "")


def _sigma_sentences(facts: _Facts) -> list[str]:
    """Say whether sigma has the right size and order, or, of a class, finds wrong answers."""
    test, shifted, others = facts.test, facts.shifted, facts.others
    if facts.binary:
        name = "wrong_auroc"
        return wrong_answer_sentences(test.metrics.get(name), shifted.metrics.get(name), others)
    orders = (test.metrics.get("spearman"), shifted.metrics.get("spearman"))
    return [
        *size_sentences(test.sigma, shifted.sigma, others, bars=bool(facts.level)),
        *order_sentences(*orders, others),
    ]


def _notice_sentences(facts: _Facts) -> list[str]:
    if not facts.shifted.n:
        return []
    rule = facts.rule
    if not facts.detection:
        text = f"It has neither sigma nor a detector, so nothing warns of {facts.others}"
        if rule is not None and rule.auroc >= NOTICES_PARTLY:
            text += f" but their elements: {error_words.RULE} tells them with AUROC {rule.text}"
        return [text + "."]
    names = {"score": "its detector", "sigma": "sigma alone"}
    ranked = sorted(facts.detection.items(), key=lambda item: -item[1])
    shown = {name: digits.auroc(asdict(found)) for name, found in facts.auroc.items()}
    meaning = "(1 = always, 0.5 = chance level)"
    over = f"; these are means over {facts.folds} folds" if facts.folds > 1 else ""
    apart = f"separates {facts.others} from in-domain ones with AUROC"
    sentences = []
    if rule is not None and _detector_is_no_better(facts) and rule.auroc >= NOTICES_PARTLY:
        sentences.append(
            f"{error_words.RULE[0].upper()}{error_words.RULE[1:]} {apart} {rule.text} {meaning}"
            f" without any model; its detector does no better, with {shown['score']}{over}."
        )
        if "sigma" in facts.detection:
            sentences.append(
                f"Of the model itself, sigma alone has {shown['sigma']}:"
                f" {_how_well(facts.auroc['sigma'])}."
            )
    else:
        best = ranked[0][0]
        opening = _how_well(facts.auroc[best])
        text = f"{opening[0].upper()}{opening[1:]}: {names[best]} {apart} {shown[best]} {meaning}"
        text += "".join(f", {names[name]} with {shown[name]}" for name, _ in ranked[1:])
        if rule is not None:
            text += f", {error_words.RULE} with {rule.text}"
        sentences.append(f"{text}{over}.")
    if facts.worst:
        told = [
            f"{names[name]} is worst at {facts.worst[name][0]},"
            f" with AUROC {_area(facts.worst[name][1])}"
            for name, _ in ranked
            if name in facts.worst
        ]
        text = "; ".join(told)
        sentences.append(f"{text[0].upper()}{text[1:]}.")
    if facts.flagged is not None:
        test, shifted = facts.flagged
        text = (
            f"Its detector flags {percent(shifted)} of {facts.others}"
            f" and {percent(test)} of in-domain ones"
        )
        if rule is not None:
            text += f"; the rule {percent(rule.flagged[1])} and {percent(rule.flagged[0])}"
        sentences.append(f"{text}.")
    return sentences


def _how_well(found: Figure) -> str:
    """Return whether a warning of this AUROC is one."""
    return {
        "not": "it does not notice",
        "unclear": "it may or may not notice",
        "in part": "it notices in part",
        "well": "it notices",
    }[_noticing(found)]


def _size_sentences(facts: _Facts) -> list[str]:
    few = [
        f"{part.n} {where}"
        for part, where in ((facts.test, "in-domain test materials"), (facts.shifted, facts.others))
        if 0 < part.n < FEW_ROWS
    ]
    return [f"There are only {' and '.join(few)}: read these figures with care."] if few else []


def _area(auroc: float) -> str:
    return digits.auroc({"value": auroc})


def _times(found: Figure | None) -> str:
    """Return a ratio of errors with its interval, where there is one."""
    if found is None or not math.isfinite(found.value):
        return "more" if found is not None else "as much"
    text = f"{number(found.value)} times as much"
    return f"{text} ({_ends(found)})" if math.isfinite(found.high) else text


def _ends(found: Figure) -> str:
    """Return the ends of a ratio's interval, with the decimals of the ratio."""
    return f"{number(found.low, like=found.value)} to {number(found.high, like=found.value)}"


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".rstrip()


def number(value: float, *, like: float | None = None) -> str:
    """Return a value with two significant digits, whole from 10 on.

    Args:
        value: what is written.
        like: take the decimals that this value would have (an interval takes its estimate's).
    """
    size = abs(value if like is None else like)
    if size == 0 or not math.isfinite(size):
        return f"{value:g}"
    if size < 1e-4:
        return f"{value:.1e}"
    rounded = float(f"{size:.1e}")  # 9.96 is 10, which needs no decimal
    return f"{value:.{max(0, 1 - math.floor(math.log10(rounded)))}f}"


def percent(share: float) -> str:
    """Return a share in percent; never 0 or 100 for what is not exactly that."""
    return f"{digits.percentage(share)} %"
