r'''The ``acquisition`` kind: which unlabeled materials to label next. Light: numpy only.

A whole plugin, in a module ``atlas_either``::

    """Label what is either promising or uncertain: the better of two ranks decides."""

    import numpy as np

    from atlas_core.api import Component, Config, Field, hookimpl, select_top


    class EitherConfig(Config):
        """How the two compare."""

        curiosity: float = Field(0.8, ge=0, le=1, description="Weight of uncertainty; 1 is even.")


    def rank(values):
        """Return (n,) in [0, 1]: the share of the other rows that lie below."""
        return np.searchsorted(np.sort(values), values) / max(len(values) - 1, 1)


    class Either:
        """Rank the pool by mean and by sigma."""

        def __init__(self, config):
            self.curiosity = config.curiosity

        def select(self, request):
            wanted = 1.0 if request.goal == "maximize" else -1.0
            utility = rank(wanted * request.prediction.mean)
            sigma = request.prediction.std
            if sigma is not None:
                utility = np.maximum(utility, self.curiosity * rank(sigma))
            return select_top(request, utility)  # ties go by id


    @hookimpl
    def atlas_acquisition():
        return [Component("either", EitherConfig, Either)]

with this in its ``pyproject.toml``::

    [project.entry-points."atlas.acquisition"]
    either = "atlas_either"

``active_learning: {acquisition: either, rounds: 10}`` then labels these first.

With ``goal: stable`` a loop seeks what lies at or below the border of the run's ``reference``, such
as crystals on the convex hull, and not the lowest values. A request then holds predictions less
their border, ``best`` is 0, and a component that ``requires={"decision"}`` gets the
``probability`` of each row: the arm's own model, trained on which side of their border the labeled
rows lie, with what it says of rows left out turned into a probability. No label of the pool enters,
neither there nor in a border. ``cost`` is what a label costs, where a spec says that it grows with
the cell.
'''

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from atlas_core.arrays import F8, I8, Str, freeze
from atlas_core.context import FitContext
from atlas_core.errors import ContractError
from atlas_core.kinds.kind import Kind
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction

Goal = Literal["maximize", "minimize"]
TOP_SHARE = 0.01
"""Share of the candidates that are the best, of which an acquisition is to find many."""


def top_size(candidates: int) -> int:
    """Return how many of so many candidates are the best, at least one."""
    return max(1, round(TOP_SHARE * candidates))


@dataclass(frozen=True, eq=False)
class AcquisitionRequest:
    """Input of an acquisition function: no label of the pool.

    Attributes:
        ids: (n,) the pool.
        prediction: of the n rows, in the target's unit.
        batch: number to select, 1 <= batch <= n.
        goal: whether high or low targets are sought.
        best: the best target observed so far under ``goal``.
        context: its seed, threads, and callback for progress.
        ood: scores of the n rows, or None.
        probability: (n,) of being what is sought, as learned from rows whose labels are known; for
            one that requires ``decision``, or None.
        cost: (n,) what a label costs, > 0, in any unit; None: all cost the same.
    """

    ids: Str
    prediction: Prediction
    batch: int
    goal: Goal
    best: float
    context: FitContext
    ood: OODScore | None = None
    probability: F8 | None = None
    cost: F8 | None = None


@dataclass(frozen=True, eq=False)
class Selection:
    """Selected rows, highest utility first.

    Attributes:
        ids: (k,) unique ids of the selected rows.
        indices: (k,) their positions in the request.
        utility: (n,) of every row of the pool; higher is better.
    """

    ids: Str
    indices: I8
    utility: F8

    def __post_init__(self) -> None:
        freeze(self, np.str_, "ids")
        freeze(self, np.int64, "indices")
        freeze(self, np.float64, "utility")
        if len(np.unique(self.ids)) != len(self.ids) or self.ids.shape != self.indices.shape:
            raise ContractError("selection: ids must be unique, one per selected row")
        if np.isnan(self.utility).any():
            raise ContractError("selection: a utility is NaN")


def select_top(request: AcquisitionRequest, utility: F8) -> Selection:
    """Choose the ``batch`` rows of highest utility, ties by id."""
    order = np.lexsort((request.ids, -np.asarray(utility, dtype=np.float64)))[: request.batch]
    return Selection(ids=request.ids[order], indices=order, utility=utility)


@runtime_checkable
class Acquisition(Protocol):
    """Choose what to label next."""

    def select(self, request: AcquisitionRequest) -> Selection:
        """Return ``request.batch`` distinct rows; ties go by id."""
        ...


KIND = Kind(
    "acquisition",
    Acquisition,
    place="arm",
    description="What to label next; needs `active_learning`.",
    block="active_learning",
    retrained=False,
)
