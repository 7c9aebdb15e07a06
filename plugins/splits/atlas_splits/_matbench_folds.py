"""Matbench's official folds: scikit-learn's, with Matbench's seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from atlas_core.api import DataError, Split, SplitRequest
from atlas_splits._parts import take_calibration
from atlas_splits.matbench_folds import MatbenchFoldsConfig

FOLDS = 5
SEED = 18012019
"""Dunn et al. 2020, Methods, and ``matbench.constants``: the seed of every official fold."""


class MatbenchFolds:
    """Cut the rows as Matbench does: stratified by target for classification."""

    def __init__(self, config: MatbenchFoldsConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return folds ``fold_0`` to ``fold_4``; the test parts do not depend on the run's seed.

        Rows must be those of the whole Matbench file in file order.

        Raises:
            DataError: fewer rows than folds, or fewer rows of a class than folds.
        """
        n = len(request.materials)
        if n < FOLDS:
            raise DataError(f"matbench_folds: {n} rows cannot make {FOLDS} folds")
        rows = np.arange(n)
        if request.task == "binary":
            if request.target is None:
                raise DataError("matbench_folds: stratified folds need the targets")
            counts = np.bincount(request.target.astype(np.int64), minlength=2)
            if counts.min() < FOLDS:
                raise DataError(
                    f"matbench_folds: class {counts.argmin()} has {counts.min()} rows;"
                    f" {FOLDS} stratified folds need {FOLDS}"
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
                name, learn.astype(np.int64), self.config.calibration, request.seed
            )
            folds.append(Split(name, train=train, calibration=calibration, test=test))
        return folds
