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
    "command",
)
"""Every kind, in the order in which a run uses them; the entry-point group is ``atlas.<kind>``."""

NOT_IN_SPECS = frozenset({"command"})
"""Kinds that no spec names."""

OBSERVER_GROUP = "atlas.observer"
"""The entry-point group of modules that only look on."""
