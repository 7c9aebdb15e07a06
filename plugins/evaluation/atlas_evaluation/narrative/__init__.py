"""Findings in plain words: templates that turn codes and figures into English. Nothing is decided.

The reader is a physicist who knows no machine learning. Light: jinja2 and ruamel.yaml are imported
when something is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_core.kinds import evaluator as kind
from atlas_evaluation.judge import exam
from atlas_evaluation.judge.audit import LIMITS, SplitAudit
from atlas_evaluation.judge.figures import ENOUGH_TRUSTED, slack
from atlas_evaluation.judge.finding import About, Finding, Verdict
from atlas_evaluation.narrative.formatting import FILTERS, NAMED, capital, those, whole

if TYPE_CHECKING:
    from jinja2 import Environment

LONG_NAME = 60
"""Characters; a longer held-out class is called "held-out materials"."""
RULE = "the rule “contains an element not in the training set”"
JOINTS = ",;: "
"""A text that begins with one of these goes on where the one before ended."""


def headline(verdict: Verdict) -> str:
    """Return one sentence; all that some readers will read."""
    first, *rest = finding_texts(verdict.headline, verdict.about)
    return first + "".join(t if t[0] in JOINTS else f"; {t}" for t in rest) + "."


def sentences(verdict: Verdict) -> list[str]:
    """Return what the headline rests on, each a sentence with its figures; advice comes last."""
    evidence = report_of(verdict.evidence, verdict.about)
    advice = report_of(verdict.advice, verdict.about)
    return [*evidence, *([" ".join(advice)] if advice else [])]


def report_of(findings: Iterable[Finding], about: About | None = None) -> list[str]:
    """Return findings as sentences; one that goes on where another ended is joined to it."""
    sentences: list[str] = []
    for text in finding_texts(findings, about):
        if text[0] in JOINTS and sentences:
            sentences[-1] += text
        else:
            sentences.append(capital(text))
    return [f"{text}." for text in sentences]


def finding_texts(findings: Iterable[Finding], about: About | None = None) -> list[str]:
    """Return the text of each finding, without a final period."""
    words = _words(about or About(""))
    return [_environment().get_template(one.code).render({**words, **one.figures})
            for one in findings]  # fmt: skip


def in_words(verdict: Verdict) -> kind.Verdict:
    """Return a verdict with its texts, and each finding with its own."""
    about = verdict.about
    placed: dict[kind.Place, tuple[Finding, ...]] = {
        "headline": verdict.headline, "evidence": verdict.evidence, "advice": verdict.advice,
    }  # fmt: skip
    findings = [
        kind.Finding(place, one.code, one.grade, one.figures, text.lstrip(JOINTS))
        for place, some in placed.items()
        for one, text in zip(some, finding_texts(some, about), strict=True)
    ]
    return kind.Verdict(
        verdict.grade, headline(verdict), tuple(sentences(verdict)), tuple(findings)
    )


def described_exams(
    exams: Mapping[str, Mapping[str, Any]], classes: Mapping[str, str]
) -> dict[str, Any]:
    """Return exams with their classes in words, the limits they rest on, and what they compare.

    Args:
        exams: by arm.
        classes: {fold: its held-out class}.
    """
    found = {}
    for arm, one in exams.items():
        names = exam.named(one, classes)
        target_reliability = float(one["classes"][0]["target_reliability"])
        found[arm] = {
            **one,
            "names": names,
            "kind": exam.kind_of(names),
            "limits": {"enough_trusted": ENOUGH_TRUSTED, "slack": slack(target_reliability)},
            "least": exam.least_of(one, names),
            "sentences": report_of(exam.comparisons(one, names)),
        }
    return found


def audit_sentence(audit: SplitAudit) -> str:
    """Return what a split tests, in one or two sentences."""
    return " ".join(report_of(audit.headline))


def audit_json(audit: SplitAudit) -> dict[str, Any]:
    """Return an audit as plain JSON: its findings and their texts, and the limits it rests on."""
    return {
        **asdict(audit),
        "folds": [{**asdict(fold), "reasons": report_of(fold.findings)} for fold in audit.folds],
        "sentence": audit_sentence(audit),
        "reasons": report_of(audit.findings),
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
        "target": about.meaning.words(about.target),
        "named": about.meaning.class_names is not None,
        "class_name": about.meaning.quoted,
        "of_class": about.meaning.of_class,
        "one_answer": about.meaning.answer,
        "unit": f" {about.unit}" if about.unit and not about.binary else "",
        "others": "held-out materials" if long else held_out,
        "where": f"materials like its {like}",
        "bars": "label sets" if about.binary else "error bars",
        "narrow": "small" if about.binary else "narrow",
        "decided": about.wording,
    }


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined
    from ruamel.yaml import YAML

    texts: dict[str, str] = {}
    for name in ("verdict.yaml", "decisions.yaml", "audit.yaml"):
        texts |= YAML(typ="safe", pure=True).load(Path(__file__).with_name(name))
    loader = DictLoader(texts)
    environment = Environment(
        loader=loader,
        undefined=StrictUndefined,
        finalize=whole,
        autoescape=False,  # noqa: S701 - plain text: whoever puts it on a page escapes it
    )
    environment.filters.update(FILTERS)
    environment.tests["known"] = lambda entry: "low" in entry and "high" in entry
    environment.globals |= {"RULE": RULE, "NAMED": NAMED, "those": those}
    return environment
