"""k-fold cross-validation: every row is tested once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atlas_core.api import I8, DataError, Split, SplitRequest, derive_seed
from atlas_splits._parts import formula_groups, take_calibration
from atlas_splits.hooks import KFoldConfig


class KFold:
    """Cut all rows into k test folds; calibration comes out of each training fold."""

    def __init__(self, config: KFoldConfig) -> None:
        self.config = config

    def split(self, request: SplitRequest) -> Sequence[Split]:
        """Return folds ``fold_0`` to ``fold_{k-1}``; their test parts cover every row once.

        Groups (rows, or formulas with ``group_by_formula``) are dealt whole, so folds of formulas
        have nearly equal numbers of formulas rather than of rows.

        Raises:
            DataError: fewer rows (or formulas) than folds, or nothing left to train on.
        """
        config, n = self.config, len(request.materials)
        groups: I8 | None = formula_groups(request.materials) if config.group_by_formula else None
        key = np.arange(n) if groups is None else groups
        count = int(key.max()) + 1 if n else 0
        if count < config.folds:
            what = "rows" if groups is None else "different formulas"
            raise DataError(f"kfold: {count} {what} cannot make {config.folds} folds")
        if config.shuffle:
            rng = np.random.default_rng(derive_seed(request.context.seed, "kfold"))
            order = rng.permutation(count)
        else:  # groups in order of first appearance
            order = np.argsort(np.unique(key, return_index=True)[1])
        folds = []
        for index, chosen in enumerate(np.array_split(order, config.folds)):
            name = f"fold_{index}"
            tested = np.isin(key, chosen)
            train, calibration = take_calibration(
                name, np.flatnonzero(~tested), config.calibration, request.context.seed, groups
            )
            folds.append(
                Split(name, train=train, calibration=calibration, test=np.flatnonzero(tested))
            )
        return folds
