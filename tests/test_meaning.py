"""What a data set says of its target: what may be said, who may say it, and what it changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
from support import Cli

from atlas_core.api import DataContext, DataError, Dataset, Meaning, meaning_of
from atlas_core.testing.samples import toy_dataset
from atlas_datasets.bulk_file import write_bulk
from atlas_datasets.command import load_dataset
from atlas_datasets.hooks import (
    DielectricConstantConfig,
    ElasticTensorConfig,
    FllaConfig,
    PiezoelectricTensorConfig,
)
from atlas_matbench._tasks import TASKS
from atlas_registry.loading import Registry
from atlas_screening.result import Facts

PAGE = "https://materialsproject.org/materials/{id}"
SPEC = """\
atlas: 1
name: metals
seed: 3
levels: [0.9]
reports: [html, markdown]
dataset:
  use: table
  options: {path: metals.csv, formula: formula, target: is_m, task: binary, id: id}
split: {use: random, options: {calibration: 0.3, test: 0.3}}
arms:
  trees:
    featurizer: element_fractions
    model: {use: random_forest, options: {trees: 20}}
    uq: tree_variance
    calibrator: split_conformal
"""
STATED = (
    "dataset.options.quantity=metallic character",
    "dataset.options.class_names=[not a metal, metal]",
    "dataset.options.caveat=measured, not computed",
    f"dataset.options.url={PAGE}",
)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)//{id}",
        "JAVASCRIPT:alert('{id}')",
        "data:text/html,{id}",
        "file:///etc/{id}",
        "//example.org/{id}",
        "https://{id}",  # the id would name the server
        "https://{id}.example.org/x",
        "https://example.org/materials/",
        "https://example.org/{id}/{id}",
        "https://example.org/{name}/{id}",
        'https://example.org/{id}" onclick="alert(1)',
        "https://example.org/<b>{id}",
        "https://example.org/{id} x",
        "https://user@example.org/{id}",
        "https://example.org/{id}\n",
    ],
)
def test_only_a_page_of_the_web_may_be_linked(url: str) -> None:
    with pytest.raises(DataError, match="url"):
        Meaning(url=url)
    assert meaning_of({"url": url, "quantity": "band gap"}) == Meaning("band gap")


@pytest.mark.parametrize(
    "url",
    [PAGE, "http://localhost:8000/{id}", "https://example.org/a?id={id}&b=1#top", PAGE + ".html"],
)
def test_pages_of_the_web_are_taken(url: str) -> None:
    assert meaning_of(Meaning(url=url).stated()).url == url


@pytest.mark.parametrize(
    "stated",
    [
        {"class_names": ("metal", "Metal")},
        {"class_names": ("", "metal")},
        {"quantity": "a\nb"},
        {"quantity": " gap"},
        {"caveat": "x" * 201},
        {"class_names": ("a" * 41, "b")},
    ],
)
def test_words_that_would_break_a_sentence_are_refused(stated: dict[str, str]) -> None:
    with pytest.raises(DataError):
        Meaning(**stated)


def test_a_manifest_of_a_stranger_is_read_as_far_as_it_can_be() -> None:
    about = {"quantity": 3, "class_names": ["a"], "caveat": "fine", "url": ["x"], "unit": "eV"}
    assert meaning_of(about) == Meaning(caveat="fine")
    assert meaning_of({"class_names": [1, 2]}) == Meaning()


def test_names_of_classes_need_classes() -> None:
    named = Meaning(class_names=("no", "yes"))
    assert replace(toy_dataset("binary"), meaning=named).meaning is named
    with pytest.raises(DataError, match="binary target only"):
        replace(toy_dataset(), meaning=named)


def test_without_names_a_class_keeps_its_number() -> None:
    assert Meaning().class_name(1) == Meaning().quoted(1) == "class 1"
    named = Meaning(class_names=("not a metal", "metal"))
    assert [named.class_name(0), named.quoted(1)] == ["not a metal", "“metal”"]
    assert Meaning().words("formation_energy") == "formation energy"
    assert Meaning("band gap").words("gap pbe") == "band gap"


def load(name: str, folder: Path, *settings: str) -> Dataset:
    context = DataContext(None, folder, folder, offline=True)
    return load_dataset(name, settings, Registry(), context)


SHIPPED = {
    "flla": FllaConfig,
    "dielectric_constant": DielectricConstantConfig,
    "elastic_tensor": ElasticTensorConfig,
    "piezoelectric_tensor": PiezoelectricTensorConfig,
}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        (name, target)
        for name, config in SHIPPED.items()
        for target in get_args(config.model_fields["target"].annotation)
    ],
)
def test_every_target_that_ships_has_words_and_pages(
    name: str, target: str, tmp_path: Path
) -> None:
    data = load(name, tmp_path, f"target={target}")
    assert data.meaning.quantity
    assert "_" not in data.meaning.quantity
    assert data.meaning.caveat
    assert data.meaning.url.replace("{id}", data.materials.ids[0]).startswith(
        "https://materialsproject.org/materials/mp-"
    )
    assert data.bounds is not None or "formation" in target or "log10" in target


def test_every_task_of_matbench_has_words_and_names_of_its_classes() -> None:
    assert len(TASKS) == 13
    for task in TASKS.values():
        assert task.meaning.quantity
        assert "_" not in task.meaning.quantity
        assert (task.meaning.class_names is not None) == task.binary
    assert TASKS["mp_is_metal"].meaning.class_name(1) == "metal"  # true in its column is_metal
    assert "convex hull" in TASKS["mp_e_form"].meaning.caveat


def test_an_exported_file_keeps_what_is_said_and_options_come_first(folder: Path) -> None:
    named = "class_names=[not a metal, metal]"
    read = ("path=metals.csv", "formula=formula", "target=is_m", "task=binary")
    data = load("table", folder, *read, named, "caveat=measured", f"url={PAGE}")
    write_bulk(folder / "m.parquet", data)
    again = ("path=m.parquet", *read[1:])
    assert load("table", folder, *again).meaning == data.meaning
    other = load("table", folder, *again, "caveat=computed").meaning
    assert other == replace(data.meaning, caveat="computed")


def test_a_list_of_candidates_is_ranked_by_a_target_or_by_the_probability_of_a_class() -> None:
    named = Meaning("metallic character", ("not a metal", "metal"))
    ranked = {
        task: Facts.words.fget(SimpleNamespace(task=task, meaning=named, target="is_m"))
        for task in ("regression", "binary")
    }
    assert ranked == {"regression": "metallic character", "binary": "P(metal)"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a spec and a table of metals and others."""
    rng = np.random.default_rng(0)
    metals, others = ["Na", "Mg", "Ti", "Fe", "Cu", "Zn", "Al"], ["O", "S", "Cl", "P"]
    rows = []
    for i in range(260):
        a, b = rng.choice(metals, 2, replace=False)
        metal = rng.random() < 0.4
        c = "Ni" if metal else rng.choice(others)
        rows.append(f"m-{i},{a}{i % 4 + 1}{b}{i % 3 + 1}{c}{i % 5 + 1},{int(metal)}")
    text = "id,formula,is_m\n" + "\n".join(rows) + "\n"
    (tmp_path / "metals.csv").write_text(text, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def test_words_change_no_prediction_and_no_fit_and_stand_everywhere(folder: Path) -> None:
    atlas = Cli(folder, folder / "cache")

    def run(*stated: str) -> Path:
        asked = [part for text in stated for part in ("--set", text)]
        done = atlas("run", "s.yaml", "--json", *asked)
        assert done.returncode == 0, done.stderr
        return folder / json.loads(done.stdout)["run"]

    def fits() -> set[Path]:
        return {path for path in (folder / "cache").rglob("*") if "fits" in path.parts}

    bare = run()
    before = fits()
    told = run(*STATED)
    assert before
    assert fits() == before
    name = "predictions.parquet"
    assert (told / name).read_bytes() == (bare / name).read_bytes()
    data = json.loads((told / "manifest.json").read_text(encoding="utf-8"))["dataset"]
    assert meaning_of(data) == Meaning(
        "metallic character", ("not a metal", "metal"), "measured, not computed", PAGE
    )
    for page in ("report.html", "report.md"):
        text = (told / page).read_text(encoding="utf-8")
        text = text.partition("<details><summary>The whole spec")[0]
        assert "metallic character" in text
        assert "measured, not computed" in text
        for raw in ("class 1", "class 0", "is m ", "P(1)", "interval width", "mean width"):
            assert raw not in text, (page, raw)
    page = (told / "report.html").read_text(encoding="utf-8")
    assert "is metal</th>" in page
    assert "called not a metal</th>" in page
    assert 'href="https://materialsproject.org/materials/m-' in page
    verdict = json.loads((told / "verdict.json").read_text(encoding="utf-8"))["trees"]
    assert "always “not a metal”" in verdict["headline"]
    plain = (bare / "report.html").read_text(encoding="utf-8")
    assert "called class 1</th>" in plain
    assert "materialsproject" not in plain


def test_a_script_in_a_spec_is_refused_at_its_line(folder: Path) -> None:
    atlas = Cli(folder, folder / "cache")
    done = atlas("validate", "s.yaml", "--set", "dataset.options.url=javascript:alert(1)//{id}")
    assert done.returncode != 0
    assert "javascript" in done.stderr
    done = atlas(
        "validate", "s.yaml", "--set", "dataset.options.task=regression", "--set", STATED[1]
    )
    assert done.returncode != 0
    assert "class_names need task: binary" in done.stderr
