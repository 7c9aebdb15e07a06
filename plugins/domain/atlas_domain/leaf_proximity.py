"""Company in the leaves of the model's trees (Breiman 2001)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from atlas_core.api import F8, I8, DataError, Detector, FitContext, Inputs
from atlas_domain._verdict import Fitted, Verdict
from atlas_domain.options import LeafDetectorConfig

CELLS = 2**24
"""Pairs of a row and a training row that are counted at a time: bounds memory."""


def leaves_of(rows: Inputs) -> I8:
    """Return (n, k) the leaves of n rows.

    Raises:
        DataError: the arm's model has no trees.
    """
    if rows.leaves is None:
        raise DataError(
            "ood: leaf proximity needs a model of trees; use knn_distance, or novelty with"
            " parts that do not name leaf"
        )
    return rows.leaves


@dataclass(frozen=True)
class LeafProximity:
    """Score rows by 1 - the mean of their largest proximities to training rows.

    Attributes:
        leaves: (t, k) the leaves of the training rows.
        nearest: how many proximities are averaged.
        own: (t,) the training rows' own scores, each without itself, where a row is compared
            with its nearest training rows; None where it is not.
    """

    leaves: I8
    nearest: int
    own: F8 | None

    @classmethod
    def of(cls, train: Inputs, nearest: int, *, local: bool = False) -> LeafProximity:
        """Note the training rows' leaves and, where ``local``, how alone each is itself.

        Raises:
            DataError: the arm's model has no trees, or there are fewer than two training rows.
        """
        leaves = leaves_of(train)
        if len(leaves) < 2:
            raise DataError(f"ood: {len(leaves)} training rows; a detector needs at least 2")
        nearest = min(nearest, len(leaves) - 1)
        plain = cls(leaves, nearest, None)
        return cls(leaves, nearest, plain.without_self()) if local else plain

    def __call__(self, rows: Inputs) -> F8:
        """Return (n,) scores.

        From 0, always in company, to 1, always alone; local scores are those less the mean score
        of the nearest training rows.
        """
        return self._score(leaves_of(rows), skip_own=False)

    def without_self(self) -> F8:
        """Return the training rows' own scores, each without itself."""
        return self._score(self.leaves, skip_own=True)

    def _score(self, leaves: I8, *, skip_own: bool) -> F8:
        """Count, for each row, the trees it shares a leaf in with each training row.

        The proximity of two rows is the share of trees in which they fall into the same leaf
        (Breiman 2001). Rows and leaves as a sparse matrix make the counts a matrix product,
        whose work is the pairs that do meet.
        """
        trees = leaves.shape[1]
        if trees != self.leaves.shape[1]:
            raise DataError(f"ood: rows have {trees} trees, training rows {self.leaves.shape[1]}")
        if not len(leaves):
            return np.zeros(0)
        known, columns, offsets = _columns(self.leaves)
        training = _indicator(columns, offsets[-1]).T.tocsr()
        score = np.empty(len(leaves))
        step = max(1, CELLS // len(self.leaves))
        for start in range(0, len(leaves), step):
            block = leaves[start : start + step]
            shared = (_indicator(_look_up(block, known, offsets), offsets[-1]) @ training).tocsr()
            owner = np.repeat(np.arange(len(block)), np.diff(shared.indptr))
            counts, places = shared.data.astype(np.int64), shared.indices.astype(np.int64)
            if skip_own:
                counts[places == owner + start] = 0
            # one number a pair, so that sorting puts each row's largest counts first, ties by place
            pair = (owner * (trees + 1) + trees - counts) * len(self.leaves) + places
            pair.sort()
            first, places = np.divmod(pair, len(self.leaves))
            owner, fewer = np.divmod(first, trees + 1)
            rank = np.arange(len(pair)) - shared.indptr[owner]
            chosen = (rank < self.nearest) & (fewer < trees)
            mine, counts, places = owner[chosen], trees - fewer[chosen], places[chosen]
            total = np.bincount(mine, weights=counts, minlength=len(block))
            found = 1.0 - total / (self.nearest * trees)
            if self.own is not None:
                # who meets nobody is compared with the usual training row
                met = np.bincount(mine, minlength=len(block))
                sums = np.bincount(mine, weights=self.own[places], minlength=len(block))
                found = found - np.where(met > 0, sums / np.maximum(met, 1), self.own.mean())
            score[start : start + step] = found
        return score


def _columns(leaves: I8) -> tuple[list[I8], I8, I8]:
    """Return the leaves that each tree knows, the column of each, and where a tree's begin."""
    known, columns, offsets = [], np.empty(leaves.shape, dtype=np.int64), [0]
    for tree in range(leaves.shape[1]):
        names, place = np.unique(leaves[:, tree], return_inverse=True)
        known.append(names)
        columns[:, tree] = place + offsets[-1]
        offsets.append(offsets[-1] + len(names))
    return known, columns, np.array(offsets)


def _look_up(leaves: I8, known: list[I8], offsets: I8) -> I8:
    """Return the column of each leaf, -1 for a leaf without training rows."""
    columns = np.empty(leaves.shape, dtype=np.int64)
    for tree, names in enumerate(known):
        place = np.minimum(np.searchsorted(names, leaves[:, tree]), len(names) - 1)
        found = names[place] == leaves[:, tree]
        columns[:, tree] = np.where(found, place + offsets[tree], -1)
    return columns


def _indicator(columns: I8, width: int) -> csr_array:
    """Return the sparse (n, width) matrix with a one for each leaf that a row falls into."""
    inside = columns >= 0
    indptr = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
    indices = columns[inside]
    ones = np.ones(len(indices), dtype=np.int32)
    return csr_array((ones, indices, indptr), shape=(len(columns), int(width)))


@dataclass(frozen=True)
class LeafDetector:
    """Measure how alone a row is in the leaves of the arm's own trees."""

    config: LeafDetectorConfig

    def fit(self, train: Inputs, calibration: Inputs, context: FitContext) -> Detector:
        """Note the training rows' leaves; the seed is not needed.

        Raises:
            DataError: the arm's model has no trees, or there are fewer than two training rows.
        """
        proximity = LeafProximity.of(train, self.config.nearest, local=self.config.local)
        verdict = Verdict.of(
            train,
            calibration,
            self.config.quantile,
            score=proximity,
            training_scores=proximity.without_self,
        )
        return Fitted(proximity, verdict)
