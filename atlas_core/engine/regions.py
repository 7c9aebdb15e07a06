"""Trust regions of an arm, and what they say of its predictions. Light: numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from atlas_core.arrays import Str
from atlas_core.data.assessments import Assessments
from atlas_core.data.predictions import Predictions
from atlas_core.data.tables import ends
from atlas_core.errors import ContractError
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.ood import OODScore
from atlas_core.kinds.prediction import Prediction
from atlas_core.kinds.reason import texts
from atlas_core.kinds.trust import LABELS, Assessment, ReliabilityTarget, TrustRegion


@dataclass(frozen=True, eq=False)
class TrustRegions:
    """What the trust methods of an arm learned.

    Attributes:
        reliability: error tolerance and target reliability.
        regions: by the component's name; the first one decides.
    """

    reliability: ReliabilityTarget
    regions: Mapping[str, TrustRegion]

    def label(self, assessment: Assessment) -> Str:
        """Return (n,) labels of a list of materials, by the method that decides."""
        name, region = next(iter(self.regions.items()))
        return labels_of(name, region, assessment)

    def assess(
        self, inputs: Inputs, prediction: Prediction, ood: OODScore | None
    ) -> dict[str, Assessment]:
        """Return what each method says of a list of materials.

        Raises:
            ContractError: a method returned another number of rows.
        """
        found = {}
        for name, region in self.regions.items():
            found[name] = region.assess(inputs, prediction, ood)
            if len(found[name]) != len(inputs):
                raise ContractError(
                    f"trust {name}: {len(found[name])} assessments of {len(inputs)} rows"
                )
        return found

    def table(
        self,
        assessed: Mapping[str, Assessment],
        said: Predictions,
        *,
        bounds: tuple[float, float] | None,
    ) -> Assessments:
        """Return a row for each method and prediction, method after method.

        Args:
            assessed: of the materials that are predicted, by method; they are the whole list.
            said: their predictions; intervals are given at the same levels.
            bounds: of the target; intervals are cut there.
        """
        n = len(said)
        blocks = []
        for name, own in assessed.items():
            labels = labels_of(name, self.regions[name], own)
            found = own.within(bounds)
            lower, upper = ends(said.levels, found.levels, found.lower, found.upper, n)
            given: dict[str, Any] = {"risk": found.risk, "reason": texts(found.reasons, n)}
            blocks.append(
                Assessments(
                    arm=said.arm,
                    fold=said.fold,
                    ids=said.ids,
                    formula=said.formula,
                    target=said.target,
                    mean=said.mean,
                    parts=said.parts,
                    method=np.full(n, name),
                    error_tolerance=np.full(n, self.reliability.error_tolerance),
                    target_reliability=np.full(n, self.reliability.target_reliability),
                    expected_error=found.expected_error,
                    label=labels,
                    lower=lower,
                    upper=upper,
                    **given,
                )
            )
        return Assessments.stacked(blocks)


def labels_of(name: str, region: TrustRegion, assessment: Assessment) -> Str:
    """Return (n,) labels of a list of materials.

    Raises:
        ContractError: another number of labels, or an unknown one.
    """
    labels = np.asarray(region.label(assessment), dtype=np.str_)
    if labels.shape != assessment.risk.shape:
        raise ContractError(f"trust {name}: {len(labels)} labels for {len(assessment)} rows")
    if unknown := sorted(set(labels.tolist()) - set(LABELS)):
        raise ContractError(f"trust {name}: unknown labels {', '.join(unknown)}")
    return labels
