"""Findings in plain words: templates that turn codes and figures into English. Nothing is decided.

The reader is a physicist who knows no machine learning. Light: jinja2 and ruamel.yaml are imported
when something is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_core.judge.audit import LIMITS, SplitAudit
from atlas_core.judge.finding import About, Finding, Verdict
from atlas_core.narrative.words import FILTERS, NAMED, capital, those

if TYPE_CHECKING:
    from jinja2 import Environment

GRADES = {
    "trust": "trust",
    "promise_kept": "keeps its word",
    "caution": "caution",
    "do_not_trust": "do not trust",
    "unknown": "unknown",
}
"""Each grade in words."""
KEPT = {"keeps": "kept", "refuses": "refused", "short": "fell short", "breaks": "broken"}
"""Of a class, in a table: its promise was ..."""
LABELS = {
    "trust": "use the prediction",
    "verify": "compute or measure the material before using it",
    "defer": "do not even rank materials by it before the model has learned more",
}
"""Each label of a prediction, in words."""
LONG_NAME = 60
"""Characters; a longer held-out class is called "held-out materials"."""
RULE = "the rule “contains an element never trained on”"
JOINTS = ",; "
"""A text that begins with one of these goes on where the one before ended."""


def headline(verdict: Verdict) -> str:
    """Return one sentence; all that some readers will read."""
    first, *rest = finding_texts(verdict.headline, verdict.about)
    return first + "".join(t if t[0] in JOINTS else f"; {t}" for t in rest) + "."


def sentences(verdict: Verdict) -> list[str]:
    """Return what the headline rests on, each a sentence with its figures; advice comes last."""
    told = told_of(verdict.evidence, verdict.about)
    advice = told_of(verdict.advice, verdict.about)
    return [*told, *([" ".join(advice)] if advice else [])]


def told_of(findings: Iterable[Finding], about: About | None = None) -> list[str]:
    """Return findings as sentences; one that goes on where another ended is joined to it."""
    told: list[str] = []
    for text in finding_texts(findings, about):
        if text[0] in JOINTS and told:
            told[-1] += text
        else:
            told.append(capital(text))
    return [f"{text}." for text in told]


def finding_texts(findings: Iterable[Finding], about: About | None = None) -> list[str]:
    """Return the text of each finding, without a full stop."""
    words = _words(about or About(""))
    return [_environment().get_template(one.code).render({**words, **one.figures})
            for one in findings]  # fmt: skip


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain JSON: its grade, its texts, and each finding with its own."""
    about = verdict.about
    findings = [
        {"place": place, **one.as_dict(), "text": text.lstrip(JOINTS)}
        for place in ("headline", "evidence", "advice")
        for one, text in zip(
            getattr(verdict, place), finding_texts(getattr(verdict, place), about), strict=True
        )
    ]
    return {
        "grade": verdict.grade,
        "headline": headline(verdict),
        "sentences": sentences(verdict),
        "findings": findings,
    }


def audit_sentence(audit: SplitAudit) -> str:
    """Return what a split tests, in one or two sentences."""
    return " ".join(told_of(audit.headline))


def audit_json(audit: SplitAudit) -> dict[str, Any]:
    """Return an audit as plain JSON: its findings and their texts, and the limits it rests on."""
    return {
        **asdict(audit),
        "folds": [{**asdict(fold), "reasons": told_of(fold.findings)} for fold in audit.folds],
        "sentence": audit_sentence(audit),
        "reasons": told_of(audit.findings),
        "limits": LIMITS,
    }


def _words(about: About) -> dict[str, Any]:
    """Return how an arm's subject is called."""
    held_out = about.held_out
    long = not held_out or ";" in held_out or len(held_out) > LONG_NAME
    like = "candidates" if about.chose else "training set"
    return {
        "arm": about.arm,
        "binary": about.binary,
        "bounded": about.bounded,
        "chose": about.chose,
        "target": about.target.replace("_", " "),
        "unit": f" {about.unit}" if about.unit and not about.binary else "",
        "others": "held-out materials" if long else held_out,
        "home": f"materials like its {like}",
        "bars": "label sets" if about.binary else "error bars",
        "narrow": "small" if about.binary else "narrow",
    }


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined
    from ruamel.yaml import YAML

    texts: dict[str, str] = {}
    for name in ("verdict.yaml", "audit.yaml"):
        texts |= YAML(typ="safe", pure=True).load(Path(__file__).with_name(name))
    loader = DictLoader(texts)
    environment = Environment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text: whoever puts it on a page escapes it
    )
    environment.filters.update(FILTERS)
    environment.tests["known"] = lambda entry: "low" in entry and "high" in entry
    environment.globals |= {"RULE": RULE, "NAMED": NAMED, "those": those}
    return environment
