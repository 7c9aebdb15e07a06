"""Say in words how one run differs from another on the rows that both predicted. Light."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlas_core.printing import counted
from atlas_pages.formatting import fixed, listed, number, percent, percent_of_level
from atlas_report.comparison import ArmComparison, Comparison, PartComparison
from atlas_report.decided_pairs import DecisionDifference
from atlas_report.differences import Difference
from atlas_report.paired import FoldDifference
from atlas_report.source import HELD_OUT, PART_LABEL
from atlas_statistics import digits
from atlas_statistics.bootstrap import FEW_MATERIALS

SHOWN_LEVEL = 0.9


def scope(*, repeated: bool) -> str:
    """Say what intervals are over, and what they do not hold.

    Args:
        repeated: whether an arm was trained several times.
    """
    if repeated:
        return (
            "over materials, of the first training of each run; the sentences say what training"
            " anew moves"
        )
    return "over materials, for one training each: another seed can change them"


@dataclass(frozen=True)
class Said:
    """What is said of one arm in one part.

    Attributes:
        arm: in words.
        part: in words.
        held_out: whether it is the held-out one.
        tone: ``good`` where the second run is shown to err less, ``poor`` where more, else ``ref``.
        sentences: of which the first says which run errs less.
    """

    arm: str
    part: str
    held_out: bool
    tone: str
    sentences: tuple[str, ...]


def said(found: Comparison, names: tuple[str, str]) -> tuple[Said, ...]:
    """Return what is said of each pair of arms, part by part.

    Args:
        found: of two runs.
        names: what the page calls them.
    """
    return tuple(one for arm in found.arms for one in _arm(found, arm, names))


def unpaired(found: Comparison, names: tuple[str, str]) -> tuple[str, ...]:
    """Return why rows or arms have no partner, a line each; first whether none has one."""
    why: dict[str, list[str]] = {}
    for arm in found.arms:
        for fold, reason in arm.refused.items():
            why.setdefault(f"fold {fold}: {reason}", []).append(arm.name)
    lines = [
        f"Not paired{'' if len(arms) == len(found.arms) else f' ({listed(arms)})'}, {reason}."
        for reason, arms in why.items()
    ]
    for name, arms in zip(names, (found.unpaired_a, found.unpaired_b), strict=True):
        lines += [f"Arm {arm}: only in {name}." for arm in arms]
    if not any(part.paired for arm in found.arms for part in arm.parts):
        lines.insert(0, "No row is paired, so no difference is stated.")
    return tuple(lines)


def _arm(found: Comparison, arm: ArmComparison, names: tuple[str, str]) -> Iterator[Said]:
    for part, where in PART_LABEL.items():
        own = arm.part(part)
        if own is None or not own.paired:
            continue
        tone, sentences = _part(found, own, names)
        decided = arm.decisions.get(part)
        if decided is not None and own.paired >= FEW_MATERIALS:
            sentences.append(_decisions(found.decided, decided, names))
        yield Said(arm.name, where, part == HELD_OUT, tone, tuple(sentences))


def _part(found: Comparison, own: PartComparison, names: tuple[str, str]) -> tuple[str, list[str]]:
    if own.error is None or own.paired < FEW_MATERIALS:
        return "ref", [f"{_rows(own, names)}: too few to say which run errs less."]
    tone, first = _error(found, own.error, names)
    label = found.labels[found.metric]
    sentences = [f"{first} {_rows(own, names)}."]
    if own.baseline is not None:
        sentences.append(
            f"Always predicting the training median: {label} {_with(own.baseline, found.unit)} on"
            " these rows."
        )
    over = own.scores[found.metric].folds
    if over is not None:
        sentences.append(_over_folds(own.error, over, found.unit, names))
    if own.bias is not None and own.bias.clear:
        sentences.append(_bias(own.bias, found.unit, names))
    sentences += _coverage(own, names)
    return tone, sentences


def _ends(found: Difference) -> tuple[int, float, float]:
    """Return decimals, and the ends of the interval of the size of a clear difference."""
    entry = {"value": found.difference, "low": found.low, "high": found.high}
    ends = sorted((abs(found.low), abs(found.high)))
    return digits.places(entry), ends[0], ends[1]


def _error(found: Comparison, error: Difference, names: tuple[str, str]) -> tuple[str, str]:
    a, b = names
    label = found.labels[found.metric]
    again = error.trainings
    over = f"over {again.counted} {b} minus {a} is {again.in_words(found.unit)}" if again else ""
    too = f"; {over}" if again and (again.spread or again.difference) else ""
    if error.low == error.high == error.difference == 0:
        same = f"{b} and {a} make the same errors: {label} {_with(error.a, found.unit)}"
        return "ref", f"{same}{' in the first training' if too else ''}{too}."
    places, low, high = _ends(error)
    both = f"{fixed(error.b, places)} against {_fixed(error.a, places, found.unit)}"
    if error.low <= 0 <= error.high:
        size = fixed(error.difference, places)
        ends = f"{fixed(error.low, places)} to {fixed(error.high, places)}"
        return "ref", (
            f"Neither is shown to have the lower {label}: {b} has {both}, and the 95 % interval of"
            f" the difference {size}, {ends}, includes 0{too}."
        )
    less = error.difference < 0
    claim = f"{b} has a {'lower' if less else 'higher'} {label} than {a}: {both}, a difference of"
    size = _fixed(abs(error.difference), places, found.unit)
    interval = f"95 % interval {fixed(low, places)} to {fixed(high, places)}"
    if again is None:
        return ("good" if less else "poor"), f"{claim} {size} ({interval})."
    if error.clear:
        return ("good" if less else "poor"), f"{claim} {size} ({interval} over materials); {over}."
    return "ref", (
        f"Neither is shown to have the lower {label}: {over}. In the first training {claim} {size}"
        f" ({interval} over materials)."
    )


def _over_folds(error: Difference, over: FoldDifference, unit: str, names: tuple[str, str]) -> str:
    a, b = names
    entry = {"value": over.difference, "low": over.low, "high": over.high}
    places = digits.places(entry)
    size = _fixed(over.difference, places, unit)
    ends = f"{fixed(over.low, places)} to {fixed(over.high, places)}"
    text = (
        f"Over {counted(over.folds, 'fold')}, each one observation, {b} minus {a} is {size}"
        f" ({ends})"
    )
    if error.clear and over.low <= 0 <= over.high:
        text += ", which includes 0: with other training data the order may be another"
    return f"{text}."


def _bias(bias: Difference, unit: str, names: tuple[str, str]) -> str:
    a, b = names
    places, low, high = _ends(bias)
    size = _fixed(abs(bias.difference), places, unit)
    way = "higher" if bias.difference > 0 else "lower"
    return (
        f"{b} predicts {size} {way} than {a} on average ({fixed(low, places)} to"
        f" {fixed(high, places)}): mean signed error {_signed(bias.b, places)} against"
        f" {_signed(bias.a, places)}."
    )


def _coverage(own: PartComparison, names: tuple[str, str]) -> Iterator[str]:
    """Say at the level nearest to ``SHOWN_LEVEL`` whose intervals hold more."""
    if not own.coverage:
        return
    level = min(own.coverage, key=lambda v: abs(float(v) - SHOWN_LEVEL))
    found = own.coverage[level]
    if not found.clear:
        return
    a, b = names
    less = "fewer" if found.difference < 0 else "more"
    yield (
        f"{b}'s {percent_of_level(float(level))} intervals hold {less} true values than {a}'s:"
        f" {percent(found.b)} against {percent(found.a)} (difference"
        f" {_points(found.low)} to {_points(found.high)} points)."
    )


def _decisions(yes: str, found: DecisionDifference, names: tuple[str, str]) -> str:
    """Say whose P is nearer to what is, on materials that both hold against the same border."""
    a, b = names
    brier = found.brier
    if brier is None or found.other_border > found.paired:
        return (
            f"P({yes}) is not compared: of {counted(found.other_border, 'material')} the border"
            " differs, which asks another question."
        )
    left_out = ""
    if found.other_border:
        left_out = f" Of {counted(found.other_border, 'more material')} the border differs."
    places, low, high = _ends(brier)
    both = f"{fixed(brier.b, places)} against {fixed(brier.a, places)}"
    if brier.low <= 0 <= brier.high:
        ends = f"{fixed(brier.low, places)} to {fixed(brier.high, places)}"
        return (
            f"Neither P({yes}) is shown to be better: {b} has a Brier score of {both}, and the"
            f" 95 % interval of the difference, {ends}, includes 0.{left_out}"
        )
    less = "lower" if brier.difference < 0 else "higher"
    return (
        f"P({yes}) of {b} has a {less} Brier score than that of {a}: {both}, a difference of"
        f" {fixed(low, places)} to {fixed(high, places)}.{left_out}"
    )


def _rows(own: PartComparison, names: tuple[str, str]) -> str:
    """Say how many rows are shared."""
    if not own.only_a and not own.only_b:
        return f"Shared: {digits.all_of(own.paired, 'row')}"
    sizes = (own.paired + own.only_a, own.paired + own.only_b)
    of = [f"{n} of {name}" for n, name in zip(sizes, names, strict=True)]
    return f"Shared: {counted(own.paired, 'row')} of {' and '.join(of)}"


def _points(share: float) -> str:
    return fixed(100 * share, 1)


def _signed(value: float, places: int) -> str:
    return f"{'+' if value > 0 else ''}{fixed(value, places)}"


def _fixed(value: float, places: int, unit: str) -> str:
    return f"{fixed(value, places)} {unit}".rstrip()


def _with(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".rstrip()
