"""Calibrators and their options. Light."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from atlas_calibration._ahead import (
    CURVE_ROWS,
    FACTOR_ROWS,
    both_classes,
    conformal,
    enough,
    fewest,
)
from atlas_calibration._options import ScoreConfig, TailsConfig, requires_of_score
from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl


class CQRConfig(Config):
    """No options: the quantiles are those of the prediction's draws."""


class CrossConformalConfig(ScoreConfig):
    """Errors on training rows, each predicted by a model that was not trained on it.

    Calibration rows are left unused: set the split's `calibration` to 0 and train on them.
    """

    folds: int = Field(
        10,
        ge=2,
        description="Models trained in addition to the arm's own, each without one fold of the"
        " training rows. At or above the number of training rows: one model per row"
        " (jackknife+).",
    )


class IsotonicConfig(Config):
    """No options: the curve comes from the calibration rows."""


class LinearConfig(TailsConfig):
    """Two non-negative numbers, a and b, from the calibration rows."""


class MondrianConfig(ScoreConfig):
    """Quantiles of the errors on calibration rows, group by group."""

    groups: Literal["anion_family", "elements", "sigma", "column"] = Field(
        "anion_family",
        description="`anion_family`: oxides, halides, intermetallics, ... `elements`: number of"
        " elements. `sigma`: bins of sigma with equal numbers of calibration rows;"
        " regression only. `column`: the values of a column of the data set.",
    )
    column: str = Field("", description="With `groups: column`: name of the column.")
    bins: int = Field(5, ge=2, description="With `groups: sigma`: number of bins.")
    min_rows: int = Field(
        30,
        ge=1,
        description="Minimum number of calibration rows per group. A smaller group, or one too"
        " small for the highest level, uses the quantile of all rows, with a"
        " warning.",
    )

    @model_validator(mode="after")
    def _column_is_named(self) -> Self:
        if (self.groups == "column") != bool(self.column):
            raise ValueError("groups: column needs the name of a column, the others take none")
        return self


class IdentityConfig(Config):
    """No options; uses no calibration rows."""


class SplitConformalConfig(ScoreConfig):
    """Quantiles of the errors on calibration rows."""


class VarianceScalingConfig(TailsConfig):
    """One number from the calibration rows: what sigma is multiplied by."""


class VennAbersConfig(Config):
    """No options: two isotonic curves come from the calibration rows."""


class WeightedConformalConfig(ScoreConfig):
    """Weight calibration rows by their similarity to the rows that are predicted (density ratio).

    If none of them is similar to a new row, its interval is infinite: see the infinite share.
    """

    ratio: Literal["logistic", "boosting"] = Field(
        "logistic",
        description="Classifier between calibration rows and new ones; its odds are the density"
        " ratio. `logistic`: on features clipped at three standard deviations, so"
        " that one outlier does not dominate. `boosting`: gradient-boosted trees.",
    )
    look_at: Literal["features", "fractions"] = Field(
        "features",
        description="Input of the classifier. `fractions`: atomic fractions of the elements,"
        " also for arms whose features are graphs.",
    )
    folds: int = Field(
        5,
        ge=2,
        description="Number of cross-fitting folds: each row's ratio comes from a"
        " classifier not trained on its fold.",
    )
    min_rows: int = Field(
        20,
        ge=2,
        description="Minimum number of new rows to estimate the shift. With fewer, calibration"
        " rows are weighted equally, with a warning.",
    )


def _cross_conformal_requires(config: CrossConformalConfig) -> frozenset[str]:
    """Return ``refit``, and what the score _cross_conformal_requires."""
    return requires_of_score(config) | {"refit"}


def _cross_conformal_check(config: CrossConformalConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few training rows."""
    n, needed = len(facts.train), max(fewest(facts.levels), 2)
    return [] if n >= needed else [f"{n} training rows, needs at least {needed}; use more data"]


def _isotonic_check(config: IsotonicConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or rows of both classes."""
    return enough(facts, CURVE_ROWS) + both_classes(facts)


def _linear_check(config: LinearConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few rows."""
    return enough(facts, CURVE_ROWS)


def _mondrian_requires(config: MondrianConfig) -> frozenset[str]:
    """Return ``epistemic`` and regression where sigma is used."""
    by_sigma = {"epistemic", "task:regression"} if config.groups == "sigma" else frozenset[str]()
    return requires_of_score(config) | by_sigma


def _mondrian_check(config: MondrianConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or the column that names groups."""
    problems = conformal(config, facts)
    if config.groups == "column" and config.column not in facts.train.columns:
        known = ", ".join(sorted(facts.train.columns)) or "none"
        problems.append(f"the data set has no column {config.column!r}; it has: {known}")
    return problems


def _variance_scaling_check(config: VarianceScalingConfig, facts: FoldFacts) -> list[str]:
    """Return why there are too few rows."""
    return enough(facts, FACTOR_ROWS)


def _venn_abers_check(config: VennAbersConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or rows of both classes."""
    return enough(facts, max(CURVE_ROWS, fewest(facts.levels))) + both_classes(facts)


def _weighted_conformal_check(config: WeightedConformalConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows for the levels, or for the folds."""
    return conformal(config, facts) or enough(facts, config.folds)


CALIBRATORS = (
    Component(
        "cqr",
        CQRConfig,
        "atlas_calibration.cqr:CQR",
        requires={"samples", "task:regression"},
        citation="10.48550/arXiv.1905.03222",
        check=conformal,
    ),
    Component(
        "cross_conformal",
        CrossConformalConfig,
        "atlas_calibration.cross_conformal:CrossConformal",
        requires=_cross_conformal_requires,
        citation="10.1214/20-AOS1965",
        check=_cross_conformal_check,
    ),
    Component(
        "isotonic",
        IsotonicConfig,
        "atlas_calibration.isotonic:Isotonic",
        requires={"epistemic"},
        citation="10.48550/arXiv.1807.00263",
        check=_isotonic_check,
    ),
    Component(
        "linear",
        LinearConfig,
        "atlas_calibration.linear:Linear",
        requires={"epistemic", "task:regression"},
        citation="10.1038/s41524-022-00794-8",
        check=_linear_check,
    ),
    Component(
        "mondrian",
        MondrianConfig,
        "atlas_calibration.mondrian:Mondrian",
        requires=_mondrian_requires,
        citation="https://proceedings.mlr.press/v128/bostrom20a.html",
        check=_mondrian_check,
    ),
    Component(
        "identity",
        IdentityConfig,
        "atlas_calibration.identity:Identity",
        expected_failures={"coverage_keeps_its_word": "it passes on the stated sigma"},
    ),
    Component(
        "split_conformal",
        SplitConformalConfig,
        "atlas_calibration.split_conformal:SplitConformal",
        requires=requires_of_score,
        citation="10.1080/01621459.2017.1307116",
        check=conformal,
    ),
    Component(
        "variance_scaling",
        VarianceScalingConfig,
        "atlas_calibration.variance_scaling:VarianceScaling",
        requires={"epistemic", "task:regression"},
        citation="10.3390/s22155540",
        check=_variance_scaling_check,
    ),
    Component(
        "venn_abers",
        VennAbersConfig,
        "atlas_calibration.venn_abers:VennAbers",
        requires={"task:binary"},
        citation="10.48550/arXiv.1211.0025",
        check=_venn_abers_check,
    ),
    Component(
        "weighted_conformal",
        WeightedConformalConfig,
        "atlas_calibration.weighted_conformal:WeightedConformal",
        requires=requires_of_score,
        citation="10.48550/arXiv.1904.06019",
        expected_failures={
            "batch_of_one_equals_the_batch": "the shift is measured on all rows that are predicted",
        },
        check=_weighted_conformal_check,
    ),
)


@hookimpl
def atlas_calibrator() -> list[Component]:
    """Offer the calibrator components."""
    return list(CALIBRATORS)
