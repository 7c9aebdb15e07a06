"""What a data set promises. Light."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.component import Component
from atlas_core.kinds.dataset import DataContext, Dataset
from atlas_core.testing.outcome import NotApplicable, require
from atlas_core.testing.samples import Sample


def _context(sample: Sample) -> DataContext:
    return DataContext(
        data_dir=sample.folder, cache_dir=sample.folder, spec_dir=sample.folder, offline=True
    )


def _load(component: Component, sample: Sample) -> Dataset:
    loaded = component.build(sample.config).load(_context(sample))
    require(isinstance(loaded, Dataset), f"load returned {type(loaded).__name__}, no Dataset")
    return loaded  # type: ignore[no-any-return]


def _loaded(component: Component, sample: Sample) -> Dataset:
    return sample.once("dataset", lambda: _load(component, sample))


def outcome(component: Component, sample: Sample) -> dict[str, npt.NDArray[Any] | None]:
    """Return everything that was loaded, for comparing bytes."""
    data = _load(component, sample)
    columns = {f"column {k}": np.asarray(v).astype(np.str_) for k, v in data.columns.items()}
    words = [data.name, data.target_name, data.unit, data.task, data.sha256, *data.citation]
    return {
        **data.materials.to_arrays(),
        **columns,
        "target": data.target,
        "words": np.array(words, dtype=np.str_),
    }


def check_target_is_finite(component: Component, sample: Sample) -> None:
    """Every row has a finite target, one a material, that is not the same everywhere."""
    data = _loaded(component, sample)
    require(np.isfinite(data.target).all(), "a target is not finite")
    require(len(np.unique(data.target)) > 1, "all targets are equal: nothing can be learned")
    require(data.target_name.strip(), "the target has no name")


def check_licence_and_citation(component: Component, sample: Sample) -> None:
    """Licence and papers to cite are stated: a report must be able to give credit."""
    data = _loaded(component, sample)
    require(data.licence.strip(), "the licence is empty")
    cited = data.provenance == "user" or (data.citation and all(c.strip() for c in data.citation))
    require(cited, "there is no citation")


def check_hash_is_sha256(component: Component, sample: Sample) -> None:
    """The source's hash is 64 hex digits: a report says which bytes were used."""
    data = _loaded(component, sample)
    require(re.fullmatch(r"[0-9a-f]{64}", data.sha256), f"sha256 is {data.sha256!r}")


def check_inputs_are_as_declared(component: Component, sample: Sample) -> None:
    """Structures are there where ``inputs:structure`` is given: featurizers rely on it."""
    data = _loaded(component, sample)
    gives = component.provides_of(sample.config)
    require(
        gives & {"inputs:composition", "inputs:structure"},
        "a data set must give inputs:composition or inputs:structure",
    )
    if "inputs:structure" in gives:
        require(data.materials.has_structure, "it gives inputs:structure but has formulas only")


def check_candidates_are_the_same_materials(component: Component, sample: Sample) -> None:
    """What is read without a target is what is read with one: both know the same forms."""
    if component.candidates is None:
        raise NotApplicable("it reads no candidates")
    context = _context(sample)
    data = component.build(sample.config).load(context)
    require(len(context.used) == 1, "it reads candidates, so DataContext.path must find its file")
    (path,) = context.used.values()
    found = component.open_candidates(path, sample.config.model_dump())
    require(not isinstance(found, str), f"it does not take its own file as candidates: {found}")
    batches = list(found.batches(2))
    require(all(one.count <= 2 for one in batches), "a batch holds more rows than asked for")
    formulas = [text for one in batches for text in one.materials.formulas()]
    require(formulas == data.materials.formulas(), "its candidates are other materials")
    structures = {one.materials.has_structure for one in batches}
    require(
        structures == {found.structures} == {data.materials.has_structure},
        "crystals are read as formulas, or formulas as crystals",
    )
    (second,) = found.batches(9, {1})
    require(second.rows.tolist() == [1], "it yields other rows than those that are wanted")
    other = sample.folder / "no-form.known"
    other.write_bytes(b"")
    told = component.open_candidates(other, {})
    require(isinstance(told, str) and told.strip(), "it does not say which forms it reads")
