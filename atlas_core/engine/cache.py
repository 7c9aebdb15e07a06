"""Features that were computed once: content-addressed, checksummed, shared by all cells. Light.

An entry is a folder of arrays (``store.FolderWriter``): features are memory-mapped from it, so that
those of a large data set take memory only where they are used, once for all processes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import FORMS, Features, Featurizer, Graphs
from atlas_core.links import below, delete, files
from atlas_core.materials import Materials
from atlas_core.spec.plan import Chosen
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

    def key(self, chosen: Chosen, materials: Materials) -> str:
        """Return the hash of stage, component, options, sources, libraries and materials."""
        stage = identity("shared", "featurize")
        return canonical_hash([stage, chosen.identity(), materials.fingerprint])

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

    def features(self, chosen: Chosen, materials: Materials) -> tuple[Features, bool]:
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
        for field, values in graphs.to_arrays().items():
            if field not in ends:
                writer.append(field, values)
                continue
            shifted = values + ends[field]
            writer.append(field, shifted if start == 0 else shifted[1:])
            ends[field] = int(shifted[-1])
    writer.finish({"form": Graphs.form})
