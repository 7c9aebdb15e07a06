"""Say in plain words when one arm of a run may be believed. Light: pure Python.

The reader is a physicist who opens the report and reads nothing else. Every rule below has its
threshold as a named constant with its reason and is decided by what the interval of its figure
excludes (:mod:`atlas_core.judgement`), so that a verdict does not flip with the next split; a
figure that is missing is never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from atlas_core import error_words, exam_words
from atlas_core.answers import Answers, answers_of
from atlas_core.coverage import Bars, State, bars_of, coverage_sentences, unbounded_sentences
from atlas_core.judgement import FEW_ROWS, Figure, of_share, ratio
from atlas_core.metrics import digits
from atlas_core.probability_words import (
    Probabilities,
    WrongAnswers,
    probabilities_of,
    probability_sentences,
    wrong_answer_sentences,
)
from atlas_core.sigma_words import Sigma, order_sentences, sigma_of, size_sentences

Grade = Literal["trust", "keeps its word", "caution", "do not trust", "unknown"]
Noticing = Literal["not", "unclear", "in part", "well"]
_RANK: tuple[Noticing, ...] = ("not", "unclear", "in part", "well")

WORTHLESS_MAE = 0.9  # MAE over that of always predicting the median
WEAK_MAE = 0.4  # above it much of the spread is unexplained; R2 is below about 0.8
RANKS = 0.3  # rank correlation of prediction and truth from which "use it to rank" is advice
RANKS_CLASSES = 0.6  # ROC AUC from which it is
WORSE = 1.5  # times the in-domain error; less is within what two random test sets can differ by
HEADLINE_LEVEL = 0.9  # the level that the sentences quote, or the nearest there is
NOTICES = 0.9  # AUROC: nine in ten pairs in order; a threshold on it is of practical use
NOTICES_PARTLY = 0.7  # below it a threshold that finds most held-out rows flags half of the rest
FLAGS = 0.5  # share of held-out rows flagged, from which "when it flags a material" is advice
ENOUGH_ROWS = (
    100  # below it a coverage of 90 % is known to six points at best: no bar is shown to hold
)
TINY = 1e-9  # of the error of a constant: an error below it is none, but for rounding
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
    """Hold the metrics of the in-domain or the held-out part.

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

    @property
    def sigma(self) -> Sigma | None:
        """Return what is known of the size of sigma."""
        return sigma_of(self.metrics, self.with_sigma)

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
    few_others: int  # held-out materials where they are too few to say anything of them
    bounded: bool  # whether the target has stated bounds
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
        found: dict[str, Figure] = {}
        if _errs_by_nothing(self.shifted):
            return found
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
        if self.answers is not None:
            return self.answers.typical
        mae = self.test.metrics["mae"]
        size = f"{mae.text} {self.unit}".rstrip()
        ends = f", 95 % interval {mae.interval}" if mae.known else ""
        return f"mean error {size}{ends}, n = {self.test.n}"

    @property
    def answers(self) -> Answers | None:
        """Return the in-domain answers of a yes-or-no arm; None of another."""
        return answers_of(self.test.metrics, self.test.n) if self.binary else None

    def bars_of(self, part: _Part) -> Bars | None:
        """Return the intervals of a part at the level quoted; None where there are none."""
        return bars_of(part.metrics, part.n, self.level, binary=self.binary, bounded=self.bounded)

    @property
    def at_home(self) -> str:
        """Return what in-domain materials are like, with the typical error there."""
        return f"{self.home} ({self.typical})"

    @property
    def probabilities(self) -> Probabilities | None:
        """Return whether P(1) can be read as a probability; None where there is none."""
        if not self.binary:
            return None
        return probabilities_of(self.test.metrics, self.test.n, self.test.reliability)

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
        bounded=about.get("bounds") is not None,
        exam=exam,
    )


def _calibration_rows(manifest: Mapping[str, Any]) -> tuple[int, ...]:
    """Return how many calibration rows each fold keeps."""
    folds = (manifest.get("split") or {}).get("folds") or ()
    return tuple(int((fold.get("sizes") or {}).get("calibration") or 0) for fold in folds)


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
    bounded: bool = False,
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
        bounded: whether the target has stated bounds, at which intervals are cut.
        exam: of its trust method, where it has one: what it says of single predictions then
            comes before what it says of all of them together.
    """
    words = {"unit": unit, "held_out": held_out, "task": task, "target": target_name}
    words["home"] = "materials like its candidates" if chose else "materials like its training set"
    facts = _facts(metrics_of_arm, words, classes or {}, kept, bounded=bounded)
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
    if exam is None:
        text = exam_words.unexamined(metrics_of_arm.get("labels") or {}, unit)
        examined = [text] if text else []
    whose = "Its" if exam is None or not examined else "Its calibrator's"
    told = [*examined, *_sentences(facts, whose), *([advice] if advice else [])]
    return Verdict(headline, tuple(told), grade)


def _sentences(facts: _Facts, whose: str) -> list[str]:
    """Return what the headline rests on; ``whose`` begins what is said of intervals."""
    return [
        *(f"{text[0].upper()}{text[1:]}." for _, text in facts.cautions),
        *_error_sentences(facts),
        *_median_sentences(facts),
        *_coverage_sentences(facts, whose),
        *unbounded_sentences(
            [facts.test.metrics, facts.shifted.metrics],
            facts.kept,
            binary=facts.binary,
            bounded=facts.bounded,
        ),
        *_sigma_sentences(facts),
        *_notice_sentences(facts),
        *_size_sentences(facts),
    ]


def _facts(
    metrics: Mapping[str, Any],
    words: Mapping[str, str],
    classes: Mapping[str, str],
    kept: Sequence[int],
    *,
    bounded: bool,
) -> _Facts:
    parts = metrics.get("parts", {})
    test, shifted = _part(parts.get("test")), _part(parts.get("shifted"))
    few_others = shifted.n if shifted.n < FEW_ROWS else 0
    if few_others:
        shifted = _Part(0, {})
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
        hardest=None if few_others else _hardest(metrics, "brier" if binary else "mae", classes),
        flagged=flagged,
        rule=error_words.rule_of(ood),
        level=level,
        unit="" if binary else words["unit"],
        others=_short(words["held_out"]),
        target=words["target"].replace("_", " "),
        binary=binary,
        home=words["home"],
        few_others=few_others,
        bounded=bounded,
        kept=tuple(kept),
        flags_few=flags_few,
        cautions=tuple((one["kind"], one["text"]) for one in metrics.get("cautions") or ()),
    )


def _part(found: Mapping[str, Any] | None) -> _Part:
    if not found:
        return _Part(0, {})
    rows = int(found["n"])
    n = int(found.get("n_materials", rows))
    metrics = {name: Figure.of(entry) for name, entry in found["metrics"].items()}
    with_sigma = round(int(found.get("n_std", rows)) * n / rows)
    return _Part(n, metrics, with_sigma, found.get("reliability") or {})


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
    if facts.answers is not None:
        return facts.answers.quality
    share = _share_of_constant(facts.test)
    if facts.test.value("mae_over_mad") is None or share is None:
        return None
    if _no_variance_explained(facts):
        return "worthless"
    return (
        "worthless" if share.low >= WORTHLESS_MAE else "good" if share.high < WEAK_MAE else "weak"
    )


def _errs_by_nothing(part: _Part) -> bool:
    """Return whether the errors are none but for rounding."""
    share = _share_of_constant(part)
    return share is not None and share.value < TINY


def _no_variance_explained(facts: _Facts) -> bool:
    """Return whether R² is surely 0 or less: a constant has smaller squared errors."""
    r2 = facts.test.metrics.get("r2")
    return r2 is not None and r2.high <= 0


def _share_of_constant(part: _Part) -> Figure | None:
    """Return the MAE as a share of what always predicting one value would err by.

    Its own interval is the best, as both errors are of the same materials; a run of an earlier
    version has both errors apart, or only the share of the mean of the part itself.
    """
    if "mae_over_baseline" in part.metrics:
        return part.metrics["mae_over_baseline"]
    mae, baseline = part.metrics.get("mae"), part.metrics.get("mae_baseline")
    apart = None if mae is None or baseline is None else ratio(mae, baseline)
    return part.metrics.get("mae_over_mad") if apart is None else apart


def _against_constant(part: _Part) -> float | None:
    """Return the MAE as a share of what always predicting the training median would err by.

    Without that baseline the mean of the part's own targets stands in, which flatters nobody but
    a mean that no one could know (MAE/MAD).
    """
    mae, baseline = part.value("mae"), part.value("mae_baseline")
    return mae / baseline if mae is not None and baseline else part.value("mae_over_mad")


def _constant(facts: _Facts) -> str:
    """Return which constant the errors are held against."""
    return "mean" if facts.test.value("mae_baseline") is None else "training median"


def _keeps_word(facts: _Facts, part: _Part) -> State | None:
    """Say whether intervals (or, without them, sigma) are wide enough; None: unknown."""
    bars = facts.bars_of(part)
    if bars is not None:
        return bars.state
    if part.sigma is None:
        return None
    size = part.sigma.size
    return (
        "short" if size == "too small" else "kept" if size in ("right", "too large") else "unclear"
    )


def _reserves(facts: _Facts) -> str:
    """Return what a headline must add to trust, "" where there is nothing."""
    told = ""
    bars = facts.bars_of(facts.test)
    if _too_wide(facts):
        what = f"{facts.bars} are" if facts.level else "sigma is"
        told = (
            f"its {what} {'wider' if facts.level and not facts.binary else 'larger'} than need be"
        )
    elif bars is not None and bars.state == "unclear":
        told = f"{_few(facts.test.n)} too few to tell whether its {facts.bars} hold"
    elif bars is not None and bars.many_empty and not bars.binary:
        told = f"its {facts.bars} {bars.nothing}"
    elif facts.level and facts.test.sigma is not None and facts.test.sigma.size == "too small":
        told = "its sigma is too small"
    return f", but {told}" if told else ""


def _few(n: int) -> str:
    """Return a number of materials as the subject of "too few"."""
    return digits.counted(n, "material is", "materials are")


def _too_wide(facts: _Facts) -> bool:
    """Return whether intervals (or, without them, sigma) are larger in-domain than they need be."""
    bars = facts.bars_of(facts.test)
    if bars is not None:
        return bars.too_wide
    return facts.test.sigma is not None and facts.test.sigma.size == "too large"


def _silent(facts: _Facts) -> str:
    """Say where most in-domain intervals say nothing, "" where they do."""
    bars = facts.bars_of(facts.test)
    return f"; its {facts.bars} {bars.nothing}" if bars and bars.state == "nothing" else ""


def _believe(facts: _Facts) -> str:
    """Return how far predictions without their intervals may be believed in-domain."""
    if facts.answers is not None and not facts.answers.beat_one_answer:
        return facts.answers.no_better
    return "Believe its predictions on"


def _trust(facts: _Facts) -> tuple[str, Grade]:
    """Return how far predictions like those of the training set may be believed."""
    if facts.answers is not None and not facts.answers.beat_one_answer:
        return facts.answers.no_better, "caution"
    if facts.probabilities == "off":
        return "Trust its answers, not its probabilities, on", "caution"
    if facts.probabilities == "off at the ends":
        return "Trust its answers, not its probabilities near 0 and 1, on", "caution"
    if facts.probabilities == "off in between":
        return "Trust its answers, not all of its probabilities, on", "caution"
    if facts.cautions:
        return "Use it with caution on", "caution"
    bars = facts.bars_of(facts.test)
    holds = bars is None or (bars.state == "kept" and (bars.binary or not bars.many_empty))
    return "Trust it on", "trust" if holds else "caution"


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
    if facts.answers is not None and facts.answers.few is not None:
        headline = f"Unknown: too few of class {facts.answers.few[0]} to tell ({facts.typical})."
        return headline, "Test it on more materials of both classes.", "unknown"
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
    silent = _silent(facts)
    if facts.test.n < FEW_ROWS:
        headline = f"Too few test materials to judge it by ({facts.typical}){silent}."
        return headline, "Test it on more materials before relying on it.", "caution"
    if _rough(facts):
        headline = (
            f"Take it as a rough guide only in-domain ({facts.typical}{_weakness(facts)}){silent}."
        )
        told = []
        if quality == "weak":
            told.append(_use_of_weak(facts))
        if facts.test.n < ENOUGH_ROWS:
            told.append(
                f"Fewer than {ENOUGH_ROWS} test materials show the size of its errors only roughly,"
                f" and not whether its {facts.bars} hold: in k folds every material is tested once."
            )
        advice = " ".join(told)
        return headline, advice, "caution"
    if silent:
        headline = f"{_believe(facts)} {facts.at_home}{silent}."
        advice = (
            "Keep more calibration rows aside (the split's option `calibration`), or ask for lower"
            " `levels`."
        )
        return headline, advice, "caution"
    if _keeps_word(facts, facts.test) == "short":
        headline = (
            f"{_believe(facts)} {facts.at_home}, not its {facts.bars}: they are too"
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


def _use_of_weak(facts: _Facts) -> str:
    """Return what weak predictions are good for: for ranking only where they are shown to rank."""
    name, least = ("roc_auc", RANKS_CLASSES) if facts.binary else ("rank_correlation", RANKS)
    order = facts.test.metrics.get(name)
    if order is not None and order.low >= least:
        return "Use it to rank or to sort out, not for values."
    return "Nothing shows that it ranks materials, either: do not choose any by it."


def _judge_worthless(facts: _Facts) -> tuple[str, str, Grade]:
    """Judge an arm that knows next to nothing in-domain."""
    auc, share = facts.test.metrics.get("roc_auc"), _share_of_constant(facts.test)
    base = "chance" if facts.binary else f"always predicting the {_constant(facts)} {facts.target}"
    lost = auc is not None and auc.high < 0.5
    if not facts.binary:
        lost = share is not None and share.low > 1
    if share is not None and share.low < WORTHLESS_MAE:  # no constant errs less, but by its squares
        r2 = facts.test.metrics["r2"]
        return (
            f"Do not trust it: its squared errors are no smaller than those of always predicting"
            f" the mean {facts.target} (R² {r2.with_interval}; {facts.typical}).",
            "",
            "do not trust",
        )
    how = "worse" if lost else "hardly better"
    return f"Do not trust it: it is {how} than {base} ({facts.typical}).", "", "do not trust"


def _weakness(facts: _Facts) -> str:
    """Return how good an arm is by the figure that its grade rests on."""
    if facts.binary:
        auc = facts.test.metrics["roc_auc"]
        if not auc.known:
            return "; too few materials of one class to tell whether it beats chance"
        return f"; ROC AUC {digits.auroc(asdict(auc))}, {auc.interval}, 0.5 is chance level"
    share = _share_of_constant(facts.test)
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
    advice = f"Test it on more {others} before relying on it there."
    if facts.few_others:
        return f"{trust}; too few {others} to tell there.", advice, "caution"
    if not facts.shifted.n:
        unlike = facts.home.replace("like", "unlike", 1)
        advice = f"Nothing was held out, so nothing is known of {unlike}."
        return f"{trust}; nothing else was tested.", advice, grade
    if facts.shift == "unclear":
        return f"{trust}; on {others} {_how_much(facts)}.", advice, "caution"
    bars = facts.bars_of(facts.shifted)
    if bars is not None and bars.state == "unclear":
        known = f"{_few(facts.shifted.n)} too few to tell whether its {facts.bars} hold"
        return f"{trust}; on {others} {known}.", advice, "caution"
    if bars is not None and (bars.state == "nothing" or (bars.many_empty and not bars.binary)):
        advice = f"It errs as little on {others}, but only on average: nothing says where."
        return f"{trust}; on {others} its {facts.bars} {bars.nothing}.", advice, "caution"
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
    trust = _trust(facts)[0]
    if narrow_inside and trust.startswith("Trust"):
        trust = f"Trust its predictions, not its {facts.bars}, on"
    if _rough(facts):
        trust = "Take it as a rough guide on"
    headline = f"{trust} {places}; {_who_notices(facts)}{_silent(facts)}."
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
    if facts.answers is not None:
        elsewhere = facts.shifted.value("accuracy")
        told = "" if elsewhere is None else f"; of {facts.others} {percent(elsewhere)}"
        test = facts.test
        return [
            *facts.answers.sentences(told),
            *probability_sentences(test.metrics, test.n, test.reliability),
        ]
    mae = facts.test.metrics["mae"]
    text = f"In-domain it errs by {f'{mae.text} {facts.unit}'.rstrip()} on average"
    if mae.known:
        text += f" (95 % interval {mae.interval} {error_words.OVER_MATERIALS})"
    outside = facts.shifted.metrics.get("mae")
    if outside is not None:
        text += f"; on {facts.others} by {outside.text}"
        if (found := facts.ratios.get("mae")) is not None:
            text += f", {_times(found)}"
    sentences = [text + ".", *_direction_sentences(facts)]
    if facts.hardest is not None:
        name, error = facts.hardest
        sentences.append(
            f"It errs most on {name}: by {digits.number(error)} {facts.unit}".rstrip() + "."
        )
    share = _against_constant(facts.test)
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
        signed = None if _errs_by_nothing(part) else part.metrics.get("mean_error")
        text = error_words.direction(
            None if signed is None else asdict(signed),
            mae=part.value("mae"),
            share_too_high=part.value("share_too_high"),
            n=part.n,
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


def _coverage_sentences(facts: _Facts, whose: str) -> list[str]:
    """Say how often intervals hold the truth, and where they say nothing."""
    inside, outside = facts.bars_of(facts.test), facts.bars_of(facts.shifted)
    if inside is None:
        return []
    end = _coverage_end(facts, inside, outside)
    return coverage_sentences(inside, outside, facts.others, whose=whose, end=end)


def _coverage_end(facts: _Facts, inside: Bars, outside: Bars | None) -> str:
    bars = facts.bars
    holds, elsewhere = inside.state, None if outside is None else outside.state
    told = elsewhere not in (None, "nothing")
    if holds == "short":
        return f"its {bars} are too {facts.narrow}" + (f" {IN_DOMAIN}" if told else "")
    if elsewhere == "short":
        return f"do not use its {bars} there"
    if inside.too_wide and holds != "nothing":
        size = "larger" if facts.binary else "wider"
        return f"its {bars} are {size} than they need to be"
    if holds == "unclear":
        return f"{_few(facts.test.n)} too few to tell whether its {bars} keep their word"
    if elsewhere == "unclear":
        there = f"the {facts.others} are too few to tell"
        return there if holds == "nothing" else f"its {bars} keep their word in-domain, and {there}"
    judged = [one for one in (inside, outside) if one and one.state == "kept"]
    if not any(one.below for one in judged):
        return f"its {bars} keep their word" + (" on both" if len(judged) > 1 else "")
    where = "" if not told else " on both" if all(one.below for one in judged) else (
        f" {IN_DOMAIN}" if inside.below else f" on {facts.others}"
    )  # fmt: skip
    return f"its {bars} are slightly below their promise{where}"


def _sigma_sentences(facts: _Facts) -> list[str]:
    """Say whether sigma has the right size and order, or, of a class, finds wrong answers."""
    test, shifted, others = facts.test, facts.shifted, facts.others
    if facts.binary:
        return wrong_answer_sentences(_wrong(test), _wrong(shifted), others)
    order = test.metrics.get("spearman") if test.n >= FEW_ROWS else None
    return [
        *size_sentences(test.sigma, shifted.sigma, others, bars=bool(facts.level)),
        *order_sentences(order, shifted.metrics.get("spearman"), others),
    ]


def _wrong(part: _Part) -> WrongAnswers | None:
    """Return what is known of sigma at wrong answers."""
    area, right = part.metrics.get("wrong_auroc"), part.value("accuracy")
    if area is None or right is None:
        return None
    return WrongAnswers(area, wrong=round((1 - right) * part.n), n=part.n)


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
    told = []
    if facts.test.n < FEW_ROWS:
        are = "is" if facts.test.n == 1 else "are"
        few = digits.counted(facts.test.n, "in-domain test material")
        told.append(f"There {are} only {few}: read these figures with care.")
    if facts.few_others:
        are = "is" if facts.few_others == 1 else "are"
        told.append(f"Of {facts.others} there {are} only {facts.few_others}: too few to tell.")
    return told


def _area(auroc: float) -> str:
    return digits.auroc({"value": auroc})


def _times(found: Figure) -> str:
    """Return a ratio of errors with its interval, where there is one."""
    if not math.isfinite(found.value):
        return "more"
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
