"""Metrics, in the order of tables; those with VERDICT are read by verdicts. Light."""

from __future__ import annotations

from atlas_core.api import Component, Config, hookimpl

VERDICT = frozenset({"verdict"})


class MetricConfig(Config):
    """The metrics of this family have no options."""


METRICS = (
    Component("mae", MetricConfig, "atlas_metrics.point:mae", provides=VERDICT),
    Component("rmse", MetricConfig, "atlas_metrics.point:rmse"),
    Component("r2", MetricConfig, "atlas_metrics.point:r2", provides=VERDICT),
    Component("mae_over_mad", MetricConfig, "atlas_metrics.point:mae_over_mad", provides=VERDICT),
    Component("median_ae", MetricConfig, "atlas_metrics.point:median_ae", provides=VERDICT),
    Component("mean_error", MetricConfig, "atlas_metrics.point:mean_error", provides=VERDICT),
    Component(
        "share_too_high", MetricConfig, "atlas_metrics.point:share_too_high", provides=VERDICT
    ),
    Component("mae_baseline", MetricConfig, "atlas_metrics.point:mae_baseline", provides=VERDICT),
    Component(
        "mae_over_baseline",
        MetricConfig,
        "atlas_metrics.point:mae_over_baseline",
        provides=VERDICT,
    ),
    Component("max_error", MetricConfig, "atlas_metrics.point:max_error"),
    Component(
        "rank_correlation",
        MetricConfig,
        "atlas_metrics.point:rank_correlation",
        provides=VERDICT,
    ),
    Component("accuracy", MetricConfig, "atlas_metrics.classes:accuracy", provides=VERDICT),
    Component(
        "class_1_share", MetricConfig, "atlas_metrics.classes:class_1_share", provides=VERDICT
    ),
    Component(
        "balanced_accuracy",
        MetricConfig,
        "atlas_metrics.classes:balanced_accuracy",
        provides=VERDICT,
    ),
    Component("f1", MetricConfig, "atlas_metrics.classes:f1"),
    Component("precision", MetricConfig, "atlas_metrics.classes:precision"),
    Component("recall", MetricConfig, "atlas_metrics.classes:recall"),
    Component(
        "daf", MetricConfig, "atlas_metrics.classes:daf", citation="10.1038/s42256-025-01055-1"
    ),
    Component("precision_top_10", MetricConfig, "atlas_metrics.classes:precision_top_10"),
    Component("wrong_at_80", MetricConfig, "atlas_metrics.classes:wrong_at_80"),
    Component("roc_auc", MetricConfig, "atlas_metrics.classes:roc_auc", provides=VERDICT),
    Component("brier", MetricConfig, "atlas_metrics.classes:brier", provides=VERDICT),
    Component("log_loss", MetricConfig, "atlas_metrics.classes:log_loss"),
    Component(
        "probability_ends",
        MetricConfig,
        "atlas_metrics.classes:probability_ends",
        provides=VERDICT,
    ),
    Component("ece", MetricConfig, "atlas_metrics.classes:ece", provides=VERDICT),
    Component("picp", MetricConfig, "atlas_metrics.intervals:picp", provides=VERDICT),
    Component("mpiw", MetricConfig, "atlas_metrics.intervals:mpiw", provides=VERDICT),
    Component(
        "infinite_share",
        MetricConfig,
        "atlas_metrics.intervals:infinite_share",
        provides=VERDICT,
    ),
    Component("interval_score", MetricConfig, "atlas_metrics.intervals:interval_score"),
    Component("dispersion", MetricConfig, "atlas_metrics.sigma:dispersion"),
    Component("sharpness", MetricConfig, "atlas_metrics.sigma:sharpness"),
    Component("crps", MetricConfig, "atlas_metrics.sigma:crps"),
    Component(
        "nll",
        MetricConfig,
        "atlas_metrics.sigma:nll",
        expected_failures={
            "unit_scales_as_declared": "a density is per unit: its logarithm shifts with it"
        },
    ),
    Component("zms", MetricConfig, "atlas_metrics.sigma:zms", provides=VERDICT),
    Component(
        "within_1_sigma", MetricConfig, "atlas_metrics.sigma:within_1_sigma", provides=VERDICT
    ),
    Component(
        "beyond_5_sigma", MetricConfig, "atlas_metrics.sigma:beyond_5_sigma", provides=VERDICT
    ),
    Component("median_z", MetricConfig, "atlas_metrics.sigma:median_z", provides=VERDICT),
    Component("ence", MetricConfig, "atlas_metrics.sigma:ence"),
    Component("miscalibration_area", MetricConfig, "atlas_metrics.sigma:miscalibration_area"),
    Component("spearman", MetricConfig, "atlas_metrics.doubt:spearman", provides=VERDICT),
    Component("aurc", MetricConfig, "atlas_metrics.doubt:aurc"),
    Component("aurc_oracle", MetricConfig, "atlas_metrics.doubt:aurc_oracle"),
    Component("aurc_random", MetricConfig, "atlas_metrics.doubt:aurc_random"),
    Component("ause", MetricConfig, "atlas_metrics.doubt:ause"),
    Component("ause_random", MetricConfig, "atlas_metrics.doubt:ause_random"),
    Component(
        "error_auroc",
        MetricConfig,
        "atlas_metrics.doubt:error_auroc",
        expected_failures={
            "resamples_are_repeated_rows": "the largest tenth is taken over the whole part"
        },
    ),
    Component("wrong_auroc", MetricConfig, "atlas_metrics.doubt:wrong_auroc", provides=VERDICT),
    Component("mae_at_80", MetricConfig, "atlas_metrics.doubt:mae_at_80"),
    Component("auroc", MetricConfig, "atlas_metrics.detection:auroc", provides=VERDICT),
    Component("aupr", MetricConfig, "atlas_metrics.detection:aupr"),
    Component("fpr95", MetricConfig, "atlas_metrics.detection:fpr95"),
    Component(
        "share_flagged_test",
        MetricConfig,
        "atlas_metrics.detection:share_flagged_test",
        provides=VERDICT,
    ),
    Component(
        "share_flagged_ood_test",
        MetricConfig,
        "atlas_metrics.detection:share_flagged_ood_test",
        provides=VERDICT,
    ),
)


@hookimpl
def atlas_metric() -> list[Component]:
    """Return the metrics of this package."""
    return list(METRICS)
