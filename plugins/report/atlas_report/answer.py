"""The first screen: a sentence per arm, the shares of its labels, and what to do. Light."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atlas_core.data.decisions import Decisions
from atlas_core.kinds.trust import LABELS
from atlas_core.printing import counted
from atlas_pages.formatting import count, listed, number, percent, slug
from atlas_report.cards import GRADES, NO_VERDICT, TONES
from atlas_report.decided import briefly
from atlas_report.entries import MANY
from atlas_report.source import HELD_OUT, IN_DOMAIN, PART_LABEL, WORTH, Source, metric_of


@dataclass(frozen=True)
class Share:
    """How many predictions of a part have a label, and which share of the part that is."""

    label: str
    text: str
    width: float


@dataclass(frozen=True)
class Bar:
    """The labels of one part of an arm, in words and as widths in percent."""

    part: str
    text: str
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Answer:
    """One arm on the first screen.

    Attributes:
        arm: its name.
        anchor: of its section.
        grade: in words.
        tone: of the grade.
        sentence: how far its predictions may be used.
        bars: labels of its predictions.
        decided: what came of its decisions; "" without a reference.
        decisions: labels of these.
    """

    arm: str
    anchor: str
    grade: str
    tone: str
    sentence: str
    bars: tuple[Bar, ...]
    decided: str = ""
    decisions: tuple[Bar, ...] = ()


def answers(source: Source) -> tuple[Answer, ...]:
    """Return the sentence of each arm, with the shares of its labels.

    Of many arms each has its first finding only; the others are in its own section.
    """
    found = []
    for arm in source.rows:
        said = source.verdict.get(arm) or NO_VERDICT
        grade = str(said["grade"])
        bars = tuple(_bars(source.labeled.get(arm, {}).items(), "prediction"))
        decisions = source.decided.get(arm)
        found.append(
            Answer(
                arm=source.called(arm),
                anchor=slug(arm),
                grade=GRADES.get(grade, grade),
                tone=TONES.get(grade, "ref"),
                sentence=_first(said) if len(source.rows) > MANY else said["headline"],
                bars=bars,
                decided="" if decisions is None else briefly(source, arm),
                decisions=() if decisions is None else tuple(_decision_bars(decisions)),
            )
        )
    return tuple(found)


def ranking(source: Source) -> str:
    """Return by what many arms are ordered, the best first; "" of a few.

    The order is of what was measured: that another draw of materials keeps it is not claimed.
    """
    if len(source.rows) <= MANY:
        return ""
    first = next(iter(source.rows))
    what = "Highest balanced accuracy" if source.task == "binary" else "Lowest error"
    for part in (HELD_OUT, IN_DOMAIN):
        if metric_of(source, first, part, WORTH[source.task]) is not None:
            return (
                f"{what} {PART_LABEL[part]} of {len(source.rows)} arms; where intervals overlap,"
                " the order may be chance."
            )
    return f"{len(source.rows)} arms, in the order of the spec."


def _first(verdict: Mapping[str, Any]) -> str:
    """Return the first finding of a headline as a sentence."""
    for one in verdict.get("findings") or ():
        if one.get("place") == "headline" and one.get("text"):
            return f"{one['text']}."
    return str(verdict["headline"])


def _decision_bars(decisions: Decisions) -> Iterator[Bar]:
    keys = zip(decisions.fold, decisions.ids, decisions.parts, strict=True)
    return _bars(zip(keys, decisions.label.tolist(), strict=True), "decision")


def _bars(labeled: Iterable[tuple[tuple[str, str, str], str]], what: str) -> Iterator[Bar]:
    counts = Counter((key[2], label) for key, label in labeled)
    for part in (IN_DOMAIN, HELD_OUT):
        own: dict[str, int] = {
            label: counts[part, label] for label in LABELS if counts[part, label]
        }
        if own:
            yield _bar(part, own, what)


def _bar(part: str, counts: Mapping[str, int], what: str) -> Bar:
    n = sum(counts.values())
    shares = tuple(
        Share(label, f"{percent(own / n)} {label}", 100 * own / n) for label, own in counts.items()
    )
    text = f"{', '.join(one.text for one in shares)} of {count(n, what)}"
    return Bar(PART_LABEL[part], text, shares)


ANSWERS_ONLY = frozenset(
    {"trust_answers_off", "trust_answers_off_at_ends", "trust_answers_off_in_between"}
)
"""Those that allow the answers to be used, and not the probabilities."""
IN_DOMAIN_USE = ANSWERS_ONLY | {
    "trust_in_domain",
    "trust_predictions",
    "trust_predictions_only",
    "use_with_caution",
}
"""First findings of a headline that allow the predictions to be used in-domain."""
NOT_USED = frozenset({"no_better_than_constant", "no_variance_explained", "worse_than_constant"})
"""Those that forbid it."""
UNDETECTED = frozenset({"fails_undetected", "fails_maybe_undetected"})
"""Those of an arm that fails on the held-out class and gives no warning, as far as is shown."""
TO_RANK = frozenset({"use_to_rank", "rank_only"})
"""Those that allow the order of the predictions to be used, not their values."""
NO_RANK, ROUGH_THERE = "not_shown_to_rank", "held_out_rough"
FEW = frozenset({"test_in_folds", "test_more"})
"""Those of an arm with too few test materials."""
DISAGREE = "trainings_disagree"
ALSO_THERE, NOT_THERE = "also_on_held_out", "not_on_held_out"
LABELS_REACHED = frozenset({"labels_reached_on_all", "labels_reached_on_most"})
LABELS_EXAMINED = LABELS_REACHED | {
    "labels_abstain",
    "labels_fell_short",
    "labels_missed",
    "labels_unreliable",
}
"""What labels can do on held-out classes."""
LABELS_IN_DOMAIN, LABELS_REFUSED = "follow_labels_in_domain", "do_not_follow_labels"
OFF = {"too high": "errors_too_high", "too low": "errors_too_low"}
NOTHING_HELD_OUT, BY_RULE, BY_ARM = "nothing_else_tested", "rule_detects", "held_out_detected"


def what_to_do(source: Source) -> tuple[str, ...]:
    """Return at most four lines of what to do, each from codes that all its arms have.

    A code rests on an interval, and the sentence of the arm states it: a line says only what these
    say together.
    """
    codes = {arm: _codes(source.verdict.get(arm) or {}) for arm in source.rows}
    like = f"materials like the {'candidates' if source.loop else 'training set'}"
    lines = [
        _inside(codes, like),
        _outside(source, codes),
        _undecided(source, codes, like),
        _before_use(source, codes),
    ]
    return tuple(line for line in lines if line)


def _codes(verdict: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return {code: figures} of the findings of an arm; of one that comes twice, the first."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in verdict.get("findings") or ():
        found.setdefault(str(one.get("code")), one.get("figures") or {})
    return found


Codes = Mapping[str, Mapping[str, Mapping[str, Any]]]


def _with(codes: Codes, wanted: Iterable[str]) -> list[str]:
    """Return the arms that have one of the codes."""
    return [arm for arm, own in codes.items() if any(code in own for code in wanted)]


def _these(arms: Sequence[str], codes: Codes) -> str:
    """Return arms in words, by name where there are others or only a few, and what is used of them.

    Of classes it is the answers where the probabilities of one of the arms are off.
    """
    what = "answers" if _with({arm: codes[arm] for arm in arms}, ANSWERS_ONLY) else "predictions"
    if len(codes) == 1:
        return f"its {what}"
    if len(arms) == len(codes) and len(arms) > 3:
        return f"the {what} of every arm"
    return f"the {what} of {listed(list(arms))}"


def _inside(codes: Codes, like: str) -> str:
    labels = _with(codes, (LABELS_IN_DOMAIN,))
    without = {*labels, *(arm for arm, own in codes.items() if _refused_by_another(own))}
    good = [arm for arm in _with(codes, IN_DOMAIN_USE) if arm not in without]
    bad = _with(codes, NOT_USED)
    if len(bad) == len(codes):
        return "Do not use the predictions: on none of its materials are they shown to help."
    used = [f"use {_these(good, codes)}"] if good else []
    used += [_labeled(labels)] if labels else []
    if ranks := [arm for arm in _with(codes, TO_RANK) if arm not in without]:
        used.append(f"use {_these(ranks, codes)} to rank or to screen out, not for values")
    lines = [f"On {like}, {'; '.join(used)}."] if used else []
    if none := _with(codes, (NO_RANK,)):
        lines.append(f"Do not select by {_these(none, codes)}: they are not shown to rank.")
    elif not used and (few := _with(codes, FEW)):
        lines.append(
            f"Test {_these(few, codes)} on more materials, or in folds, before relying on values."
        )
    if refused := _with(codes, (LABELS_REFUSED,)):
        lines.append(
            f"Do not rely on the trust labels of {listed(refused)}: even in-domain too few of the"
            " trusted predictions are within the error tolerance."
        )
    if disagree := _with(codes, (DISAGREE,)):
        lines.append(
            f"Do not rely on one training of {listed(disagree)}: another would be judged"
            " differently."
        )
    return " ".join(lines)


def _refused_by_another(codes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether the arm would not be trusted after another of its trainings."""
    others = (codes.get(DISAGREE) or {}).get("others", ())
    return any(one["grade"] == "do_not_trust" for one in others)


def _labeled(arms: Sequence[str]) -> str:
    """Return what to do with the predictions of arms by their labels."""
    return (
        f"use the predictions of {listed(list(arms))} that are labeled trust; compute or measure"
        " those labeled verify, and do not rank by those labeled defer"
    )


def _outside(source: Source, codes: Codes) -> str:
    there = source.held_out or "materials unlike the training set"
    if source.several_held_out:
        there = "materials of the held-out classes"
    bad = _with(codes, (NOT_THERE, *UNDETECTED))
    good = _with(codes, (ALSO_THERE,))
    labels = [arm for arm in codes if _labels_reliable(source.verdict.get(arm) or {})]
    if labels:
        return f"On {there}, {_labeled(labels)}."
    if len(_with(codes, LABELS_EXAMINED)) == len(codes):
        return (
            f"On {there}, compute or measure: it is not shown that what is labeled trust may be"
            " used there."
        )
    if good:
        but = f"; do not use {_these(bad, codes)} there" if bad else ""
        return f"On {there}, {_these(good, codes)} may be used, too{but}."
    if bad and len(bad) == len(codes):
        off = _bias(source)
        them = "none of them" if len(codes) > 1 else "none of its predictions"
        return f"On {there}, use {them}{off}: compute or measure these materials."
    if bad:
        return f"On {there}, do not use {_these(bad, codes)}: compute or measure these materials."
    no_help = [arm for arm, own in codes.items() if not own.get(ROUGH_THERE, {}).get("helps", True)]
    if no_help:
        return (
            f"On {there}, do not use {_these(no_help, codes)}: they are not shown to be better than"
            f" {'chance' if source.task == 'binary' else 'a constant guess'}."
        )
    return ""


LIMITED = "decisions_limited"


def _undecided(source: Source, codes: Codes, like: str) -> str:
    """Return where decisions are of no use, "" where none is."""
    there = source.held_out or "held-out materials"
    if source.several_held_out:
        there = "materials of the held-out classes"
    found = []
    for part, where in (("in_domain", like), ("held_out", there)):
        arms = [arm for arm, own in codes.items() if part in own.get(LIMITED, {})]
        if arms:
            whose = f" of {listed(arms)}" if len(codes) > 1 else ""
            found.append(f"on {where} do not decide by the P and the labels{whose}")
    if not found:
        return ""
    words = source.wording
    return f"Whether a material is {words.yes} or {words.no}: {'; '.join(found)}."


def _labels_reliable(verdict: Mapping[str, Any]) -> bool:
    """Return whether an arm's labels reached the target reliability on enough to show it."""
    return any(
        one.get("code") in LABELS_REACHED and one.get("grade") == "labels_reliable"
        for one in verdict.get("findings") or ()
    )


def _bias(source: Source) -> str:
    """Return how far predictions are off on the held-out class, where all are off one way.

    Of several trainings it is the range over all of them.
    """
    for way, code in OFF.items():
        known = [found for arm in source.rows if (found := _off(source, arm, code)) is not None]
        if known and len(known) == len(source.rows):
            over = [one["trainings"] for one in known if "trainings" in one]
            sizes = [float(one["by"]["value"]) for one in known]
            sizes += [float(one[end]) for one in over for end in ("low", "high")]
            ends = dict.fromkeys(number(size, digits=2) for size in (min(sizes), max(sizes)))
            unit = f" {source.unit}" if source.unit else ""
            trained = f", over {counted(max(one['n'] for one in over), 'training')}" if over else ""
            return f" (they are {way} by {' to '.join(ends)}{unit} on average{trained})"
    return ""


def _off(source: Source, arm: str, code: str) -> Mapping[str, Any] | None:
    """Return figures of how far an arm is off on the held-out class; None where none is said."""
    findings = (source.verdict.get(arm) or {}).get("findings") or ()
    every = [one["figures"] for one in findings if one.get("code") == code]
    return next((one for one in every if one["part"] == "held_out"), None)


def _before_use(source: Source, codes: Codes) -> str:
    if source.loop:
        return ""
    some = len(_with(codes, NOT_USED)) < len(codes)
    if _with(codes, (NOTHING_HELD_OUT,)) or (some and not source.held_out):
        labels = _with(codes, (LABELS_IN_DOMAIN, LABELS_REFUSED))
        untested = ", so the labels are not tested there either" if labels else ""
        return (
            "Before using it on another chemistry, hold that chemistry out and run the spec again:"
            f" nothing was held out here{untested}."
        )
    if _with(codes, (BY_RULE,)):
        return (
            "Before using a prediction, check whether its material contains an element that the"
            " training set lacks; if so, compute or measure it."
        )
    if unwarned := _with(codes, UNDETECTED):
        of = f" of {listed(unwarned)}" if len(codes) > 1 else ""
        return (
            f"Before using a prediction{of}, check by hand whether its material is of the held-out"
            " class: it is not shown that anything warns of that."
        )
    noticed = [own.get(BY_ARM) or {} for own in codes.values()]
    if all("detector" in one.get("by", ()) and one.get("how") == "well" for one in noticed):
        return "Compute or measure a material that the detector flags."
    return ""
