"""Matbench v0.1's five official folds, in file order (Dunn et al. 2020)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from atlas_core.api import DataError, Split, SplitRequest
from atlas_splits._parts import take_calibration
from atlas_splits.hooks import MatbenchFoldsConfig

FOLDS = 5
SEED = 18012019
"""Dunn et al. 2020, Methods, and ``matbench.constants``: the seed of every official fold."""

ROWS = {
    "regression": (312, 636, 1265, 4604, 4764, 10987, 18928, 106113, 132752),
    "binary": (4921, 5680, 106113),
}
"""Rows of the 13 tasks (Dunn et al. 2020, table 1)."""


class MatbenchFolds:
    """Cut the rows as Matbench does: stratified by target for classification."""

    def __init__(self, config: MatbenchFoldsConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return folds ``fold_0`` to ``fold_4``; the test parts do not depend on the run's seed.

        Rows must be those of the whole Matbench file in file order. A splitter sees no names, only
        rows: it warns when no task has this number of them.

        Raises:
            DataError: fewer rows than folds, or fewer rows of a class than folds.
        """
        n = len(request.materials)
        if n < FOLDS:
            raise DataError(f"matbench_folds: {n} rows cannot make {FOLDS} folds")
        if n not in ROWS[request.context.task]:
            warnings.warn(
                f"matbench_folds: {n} rows are no whole Matbench task of this kind"
                f" ({request.context.task}): these are not its official folds",
                stacklevel=2,
            )
        rows = np.arange(n)
        if request.context.task == "binary":
            if request.target is None:
                raise DataError("matbench_folds: stratified folds need the targets")
            counts = np.bincount(request.target.astype(np.int64), minlength=2)
            if counts.min() < FOLDS:
                raise DataError(
                    f"matbench_folds: the rarer class has {counts.min()} rows; {FOLDS} stratified"
                    f" folds need {FOLDS}"
                )
            cuts = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(
                rows, request.target
            )
        else:
            cuts = KFold(FOLDS, shuffle=True, random_state=SEED).split(rows)
        folds = []
        for index, (learn, test) in enumerate(cuts):
            name = f"fold_{index}"
            train, calibration = take_calibration(
                name, learn.astype(np.int64), self.config.calibration, request.context.seed
            )
            folds.append(Split(name, train=train, calibration=calibration, test=test))
        return folds
