"""How far the figures of an arm move from training to training. Light: numpy only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from atlas_evaluation.scoring.detection import RULE

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Metrics with their values by name of a part, or of a detector."""


def spread(trainings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return each figure of several trainings, with their mean and standard deviation.

    Args:
        trainings: ``metrics["arms"][arm]`` of two or more, the first one first.

    Returns:
        ``n`` trainings; in ``parts`` and in ``ood``, laid out as in ``metrics.json``, the
        ``values`` of each figure, their ``mean`` and their ``std`` (that of a sample, ddof 1). A
        figure that is not known of every training is left out, as is the rule of unseen elements,
        which is not trained.
    """
    parts = [{name: part["metrics"] for name, part in one["parts"].items()} for one in trainings]
    ood = [{n: own for n, own in one["ood"].items() if n != RULE} for one in trainings]
    return {"n": len(trainings), "parts": dict(_spread(parts)), "ood": dict(_spread(ood))}


def _spread(trainings: Sequence[Figures]) -> Iterator[tuple[str, dict[str, Any]]]:
    for place, metrics in trainings[0].items():
        own = [one.get(place, {}) for one in trainings]
        found = {}
        for name in metrics:
            values = [one[name]["value"] for one in own if "value" in one.get(name, {})]
            if len(values) == len(own):
                mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
                found[name] = {"values": values, "mean": mean, "std": std}
        yield place, found
