"""What the page shows of trust: what to use, and whether that reaches the target reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atlas_pages import formatting
from atlas_pages.formatting import count, fixed, number, percent
from atlas_pages.panels import Panel
from atlas_report import metric_labels
from atlas_report.source import Json, Source
from atlas_report.trust_panels import decided, named_classes, trust_panels
from atlas_statistics import digits
from atlas_statistics.binomial import Z_95, wilson
from atlas_statistics.bootstrap import stands_out

TONES = {"reached": "good", "abstained": "ref", "below": "fair", "missed": "poor"}


@dataclass(frozen=True)
class Value:
    """A cell of the table: a value, small print below it, and the tone of either."""

    value: str
    small: str = ""
    tone: str = ""
    small_tone: str = ""


@dataclass(frozen=True)
class Line:
    """One class, or the mean over classes in-domain.

    Attributes:
        name: of the class in words.
        small: how many materials it has.
        cells: what the deciding method says of it, in the order of ``TrustView.titles``.
        others: share trusted by each method beside it, and whether that held.
        oracle: the share that could be used.
    """

    name: str
    small: str
    cells: tuple[Value, ...]
    others: tuple[Value, ...]
    oracle: Value


@dataclass(frozen=True)
class Method:
    """The name of a trust method and what it is in one line, "" where that is not known."""

    name: str
    meaning: str


@dataclass(frozen=True)
class TrustView:
    """What the page shows of one arm's trust."""

    arm: str
    answer: str
    reliability: tuple[str, ...]
    sentences: tuple[str, ...]
    method: Method
    others: tuple[Method, ...]
    titles: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    panels: tuple[Panel, ...]


def trust_views(source: Source) -> tuple[TrustView, ...]:
    """Return the view of each arm that sat an exam, in the order of the arms."""
    return tuple(_view(source, arm, source.exam[arm]) for arm in source.rows if arm in source.exam)


def _view(source: Source, arm: str, exam: Json) -> TrustView:
    names = exam["names"]
    level = formatting.percent_of_level(float(exam["level"]))
    room = 100 * exam["limits"]["slack"]
    meanings = _meanings(source.manifest, arm)
    return TrustView(
        arm=arm,
        answer=_answer(exam, names, source.unit),
        reliability=tuple(_reliability(source, exam)),
        sentences=tuple(_sentences(exam, names, source.unit)),
        method=Method(exam["method"], meanings.get(exam["method"], "")),
        others=tuple(Method(name, meanings.get(name, "")) for name in exam["others"]),
        titles=(
            (
                "error",
                "Mean absolute error on the class, and how many times the in-domain one it is: by"
                " the mean, and by the median, which a few large errors do not move.",
            ),
            ("may be used", "Share of the class's predictions that are labeled trust."),
            (
                "of these within",
                "Share of the trusted predictions whose error is within tolerance.",
            ),
            (
                "reliability",
                f"Reached, to {room:.3g} points; fell short; missed: by more than chance explains;"
                f" or abstained: fewer than {exam['limits']['enough_trusted']} were trusted.",
            ),
            (
                f"its {level} intervals hold",
                "Share of true values inside the trust region's interval, which atlas screen gives;"
                " and its mean width over that of plain split conformal, the same everywhere.",
            ),
            ("error forecast", "Mean error that was expected before any label was known."),
        ),
        lines=tuple(_lines(exam, names)),
        panels=trust_panels(source, arm, exam, names),
    )


def _meanings(manifest: Json, arm: str) -> dict[str, str]:
    """Return what each trust method is, in the words of its plugin."""
    chosen = ((manifest.get("arms") or {}).get(arm) or {}).get("trust") or {}
    together = [chosen, *(chosen.get("beside") or ())]
    return {str(one.get("use")): str(one.get("summary") or "") for one in together}


def _answer(exam: Json, names: Sequence[str], unit: str) -> str:
    """Return the sentence that a hurried reader takes along: of all held-out classes together.

    The class most is trusted of may be the one that is hardly new, so none is picked out as the
    answer; one whose reliability is surely lower than that of the others is named.
    """
    own = [decided(exam, one) for one in exam["classes"]]
    rows, n, hits = (sum(one[key] for one in own) for key in ("rows", "trusted", "within"))
    wanted = percent(exam["classes"][0]["target_reliability"])
    error_tolerances = [float(one["error_tolerance"]) for one in exam["classes"]]
    error_tolerance = f"{digits.span(error_tolerances)} {unit}".rstrip()
    unseen = _never_seen(names, exam["kind"])
    text = f"Of {count(rows, 'prediction')} on {unseen}, it labels as trusted"
    if not n:
        return f"{text} none: of no list of them {wanted} are expected within {error_tolerance}."
    ends = ""
    if n >= 2:
        low, high = wilson(hits / n, n)
        ends = f", 95{formatting.NARROW}% interval {percent(low)} to {percent(high)} over materials"
    text += (
        f" {fixed(n, 0)} ({percent(n / rows)}); {percent(hits / n)} of these are within"
        f" {error_tolerance} (target reliability {wanted}{ends})"
    )
    if least := exam["least"]:
        text += f"; least of {least['name']}: {percent(least['share'])}"
    return f"{text}."


def _never_seen(names: Sequence[str], kind: str) -> str:
    if len(names) > 1:
        return f"{len(names)} held-out {kind}, kinds it never saw"
    one = names[0] if names[0].startswith("materials") else f"materials of the class {names[0]}"
    return f"{one}, an unseen kind"


def _reliability(source: Source, exam: Json) -> list[str]:
    """Say what is wanted, and where error tolerance and target reliability come from."""
    stated = source.stated
    error_tolerances = [float(one["error_tolerance"]) for one in exam["classes"]]
    target_reliability = float(exam["classes"][0]["target_reliability"])
    error_tolerance = f"{digits.span(error_tolerances)} {source.unit}".rstrip()
    text = (
        f"Target reliability: {percent(target_reliability)} of the predictions labeled trust lie"
        f" within the error tolerance, {error_tolerance}, of the true value."
    )
    quantile, price = stated.get("error_tolerance_quantile"), stated.get("price")
    origin = []
    if quantile:
        where = (
            "each fold's calibration materials"
            if len(error_tolerances) > 1
            else "calibration materials"
        )
        origin.append(
            f"The error tolerance is what {percent(float(quantile))} of the errors on {where},"
            " which are like the training set, stay below (the spec's error_tolerance_quantile)"
        )
    elif stated.get("error_tolerance"):
        origin.append("The error tolerance is set in the spec")
    if price:
        origin.append(
            f"the target reliability follows from its price: a label costs {price['label']:g}, a"
            f" mistake {price['mistake']:g}"
        )
    elif stated:
        own = stated.get("target_reliability") is not None
        origin.append(f"the target reliability {'is set in the spec' if own else 'is the default'}")
    origins = "; ".join(origin)
    return [text, *([f"{origins[0].upper()}{origins[1:]}."] if origins else [])]


def _sentences(exam: Json, names: Sequence[str], unit: str) -> list[str]:
    found = []
    inside = [decided(exam, one, "in_domain") for one in exam["classes"]]
    n, trusted = sum(one["rows"] for one in inside), sum(one["trusted"] for one in inside)
    hits = sum(one["within"] for one in inside)
    if n and trusted:
        found.append(
            f"In-domain it labels as trusted {percent(trusted / n)}; {percent(hits / trusted)} of"
            " these are within tolerance."
        )
    pairs = [pair for pair in named_classes(exam, names) if "mae_low" in pair[0]]
    most = stands_out(
        [float(one["mae"]) for one, _ in pairs],
        [float(one["mae_high"] - one["mae_low"]) / 2 / Z_95 for one, _ in pairs],
        [int(one["rows"]) for one, _ in pairs],
    )
    if most is not None:
        found += _hardest(exam, *pairs[most], unit)
    return [*found, *exam["sentences"]]


def _hardest(exam: Json, worst: Json, name: str, unit: str) -> list[str]:
    """Say how much it lets one use of the class on which it surely errs most."""
    rise, typical = worst.get("mae_rise"), worst.get("median_rise")
    own = decided(exam, worst)
    if rise is None:
        return []
    used = percent(own["share"]) if own["trusted"] else "none"
    median = f", {number(typical, digits=2)} times by the median" if typical is not None else ""
    return [
        f"Where it errs most, on {name} ({_with_unit(worst['mae'], unit)},"
        f" {number(rise, digits=2)} times as much as in-domain{median}),"
        f" it labels as trusted {used}."
    ]


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value, digits=2)} {unit}".rstrip()


def _entry(found: Json, name: str) -> dict[str, float]:
    """Return a figure of the exam with its interval, as the other tables take it."""
    ends = {end: found[f"{name}_{end}"] for end in ("low", "high") if f"{name}_{end}" in found}
    return {"value": found[name], **ends}


def _share(found: Json, name: str, tone: str = "") -> Value:
    entry = _entry(found, name)
    return Value(percent(entry["value"]), metric_labels.interval(entry, "share"), tone)


def _lines(exam: Json, names: Sequence[str]) -> list[Line]:
    return [_line(exam, one, name) for one, name in named_classes(exam, names)]


NOTHING = Value("–")


def _line(exam: Json, one: Json, name: str) -> Line:
    own = decided(exam, one)
    rise = one.get("mae_rise")
    covered = one["intervals"].get("trust_class")
    forecast = NOTHING
    if one.get("forecast") is not None:
        ratio = one.get("forecast_ratio")
        small = f"{number(ratio, digits=2)} × the true" if ratio is not None else ""
        forecast = Value(digits.shown(_entry(one, "forecast")), small)
    return Line(
        name=name,
        small=count(one["rows"], "material"),
        cells=(
            Value(
                digits.shown(_entry(one, "mae")),
                _rise(rise, one.get("median_rise")),
            ),
            Value(percent(own["share"]), fixed(own["trusted"], 0)),
            _hit(own),
            Value(own["grade"], "", TONES[own["grade"]]),
            _covered(covered) if covered else NOTHING,
            forecast,
        ),
        others=tuple(_of_other(one["methods"][method]["class"]) for method in exam["others"]),
        oracle=_share(one, "oracle_share"),
    )


def _rise(mean: float | None, median: float | None) -> str:
    """Return how much larger errors are than in-domain, by mean and by median."""
    if mean is None:
        return ""
    typical = f" (median {number(median, digits=2)} ×)" if median is not None else ""
    return f"{number(mean, digits=2)} ×{typical} in-domain"


def _covered(found: Json) -> Value:
    """Return how many true values lie inside, and how wide the intervals are for it."""
    wide = f"{number(found['width'], digits=2)} × as wide" if found.get("width") else ""
    return Value(percent(found["coverage"]), wide)


def _hit(own: Json) -> Value:
    return _share(own, "hit") if own["trusted"] else NOTHING


def _of_other(own: Json) -> Value:
    tone, small = TONES[own["grade"]], own["grade"]
    if own["grade"] != "abstained":
        small = f"{percent(own['hit'])} within: {small}"
    return Value(percent(own["share"]), small, "", tone)
