"""The kinds of component, one file each: what a component receives, and what it promises."""

KINDS = (
    "dataset",
    "split",
    "featurizer",
    "model",
    "uq",
    "calibrator",
    "ood",
    "trust",
    "acquisition",
    "metric",
    "report",
    "command",
    "executor",
)
"""Every kind, in the order in which a run uses them; the entry-point group is ``atlas.<kind>``."""

IN_SPECS = tuple(kind for kind in KINDS if kind not in {"command", "executor"})
"""The kinds that a spec names."""

OBSERVER_GROUP = "atlas.observer"
"""The entry-point group of modules that only look on."""
