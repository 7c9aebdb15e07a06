"""The kinds of component, one file each: what a component receives and must return."""

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
    "reference",
    "metric",
    "evaluator",
    "report",
    "command",
    "executor",
)
"""Every kind, in the order in which a run uses them: each is a module here with a ``KIND``."""

OBSERVER_GROUP = "atlas.observer"
"""The entry-point group of modules that only look on."""
