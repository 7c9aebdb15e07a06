"""The evaluator. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, hookimpl


class NoOptions(Config):
    """There is nothing to choose."""


@hookimpl
def atlas_evaluator() -> list[Component]:
    """Offer the evaluator."""
    standard = Component(
        "standard",
        NoOptions,
        "atlas_evaluation.standard:StandardEvaluator",
        texts=("narrative/*.yaml",),
    )
    return [standard]
