"""Features of a data set: made once, kept by the hash of all that made them, and joined. Light.

An entry of the cache is a folder of arrays (``store.FolderWriter``): features are memory-mapped
from it, so that those of a large data set take memory only where they are used, once for all
processes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.context import Notify
from atlas_core.engine.blame import blame
from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import FORMS, Features, Featurizer, Graphs, Vectors
from atlas_core.links import below, delete, files
from atlas_core.materials import Materials
from atlas_core.printing import counted
from atlas_core.progress import Step
from atlas_core.spec.plan import BoundComponent
from atlas_core.stages import identity
from atlas_core.store import DROPPED, FolderWriter, canonical_hash, read_folder, write_folder

BLOCK = 4096
"""Crystals whose graphs are made and written at a time."""


@dataclass(frozen=True)
class FeatureCache:
    """Keep features by the hash of all that made them.

    Attributes:
        folder: where entries lie.
    """

    folder: Path

    def key(self, chosen: BoundComponent, materials: Materials) -> str:
        """Return the hash of stage, component, options, sources, libraries and materials."""
        stage = identity("shared", "featurize")
        return canonical_hash([stage, chosen.key, materials.fingerprint])

    def path(self, key: str) -> Path:
        """Return where an entry lies.

        Raises:
            DataError: a step on the way there is a link.
        """
        return below(self.folder, self.folder / "features" / key[:2] / key)

    def get(self, key: str) -> Features | None:
        """Return an entry, or None; a damaged one is dropped with a warning."""
        path = self.path(key)
        if not path.exists():
            return None
        try:
            arrays, note = read_folder(path)
            return FORMS[note["form"]].from_arrays(arrays)
        except (DataError, KeyError, TypeError, ValueError) as err:
            warnings.warn(f"cache: {DROPPED}: {err}", stacklevel=2)
            delete(path)
            return None

    def features(self, chosen: BoundComponent, materials: Materials) -> tuple[Features, bool]:
        """Return the features of ``materials`` and whether they came from the cache.

        Graphs are made and written block by block: a row depends on its own material alone.

        Raises:
            DataError: the featurizer returned another number of rows than it was given.
        """
        key = self.key(chosen, materials)
        stored = self.get(key)
        if stored is not None:
            if len(stored) == len(materials):
                return stored, True
            delete(self.path(key))
        featurizer: Featurizer = chosen.build()
        if "features:graphs" in chosen.provides and len(materials) > BLOCK:
            with FolderWriter(self.path(key)) as writer:
                _write_graphs(writer, featurizer, materials, chosen.name)
        else:
            features = _checked(featurizer, materials, chosen.name)
            write_folder(self.path(key), features.to_arrays(), {"form": features.form})
        made = self.get(key)
        if made is None:
            raise DataError(f"{self.path(key)}: damaged while it was written; look at the disk")
        return made, False

    def entries(self) -> list[tuple[Path, int]]:
        """Return the entries and their sizes in bytes, sorted by path: features, parsed files."""
        sizes: dict[Path, int] = {}
        for kind in ("datasets", "features"):
            root = below(self.folder, self.folder / kind)
            for path in files(root):
                entry = root.joinpath(*path.relative_to(root).parts[:2])
                sizes[entry] = sizes.get(entry, 0) + path.stat().st_size
        return sorted(sizes.items())

    def clear(self) -> tuple[int, int]:
        """Delete every entry; return how many and how many bytes."""
        entries = self.entries()
        for path, _ in entries:
            delete(path)
        return len(entries), sum(size for _, size in entries)


def _checked(featurizer: Featurizer, materials: Materials, name: str) -> Features:
    features = featurizer.featurize(materials)
    if len(features) != len(materials):
        raise DataError(f"featurizer {name}: {len(features)} rows for {len(materials)} materials")
    return features


def _write_graphs(
    writer: FolderWriter, featurizer: Featurizer, materials: Materials, name: str
) -> None:
    """Featurize and write ``BLOCK`` crystals after another."""
    ends = {"node_offsets": 0, "edge_offsets": 0}
    for start in range(0, len(materials), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(materials)))
        graphs = _checked(featurizer, materials.take(rows), name)
        if not isinstance(graphs, Graphs):
            raise DataError(f"featurizer {name}: gives features:graphs but returned {graphs.form}")
        for array, values in graphs.to_arrays().items():
            if array not in ends:
                writer.append(array, values)
                continue
            ood_test = values + ends[array]
            writer.append(array, ood_test if start == 0 else ood_test[1:])
            ends[array] = int(ood_test[-1])
    writer.finish({"form": Graphs.form})


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
                f"featurizer {name}: {part.form} cannot join other features; name it alone"
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
        notify: called with a line of progress.
    """

    materials: Materials
    cache: FeatureCache
    stage: Callable[[str], AbstractContextManager[None]]
    notify: Notify
    _made: dict[tuple[str, ...], Features] = field(default_factory=dict)

    def of(self, chosen: BoundComponent) -> Features:
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

    def _alone(self, chosen: BoundComponent, key: str) -> Features:
        if (key,) not in self._made:
            line = f"features: {chosen.name} of {counted(len(self.materials), 'material')}"
            self.notify(Step(line, stage="features"))
            with self.stage(f"features {chosen.name}"), blame(chosen.parts):
                self._made[key,], _ = self.cache.features(chosen, self.materials)
        return self._made[key,]

    def failures(self, chosen: BoundComponent, arm: str) -> list[dict[str, Any]]:
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
                self.notify(f"{one.name} failed on {failed}: see records.json")
        return records
