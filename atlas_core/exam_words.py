"""Say in plain words what came of the exam of trust. Light: pure Python.

The reader is a physicist who knows no machine learning. Whatever is said here rests on the grades
of :mod:`atlas_core.exam`; a class of which next to nothing is trusted is never called a success.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from atlas_core.binomial import surely_least
from atlas_core.coverage import MANY_INFINITE
from atlas_core.judgement import ENOUGH_TRUSTED
from atlas_core.metrics import digits

Exam = Mapping[str, Any]
"""What ``exam.json`` holds of one arm."""
Tone = Literal["good", "fair", "poor", "ref"]

TONES: dict[str, Tone] = {"keeps": "good", "refuses": "ref", "short": "fair", "breaks": "poor"}
KEPT: dict[str, str] = {
    "keeps": "kept",
    "refuses": "refused",
    "short": "fell short",
    "breaks": "broken",
}
"""Of a class, in a table: its promise was ..."""
LABELS: dict[str, str] = {
    "trust": "use the prediction",
    "verify": "compute or measure the material before using it",
    "defer": "do not even rank materials by it before the model has learned more",
}
MOSTLY = 0.75
"""Share of classes that must be kept, below which a broken promise is no exception."""
WORSE = 1.5
"""Times the in-domain error from which a class is harder; as the split audit has it."""
NAMED = 4
"""Most classes that a sentence names."""
ADVICE = (
    "Use what it labels trust, compute or measure what it labels verify, and leave what it labels"
    " defer until it has learned more."
)

_ELEMENT = re.compile(r"materials with [A-Z][a-z]?")


def percent(share: float) -> str:
    """Return a share in percent; never 0 or 100 for what is not exactly that."""
    return f"{digits.percentage(share)} %"


def listed(items: Sequence[str]) -> str:
    """Return items joined with commas and "and"."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def named(exam: Exam, classes: Mapping[str, str]) -> list[str]:
    """Return the held-out classes in words, in the order of the exam.

    Args:
        exam: of one arm.
        classes: fold -> its held-out class in words.
    """
    folds = [str(one["class"]) for one in exam["classes"]]
    words = [classes.get(fold) or fold for fold in folds]
    return [
        f"{text} (fold {fold})" if words.count(text) > 1 else text
        for fold, text in zip(folds, words, strict=True)
    ]


def kind_of(names: Sequence[str]) -> str:
    """Return what the classes are: elements, or just classes."""
    return "held-out elements" if all(map(_ELEMENT.fullmatch, names)) else "held-out classes"


def joined(names: Sequence[str]) -> str:
    """Return names of classes as one phrase: materials with F, Cl and Al."""
    if len(names) > 1 and all(map(_ELEMENT.fullmatch, names)):
        return "materials with " + listed([name.rpartition(" ")[2] for name in names])
    return listed(names)


def _some(names: Sequence[str]) -> str:
    """Return a few classes by name, many by number."""
    return joined(names) if len(names) <= NAMED else str(len(names))


def short(name: str) -> str:
    """Return a class as a label in a figure: an element's symbol, or its first words."""
    if _ELEMENT.fullmatch(name):
        return name.rpartition(" ")[2]
    return name if len(name) <= 18 else f"{name[:17]}…"


def span(values: Sequence[float], unit: str = "") -> str:
    """Return the lowest to the highest of several values, or the one that all of them are."""
    ends = list(dict.fromkeys(digits.number(v, digits=2) for v in (min(values), max(values))))
    return f"{' to '.join(ends)} {unit}".rstrip()


def headline(exam: Exam, classes: Mapping[str, str]) -> tuple[str, Tone]:
    """Return one sentence on how the deciding method kept its promise, and a tone."""
    text, tone = _headline(exam, classes)
    return text, "fair" if tone == "good" and _broken_at_home(exam) else tone


def _broken_at_home(exam: Exam) -> int:
    """Return in how many folds the promise was broken in-domain."""
    own = [one["methods"][exam["method"]]["in_domain"] for one in exam["classes"]]
    return sum(bool(one["breach"]) for one in own)


def _headline(exam: Exam, classes: Mapping[str, str]) -> tuple[str, Tone]:
    names = named(exam, classes)
    grades = dict(zip(names, [one["grade"] for one in exam["classes"]], strict=True))
    n, what = len(names), kind_of(names)
    judged = [name for name in names if grades[name] != "refuses"]
    if not judged:
        those = names[0] if n == 1 else f"{n} {what}"
        where = "" if _home_share(exam) >= 0.1 else ", nor even in-domain"
        return f"It trusts next to none of its predictions on {those}{where}.", "fair"
    refused = n - len(judged)
    aside = f"; it trusts next to nothing of {refused} more" if refused else ""
    broken = [name for name in judged if grades[name] == "breaks"]
    short = [name for name in judged if grades[name] == "short"]
    missed = [name for name in judged if name in broken or name in short]
    of_those = judged[0] if len(judged) == 1 else f"{len(judged)} {what}"
    rarely = len(missed) > (1 - MOSTLY) * len(judged)
    opening = "It says itself which predictions to use"
    if n == 1 and missed:
        fell = f"fell short{_maybe(exam, names, missed)} of"
        return (
            f"{opening}, but {'broke' if broken else fell} its promise on {names[0]}.",
            ("poor" if broken else "fair"),
        )
    if broken and rarely:
        on = _of(missed, of_those)
        of_them = f"of {of_those} " if len(judged) > 1 and len(missed) <= NAMED else ""
        text = f"Do not rely on what it trusts: {of_them}it missed its promise on {on}{aside}."
        return text, "poor"
    if rarely:
        return (
            f"{opening}, but fell short of its promise on {_of(missed, of_those)}{aside}.",
            "fair",
        )
    # a promise that was hardly ever put to the test is no success
    few = _few(exam, names)
    tone: Tone = "good" if not broken and refused + len(few) <= n / 2 else "fair"
    told = f"{_too_few(few, judged)}{aside}"
    if not missed:
        of_all = of_those if refused or n == 1 else digits.all_of(n, "", what)
        return f"{opening}, and kept its word on {of_all}{told}.", tone
    parts = [f"broke it on {_some(broken)}"] if broken else []
    parts += [f"fell short{_maybe(exam, names, short)} on {_some(short)}"] if short else []
    kept = len(judged) - len(missed)
    text = f"{opening}, and kept its word on {kept} of {of_those}{told}"
    return f"{text}; it {' and '.join(parts)}.", tone


def _own(exam: Exam, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return what came of each class by the deciding method, by its name in words."""
    own = [one["methods"][exam["method"]]["class"] for one in exam["classes"]]
    return dict(zip(names, own, strict=True))


def _maybe(exam: Exam, names: Sequence[str], short: Sequence[str]) -> str:
    """Return that classes fell short maybe by chance, "" where it excludes that of one of them."""
    own = _own(exam, names)
    return ", maybe by chance," if all(own[name].get("by_chance") for name in short) else ""


def _few(exam: Exam, names: Sequence[str]) -> dict[str, int]:
    """Return {class: predictions trusted} where a promise was kept on too few to show it."""
    return {
        name: int(one["trusted"])
        for name, one in _own(exam, names).items()
        if one["grade"] == "keeps" and not one.get("shown", True)
    }


def _too_few(few: Mapping[str, int], judged: Sequence[str]) -> str:
    """Say on which of the classes judged too few predictions were trusted to tell."""
    if not few:
        return ""
    if len(judged) == 1:
        return f", on {digits.counted(few[judged[0]], 'prediction')}: too few to tell"
    return f" (too few are trusted to tell: {_some(list(few))})"


def _of(missed: Sequence[str], of_those: str) -> str:
    """Return the classes that were missed: a few by name, more by number."""
    return joined(missed) if len(missed) <= NAMED else f"{len(missed)} of {of_those}"


def _home_share(exam: Exam) -> float:
    return float(exam["summary"][exam["method"]]["share_in_domain"] or 0.0)


def sentences(exam: Exam, classes: Mapping[str, str], unit: str) -> list[str]:
    """Return what the card of an arm says of its exam, three or four sentences."""
    names = named(exam, classes)
    found = [_promise(exam, names, unit)]
    refused = [
        name for name, one in zip(names, exam["classes"], strict=True) if one["grade"] == "refuses"
    ]
    if refused and len(refused) < len(names):
        some = joined(refused) if len(refused) <= NAMED else f"{len(refused)} {kind_of(names)}"
        found.append(f"It trusts next to nothing of {some}.")
    if home := _broken_at_home(exam):
        found.append(
            f"In-domain it broke its promise in {home} of {digits.counted(len(names), 'fold')}."
        )
    found += [text for text in [_intervals(exam, names)] if text]
    found += [text for text in [typical(exam, names), beside(exam)] if text]
    found += [text for text in [forecasts(exam, names)] if text]
    return found


def unexamined(labels: Mapping[str, Any], unit: str) -> str:
    """Say how the labels of an arm fared where no class was held out to examine them.

    Args:
        labels: what :func:`atlas_core.exam.at_home` found.
        unit: of the target.
    """
    if not labels:
        return ""
    rows, trusted = labels["rows"], labels["trusted"]
    text = f"In-domain it lets you use {percent(trusted / rows)} of its predictions"
    if trusted:
        text += (
            f"; {percent(labels['within'] / trusted)} of these lie within"
            f" {span(labels['budgets'], unit)} ({percent(labels['confidence'])} promised)"
        )
    return f"{text}. No class was held out, so nothing shows how its labels fare on new chemistry."


def _intervals(exam: Exam, names: Sequence[str]) -> str:
    """Say how often the trust region's own intervals held, and what they cost in width."""
    pairs = [
        ((one.get("intervals") or {}).get("trust_class"), name)
        for one, name in zip(exam["classes"], names, strict=True)
    ]
    known = [(one, name) for one, name in pairs if one]
    empty = [name for one, name in known if one.get("infinite", 0.0) >= MANY_INFINITE]
    held = [(one, name) for one, name in known if name not in empty]
    nothing = f"Many of them say nothing of {_some(empty)}." if empty else ""
    level = f"Its trust region's {100 * float(exam['level']):.12g} % intervals"
    if not held:
        return (
            f"Many of {level[0].lower()}{level[1:]} say nothing of {_some(empty)}." if empty else ""
        )
    rows = [
        int(own["rows"])
        for own, (one, name) in zip(exam["classes"], pairs, strict=True)
        if one and name not in empty
    ]
    mean = sum(one["coverage"] for one, _ in held) / len(held)
    of_class = " of a class" if len(held) > 1 else ""
    text = f"{level} hold the truth for {percent(mean)}{of_class}"
    hits = [round(one["coverage"] * n) for (one, _), n in zip(held, rows, strict=True)]
    if (worst := surely_least(hits, rows)) is not None:
        text += f" (least: {percent(held[worst][0]['coverage'])} of {held[worst][1]})"
    widths = [one["width"] for one, _ in held if one.get("width") is not None]
    if len(widths) == len(held):  # else there was no width to compare with
        width = digits.number(sum(widths) / len(widths), digits=2)
        text += f", at {width} times the width that would do in-domain"
    return f"{text}. {nothing}".rstrip()


def _promise(exam: Exam, names: Sequence[str], unit: str) -> str:
    """Say how much is trusted, what was promised, and what came of it."""
    method = exam["method"]
    own = [one["methods"][method]["class"] for one in exam["classes"]]
    shares = [one["share"] for one in own]
    where = names[0] if len(names) == 1 else kind_of(names)
    rows, n, hits = (sum(one[key] for one in own) for key in ("rows", "trusted", "within"))
    text = f"Of its predictions on {where} it lets you use {percent(n / rows)}"
    if len(shares) > 1:
        text += f" ({percent(min(shares))} to {percent(max(shares))})"
    inside = exam["summary"][method]["share_in_domain"]
    if inside is not None:
        text += f", in-domain {percent(inside)}"
    budgets = [one["budget"] for one in exam["classes"]]
    confidence = exam["classes"][0]["confidence"]
    text += f"; {percent(confidence)} of these are to lie within {span(budgets, unit)}"
    if not n:
        return f"{text}."
    text += f", and {percent(hits / n)} of the held-out ones do"
    if found := least(own, names):
        text += f" (least of {found})"
    return f"{text}."


def least(own: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Return the class whose promise surely held worst, with its share; "" where that is chance."""
    judged = [pair for pair in zip(own, names, strict=True) if pair[0]["trusted"] >= ENOUGH_TRUSTED]
    sizes = [int(one["trusted"]) for one, _ in judged]
    worst = surely_least([int(one["within"]) for one, _ in judged], sizes)
    return "" if worst is None else f"{judged[worst][1]}: {percent(judged[worst][0]['hit'])}"


def typical(exam: Exam, names: Sequence[str]) -> str:
    """Say on which classes mean and median judge differently whether errors are larger there.

    A few large in-domain errors hide that the typical material of a class is harder, and a few
    large errors of a class make it look hard that is not.
    """
    told = []
    for one, name in zip(exam["classes"], names, strict=True):
        mean, median = one.get("mae_rise"), one.get("median_rise")
        if mean is None or median is None or (mean >= WORSE) == (median >= WORSE):
            continue
        by_median, by_mean = (digits.number(value, digits=2) for value in (median, mean))
        told.append(f"{by_median} times on {name} (by the mean {by_mean})")
    return f"By the median it errs, over in-domain, {listed(told)}." if told else ""


def tally(summary: Mapping[str, Any]) -> str:
    """Return on how many classes a promise was kept, refused, missed and broken.

    A class of which next to nothing is trusted is refused: neither kept nor missed, whichever
    method it is.
    """
    n = summary["classes"]
    parts = [f"kept the promise on {summary['keeps']} of {n}"]
    parts += [f"refused {summary['refuses']}"] if summary["refuses"] else []
    parts += [f"fell short of it on {summary['short']}"] if summary["short"] else []
    parts += [f"broke it on {summary['breaks']}"] if summary["breaks"] else []
    return listed(parts)


def beside(exam: Exam) -> str:
    """Say how all methods fared on the same predictions, counted alike."""
    if not exam["beside"]:
        return ""
    told = []
    for name in (exam["method"], *exam["beside"]):
        summary = exam["summary"][name]
        nothing = summary["refuses"] == summary["classes"]
        told.append(f"{name} {'trusts nothing there' if nothing else tally(summary)}")
    return f"On the same predictions, {'; '.join(told)}."


def forecasts(exam: Exam, names: Sequence[str]) -> str:
    """Say how well the error of a class was forecast before any of its labels was known."""
    found = exam["forecast"]
    n = len(names)
    ratios = [
        (one["forecast_ratio"], name)
        for one, name in zip(exam["classes"], names, strict=True)
        if "forecast_ratio" in one
    ]
    if not ratios:  # no class has an error
        return ""
    text = "Before any label it forecasts its mean error on "
    if n == 1:
        ratio = ratios[0][0]
        return f"{text}{names[0]}: {digits.number(ratio, digits=2)} times the true one."
    text += f"each class: right to a factor of two on {found['within_twofold']} of {n}"
    low, high = min(ratios), max(ratios)
    text += (
        f" (from {digits.number(low[0], digits=2)} times the true error for {low[1]}"
        f" to {digits.number(high[0], digits=2)} times for {high[1]})"
    )
    return f"{text}."
