"""What a fit receives besides data: its seed, its share of the machine, where to save. Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import Str
from atlas_core.kinds.dataset import Task

Record = Callable[[str, Mapping[str, Any]], None]
Notify = Callable[[str], None]


def _ignore(_name: str, _content: Mapping[str, Any]) -> None:
    """Drop a record: the default where nobody listens."""


def _say_nothing(_text: str) -> None:
    """Drop a line of progress: the default where nobody reads."""


_BRANCHES = {"ood_test": "shifted", "nested": "rehearse"}
"""Names under which earlier versions drew: the numbers of a run outlive the words for them."""


def derive_seed(seed: int, *path: str | int) -> int:
    """Return the seed of the branch ``path`` of ``seed``'s tree: a 63-bit integer.

    Numbers depend on the path alone, never on the order of calls (``SeedSequence`` with the
    path's bytes as spawn key).
    """
    key: list[int] = []
    for step in path:
        name = _BRANCHES.get(step, step) if isinstance(step, str) else step
        data = f"{type(step).__name__}:{name}".encode()
        key.extend(data)
        key.append(256)  # no byte: keeps ("ab",) and ("a", "b") apart
    words = np.random.SeedSequence(seed, spawn_key=tuple(key)).generate_state(2, np.uint32)
    return (int(words[0]) << 31) ^ int(words[1])


@dataclass(frozen=True)
class FitContext:
    """Tell a fit its seed, its share of the machine and where it may save.

    Attributes:
        seed: of this fit; the same seed and data give the same bytes.
        task: ``regression`` or ``binary``.
        n_jobs: threads or processes that this fit may use, where their number changes no byte
            of the result (the trees of a forest, not the sums of a network).
        device: ``cpu``, ``cuda`` or ``cuda:1``, never ``auto``.
        ids: ids of the training rows, for messages and lists; None in a contract.
        directory: where checkpoints of this fit go and are resumed from; None: keep none.
        record: called with a name and plain data (a learning curve, a list of removed rows)
            that belongs in the run folder.
        notify: called with a line of progress for whoever watches; kept nowhere.
    """

    seed: int
    task: Task = "regression"
    n_jobs: int = 1
    device: str = "cpu"
    ids: Str | None = None
    directory: Path | None = None
    record: Record = field(default=_ignore)
    notify: Notify = field(default=_say_nothing)

    def child(self, *path: str | int) -> FitContext:
        """Return the context of a part of this fit: own seed, own folder, own record names."""
        step = "-".join(str(p) for p in path)
        parent = self.record

        def record(name: str, content: Mapping[str, Any]) -> None:
            parent(f"{step}/{name}", content)

        return replace(
            self,
            seed=derive_seed(self.seed, *path),
            directory=None if self.directory is None else self.directory / step,
            record=record,
        )

    def rng(self) -> np.random.Generator:
        """Return a generator of this fit's seed."""
        return np.random.default_rng(self.seed)
