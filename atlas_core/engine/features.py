"""Features of a data set: each featurizer runs once, and those of a list stand side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atlas_core.context import Tell
from atlas_core.engine.blame import blame
from atlas_core.engine.cache import FeatureCache
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import Features, Vectors
from atlas_core.materials import Materials
from atlas_core.metrics.digits import counted
from atlas_core.spec.plan import Chosen


def side_by_side(parts: Sequence[tuple[str, Features]]) -> Features:
    """Join features of the same materials column after column; a single part stays as it is.

    Args:
        parts: (name of the featurizer, what it made), from left to right.

    Raises:
        DataError: two parts have a column of one name, a part is no vectors, or the rows differ.
    """
    if len(parts) == 1:
        return parts[0][1]
    owner: dict[str, str] = {}
    vectors: list[Vectors] = []
    for name, part in parts:
        if not isinstance(part, Vectors):
            raise DataError(
                f"featurizer {name}: {part.form} cannot stand beside other features; name it alone"
            )
        if vectors and len(part) != len(vectors[0]):
            raise DataError(
                f"featurizers {parts[0][0]} and {name}: {len(vectors[0])} and {len(part)} rows"
            )
        vectors.append(part)
        for label in part.labels.tolist():
            if label in owner:
                raise DataError(
                    f"featurizers {owner[label]} and {name} both have a column {label!r};"
                    " leave one of them out"
                )
            owner[label] = name
    return Vectors(
        np.concatenate([part.values for part in vectors], axis=1),
        np.concatenate([part.labels for part in vectors]),
        tuple(failure for part in vectors for failure in part.failures),
    )


@dataclass
class Featurized:
    """Make the features of one data set, each featurizer and each list of them once.

    Attributes:
        materials: of the data set.
        cache: where features of earlier runs lie.
        stage: times what stands inside it, by name.
        tell: called with a line of progress.
    """

    materials: Materials
    cache: FeatureCache
    stage: Callable[[str], AbstractContextManager[None]]
    tell: Tell
    _made: dict[tuple[str, ...], Features] = field(default_factory=dict)

    def of(self, chosen: Chosen) -> Features:
        """Return the features of a featurizer, joined with those beside it.

        Raises:
            AtlasError: a featurizer failed, or two cannot stand side by side.
        """
        keys = tuple(self.cache.key(one, self.materials) for one in chosen.together)
        if keys not in self._made:
            parts = [
                (one.name, self._alone(one, key))
                for one, key in zip(chosen.together, keys, strict=True)
            ]
            self._made[keys] = side_by_side(parts)
        return self._made[keys]

    def _alone(self, chosen: Chosen, key: str) -> Features:
        if (key,) not in self._made:
            self.tell(f"features: {chosen.name} of {counted(len(self.materials), 'material')}")
            with self.stage(f"features {chosen.name}"), blame(chosen):
                self._made[key,], _ = self.cache.features(chosen, self.materials)
        return self._made[key,]

    def failures(self, chosen: Chosen, arm: str) -> list[dict[str, Any]]:
        """Return a record for each featurizer that failed on some materials."""
        records = []
        for one in chosen.together:
            failures = getattr(self.of(one), "failures", ())
            if failures:
                content = {
                    "featurizer": one.name,
                    "count": len(failures),
                    "ids": [material for material, _ in failures],
                    "reasons": [reason for _, reason in failures],
                }
                name = "features/failures"
                records.append({"arm": arm, "fold": "", "name": name, "content": content})
                failed = counted(len(failures), "material")
                self.tell(f"{one.name} failed on {failed}: see records.json")
        return records
