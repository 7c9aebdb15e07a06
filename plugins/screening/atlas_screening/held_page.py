"""What the page of a screen says where predictions are held against a reference. Light."""

from __future__ import annotations

from typing import Any

from atlas_core.kinds.trust import LABELS
from atlas_pages import formatting
from atlas_pages.panels import Panel
from atlas_screening.competition_page import competition_view
from atlas_screening.decision_words import FEW, Names, basis, like_these, names_of
from atlas_screening.diagrams import diagrams
from atlas_screening.held import Held
from atlas_screening.held_rows import held_axis, held_groups
from atlas_screening.result import Facts, Screened


def held_view_of(result: Screened, held: Held) -> dict[str, Any]:
    """Return what the template names besides, and in place of, what it names of any screen."""
    facts, names, axis = result.facts, names_of(held.against), held_axis(result)
    groups = held_groups(result, held, axis)
    return {
        "title": f"Which of {formatting.count(facts.screened, 'candidate')} are {names.yes}, and"
        " which of these calls may be used?",
        "answer": _answer(held, names, facts),
        "shares": _shares(held),
        "groups": groups,
        "ticks": axis.ticks(lambda at: formatting.fixed(at, 10).rstrip("0").rstrip(".")),
        "held": {
            "hull": held.against.hull,
            "names": names,
            "zero": axis.place(0.0),
            "columns": _columns(held, names, facts),
            "margin": f"{held.against.margin:g}",
            "cost": held.cost_column,
            "has_value_label": facts.labels is not None,
            "order": _order(held, names, facts),
        },
        "held_sentences": _sentences(result, held, names),
        "competition": competition_view(result, held),
        "diagrams": _diagrams(result, held),
    }


def _diagrams(result: Screened, held: Held) -> list[Panel]:
    """Return the phase diagrams of the best candidates' systems."""
    if result.competition is None:
        return []
    decided, border = held.decided, held.decided.border
    return diagrams(
        result.competition.systems,
        held,
        prediction=result.prediction,
        lower=decided.lower + border,
        upper=decided.upper + border,
        unit=result.facts.unit,
    )


def _answer(held: Held, names: Names, facts: Facts) -> str:
    """Say how many are called stable, and how many of these calls may be used."""
    counts = held.facts()
    yes = (held.decided.label == "trust") & (held.decided.probability >= 0.5)
    text = (
        f"Of {formatting.count(facts.screened, 'candidate')},"
        f" {formatting.fixed(counts['calls'], 0)} are called {names.yes};"
        f" {formatting.fixed(int(yes.sum()), 0)} of these calls are labeled trust."
    )
    if counts["undecided"]:
        text += f" For {formatting.fixed(counts['undecided'], 0)} there is no decision."
    return text


def _shares(held: Held) -> list[tuple[str, str, float]]:
    """Return each label of a decision with its share in words and in percent."""
    n = len(held.decided)
    counts = [(one, int((held.decided.label == one).sum())) for one in LABELS]
    return [
        (name, formatting.percent(many / n), round(100 * many / n, 2))
        for name, many in counts
        if many
    ]


def _sentences(result: Screened, held: Held, names: Names) -> list[str]:
    """Say what a label promises, what P rests on, and where the two labels differ."""
    record, hull = held.against.record, held.against.hull
    share = formatting.percent(held.against.decider.reference.target_reliability)
    said = [
        f"Of the calls labeled trust, {share} should be right: a statement about all of them"
        " together. The label of the call is not that of the value.",
        f"{basis(held.against)}.",
    ]
    if record["rows"] >= FEW:
        said.append(f"{like_these(names)}.")
    if hull:
        said.append(
            "Formation energy is not stability: a candidate is stable where its energy lies at or"
            " below every mixture of other phases of this reference. A phase that it lacks does not"
            " compete."
        )
    if record.get("brier") is not None and record.get("base_brier") is not None:
        said.append(
            f"Brier score of {names.probability} on these test rows:"
            f" {formatting.number(record['brier'])}; {formatting.number(record['base_brier'])} for"
            " the base rate alone."
        )
    said += _differ(result, held)
    if held.facts()["known"]:
        known = formatting.count(held.facts()["known"], "candidate")
        said.append(
            f"{known} {'has a composition' if held.facts()['known'] == 1 else 'have compositions'}"
            " that the reference has: each row names that phase, which is left out of what the row"
            " is held against."
        )
    return said


def _differ(result: Screened, held: Held) -> list[str]:
    """Say how many calls are trusted although the value is not, and the other way round."""
    if result.labels is None:
        return []
    call, value = held.decided.label == "trust", result.labels == "trust"
    some = (held.decided.label != "").astype(bool)
    one, other = int((call & ~value).sum()), int((~call & value & some).sum())
    if not one and not other:
        return []
    return [
        f"Trusted as a call, although the value is not: {formatting.fixed(one, 0)}; the other way"
        f" round: {formatting.fixed(other, 0)}."
    ]


def _order(held: Held, names: Names, facts: Facts) -> str:
    """Say how the list is ranked."""
    if facts.goal != "stable":
        return "Ranked by the prediction, not by what it is held against."
    per = f" per {held.cost_column}" if held.cost is not None else ""
    return f"Ranked by {names.probability}{per}, then by the lowest {names.above}."


def _columns(held: Held, names: Names, facts: Facts) -> list[tuple[str, str]]:
    """Return the title and meaning of each column."""
    unit = f" in {facts.unit}" if facts.unit else ""
    level = formatting.percent_of_level(facts.level)
    margin = f"{held.against.margin:g}"
    found = [
        ("rank", _order(held, names, facts)),
        (
            names.probability,
            "Chance that the true value lies at or below the border, learned from calibration"
            f" rows; below it the chance to lie at most {margin}{unit.replace(' in', '')} above.",
        ),
        (
            names.above,
            f"The prediction minus {names.border}{unit}; below it the interval of {level}."
            " Negative: below every mixture of other phases.",
        ),
        (
            "on one axis",
            f"The dot is {names.above}, the line its interval, the dashed line {names.border}.",
        ),
        (
            "labels",
            "The label of the call, and below it that of the value"
            if facts.labels is not None
            else "The label of the call: whether it may be used.",
        ),
        (
            "against",
            "The phases of the reference that compete; how far the true value must lie from the"
            f" prediction to be on the other side of {names.border}; and the phase of the same"
            " composition, where the reference has one.",
        ),
        ("predicted", f"The predicted value{unit} with its interval."),
        ("why be careful", "What speaks against the prediction."),
        ("nearest in training", "The three nearest training materials with their true values."),
    ]
    if held.cost is not None:
        found.insert(1, (held.cost_column, "Cost of the candidate, as its list says."))
    return found
