"""Features that were computed once: content-addressed, checksummed, shared by all cells. Light."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from atlas_core.errors import DataError
from atlas_core.kinds.featurizer import FORMS, Features, Featurizer
from atlas_core.materials import Materials
from atlas_core.runner.machine import core_source, packages
from atlas_core.spec.plan import Chosen
from atlas_core.store import canonical_hash, read_arrays, write_arrays


@dataclass(frozen=True)
class FeatureCache:
    """Keep features by the hash of all that made them.

    Attributes:
        folder: where entries lie.
    """

    folder: Path

    def key(self, chosen: Chosen, materials: Materials) -> str:
        """Return the hash of component, options, sources, library versions and materials."""
        described = chosen.describe()
        described.pop("citation")
        versions = packages([chosen.resolved.distribution])
        return canonical_hash([described, core_source(), versions, materials.fingerprint])

    def path(self, key: str) -> Path:
        """Return where an entry lies."""
        return self.folder / "features" / key[:2] / f"{key}.npz"

    def get(self, key: str) -> Features | None:
        """Return an entry, or None; a damaged one is dropped with a warning."""
        path = self.path(key)
        if not path.exists():
            return None
        try:
            arrays, note = read_arrays(path)
            return FORMS[note["form"]].from_arrays(arrays)
        except (DataError, KeyError) as err:
            warnings.warn(f"cache: dropped and computed anew: {err}", stacklevel=2)
            path.unlink(missing_ok=True)
            return None

    def features(self, chosen: Chosen, materials: Materials) -> tuple[Features, bool]:
        """Return the features of ``materials`` and whether they came from the cache.

        Raises:
            DataError: the featurizer returned another number of rows than it was given.
        """
        key = self.key(chosen, materials)
        stored = self.get(key)
        if stored is not None and len(stored) == len(materials):
            return stored, True
        featurizer: Featurizer = chosen.build()
        features = featurizer.featurize(materials)
        if len(features) != len(materials):
            raise DataError(
                f"featurizer {chosen.name}: {len(features)} rows for {len(materials)} materials"
            )
        write_arrays(self.path(key), features.to_arrays(), {"form": features.form})
        return features, False

    def entries(self) -> list[tuple[Path, int]]:
        """Return the entries and their sizes in bytes, sorted by path."""
        return [(p, p.stat().st_size) for p in sorted((self.folder / "features").rglob("*.npz"))]

    def clear(self) -> tuple[int, int]:
        """Delete every entry; return how many and how many bytes."""
        entries = self.entries()
        for path, _ in entries:
            path.unlink(missing_ok=True)
        return len(entries), sum(size for _, size in entries)
