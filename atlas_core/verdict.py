"""Say in plain words when one arm of a run may be believed. Light: pure Python.

The reader is a physicist who opens the report and reads nothing else. Every rule below has its
threshold as a named constant with its reason; a figure that is missing is never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

from atlas_core import error_words, exam_words
from atlas_core.metrics import digits

Grade = Literal["trust", "keeps its word", "caution", "do not trust", "unknown"]

WORTHLESS_MAE = 0.9  # MAE over the mean deviation of the target; 1 is predicting the mean
WEAK_MAE = 0.6  # above it most of the spread is unexplained; Matbench's hardest task is near 0.5
COARSE_MAE = 0.4  # above it the headline says how much of the spread is left; R2 is below about 0.8
WORTHLESS_AUC = 0.6  # ROC AUC of a classifier; 0.5 is a coin
WEAK_AUC = 0.8  # below it one pair in five is put in the wrong order
WORSE = 1.5  # times the in-domain error; less is within what two random test sets can differ by
COVERAGE_SLACK = 0.05  # five points short of its promise is no matter in use
HEADLINE_LEVEL = 0.9  # the level that the sentences quote, or the nearest there is
NOTICES = 0.9  # AUROC: nine in ten pairs in order; a threshold on it is of practical use
NOTICES_PARTLY = 0.7  # below it a threshold that finds most held-out rows flags half of the rest
FLAGS = 0.5  # share of held-out rows flagged, from which "when it flags a material" is advice
HONEST_SIGMA = (0.8, 1.25)  # root mean square of error / sigma; a quarter off either way is fine
ORDERS = (
    0.3  # rank correlation of |error| with sigma; even a perfect sigma reaches about 0.5 to 0.7
)
ORDERS_WEAKLY = 0.1  # below it sigma says nothing of which errors are large
HONEST_ECE = 0.05  # mean gap between P(1) and what happens: five points
ECE_BINS = 10  # of the calibration error; each has a gap by chance
MANY_INFINITE = 0.1  # share of infinite intervals worth a sentence
MOSTLY_INFINITE = 0.5  # share from which coverage is no merit: most intervals say nothing
FEW_ROWS = 30  # below it an interval of a mean is too rough to rest a judgement on
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
class _Figure:
    """Hold one metric with its interval."""

    value: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """Return the value with the digits that its interval bears, as the report's cards do."""
        return digits.shown(asdict(self))

    @property
    def interval(self) -> str:
        places = digits.places(asdict(self))
        return f"{digits.fixed(self.low, places)} to {digits.fixed(self.high, places)}"


@dataclass(frozen=True)
class _Part:
    """Hold the metrics of the in-domain or the held-out part; n is 0 where there is none."""

    n: int
    metrics: Mapping[str, _Figure]

    def value(self, name: str) -> float | None:
        found = self.metrics.get(name)
        return None if found is None else found.value


@dataclass(frozen=True)
class _Facts:
    """Hold what the rules decide on."""

    test: _Part
    shifted: _Part
    detection: Mapping[str, float]  # auroc by "score" and "sigma", the mean over folds
    auroc: Mapping[str, _Figure]  # the same with intervals
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
    def ratio(self) -> float | None:
        """Return held-out error over in-domain error, or None."""
        inside, outside = self.test.value(self.error), self.shifted.value(self.error)
        if not inside or outside is None:
            return None
        return outside / inside

    @property
    def much_worse(self) -> bool:
        """Return whether the held-out error is larger by more than chance and ``WORSE``."""
        inside, outside = self.test.metrics.get(self.error), self.shifted.metrics.get(self.error)
        if inside is None or outside is None:
            return False
        return outside.value >= WORSE * inside.value and outside.low > inside.high

    @property
    def notices(self) -> float | None:
        """Return the better AUROC of the detector and of sigma, or None where there is neither."""
        return max(self.detection.values(), default=None)

    @property
    def uncertain(self) -> bool:
        """Return whether the arm says anything about its own errors."""
        sigma = self.test.value("spearman") is not None or self.test.value("zms") is not None
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
        advice, grade = exam_words.ADVICE, _GRADES[tone]
        examined = exam_words.sentences(exam, classes or {}, unit)
    unexamined = "" if exam else exam_words.unexamined(metrics_of_arm.get("labels") or {}, unit)
    sentences = [
        *examined,
        *([unexamined] if unexamined else []),
        *_error_sentences(facts),
        *_coverage_sentences(facts, "Its calibrator's" if examined else "Its"),
        *_unbounded_sentences(facts),
        *_sigma_sentences(facts),
        *_order_sentences(facts),
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
    flagged = None
    if "share_flagged_test" in score and "share_flagged_shifted" in score:
        flagged = (
            float(score["share_flagged_test"]["value"]),
            float(score["share_flagged_shifted"]["value"]),
        )
    levels = [name.removeprefix("picp_") for name in test.metrics if name.startswith("picp_")]
    level = min(levels, key=lambda v: (abs(float(v) - HEADLINE_LEVEL), -float(v)), default="")
    binary = words["task"] == "binary"
    return _Facts(
        test=test,
        shifted=shifted,
        detection=detection,
        auroc={name: _figure(ood[name]["auroc"]) for name in detection},
        worst={
            name: (_class(ood[name]["worst"]["fold"], classes), float(ood[name]["worst"]["auroc"]))
            for name in detection
            if "worst" in ood[name]
        },
        folds=max((len(ood[name].get("folds", ())) for name in detection), default=0),
        hardest=_hardest(metrics.get("folds") or {}, "brier" if binary else "mae", classes),
        flagged=flagged,
        rule=error_words.rule_of(ood),
        level=level,
        unit="" if binary else words["unit"],
        others=_short(words["held_out"]),
        target=words["target"].replace("_", " "),
        binary=binary,
        home=words["home"],
        kept=tuple(kept),
    )


def _part(found: Mapping[str, Any] | None) -> _Part:
    if not found:
        return _Part(0, {})
    return _Part(int(found["n"]), {k: _figure(v) for k, v in found["metrics"].items()})


def _figure(entry: Mapping[str, float]) -> _Figure:
    low, high = entry.get("low", -math.inf), entry.get("high", math.inf)  # no interval: unknown
    return _Figure(float(entry["value"]), float(low), float(high))


def _class(fold: str, classes: Mapping[str, str]) -> str:
    return classes.get(fold) or f"the held-out materials of fold {fold}"


def _hardest(
    folds: Mapping[str, Mapping[str, Mapping[str, float]]], error: str, classes: Mapping[str, str]
) -> tuple[str, float] | None:
    """Return the held-out class with the largest error; None unless several folds have one."""
    errors = {fold: part["shifted"][error] for fold, part in folds.items() if "shifted" in part}
    if len(errors) < 2:
        return None
    fold = max(errors, key=lambda name: errors[name])
    return _class(fold, classes), errors[fold]


def _short(held_out: str) -> str:
    several = ";" in held_out
    return (
        "held-out materials" if not held_out or several or len(held_out) > LONG_NAME else held_out
    )


def _quality(facts: _Facts) -> Literal["good", "weak", "worthless"] | None:
    """Judge the in-domain predictions themselves; None where all test targets are equal."""
    if facts.binary:
        auc = facts.test.value("roc_auc")
        if auc is None:
            return None
        return "worthless" if auc < WORTHLESS_AUC else "weak" if auc < WEAK_AUC else "good"
    if facts.test.value("mae_over_mad") is None:
        return None
    ratio = _against_mean(facts.test) or 0.0
    return "worthless" if ratio >= WORTHLESS_MAE else "weak" if ratio >= WEAK_MAE else "good"


def _against_mean(part: _Part) -> float | None:
    """Return the MAE as a share of what always predicting the training mean would err by.

    Without that baseline the mean of the part's own targets stands in, which flatters nobody but
    a mean that no one could know (MAE/MAD).
    """
    mae, baseline = part.value("mae"), part.value("mae_baseline")
    return mae / baseline if mae is not None and baseline else part.value("mae_over_mad")


def _keeps_word(facts: _Facts, part: _Part) -> bool | None:
    """Return whether intervals (or, without them, sigma) are wide enough; None: unknown."""
    found = part.metrics.get(f"picp_{facts.level}") if facts.level else None
    if found is not None:
        level = float(facts.level)
        return found.value >= level - COVERAGE_SLACK or found.high >= level
    zms = part.value("zms")
    return None if zms is None else math.sqrt(zms) <= HONEST_SIGMA[1]


def _vacuous(facts: _Facts) -> bool:
    """Return whether most in-domain intervals say nothing: infinite, or sets of both classes."""
    share = _empty_share(facts, facts.test)
    return share is not None and share >= MOSTLY_INFINITE


def _empty_share(facts: _Facts, part: _Part) -> float | None:
    """Return the share of intervals that say nothing; a set of both classes has the width 1."""
    return part.value(f"{'mpiw' if facts.binary else 'infinite_share'}_{facts.level}")


def _honest_probabilities(facts: _Facts) -> bool:
    """Return whether P(1) is off by no more than matters, or than chance alone would give.

    Of n honest probabilities in k bins the gaps add up to about sqrt(2 k v / (pi n)) or less, with
    v the mean of p (1 - p), which the Brier score then equals (mean of a half-normal variable per
    bin, then Cauchy-Schwarz over the bins).
    """
    ece, brier = facts.test.value("ece"), facts.test.value("brier")
    if ece is None or brier is None:
        return True
    return ece <= max(HONEST_ECE, math.sqrt(2 * ECE_BINS * brier / (math.pi * facts.test.n)))


def _too_wide(facts: _Facts) -> bool:
    """Return whether intervals (or, without them, sigma) are larger in-domain than they need be."""
    found = facts.test.metrics.get(f"picp_{facts.level}") if facts.level else None
    if found is not None:
        level = float(facts.level)
        return found.value > level + COVERAGE_SLACK and found.low > level
    zms = facts.test.value("zms")
    return zms is not None and math.sqrt(zms) < HONEST_SIGMA[0]


def _reserves(facts: _Facts) -> str:
    """Return what a headline must add to trust, "" where there is nothing."""
    told = []
    share, zms = _against_mean(facts.test), facts.test.value("zms")
    if not facts.binary and share is not None and share >= COARSE_MAE:
        told.append(f"it errs {percent(share)} as much as always predicting the mean")
    if _too_wide(facts):
        size = "larger" if facts.binary else "wider"
        told.append(
            f"its {facts.bars if facts.level else 'sigma'} {'are' if facts.level else 'is'}"
            f" {size if facts.level else 'larger'} than need be"
        )
    elif facts.level and zms is not None and math.sqrt(zms) > HONEST_SIGMA[1]:
        told.append("its sigma is too small")
    return f", but {' and '.join(told)}" if told else ""


def _judge(facts: _Facts) -> tuple[str, str, Grade]:
    """Return headline, advice and grade."""
    others, quality = facts.others, _quality(facts)
    if quality is None:
        headline = (
            "Unknown: the test targets do not vary, so nothing shows that it tells materials apart."
        )
        return headline, "Test it on materials whose values differ.", "unknown"
    if quality == "worthless":
        base = "tossing a coin" if facts.binary else f"always predicting the mean {facts.target}"
        lost = (facts.test.value("roc_auc") or 0.0) < 0.5
        if not facts.binary:
            lost = (_against_mean(facts.test) or 0.0) > 1
        how = "worse" if lost else "hardly better"
        return f"Do not trust it: it is {how} than {base}.", "", "do not trust"
    inside, outside = _keeps_word(facts, facts.test), _keeps_word(facts, facts.shifted)
    fails = facts.much_worse or (bool(facts.shifted.n) and outside is False)
    if fails:
        return _judge_failing(facts)
    if not facts.uncertain:
        where = f", also on {others}" if facts.shifted.n else ""
        headline = f"Unknown: its errors are known on average{where}, but it gives no uncertainty."
        advice = "It cannot say which of its predictions to believe: add an uncertainty method."
        return headline, advice, "unknown"
    if quality == "weak":
        why = "it often mixes up the two classes" if facts.binary else "its errors are large"
        headline = f"Take it as a rough guide only: {why} in-domain."
        return headline, "Use it to rank or to sort out, not for values.", "caution"
    if facts.test.n < FEW_ROWS:
        headline = "It looks right, but there are too few test materials to be sure."
        return headline, "Test it on more materials before relying on it.", "caution"
    if _vacuous(facts):
        headline = f"Believe its predictions on {facts.home}; {_nothing_said(facts)}."
        advice = (
            "Keep more calibration rows aside (the split's option `calibration`), or ask for lower"
            " `levels`."
        )
        return headline, advice, "caution"
    if inside is False:
        headline = (
            f"Believe its predictions on {facts.home}, not its {facts.bars}: they are too"
            f" {facts.narrow} in-domain."
        )
        one = "a label set" if facts.binary else "an error bar"
        return headline, f"Calibrate its uncertainty before using {one}.", "caution"
    trust = f"Trust it on {facts.home}"
    grade: Grade = "trust"
    if facts.binary and not _honest_probabilities(facts):
        trust, grade = f"Trust its answers, not its probabilities, on {facts.home}", "caution"
    reserves = _reserves(facts)
    if not facts.shifted.n:
        unlike = facts.home.replace("like", "unlike", 1)
        advice = f"Nothing was held out, so nothing is known of {unlike}."
        return f"{trust}{reserves}; nothing else was tested.", advice, grade
    if facts.shifted.n < FEW_ROWS:
        headline = f"{trust}{reserves}; too few {others} to tell there."
        return headline, f"Test it on more {others} before relying on it there.", "caution"
    advice = f"Of other classes than {others} nothing is known."
    return f"{trust} and on {others}{reserves}.", advice, grade


def _nothing_said(facts: _Facts) -> str:
    """Say why intervals say nothing."""
    if facts.binary:
        return f"its {facts.bars} mostly hold both classes, which says nothing"
    return f"its {facts.bars} are infinite and say nothing"


def _judge_failing(facts: _Facts) -> tuple[str, str, Grade]:
    """Judge an arm that fails on the held-out class: does it say so by itself?"""
    others, auroc = facts.others, facts.notices
    narrow_inside = _keeps_word(facts, facts.test) is False
    if auroc is None or auroc < NOTICES_PARTLY:
        what = f"its {facts.bars} are too {facts.narrow} there"
        if facts.much_worse:
            what = f"it errs {_times(facts.ratio)} there"
            if facts.binary:
                what = f"its Brier score is {number(facts.ratio or 0.0)} times as large there"
        what += (
            " and it gives no warning"
            if facts.binary or not facts.much_worse
            else (" and gives no warning")
        )
        advice = f"Check by hand whether a material is among {others}: the model will not say so."
        return f"Do not trust it on {others}: {what}.", advice, "do not trust"
    places = f"{facts.home}, not on {others}"
    trust = f"Trust its predictions, not its {facts.bars}, on" if narrow_inside else "Trust it on"
    if facts.binary and not narrow_inside and not _honest_probabilities(facts):
        trust = "Trust its answers, not its probabilities, on"
    if _quality(facts) == "weak":
        trust = "Take it as a rough guide on"
    silent = f"; {_nothing_said(facts)}" if _vacuous(facts) else ""
    headline = f"{trust} {places}; {_who_notices(facts)}{silent}."
    orders = facts.detection.get("score", 0.0) >= NOTICES_PARTLY
    if orders and facts.flagged is not None and facts.flagged[1] >= FLAGS:
        advice = (
            "When its detector flags a material, do not use the prediction: compute or measure it."
        )
    elif facts.detection.get("sigma", 0.0) >= NOTICES_PARTLY:
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


def _who_notices(facts: _Facts) -> str:
    """Say which of detector and sigma warns: a detector may see what the model itself does not."""
    names = {"score": "its detector", "sigma": "its sigma"}
    well = {k: (v >= NOTICES) + (v >= NOTICES_PARTLY) for k, v in facts.detection.items()}
    first, *rest = sorted(well, key=lambda k: -well[k])
    if _detector_is_no_better(facts) and well["score"]:
        part = " only in part," if well["score"] == 1 else ""
        text = f"unseen elements tell them apart{part} as well as its detector does"
        if "sigma" in well:
            seen = ("does not notice them", "notices them only in part", "notices them")
            text += f", its sigma {seen[well['sigma']]}"
        return text
    same = bool(rest) and well[rest[0]] == well[first]
    both = "its detector and its sigma notice them"
    text = both if same else f"{names[first]} notices them"
    if well[first] == 1:
        text += " only in part"
    if rest and not same:
        text += f", {names[rest[0]]} " + ("only in part" if well[rest[0]] else "does not")
    if first in facts.worst:
        name, auroc = facts.worst[first]
        if (auroc >= NOTICES) + (auroc >= NOTICES_PARTLY) < well[first]:
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
        text += f"; on {facts.others} by {outside.text}, {_times(facts.ratio)}"
    sentences = [text + ".", *_direction_sentences(facts)]
    if facts.hardest is not None:
        name, error = facts.hardest
        sentences.append(
            f"It errs most on {name}: by {digits.number(error)} {facts.unit}".rstrip() + "."
        )
    share = _against_mean(facts.test)
    if share:
        base = _with_unit(mae.value / share, facts.unit)
        known = "mean" if facts.test.value("mae_baseline") is None else "training mean"
        text = f"Always predicting the {known} {facts.target} would err by {base}"
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


def _binary_sentences(facts: _Facts) -> list[str]:
    right = facts.test.metrics["accuracy"]
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
            " (1 = always right, 0.5 = a coin)."
        )
    ece = facts.test.value("ece")
    if ece is not None:
        end = (
            "they can be read as probabilities"
            if _honest_probabilities(facts)
            else "do not read them as probabilities"
        )
        points = round(100 * ece)
        off = f"{points} point{'' if points == 1 else 's'}" if points else "less than a point"
        sentences.append(f"Its probabilities are off by {off} on average in-domain: {end}.")
    return sentences


def _coverage_sentences(facts: _Facts, whose: str) -> list[str]:
    if not facts.level:
        return []
    name = f"picp_{facts.level}"
    kind = "label sets" if facts.binary else "intervals"
    inside, outside = facts.test.metrics[name], facts.shifted.metrics.get(name)
    text = (
        f"{whose} {100 * float(facts.level):.12g} % {kind} hold the truth for"
        f" {percent(inside.value)} of in-domain materials"
    )
    if outside is not None:
        text += f" and {percent(outside.value)} of {facts.others}"
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


def _coverage_end(facts: _Facts) -> str:
    bars = facts.bars
    holds, elsewhere = _keeps_word(facts, facts.test), _keeps_word(facts, facts.shifted)
    if holds and elsewhere is False:
        return f"do not use its {bars} there"
    if not holds:
        return f"its {bars} are too {facts.narrow}" + (f" {IN_DOMAIN}" if elsewhere else "")
    if _too_wide(facts):
        size = "larger" if facts.binary else "wider"
        return f"its {bars} are {size} than they need to be"
    return f"its {bars} keep their word" + (" on both" if elsewhere else "")


def _sigma_sentences(facts: _Facts) -> list[str]:
    """Say whether sigma has the right size; intervals, where they exist, say it better."""
    zms = facts.test.value("zms")
    if zms is None:
        return []
    size = math.sqrt(zms)
    if facts.level:
        if HONEST_SIGMA[0] <= size <= HONEST_SIGMA[1]:
            return []
        return [
            f"Do not read its sigma as a standard deviation: in-domain errors are {number(size)}"
            " sigma (root mean square; 1 = honest)."
        ]
    end = "too small" if size > HONEST_SIGMA[1] else "too large"
    if HONEST_SIGMA[0] <= size <= HONEST_SIGMA[1]:
        end = "about right"
    text = f"Its sigma is {end} in-domain: errors are {number(size)} sigma (root mean square"
    text += "; 1 = honest)"
    outside = facts.shifted.value("zms")
    if outside is not None:
        text += f", {number(math.sqrt(outside))} on {facts.others}"
    return [text + "."]


def _order_sentences(facts: _Facts) -> list[str]:
    """Say whether a larger sigma means a larger error within one class."""
    inside, outside = facts.test.value("spearman"), facts.shifted.value("spearman")
    if inside is None:
        return []
    how = "goes" if inside >= ORDERS else "hardly goes" if inside >= ORDERS_WEAKLY else ""
    text = f"In-domain a larger sigma {how} with a larger error"
    if not how:
        text = "In-domain sigma does not tell large errors from small ones"
    text += f" (rank correlation {_signed(inside)})"
    if outside is not None and outside < ORDERS_WEAKLY <= inside:
        text += f"; among {facts.others} it does not ({_signed(outside)})"
    elif outside is not None:
        text += f"; among {facts.others} it is {_signed(outside)}"
    return [text + "."]


def _signed(value: float) -> str:
    """Return two decimals with a true minus sign, and no sign on zero."""
    text = f"{value:.2f}".replace("-", "−")
    return "0.00" if text == "−0.00" else text


def _notice_sentences(facts: _Facts) -> list[str]:
    if not facts.shifted.n:
        return []
    rule = facts.rule
    if facts.notices is None:
        text = f"It has neither sigma nor a detector, so nothing warns of {facts.others}"
        if rule is not None and rule.auroc >= NOTICES_PARTLY:
            text += f" but their elements: {error_words.RULE} tells them with AUROC {rule.text}"
        return [text + "."]
    names = {"score": "its detector", "sigma": "sigma alone"}
    ranked = sorted(facts.detection.items(), key=lambda item: -item[1])
    shown = {name: digits.auroc(asdict(found)) for name, found in facts.auroc.items()}
    meaning = "(1 = always, 0.5 = a coin)"
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
                f" {_how_well(facts.detection['sigma'])}."
            )
    else:
        best, auroc = ranked[0]
        opening = _how_well(auroc)
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


def _how_well(auroc: float) -> str:
    """Return whether a warning of this AUROC is one."""
    if auroc < NOTICES_PARTLY:
        return "it does not notice"
    return "it notices" if auroc >= NOTICES else "it notices in part"


def _size_sentences(facts: _Facts) -> list[str]:
    few = [
        f"{part.n} {where}"
        for part, where in ((facts.test, "in-domain test materials"), (facts.shifted, facts.others))
        if 0 < part.n < FEW_ROWS
    ]
    return [f"There are only {' and '.join(few)}: read these figures with care."] if few else []


def _area(auroc: float) -> str:
    return digits.auroc({"value": auroc})


def _times(ratio: float | None) -> str:
    """Return a ratio of errors in words."""
    if ratio is None:
        return "more"
    if ratio >= 1.05:
        return f"{number(ratio)} times as much"
    return "about as much" if ratio > 0.95 else f"less ({number(ratio)} times as much)"


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
