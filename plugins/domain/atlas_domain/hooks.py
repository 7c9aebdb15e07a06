"""The detectors of this package: how far a material lies from the training data. Light."""

from __future__ import annotations

from atlas_core.api import Component, hookimpl
from atlas_domain._checks import (
    bandwidth,
    class_covariance,
    covariance,
    every_part,
    spread,
    two_rows,
)
from atlas_domain._representation import required
from atlas_domain.options import (
    DensityRatioConfig,
    DisagreementConfig,
    ECODConfig,
    ElementDistanceConfig,
    IsolationForestConfig,
    KernelDensityConfig,
    KNNDistanceConfig,
    LeafDetectorConfig,
    LOFConfig,
    MahalanobisConfig,
    NoveltyConfig,
    PCAResidualConfig,
    PyODConfig,
    RangeDetectorConfig,
    RelativeMahalanobisConfig,
    UnseenElementConfig,
    UnseenPairConfig,
)

_SURE = "an ensemble can agree on materials unlike any in training: sigma is not a distance"
_OUTERMOST = "beyond the last threshold of a feature all rows share the outermost leaf"


def _of_parts(config: NoveltyConfig) -> frozenset[str]:
    """Return what the chosen parts require; the fact ``range`` is reported only of vectors."""
    found: set[str] = set()
    if "sigma" in config.parts:
        found.add("epistemic")
    if {"leaf", "leaf_local"} & set(config.parts):
        found.add("model:leaves")
    if {"lof", "knn", "mahalanobis"} & set(config.parts):
        found |= required(config)
    return frozenset(found)


DETECTORS = (
    Component(
        "density_ratio",
        DensityRatioConfig,
        "atlas_domain.density_ratio:DensityRatio",
        requires=required,
        citation="10.1007/978-0-387-84858-7",
        check=spread,
        trusted=(
            "sklearn.ensemble._forest.ExtraTreesClassifier",
            "sklearn.tree._classes.ExtraTreeClassifier",
            "sklearn.tree._tree.Tree",
        ),
    ),
    Component(
        "disagreement",
        DisagreementConfig,
        "atlas_domain.disagreement:Disagreement",
        requires={"epistemic"},
        citation="10.48550/arXiv.1612.01474",
        expected_failures={
            "far_scores_above_near": _SURE,
            "far_materials_are_flagged": _SURE,
        },
    ),
    Component(
        "ecod",
        ECODConfig,
        "atlas_domain.ecod:ECOD",
        requires=required,
        citation="10.1109/TKDE.2022.3159580",
        check=two_rows,
    ),
    Component(
        "element_distance",
        ElementDistanceConfig,
        "atlas_domain.element_distance:ElementDistance",
        citation="10.1021/acs.chemmater.0c03381",
        check=two_rows,
    ),
    Component(
        "isolation_forest",
        IsolationForestConfig,
        "atlas_domain.isolation_forest:IsolationForest",
        requires=required,
        expected_failures={
            "far_materials_are_flagged": "its scores saturate outside the range of the training"
            " data, where the trees have no splits, so that few"
            " distant rows exceed the threshold"
        },
        citation="10.1109/ICDM.2008.17",
        check=spread,
        trusted=(
            "sklearn.ensemble._iforest.IsolationForest",
            "sklearn.tree._classes.ExtraTreeRegressor",
            "sklearn.tree._tree.Tree",
        ),
    ),
    Component(
        "kde",
        KernelDensityConfig,
        "atlas_domain.kde:KernelDensity",
        requires=required,
        citation="10.1038/s41524-025-01573-x",
        check=bandwidth,
    ),
    Component(
        "knn_distance",
        KNNDistanceConfig,
        "atlas_domain.knn_distance:KNNDistance",
        requires=required,
        citation="10.1145/342009.335437",
        check=two_rows,
    ),
    Component(
        "leaf_proximity",
        LeafDetectorConfig,
        "atlas_domain.leaf_proximity:LeafDetector",
        requires={"model:leaves"},
        citation="10.1023/A:1010933404324",
        expected_failures={
            "far_scores_above_near": _OUTERMOST,
            "far_materials_are_flagged": _OUTERMOST,
        },
        check=two_rows,
    ),
    Component(
        "lof",
        LOFConfig,
        "atlas_domain.lof:LOF",
        requires=required,
        citation="10.1145/342009.335388",
        check=two_rows,
    ),
    Component(
        "mahalanobis",
        MahalanobisConfig,
        "atlas_domain.mahalanobis:Mahalanobis",
        requires=required,
        citation="10.1016/S0047-259X(03)00096-4",
        check=covariance,
    ),
    Component(
        "novelty",
        NoveltyConfig,
        "atlas_domain.novelty:Novelty",
        requires=_of_parts,
        citation="10.1007/978-1-4612-4380-9_6",
        check=every_part,
    ),
    Component(
        "out_of_range",
        RangeDetectorConfig,
        "atlas_domain.out_of_range:RangeDetector",
        requires={"features:vectors"},
        citation="10.3390/molecules17054791",
    ),
    Component(
        "pca_residual",
        PCAResidualConfig,
        "atlas_domain.pca_residual:PCAResidual",
        requires=required,
        citation="10.1080/00401706.1979.10489779",
        check=spread,
    ),
    Component(
        "pyod",
        PyODConfig,
        "atlas_domain.pyod:PyOD",
        requires=required,
        expected_failures={
            "saved_and_loaded_it_scores_alike": "objects of another package are not loaded from"
            " a file: refit, or use a detector of this"
            " plugin"
        },
        citation="https://jmlr.org/papers/v20/19-011.html",
        check="atlas_domain.pyod:check",
        contract_options="atlas_domain.pyod:contract_options",
    ),
    Component(
        "relative_mahalanobis",
        RelativeMahalanobisConfig,
        "atlas_domain.relative_mahalanobis:RelativeMahalanobis",
        requires=required,
        citation="10.48550/arXiv.2106.09022",
        expected_failures={
            "far_scores_above_near": "a row far from every class is far from their common mean"
            " too, and the two cancel",
        },
        check=class_covariance,
    ),
    Component("unseen_element", UnseenElementConfig, "atlas_domain.unseen_element:UnseenElement"),
    Component("unseen_pair", UnseenPairConfig, "atlas_domain.unseen_pair:UnseenPair"),
)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return the detectors of this package."""
    return list(DETECTORS)
