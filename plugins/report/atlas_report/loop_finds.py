"""What a loop found of the materials at or below a border, beside what picking at random finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlas_pages import formatting
from atlas_report.source import Source
from atlas_statistics.binomial import BY_CHANCE, fisher_below, wilson


@dataclass(frozen=True)
class Found:
    """What one arm found, all folds together.

    Attributes:
        arm: its name.
        picks: how many candidates it chose.
        hits: how many of these are finds.
        base: share of all candidates that are.
        labeled: finds among its labels in the end, the first ones included.
        finds: finds among all candidates.
        folds: how many folds the picks are of, which share materials.
        expected: how many hits it expected; NaN where it does not say.
    """

    arm: str
    picks: int
    hits: int
    base: float
    labeled: int
    finds: int
    folds: int
    expected: float

    @property
    def times(self) -> tuple[float, float, float]:
        """Return how many times as many it found as by picking at random, and its interval.

        Picks of several folds are of the same materials: they count as those of one fold.
        """
        share = self.hits / self.picks
        low, high = wilson(share, self.picks / self.folds)
        return share / self.base, low / self.base, high / self.base


def found(source: Source) -> list[Found]:
    """Return what each arm found, in the order of the arms; [] for a loop that seeks the best."""
    table = source.active
    if "finds_picked" not in table or "finds_share" not in table:
        return []
    sizes = {str(one["name"]): one.get("sizes") or {} for one in source.folds}
    arms = np.array([str(one) for one in table["arm"].tolist()])
    folds = np.array([str(one) for one in table["fold"].tolist()])
    made = []
    for arm in dict.fromkeys(arms.tolist()):
        picks = hits = labeled = finds = candidates = 0.0
        expected = 0.0
        own = dict.fromkeys(folds[arms == arm].tolist())
        for fold in own:
            rows = np.flatnonzero((arms == arm) & (folds == fold))
            rows = rows[np.argsort(table["labeled"][rows], kind="stable")]
            batch = np.diff(table["labeled"][rows])
            n = sum(int(sizes.get(fold, {}).get(part) or 0) for part in ("train", "pool"))
            share = float(table["finds_share"][rows[0]])
            picks, candidates, finds = picks + batch.sum(), candidates + n, finds + share * n
            hits += (table["finds_picked"][rows[:-1]] * batch).sum()
            labeled += float(table["finds_found"][rows[-1]]) * share * n
            every = table.get("finds_expected", np.full(len(arms), np.nan))
            expected += (every[rows[:-1]] * batch).sum()
        if picks and finds and candidates:
            counts = (round(float(one)) for one in (picks, hits, labeled, finds))
            picked, hit, known, whole = counts
            made.append(
                Found(
                    arm, picked, hit, float(finds / candidates), known, whole, len(own),
                    float(expected),
                )
            )  # fmt: skip
    return made


def sentences(source: Source, reference: str) -> list[str]:
    """Return what the arms found; the first is the headline.

    Args:
        source: of the run.
        reference: the arm that picks at random; "" without one.
    """
    every = found(source)
    if not every:
        return []
    words = source.wording
    rivals = [one for one in every if one.arm != reference] or every
    best = max(rivals, key=lambda one: one.hits / one.picks)
    texts = [_against_chance(best, words.yes)]
    texts += [_against_chance(one, words.yes) for one in rivals if one is not best]
    texts += _against(best, next((one for one in every if one.arm == reference), None), every)
    for one in rivals:
        if np.isfinite(one.expected):
            texts.append(
                f"{one.arm} expected {formatting.fixed(one.expected, 0)} of its"
                f" {formatting.fixed(one.picks, 0)} picks to be {words.yes}, and {one.hits} are; it"
                " learned that from its labels and the calibration rows."
            )
    texts.append(
        f"What counts as {words.yes} is {source.target} at or below {words.border}, against"
        f" {words.against}."
    )
    return texts


def _against_chance(one: Found, yes: str) -> str:
    """Say how many of an arm's picks are finds, and whether that is more than by chance."""
    times, low, high = one.times
    share = formatting.percent(one.hits / one.picks)
    base = formatting.percent(one.base)
    ratio = f"{times:.2f} times (95 % interval {low:.2f} to {high:.2f})"
    of_all = f"as many as by picking at random ({base} of all candidates are)"
    surely = "" if low > 1 else ", which is fewer" if high < 1 else ", which may be chance"
    return (
        f"Of the {formatting.fixed(one.picks, 0)} candidates that {one.arm} chose, {one.hits} are"
        f" {yes} ({share}): {ratio} {of_all}{surely}."
    )


def _against(best: Found, chance: Found | None, every: list[Found]) -> list[str]:
    """Say what the arm that picks at random found, and whether the best surely found more."""
    if chance is None or chance.arm == best.arm:
        return []
    # picks of several folds are of the same materials: they count as those of one fold
    groups = [(one.hits / one.folds, round(one.picks / one.folds)) for one in (chance, best)]
    p = fisher_below(*groups[0], *groups[1]) * max(1, len(every) - 1)
    sure = "more than chance explains" if p < BY_CHANCE else "no more than chance may explain"
    return [
        f"{chance.arm} found {chance.hits} with {formatting.count(chance.picks, 'pick')}: the"
        f" difference to {best.arm} is {sure}.",
        f"Of all {formatting.fixed(best.finds, 0)} that are, {best.arm} has labeled"
        f" {best.labeled} in the end, its first labels included, and {chance.arm}"
        f" {chance.labeled}.",
    ]
