"""Load the data of a run, draw its sample, cut it into folds, and say what became of it. Light."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.arrays import F8, I8, Str
from atlas_core.context import FitContext, derive_seed
from atlas_core.data.meaning import written_bounds
from atlas_core.engine.blame import blame
from atlas_core.engine.notes import listening
from atlas_core.engine.options import RunOptions
from atlas_core.errors import DataError
from atlas_core.kinds.dataset import (
    DataContext,
    Dataset,
    DatasetSource,
    file_sha256,
)
from atlas_core.kinds.split import PARTS, Split, SplitRequest, Splitter
from atlas_core.spec.model import Data, Spec
from atlas_core.spec.plan import BoundComponent


@contextmanager
def recorded(records: list[dict[str, Any]]) -> Iterator[None]:
    """Keep the warnings of a stage before the jobs, each distinct text once."""
    with listening() as heard:
        yield
    if heard.said:
        records.append(warned("", "", sorted(heard.said), sorted(heard.cautions)))


def warned(arm: str, fold: str, texts: list[str], cautions: Sequence[str] = ()) -> dict[str, Any]:
    """Return a record of warnings, and of those among them that lower the verdict."""
    content = {"texts": texts, "cautions": list(cautions)}
    return {"arm": arm, "fold": fold, "name": "warnings", "content": content}


def data_context(pins: Data | None, spec_dir: Path, options: RunOptions) -> DataContext:
    """Return where the data of a spec may lie; the pins of a lock say where they lay."""
    folder = options.data_dir
    if folder is None and pins is not None and pins.folder:
        lay = spec_dir / pins.folder
        folder = lay if lay.is_dir() else None
    return DataContext(
        data_dir=folder,
        cache_dir=options.cache_dir,
        spec_dir=spec_dir,
        offline=options.offline,
        pinned={} if pins is None else {f.path: (f.found, f.sha256) for f in pins.files},
    )


def pins(context: DataContext, dataset: Dataset, run: Path) -> dict[str, Any]:
    """Return the block ``data`` of the lock."""
    files = [
        {"path": text, "found": _place(path, run), "sha256": file_sha256(path)}
        for text, path in sorted(context.used.items())
        if path.exists()
    ]
    data_dir = "" if context.data_dir is None else _place(context.data_dir, run)
    return {"sha256": dataset.sha256, "folder": data_dir, "files": files}


def _place(path: Path, run: Path) -> str:
    """Return an absolute path, as seen from the run where it is not UTF-8, else ""."""
    for text in (str(path.absolute()), os.path.relpath(path.absolute(), run.absolute())):
        with suppress(UnicodeEncodeError):
            return text.encode().decode()
    return ""


def load_dataset(
    chosen: BoundComponent,
    spec: Spec,
    featurizers: Mapping[str, BoundComponent],
    context: DataContext,
) -> Dataset:
    """Load a data set and draw the sample of a spec, in the data set's order.

    Args:
        chosen: the data set.
        spec: what is run.
        featurizers: by arm; they may need structures.
        context: where the data may lie.

    Raises:
        DataError: a file is missing, damaged or not usable, there are fewer rows than asked, or the
            data are not those that its spec pins.
    """
    source: DatasetSource = chosen.build()
    with blame(chosen.parts):
        dataset = source.load(context)
    pinned = "" if spec.data is None else spec.data.sha256
    if pinned not in ("", dataset.sha256):
        raise DataError(
            f"{dataset.name}: the spec pins data of sha256 {pinned[:12]}..., these have"
            f" {dataset.sha256[:12]}...; give the folder that has them with --data-dir, or take the"
            " block `data` out of the spec"
        )
    for arm, featurizer in featurizers.items():
        for one in featurizer.together:
            if "inputs:structure" in one.requires and not dataset.materials.has_structure:
                raise DataError(
                    f"{dataset.name}: only compositions were found, but featurizer {one.name} of"
                    f" arm {arm} needs structures; give the file that has them with --data-dir"
                )
    if spec.deduplicate is not None:
        dataset = deduplicated(dataset, spec.deduplicate)
    if spec.sample is None:
        return dataset
    if spec.sample > len(dataset):
        raise DataError(f"sample {spec.sample}: {dataset.name} has {len(dataset)} rows")
    rng = np.random.default_rng(derive_seed(spec.seed, "sample"))
    rows = np.sort(rng.choice(len(dataset), spec.sample, replace=False))
    return dataset.take(rows)


def deduplicated(dataset: Dataset, which: str) -> Dataset:
    """Return the row of each reduced formula with the lowest or highest target, in file order.

    Of equal targets the first row stays. With ``mean`` or ``median`` the first row stays, with that
    target of all rows of its formula.
    """
    formulas = np.asarray(dataset.materials.formulas())
    if which in ("mean", "median"):
        return _averaged(dataset, formulas, np.mean if which == "mean" else np.median)
    sign = 1.0 if which == "lowest" else -1.0
    order = np.lexsort((np.arange(len(dataset)), sign * dataset.target, formulas))
    first = np.append(True, formulas[order][1:] != formulas[order][:-1])
    return dataset.take(np.sort(order[first]))


def _averaged(
    dataset: Dataset, formulas: Str, average: Callable[[F8], np.floating[Any]]
) -> Dataset:
    if dataset.task == "binary":
        raise DataError(
            "deduplicate: a mean or median of true and false is neither; use lowest or highest"
        )
    _, first, group = np.unique(formulas, return_index=True, return_inverse=True)
    order = np.argsort(group, kind="stable")
    parts = np.split(dataset.target[order], np.cumsum(np.bincount(group))[:-1])
    target = np.empty(len(dataset))
    target[first] = [float(average(part)) for part in parts]
    rows = np.sort(first)
    return replace(dataset.take(rows), target=target[rows])


def cut(chosen: BoundComponent, dataset: Dataset, seed: int) -> list[Split]:
    """Return the folds.

    Raises:
        DataError: the data cannot be cut so, or a fold names rows that are not there.
    """
    splitter: Splitter = chosen.build()
    request = SplitRequest(
        materials=dataset.materials,
        columns=dataset.columns,
        context=FitContext(derive_seed(seed, "split"), dataset.task),
        target=dataset.target if "target" in chosen.requires else None,
    )
    with blame(chosen.parts):
        splits = list(splitter.split(request))
    names = [split.name for split in splits]
    if not splits or len(set(names)) != len(names):
        raise DataError(f"split {chosen.name}: no folds, or two with one name")
    for split in splits:
        rows = np.concatenate(list(split.parts().values()))
        if rows.min() < 0 or rows.max() >= len(dataset):
            raise DataError(f"split {chosen.name}, {split.name}: a row outside the data")
    return splits


def about_dataset(named: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """Return what the manifest says of the data; ``named`` is how the spec names them."""
    return {
        "component": named["use"],
        "options": named["options"],
        "name": dataset.name,
        "target": dataset.target_name,
        "unit": dataset.unit,
        "task": dataset.task,
        "rows": len(dataset),
        **({} if dataset.bounds is None else {"bounds": written_bounds(dataset.bounds)}),
        **dataset.meaning.stated(),
        "sha256": dataset.sha256,
        "content": dataset.fingerprint,
        "provenance": dataset.provenance,
        "license": dataset.license,
        "citation": list(dataset.citation),
        "reading": dataset.reading.describe(),
    }


def about_split(named: Mapping[str, Any], splits: list[Split]) -> dict[str, Any]:
    """Return what the manifest says of the folds; ``named`` is how the spec names the split."""

    def sizes(parts: Mapping[str, I8]) -> dict[str, int]:
        return {part: len(parts[part]) for part in PARTS}

    return {
        "component": named["use"],
        "options": named["options"],
        "folds": [
            {"name": s.name, "held_out": s.held_out, "sizes": sizes(s.parts())} for s in splits
        ],
    }
