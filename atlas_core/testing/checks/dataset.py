"""What a data set promises. Light."""

from __future__ import annotations

import re

import numpy as np

from atlas_core.kinds.dataset import DataContext, Dataset
from atlas_core.testing.checks.shared import returned, used
from atlas_core.testing.outcome import applies, require
from atlas_core.testing.samples import Sample


def given(sample: Sample) -> DataContext:
    """Return a context in which every folder is the sample's."""
    folder = sample.folder
    return DataContext(data_dir=folder, cache_dir=folder, spec_dir=folder, offline=True)


def make(sample: Sample, context: DataContext) -> Dataset:
    """Return what is loaded."""
    return returned(sample.build().load(context), Dataset, "load")


def check_there_is_something_to_learn(sample: Sample) -> None:
    """The target has a name, and is not the same everywhere."""
    data = used(sample).made
    require(len(np.unique(data.target)) > 1, "all targets are equal: nothing can be learned")
    require(data.target_name.strip(), "the target has no name")


def check_license_and_citation(sample: Sample) -> None:
    """License and papers to cite are stated: a report must be able to give credit."""
    data = used(sample).made
    require(data.license.strip(), "the license is empty")
    cited = data.provenance == "user" or (data.citation and all(c.strip() for c in data.citation))
    require(cited, "there is no citation")


def check_hash_is_sha256(sample: Sample) -> None:
    """The source's hash is 64 hex digits: a report says which bytes were used."""
    data = used(sample).made
    require(re.fullmatch(r"[0-9a-f]{64}", data.sha256), f"sha256 is {data.sha256!r}")


def check_inputs_are_as_declared(sample: Sample) -> None:
    """Structures are there where ``inputs:structure`` is given: featurizers rely on it."""
    data = used(sample).made
    provides = sample.provides
    either = provides & {"inputs:composition", "inputs:structure"}
    require(either, "a data set must give inputs:composition or inputs:structure")
    if "inputs:structure" in provides:
        require(data.materials.has_structure, "it gives inputs:structure but has formulas only")


def check_candidates_are_the_same_materials(sample: Sample) -> None:
    """What is read without a target is what is read with one: both know the same forms."""
    applies(sample.component.candidates is not None, "it reads no candidates")
    context = given(sample)
    data = make(sample, context)
    require(len(context.used) == 1, "it reads candidates, so DataContext.path must find its file")
    (path,) = context.used.values()
    found = sample.component.open_candidates(path, sample.config.model_dump())
    require(not isinstance(found, str), f"it does not take its own file as candidates: {found}")
    batches = list(found.batches(2))
    require(all(one.count <= 2 for one in batches), "a batch holds more rows than asked for")
    formulas = [text for one in batches for text in one.materials.formulas()]
    require(formulas == data.materials.formulas(), "its candidates are other materials")
    structures = {one.materials.has_structure for one in batches}
    same = structures == {found.structures} == {data.materials.has_structure}
    require(same, "crystals are read as formulas, or formulas as crystals")
    (second,) = found.batches(9, {1})
    require(second.rows.tolist() == [1], "it yields other rows than those that are wanted")
    other = sample.folder / "no-form.known"
    other.write_bytes(b"")
    forms = sample.component.open_candidates(other, {})
    require(isinstance(forms, str) and forms.strip(), "it does not say which forms it reads")
