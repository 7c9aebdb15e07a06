"""A spec made in Python rather than in a file. Light."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from atlas_core.errors import SpecError
from atlas_core.resolver import Resolver
from atlas_core.spec.load import load_plan, plan_of
from atlas_core.spec.plan import Plan
from atlas_core.spec.yaml import Document, override, written


@runtime_checkable
class HeldDataset(Protocol):
    """Hold a data set, as what ``from_pandas`` returns does, until a run writes it to a file."""

    def entry(self) -> dict[str, Any]:
        """Return the entry ``dataset`` of a spec that lies where the runs do."""
        ...

    def write(self, out: Path) -> None:
        """Write the file into the folder of the runs, where it is not there yet.

        Raises:
            DataError: it cannot be written.
        """
        ...


class Spec:
    """State a question: a data set, a split and the arms that are compared.

    Args:
        dataset: a component's name, a mapping of ``use`` and ``options``, or what ``from_pandas``
            returns.
        split: a component's name or such a mapping.
        arms: {name: {kind: component}}.
        name: short name of the run; its folder begins with it.
        seed: root of every random number of the run.
        more: any other key of a spec (``sample``, ``levels``, ``trust``, ``active_learning``, ...).

    ``atlas schema`` prints every key. A spec is checked when it is run or validated. Paths of files
    are relative to the working folder.
    """

    def __init__(
        self,
        *,
        dataset: str | Mapping[str, Any] | HeldDataset,
        split: str | Mapping[str, Any],
        arms: Mapping[str, Mapping[str, Any]],
        name: str = "notebook",
        seed: int = 0,
        **more: Any,
    ) -> None:
        self.dataset = dataset
        self._rest = {"name": name, "seed": seed, **more, "split": split, "arms": arms}

    @property
    def arms(self) -> Mapping[str, Any]:
        """Return the arms as they were given."""
        arms: Mapping[str, Any] = self._rest["arms"]
        return arms

    def __repr__(self) -> str:
        arms = ", ".join(self._rest["arms"] or ())
        return f"Spec(name={self._rest['name']!r}, seed={self._rest['seed']}, arms: {arms})"

    def plan(self, out: Path, resolver: Resolver, changes: Mapping[str, Any]) -> Plan:
        """Check the spec and load its components; it lies in ``out``, where the runs do.

        Raises:
            SpecError: the spec is wrong; every mistake at once.
            PluginError: a plugin is broken.
        """
        dataset = self.dataset
        used = dataset.entry() if isinstance(dataset, HeldDataset) else dataset
        value = _plain({"atlas": 1, **self._rest, "dataset": used})
        document = Document("Spec", value)
        for path, changed in changes.items():
            override(document, assignment(path, changed))
        # a data frame lies where the runs do; other paths are seen from the working folder
        spec_dir = out if isinstance(dataset, HeldDataset) else Path.cwd()
        return plan_of(document, resolver, spec_dir=spec_dir, text=written(document.value))


def plan_of_file(path: Path, resolver: Resolver, changes: Mapping[str, Any]) -> Plan:
    """Read a spec from a file; arguments and errors as those of ``Spec.plan``."""
    return load_plan(
        path, resolver, overrides=[assignment(name, value) for name, value in changes.items()]
    )


def assignment(path: str, value: Any) -> str:
    """Return ``path=value`` as ``--set`` reads it; None takes the key out.

    Raises:
        SpecError: the value is no plain data.
    """
    return (
        f"{path}=" if value is None else f"{path}={json.dumps(_plain(value), ensure_ascii=False)}"
    )


def _plain(value: Any, where: str = "") -> Any:
    """Return a value as YAML would give it: mappings, lists, texts, numbers, booleans and None."""
    if hasattr(value, "tolist"):  # of numpy, whose numbers are numbers of Python, too
        value = value.tolist()
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v, f"{where}.{k}".lstrip(".")) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, f"{where}.{place}") for place, one in enumerate(value)]
    if hasattr(value, "__fspath__"):
        return str(Path(value))
    raise SpecError(f"{where or 'the spec'}: a {type(value).__name__} is not allowed in a spec")
