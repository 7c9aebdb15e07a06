"""Score decisions: a yes-or-no question per material, whatever the target is. Light: numpy only.

A decision is scored as a prediction of two classes, 1 being "at or below the border", by the same
metrics as a binary task.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from atlas_core.arrays import Bool, Str
from atlas_core.context import derive_seed
from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import SCORED_PARTS
from atlas_core.kinds.trust import LABELS
from atlas_core.metrics.registry import Metrics
from atlas_evaluation.scoring.score import score_part
from atlas_statistics import bootstrap
from atlas_statistics.binomial import wilson

LEARNED = "calibration"
"""Part whose outcomes the decisions were learned from."""
SURE = 0.9
"""Probability from which a call is a confident one."""


def score_decisions(
    decisions: Decisions, *, seed: int, metrics: Metrics
) -> dict[str, dict[str, Any]]:
    """Return {arm: what ``metrics.json`` holds of its decisions}.

    ``base`` is the share at or below the border among the rows that decisions were learned from:
    the trivial answer, which ``base_brier`` scores on each part; without such rows it is the share
    of the part itself. ``labels`` says of each label how many calls got it and how many of them
    were right, with Wilson's interval of the share for as many materials. ``beyond`` holds
    differences with their intervals, both of a pair resampled together: ``right``, how much more
    often calls are right than one call for all of the part, the more frequent one; ``brier``, how
    much smaller the Brier score is than that of the base rate; ``too_sure``, how much more often
    calls are stated to be right than they are; ``too_high``, the mean of P less the share of 1.
    ``classes`` has calls, scores and trusted calls of each fold.

    Args:
        decisions: of one or more arms.
        seed: of the resampling.
        metrics: which.
    """
    two = metrics.only(task="binary", of_detectors=False)
    found: dict[str, dict[str, Any]] = {}
    for arm in dict.fromkeys(decisions.arm.tolist()):
        own = decisions.take(decisions.arm == arm)
        learned = own.part(LEARNED)
        base = float(learned.true.mean()) if len(learned) else None
        parts = {}
        for part in SCORED_PARTS:
            rows = own.part(part)
            if part == LEARNED or not len(rows):
                continue
            parts[part] = _scored(rows, two, base, seed=derive_seed(seed, "decisions", arm, part))
        if parts:
            found[arm] = {"margin": float(own.margin[0]), "parts": parts}
            found[arm] |= {} if base is None else {"base": base}
    return found


def _scored(rows: Decisions, metrics: Metrics, base: float | None, *, seed: int) -> dict[str, Any]:
    classes = rows.as_classes()
    scored, _ = score_part(
        classes, metrics=metrics, task="binary", seed=seed, group=None, calibration=None
    )
    rate = float(rows.true.mean()) if base is None else base
    if base is not None:
        scored["base_brier"] = float(np.mean((rows.true - base) ** 2))
    right = rows.call == rows.true
    scored["labels"] = {
        label: _share(right[own], rows.ids[own])
        for label in LABELS
        if (own := rows.label == label).any()
    }
    scored["sure"] = {
        name: _share((rows.true if yes else ~rows.true)[sure], rows.ids[sure])
        for name, yes, sure in (
            ("yes", True, rows.probability >= SURE),
            ("no", False, rows.probability <= 1.0 - SURE),
        )
        if sure.any()
    }
    scored["folds"] = _by_fold(rows)
    scored["classes"] = _classes(rows, rate)
    scored["beyond"] = _beyond(rows, rate, seed=derive_seed(seed, "beyond"))
    return scored


def _beyond(rows: Decisions, rate: float, *, seed: int) -> dict[str, dict[str, float]]:
    """Return what decisions have beyond a trivial answer, and what they state beyond the truth."""
    true, probability = rows.true.astype(np.float64), rows.probability
    right = (rows.call == rows.true).astype(np.float64)
    one_call = rows.true == (true.mean() > 0.5)
    pairs = {
        "right": (right, one_call),
        "brier": ((true - rate) ** 2, (true - probability) ** 2),
        "too_sure": (1.0 - rows.risk, right),
        "too_high": (probability, true),
    }
    materials = bootstrap.numbered(rows.ids)
    found = {}
    for name, (first, second) in pairs.items():
        one = bootstrap.paired_difference(first, second, seed=seed, materials=materials)
        found[name] = {"value": one.difference, "low": one.low, "high": one.high}
    return found


def _share(right: Bool, ids: Str) -> dict[str, float]:
    """Return how many rows and materials there are and the share that is right.

    Its interval is Wilson's for as many materials: of several rows of one no more is known.
    """
    n, share = len(set(ids.tolist())), float(right.mean())
    low, high = wilson(share, n)
    return {"n": len(right), "materials": n, "right": share, "low": low, "high": high}


def _by_fold(rows: Decisions) -> dict[str, Any]:
    """Return how often the most confident calls of each fold were right."""
    found = {}
    for fold in dict.fromkeys(rows.fold.tolist()):
        own = rows.take(rows.fold == fold)
        sure = own.probability >= SURE
        if sure.any():
            found[fold] = _share(own.true[sure], own.ids[sure])
    return found


def _classes(rows: Decisions, rate: float) -> dict[str, Any]:
    """Return of each fold, whose held-out class is its own, what came of its decisions."""
    found = {}
    for fold in dict.fromkeys(rows.fold.tolist()):
        own = rows.take(rows.fold == fold)
        right, trusted = own.call == own.true, own.label == "trust"
        found[fold] = {
            "calls": _share(right, own.ids),
            "share": float(own.true.mean()),
            "brier": float(np.mean((own.true - own.probability) ** 2)),
            "base_brier": float(np.mean((own.true - rate) ** 2)),
            **({"trust": _share(right[trusted], own.ids[trusted])} if trusted.any() else {}),
        }
    return found
