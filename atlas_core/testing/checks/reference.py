"""What a reference promises. Light."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from atlas_core.arrays import F8
from atlas_core.kinds.dataset import DataContext
from atlas_core.kinds.reference import Border, BorderRows, Decision, Reference
from atlas_core.materials import Materials
from atlas_core.testing.checks.shared import Arrays, Case, returned, used
from atlas_core.testing.outcome import require, require_close
from atlas_core.testing.samples import Sample, toy_compounds, toy_target

SHARED = ("inputs_unchanged", "order_is_kept", "batch_of_one_equals_the_batch")
ROWS, LEARNED, MARGIN = 900, 600, 0.1
Given = tuple[Materials, F8, F8, F8]


def given(sample: Sample) -> Given:
    """Return known materials, their true values, predictions of them, and sigma."""
    materials = sample.once("reference", partial(toy_compounds, ROWS))
    rng = np.random.default_rng(3)
    target, sigma = toy_target(materials), rng.uniform(0.05, 0.4, ROWS)
    return materials, target, target + sigma * rng.normal(size=ROWS), sigma


def loaded(sample: Sample) -> Reference:
    """Return what the component loads."""
    folder = sample.folder
    context = DataContext(data_dir=folder, cache_dir=folder, spec_dir=folder, offline=True)
    return returned(sample.build().load(context), Reference, "load")


def rows_of(border: F8, handed: Given) -> BorderRows:
    """Return predictions held against a border, with a detector and without a trust method."""
    _, target, mean, sigma = handed
    unknown = np.full(ROWS, np.nan)
    kinds = np.full(ROWS, 3.0)
    return BorderRows(border, mean, sigma, unknown, sigma / 0.2, kinds, target)


def _border(reference: Reference, handed: Given) -> Border:
    materials, target = handed[:2]
    return returned(reference.border(materials, materials, target), Border, "border")


def _near(handed: Given) -> F8:
    """Return (n,) a border that half of the toys lie below."""
    return np.full(ROWS, float(np.median(handed[1])))


def make(sample: Sample, handed: Given) -> list[Case]:
    """Return a learned decision, and rows that it never saw."""
    rows = rows_of(_near(handed), handed)
    learned = loaded(sample).learn(rows.take(np.arange(LEARNED)), 0.0)
    made: Decision = returned(learned, Decision, "learn")
    return [Case("decision", made, rows.take(np.arange(LEARNED, ROWS)), _ask)]


def _ask(decision: Decision, rows: BorderRows) -> Arrays:
    hidden = replace(rows, target=np.full(len(rows), np.nan))
    found = np.asarray(decision(hidden), dtype=np.float64)
    require(found.shape == (len(rows),), f"{len(rows)} rows gave probabilities {found.shape}")
    right = bool(((found >= 0) & (found <= 1)).all())
    require(right, "a probability does not lie between 0 and 1")
    return {"probability": found}


def check_border_of_every_material(sample: Sample) -> None:
    """Each material gets a value and words, or words that say why it has none."""
    found = _border(loaded(sample), given(sample))
    require(len(found.value) == ROWS, f"{ROWS} materials got {len(found.value)} borders")
    require(all(text.strip() for text in found.words), "a border has no words")
    require(bool(np.isfinite(found.value).any()), "no material has a border")


def check_a_material_says_nothing_of_itself(sample: Sample) -> None:
    """The border of a material does not depend on its own true value: that is what is asked."""
    materials, target, *_ = given(sample)
    reference = loaded(sample)
    one = materials.take([0])
    values = []
    for own in (target[0], target[0] - 5.0):
        other = np.append(own, target[1:])
        values.append(reference.border(one, materials, other).value[0])
    same = np.array_equal(values[0], values[1], equal_nan=True)
    require(same, "its own value moves the border of a material")


def check_a_border_is_that_of_the_material_alone(sample: Sample) -> None:
    """Asked for alone, a material has the border that it has in a list."""
    handed = given(sample)
    reference, (materials, target, *_) = loaded(sample), handed
    some = [0, 7, 100]
    alone = reference.border(materials.take(some), materials, target).value
    whole = _border(reference, handed).value[some]
    require_close(alone, whole, "the border of a material alone", tolerance=1e-9, size=whole)


def check_probability_follows_the_margin(sample: Sample) -> None:
    """Predictions far below the border are more likely below it than those far above."""
    case = used(sample).made[0]
    probability, rows = case.whole["probability"], case.rows
    below = rows.border - rows.mean
    sure = np.quantile(below, [0.2, 0.8])
    low, high = probability[below < sure[0]].mean(), probability[below > sure[1]].mean()
    require(low < high, f"far above it says {low:.2f}, far below {high:.2f}")


def check_probabilities_are_calibrated(sample: Sample) -> None:
    """Of rows like those that it learned from, as many lie below as the probabilities add up to.

    Four deviations are allowed, for the rows that it learned from and for these.
    """
    case = used(sample).made[0]
    probability, rows = case.whole["probability"], case.rows
    true = float((rows.target <= rows.border).mean())
    spread = float(np.sqrt((probability * (1 - probability)).mean()))
    slack = 4.0 * spread * float(np.sqrt(1 / len(rows) + 1 / LEARNED)) + 0.02
    said = float(probability.mean())
    require(abs(said - true) <= slack, f"it says {said:.2f} on average, and {true:.2f} are")


def check_a_wider_margin_is_likelier(sample: Sample) -> None:
    """A value at most some way above the border is likelier than one at most at it."""
    handed = given(sample)
    rows = rows_of(_near(handed), handed)
    near = loaded(sample).learn(rows.take(np.arange(LEARNED)), MARGIN)
    case = used(sample).made[0]
    strict, wide = case.whole["probability"], _ask(near, case.rows)["probability"]
    require(strict.mean() < wide.mean(), f"{strict.mean():.2f} at it, {wide.mean():.2f} near it")


def check_decides_from_few_rows(sample: Sample) -> None:
    """A split may keep few calibration rows, or none: it still says something, from 0 to 1."""
    handed = given(sample)
    rows, reference = rows_of(_near(handed), handed), loaded(sample)
    for few in (0, 1, 30):
        decision = reference.learn(rows.take(np.arange(few)), 0.0)
        _ask(decision, rows.take(np.arange(LEARNED, ROWS)))
