"""What each metric is called on a page, and how its value is shown. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from atlas_core.metrics import digits
from atlas_core.pages.words import fixed, percent, percent_of_level

Scale = Literal["unit", "share", "plain"]
Aim = Literal["low", "high", "one", "level", "none"]


@dataclass(frozen=True)
class Metric:
    """Say how a metric is shown.

    Attributes:
        label: short name in a table.
        scale: in the target's ``unit``, a ``share``, or ``plain``.
        aim: what is better: ``low``, ``high``, near ``one``, near its ``level``, or ``none``.
        meaning: one sentence for a reader without machine learning.
    """

    label: str
    scale: Scale
    aim: Aim
    meaning: str


METRICS: dict[str, Metric] = {
    "mae": Metric(
        "MAE", "unit", "low", "Mean absolute error: how far off a prediction is on average."
    ),
    "rmse": Metric(
        "RMSE",
        "unit",
        "low",
        "Root of the mean squared error: as MAE, but large errors count more.",
    ),
    "median_ae": Metric(
        "median error",
        "unit",
        "low",
        "Absolute error of the typical material: half err by less. Far below MAE: few carry it.",
    ),
    "mean_error": Metric(
        "mean error",
        "unit",
        "none",
        "Mean of predicted minus true: above 0 predictions are too high; the nearer to MAE, the"
        " more the errors go in one direction.",
    ),
    "share_too_high": Metric(
        "predicted too high", "share", "none", "Share of materials predicted above the true value."
    ),
    "max_error": Metric("largest error", "unit", "low", "The single worst prediction."),
    "r2": Metric(
        "R²",
        "plain",
        "high",
        "Share of the target's variance that is predicted; 0 is no better than the mean.",
    ),
    "rank_correlation": Metric(
        "rank correlation",
        "plain",
        "high",
        "How well predictions rank materials by their true values; 0 is a random order.",
    ),
    "mae_over_mad": Metric(
        "MAE / MAD",
        "plain",
        "low",
        "MAE over that of predicting for all the mean true value of these same materials. 1: no"
        " better than that mean, which no model was told of a class it never saw.",
    ),
    "picp": Metric(
        "coverage",
        "share",
        "level",
        "Share of true values inside the interval; it should equal the promised level.",
    ),
    "mpiw": Metric(
        "interval width",
        "unit",
        "none",
        "Mean full width of the interval; narrow is useful only when the coverage is right.",
    ),
    "nll": Metric(
        "NLL",
        "plain",
        "low",
        "Negative log-likelihood: punishes errors that sigma did not announce.",
    ),
    "crps": Metric(
        "CRPS",
        "unit",
        "low",
        "Distance between predicted distribution and truth; equals MAE when sigma is 0.",
    ),
    "miscalibration_area": Metric(
        "miscalibration area",
        "plain",
        "low",
        "Area between the calibration curve and the diagonal; 0 is perfect.",
    ),
    "ence": Metric(
        "ENCE",
        "plain",
        "low",
        "Mean relative gap between sigma and the RMS error, over ten bins of sigma.",
    ),
    "zms": Metric(
        "mean z²",
        "plain",
        "one",
        "Mean squared error over sigma squared; 1 is right, above 1 is overconfident.",
    ),
    "sharpness": Metric(
        "sharpness",
        "unit",
        "none",
        "Root mean square of sigma: how large the stated uncertainty is.",
    ),
    "spearman": Metric(
        "rank correlation",
        "plain",
        "high",
        "Does a larger sigma go with a larger error? 1 always, 0 not at all.",
    ),
    "ause": Metric(
        "AUSE",
        "plain",
        "low",
        "Area between the risk-coverage curve and the ideal one, over MAE; 0 is ideal.",
    ),
    "error_auroc": Metric(
        "finds large errors",
        "plain",
        "high",
        "How well sigma singles out the tenth with the largest errors; 0.5 is chance.",
    ),
    "mae_at_80": Metric(
        "MAE of the surest 80 %",
        "unit",
        "low",
        "Mean error that is left when the fifth with the largest sigma is set aside.",
    ),
    "roc_auc": Metric(
        "ROC AUC",
        "plain",
        "high",
        "Chance that a random member of class 1 is ranked above one of class 0; 0.5 is guessing.",
    ),
    "balanced_accuracy": Metric(
        "balanced accuracy", "share", "high", "Mean of the accuracies on either class."
    ),
    "accuracy": Metric(
        "accuracy", "share", "high", "Share of right answers at a threshold of one half."
    ),
    "class_1_share": Metric(
        "class 1",
        "share",
        "none",
        "Share of materials of class 1: one answer for all is right for it, or for the rest.",
    ),
    "f1": Metric("F1", "plain", "high", "Harmonic mean of precision and recall of class 1."),
    "wrong_auroc": Metric(
        "finds wrong answers",
        "plain",
        "high",
        "How well sigma singles out wrong answers; 0.5 is chance level.",
    ),
    "within_1_sigma": Metric(
        "within one sigma",
        "share",
        "none",
        "Share of errors that are smaller than sigma; 68 % where sigma is right and Gaussian.",
    ),
    "median_z": Metric(
        "median error over sigma",
        "plain",
        "none",
        "Half of the errors are smaller than this many sigma; 0.67 where sigma is right.",
    ),
    "brier": Metric(
        "Brier score", "plain", "low", "Mean squared difference between probability and outcome."
    ),
    "log_loss": Metric(
        "log loss",
        "plain",
        "low",
        "Negative log-likelihood of the outcomes under the probabilities.",
    ),
    "ece": Metric(
        "calibration error",
        "plain",
        "low",
        "Mean gap between the stated probability and the observed share, over bins.",
    ),
    "auroc": Metric(
        "OOD AUROC",
        "plain",
        "high",
        "Chance that a held-out material scores higher than an in-domain one; 0.5 is guessing.",
    ),
    "rule": Metric(
        "AUROC of unseen elements",
        "plain",
        "none",
        "The same of the rule “contains an element never trained on”, which needs no model: a"
        " detector that does no better adds nothing to it.",
    ),
    "fpr95": Metric(
        "OOD FPR at 95 %",
        "share",
        "low",
        "In-domain materials flagged when the threshold catches 95 % of the held-out ones.",
    ),
    "share_flagged_test": Metric(
        "flagged, in-domain", "share", "none", "Share of in-domain materials flagged as outside."
    ),
    "share_flagged_shifted": Metric(
        "flagged, held out", "share", "none", "Share of held-out materials flagged as outside."
    ),
}


def metric(name: str) -> Metric | None:
    """Return how a metric such as ``mae`` or ``picp_0.9`` is shown; None for others."""
    base, _, level = name.rpartition("_")
    if base in {"picp", "mpiw"}:
        found = METRICS[base]
        label = f"{percent_of_level(float(level))} {found.label}"
        return Metric(label, found.scale, found.aim, found.meaning)
    return METRICS.get(name)


def shown(entry: Mapping[str, float], scale: Scale) -> str:
    """Return a value as precise as its interval allows."""
    if scale == "share":
        return percent(entry["value"])
    return digits.shown(entry)


def interval(entry: Mapping[str, float], scale: Scale) -> str:
    """Return the two ends of an interval, "" where there is none."""
    low, high = entry.get("low"), entry.get("high")
    if low is None or high is None or low == high:  # the same in all resamples
        return ""
    if scale == "share":
        return f"{percent(low)} to {percent(high)}"
    places = digits.places(entry)
    return f"{fixed(low, places)} to {fixed(high, places)}"
