"""How new a material is: facts first, then five detectors in one (Fisher 1932)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from atlas_core.api import Component, Config, Field, FoldFacts, hookimpl
from atlas_domain._options import Compared, Quantile
from atlas_domain._representation import NEEDS
from atlas_domain._spread import no_covariance, two_rows

if TYPE_CHECKING:
    from atlas_core.api import OODMethod

Part = Literal[
    "sigma",
    "leaf",
    "leaf_local",
    "lof",
    "knn",
    "mahalanobis",
    "mahalanobis_fractions",
    "knn_fractions",
]
Fact = Literal["element", "pair", "range"]


FOLDS = 5
"""Without calibration rows, training rows are scored by what was fitted to the other folds."""


class NoveltyConfig(Config):
    """Which facts and which detectors count, and what counts as outside."""

    parts: tuple[Part, ...] = Field(
        ("sigma", "leaf", "leaf_local", "lof", "knn_fractions"),
        min_length=1,
        description="Detectors that are combined: `sigma` of the arm's predictions; `leaf`, company"
        " in the leaves of its trees, and `leaf_local`, the same beside that of the nearest"
        " training materials; `lof`, `knn` and `mahalanobis` in the representation below;"
        " `mahalanobis_fractions` and `knn_fractions` in atomic fractions. For a network: `sigma`,"
        " `lof`, `mahalanobis` with representation `embedding`.",
    )
    facts: tuple[Fact, ...] = Field(
        ("element", "pair", "range"),
        description="Facts that count and are told: an `element` never seen in training (such a"
        " material is flagged), a `pair` of elements never seen together, a feature outside its"
        " training `range`. Without `element` and without the part `mahalanobis_fractions` nothing"
        " is known of new elements as such.",
    )
    representation: Compared = "features"
    neighbours: int = Field(20, ge=2, description="Nearest training materials for `lof`.")
    quantile: Quantile = 0.95

    @field_validator("parts", "facts")
    @classmethod
    def _distinct(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(named)) < len(named):
            raise ValueError("each may be named once only: it would count twice")
        return named


def needs(config: NoveltyConfig) -> frozenset[str]:
    """Return what the chosen parts need; the fact ``range`` is told only of vectors."""
    found: set[str] = set()
    if "sigma" in config.parts:
        found.add("epistemic")
    if {"leaf", "leaf_local"} & set(config.parts):
        found.add("model:leaves")
    if {"lof", "knn", "mahalanobis"} & set(config.parts):
        found |= NEEDS[config.representation]
    return frozenset(found)


def build(config: NoveltyConfig) -> OODMethod:
    """Return the detector."""
    from atlas_domain._novelty import Novelty

    return Novelty(config)


def check(config: NoveltyConfig, facts: FoldFacts) -> list[str]:
    """Return what is missing: rows, or a spread where a part measures distances by it."""
    n = len(facts.train)
    if not len(facts.calibration) and n < 2 * FOLDS:
        return [
            f"{n} training rows and no calibration rows, needs at least {2 * FOLDS} training rows;"
            " raise the split's `calibration` fraction or use more data"
        ]
    problems = two_rows(facts)
    if "mahalanobis" in config.parts:
        problems = problems or no_covariance(facts.train, config.representation)
    if "mahalanobis_fractions" in config.parts:
        problems = problems or no_covariance(facts.train, "fractions")
    return problems


@hookimpl
def atlas_ood() -> list[Component]:
    """Return ``novelty``."""
    return [
        Component(
            "novelty",
            NoveltyConfig,
            build,
            needs=needs,
            citation="10.1007/978-1-4612-4380-9_6",
            check=check,
        )
    ]
