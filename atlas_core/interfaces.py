"""One small protocol for each capability that components give and need. Light: numpy only."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from atlas_core.arrays import F8, I8
from atlas_core.kinds.featurizer import Features


@runtime_checkable
class HasDropout(Protocol):
    """``model:dropout``: predicts with dropout left on."""

    def sample(self, features: Features, passes: int, seed: int) -> F8:
        """Return (passes, n) stochastic predictions; the same seed gives the same bytes."""
        ...


@runtime_checkable
class HasMembers(Protocol):
    """``model:members``: is a committee of k models (the trees of a forest)."""

    def members(self, features: Features) -> F8:
        """Return (k, n) predictions of the members; their mean is ``predict``."""
        ...


@runtime_checkable
class HasVariance(Protocol):
    """``model:variance``: predicts its own variance (a Gaussian process)."""

    def predict_std(self, features: Features) -> tuple[F8, F8]:
        """Return (n,) epistemic and (n,) aleatoric std in the target's unit, >= 0.

        Zeros stand for a part that it knows nothing of: a network that predicts noise only.
        """
        ...


@runtime_checkable
class HasEmbedding(Protocol):
    """``model:embedding``: has an inner representation."""

    def embed(self, features: Features) -> F8:
        """Return (n, d) vectors that depend on each row alone."""
        ...


@runtime_checkable
class HasLeaves(Protocol):
    """``model:leaves``: its trees sort rows into leaves."""

    def leaves(self, features: Features) -> I8:
        """Return (n, k) the leaf of each of k trees, numbered within its tree."""
        ...


@runtime_checkable
class HasInBag(Protocol):
    """``model:inbag``: a committee that knows which training rows each member drew."""

    def inbag(self) -> I8:
        """Return (k, n) how often member i drew training row j; each row of it sums to n."""
        ...


@runtime_checkable
class HasQuantiles(Protocol):
    """``model:quantiles``: predicts quantiles of the target given the features."""

    def quantiles(self, features: Features, levels: F8) -> F8:
        """Return (l, n) quantiles at ``levels`` (l,), ascending in (0, 1)."""
        ...


@runtime_checkable
class HasSnapshots(Protocol):
    """``model:snapshots``: kept its weights at k points of one training."""

    def snapshots(self, features: Features) -> F8:
        """Return (k, n) predictions, one row for each set of weights; their mean is ``predict``."""
        ...


@runtime_checkable
class FitsInThreads(Protocol):
    """``model:threads``: several of it may be fitted at once, each in a thread of this process.

    A model that fills the machine by itself (``FitContext.n_jobs``) has nothing to gain from it.

    Attributes:
        fits_in_threads: True; nothing global (warning filters, BLAS threads) is changed by a fit.
    """

    fits_in_threads: bool


CAPABILITIES: dict[str, str] = {
    "target": "the splitter reads targets (stratified folds, target tail)",
    "inputs:composition": "the data set knows formulas",
    "inputs:structure": "the data set knows crystal structures",
    "features:vectors": "the featurizer returns Vectors",
    "features:fractions": "the featurizer's Vectors are the atomic fractions of all elements",
    "features:graphs": "the featurizer returns Graphs",
    "features:directions": "the featurizer's Graphs hold whole shells of neighbors, with vectors",
    "model:dropout": "the model predicts with dropout left on (HasDropout)",
    "model:members": "the model is a committee (HasMembers)",
    "model:variance": "the model predicts its own variance (HasVariance)",
    "model:embedding": "the model has an inner representation (HasEmbedding)",
    "model:leaves": "the model is a forest: each tree sorts a row into a leaf (HasLeaves)",
    "model:inbag": "the model's members know which training rows they drew (HasInBag)",
    "model:quantiles": "the model predicts quantiles of the target (HasQuantiles)",
    "model:snapshots": "the model kept its weights at several points of training (HasSnapshots)",
    "model:threads": "several models can be fitted at once in threads (FitsInThreads)",
    "epistemic": "predictions have an epistemic std (model uncertainty)",
    "aleatoric": "predictions carry a std from noise in the data",
    "samples": "predictions carry draws",
    "decision": "a loop's goal is `stable`: what lies at or below the border of a reference",
    "verdict": "verdicts read the metric: a run reports it whatever its spec names",
    "refit": "the calibrator trains the arm's model on parts of the training rows",
    "task:regression": "the target is a number",
    "task:binary": "the target is 0 or 1",
}
"""Every capability string a component may name, in words."""

PROTOCOLS: dict[str, type] = {
    "model:dropout": HasDropout,
    "model:members": HasMembers,
    "model:variance": HasVariance,
    "model:embedding": HasEmbedding,
    "model:leaves": HasLeaves,
    "model:inbag": HasInBag,
    "model:quantiles": HasQuantiles,
    "model:snapshots": HasSnapshots,
    "model:threads": FitsInThreads,
}
"""What a built model must implement to ``give`` a capability."""
