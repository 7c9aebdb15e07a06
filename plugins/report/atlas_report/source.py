"""What a page shows of a finished run: its rows by arm and part, and what it was asked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from atlas_core.api import Meaning, Wording, meaning_of
from atlas_core.data.assessments import Assessments
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.errors import SpecError
from atlas_core.metrics.registry import Shown, figures
from atlas_core.observe import FinishedRun, held_out, held_out_classes
from atlas_core.printing import listed
from atlas_core.spec.yaml import parse

IN_DOMAIN = "test"
HELD_OUT = "ood_test"
SHOWN_PARTS = (IN_DOMAIN, HELD_OUT)

PART_LABEL = {IN_DOMAIN: "in-domain", HELD_OUT: "held out"}

WORTH = {"regression": "mae", "binary": "balanced_accuracy"}
"""The metric by which arms are compared at a glance, by task."""

Json = Mapping[str, Any]


def shown(rows: Predictions) -> dict[str, Predictions]:
    """Return the rows by part, in-domain first; parts without a row are left out."""
    parts = {part: rows.part(part) for part in SHOWN_PARTS}
    return {part: own for part, own in parts.items() if len(own)}


@dataclass(frozen=True, eq=False)
class Source:
    """What a page shows of a run.

    Attributes:
        manifest: of the run.
        metrics: of the run.
        rows: predictions by arm, in the order of the spec.
        records: of the run.
        active: columns of the labeling rounds by name; {} without a loop.
        stated: the block `trust` of the spec; {} where no arm has a trust method.
        verdict: by arm.
        exam: by arm; empty where no arm has a trust method.
        twins: fold -> {id: target of a training material of the same formula}, where that is far
            from the material's own target, as the split audit noted.
        audit: of the split; {} where there was none.
        labeled: {arm: {(fold, id, part): label}} of its deciding trust method; {} without one.
        together: {arm: arms whose predictions are its own row by row, itself first}.
        again: {arm: its predictions in each other training, row by row those of ``rows``}; {} of
            one training.
        decided: {arm: its decisions on test materials}; {} without a reference.
    """

    manifest: Json
    metrics: Json
    rows: Mapping[str, Predictions]
    records: Sequence[Json]
    active: Mapping[str, Any]
    stated: Json
    verdict: Mapping[str, Json] = field(default_factory=dict)
    exam: Mapping[str, Json] = field(default_factory=dict)
    twins: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    audit: Json = field(default_factory=dict)
    labeled: Mapping[str, Mapping[tuple[str, str, str], str]] = field(default_factory=dict)
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    again: Mapping[str, Sequence[Predictions]] = field(default_factory=dict)
    decided: Mapping[str, Decisions] = field(default_factory=dict)

    def called(self, arm: str) -> str:
        """Return the name of an arm, with those that are shown as one with it."""
        return listed(list(self.together.get(arm) or (arm,)))

    @property
    def task(self) -> str:
        """Return ``regression`` or ``binary``."""
        return str(self.metrics.get("task") or self.manifest["dataset"].get("task", "regression"))

    @cached_property
    def figures(self) -> Mapping[str, Shown]:
        """Return how each metric is shown, in the order of tables."""
        return figures(self.manifest.get("figures"))

    @property
    def unit(self) -> str:
        """Return the target's unit, "" where it has none."""
        return str(self.manifest["dataset"].get("unit") or "")

    @cached_property
    def meaning(self) -> Meaning:
        """Return what the data set says of its target."""
        return meaning_of(self.manifest["dataset"])

    @property
    def target(self) -> str:
        """Return the target's name in words."""
        return self.meaning.words(str(self.manifest["dataset"].get("target", "target")))

    @property
    def classes(self) -> tuple[str, str]:
        """Return what 0 and 1 of a binary target are called."""
        return self.meaning.class_name(0), self.meaning.class_name(1)

    def in_classes(self, text: str) -> str:
        """Return a text on class 0, class 1 or P(1) with the names of the classes."""
        if self.meaning.class_names is None:
            return text
        text = text.replace("P(1)", f"P({self.classes[1]})")
        return re.sub(r"class ([01])\b", lambda found: self.meaning.quoted(int(found[1])), text)

    @cached_property
    def wording(self) -> Wording:
        """Return the question of the reference in words."""
        return Wording(**(self.manifest.get("reference") or {}).get("wording", {}))

    @property
    def loop(self) -> bool:
        """Return whether the arms chose what they learned from."""
        return bool(len(self.active.get("labeled", ())))

    @property
    def folds(self) -> Sequence[Json]:
        """Return what the manifest says of each fold."""
        return list((self.manifest.get("split") or {}).get("folds") or ())

    @property
    def held_out(self) -> str:
        """Return the held-out class in words, "" where a split has none."""
        return held_out(self.manifest.get("split"))

    @property
    def several_held_out(self) -> bool:
        """Return whether the folds hold out more than one class."""
        return len(set(held_out_classes(self.manifest.get("split")).values())) > 1


def metric_of(source: Source, arm: str, part: str, name: str) -> Mapping[str, float] | None:
    """Return a metric of an arm on a part; None where it is not known."""
    parts = source.metrics["arms"][arm].get("parts") or {}
    entry = ((parts.get(part) or {}).get("metrics") or {}).get(name)
    known = entry is not None and entry.get("value") is not None and math.isfinite(entry["value"])
    return entry if known else None


def worth(source: Source, arm: str) -> tuple[bool, float]:
    """Return what arms are ranked by, the best the smallest; an arm without it comes last.

    It is the error on the held-out class, without one in-domain; of classes less the balanced
    accuracy.
    """
    name, sign = WORTH[source.task], -1.0 if source.task == "binary" else 1.0
    for part in (HELD_OUT, IN_DOMAIN):
        if any(metric_of(source, one, part, name) for one in source.rows):
            entry = metric_of(source, arm, part, name)
            return entry is None, 0.0 if entry is None else sign * entry["value"]
    return True, 0.0


def source_of(run: FinishedRun) -> Source:
    """Return what a page shows of a run."""
    rows, others = run.predictions.by_arm(), [one.by_arm() for one in run.repeats]
    return Source(
        manifest=run.manifest,
        metrics=run.metrics,
        rows=rows,
        records=run.records,
        active=run.rounds,
        stated=_stated(run.spec) if run.exam else {},
        verdict=run.verdict,
        exam=run.exam,
        twins={fold: found.get("twins") or {} for fold, found in run.audited.items()},
        audit=run.audit,
        labeled={} if run.trust is None else _labeled(run.trust),
        again={arm: [one[arm] for one in others] for arm in rows} if others else {},
        decided={} if run.decisions is None else _decided(run.decisions),
    )


def _decided(decisions: Decisions) -> dict[str, Decisions]:
    """Return the decisions of each arm on test materials."""
    seen = decisions.take(np.isin(decisions.parts, SHOWN_PARTS))
    return {arm: seen.take(seen.arm == arm) for arm in dict.fromkeys(seen.arm.tolist())}


def _labeled(trust: Assessments) -> dict[str, dict[tuple[str, str, str], str]]:
    """Return the label of each prediction of each arm by the method that decides."""
    found: dict[str, dict[tuple[str, str, str], str]] = {}
    for arm in dict.fromkeys(trust.arm.tolist()):
        own = trust.take(trust.arm == arm)
        own = own.of(str(own.method[0]))
        keys = zip(own.fold.tolist(), own.ids.tolist(), own.parts.tolist(), strict=True)
        found[arm] = dict(zip(keys, own.label.tolist(), strict=True))
    return found


def _stated(spec: str) -> Mapping[str, Any]:
    """Return the spec's block ``trust``; {} where it cannot be read."""
    try:
        found = parse(spec, "spec.lock.yaml").value
    except SpecError:
        return {}
    block = found.get("trust") if isinstance(found, dict) else None
    return block if isinstance(block, dict) else {}
