"""A detector of the package PyOD, by name (Zhao, Nasrullah & Li 2019); needs its extra."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from atlas_core.api import Component, Config, Field, FoldFacts, PluginError, hookimpl
from atlas_domain._options import Compared, Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import spread

if TYPE_CHECKING:
    from atlas_core.api import OODMethod

Name = Literal[
    "ABOD",
    "CBLOF",
    "GMM",
    "HBOS",
    "IForest",
    "INNE",
    "KNN",
    "LOF",
    "MCD",
    "OCSVM",
    "PCA",
]
"""Detectors that score each row by itself: ECOD and COPOD of PyOD do not; see ``ecod``."""


class PyODConfig(Config):
    """Which detector, of what, and what counts as outside."""

    detector: Name = Field(
        "HBOS",
        description="A detector of PyOD, with PyOD's defaults. `ecod` offers ECOD and COPOD.",
    )
    representation: Compared = "features"
    quantile: Quantile = 0.95


def needs(config: PyODConfig) -> frozenset[str]:
    """Return what the chosen representation needs."""
    return NEEDS[config.representation]


def build(config: PyODConfig) -> OODMethod:
    """Return the detector.

    Raises:
        PluginError: PyOD is not installed.
    """
    _require_pyod()
    from atlas_domain._pyod import PyOD

    return PyOD(config.detector, config.representation, config.quantile)


def contract_options(folder: Path) -> dict[str, object]:
    """Return no options; the contract does not apply where PyOD is not installed.

    Raises:
        PluginError: PyOD is not installed.
    """
    _require_pyod()
    return {}


def _require_pyod() -> None:
    if find_spec("pyod") is None:
        raise PluginError(
            "ood pyod: the package PyOD is not installed; pip install"
            " 'atlas-materials-domain[pyod]', or use ecod, lof or novelty"
        )


def check(config: PyODConfig, facts: FoldFacts) -> list[str]:
    """Return why the training rows cannot be told apart.

    Raises:
        PluginError: PyOD is not installed.
    """
    _require_pyod()
    return spread(config, facts)


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``pyod``."""
    return [
        Component(
            "pyod",
            PyODConfig,
            build,
            needs=needs,
            expected_failures={
                "saved_and_loaded_it_scores_alike": "objects of another package are not loaded"
                " from a file: fit it anew, or use a detector of this plugin"
            },
            citation="https://jmlr.org/papers/v20/19-011.html",
            check=check,
        )
    ]
