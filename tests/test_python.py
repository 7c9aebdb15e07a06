"""ATLAS from Python: data frames, specs, runs and fitted arms as objects."""

from __future__ import annotations

import ast
import inspect
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition, Lattice, Structure

import atlas_core as atlas
from atlas_core.errors import DataError, PluginError, SpecError
from atlas_core.python import offered
from atlas_core.seal import seal
from atlas_core.store import read_json, write_json

SALTS = [a + b for a in ("Li", "Na", "K", "Rb", "Cs") for b in ("F", "Cl", "Br", "I")]
FRAME = pd.DataFrame(
    {
        "composition": [f"{one}{'' if k == 1 else k}" for k in (1, 2, 3) for one in SALTS],
        "gap": np.linspace(1.0, 7.0, 60).round(3),
        "source": ["a", "b", "c"] * 20,
    }
)
FOREST = {
    "featurizer": "element_fractions",
    "model": {"use": "random_forest", "options": {"trees": 8}},
    "uq": "tree_variance",
    "calibrator": "split_conformal",
    "ood": "unseen_element",
}
SPLIT = {"use": "random", "options": {"calibration": 0.3, "test": 0.3}}


def data(**options: object) -> object:
    given = {"target": "gap", "formula": "composition", "unit": "eV", **options}
    return atlas.from_pandas(FRAME, **given)


def spec(**changes: object) -> atlas.Spec:
    given = {"dataset": data(), "split": SPLIT, "arms": {"forest": FOREST}, "reports": []}
    return atlas.Spec(**given | changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> atlas.Run:
    folder = tmp_path_factory.mktemp("python")
    drawn = spec(reports=["html"])
    return atlas.run(drawn, out=folder / "runs", cache_dir=folder / "cache", progress=False)


def test_the_package_offers_its_names_and_imports_nothing_for_them() -> None:
    code = (
        "import sys, atlas_core; print(*sorted(set(sys.modules) & {'numpy', 'pandas', 'pydantic'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
    assert {"run", "load_run", "validate", "components", "from_pandas", "Spec", "Run"} <= set(
        dir(atlas)
    )
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        atlas.runn  # noqa: B018 - the access is the subject


@pytest.mark.parametrize("name", ["from_pandas", "score_predictions"])
def test_what_a_plugin_offers_has_the_signature_that_an_editor_shows(name: str) -> None:
    stub = ast.parse(Path(atlas.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    (shown,) = (one for one in stub.body if isinstance(one, ast.FunctionDef) and one.name == name)
    given = inspect.signature(getattr(atlas, name)).parameters.values()
    own = [one.name for one in given if one.name != "resolver"]
    arguments = [*shown.args.args, *shown.args.kwonlyargs, shown.args.kwarg]
    assert own == [one.arg for one in arguments if one is not None]
    with pytest.raises(TypeError):
        getattr(atlas, name)()


def test_what_is_not_installed_names_its_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offered, "offers", lambda _group: [])
    with pytest.raises(PluginError, match="from_pandas is not installed: pip install atlas-mater"):
        atlas.from_pandas  # noqa: B018 - the access is the subject


def test_who_writes_a_run_reads_none_of_its_tables_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr("atlas_core.data.tables.read_table", read.append)
    drawn = spec(reports=["html"])
    made = atlas.run(drawn, out=tmp_path / "runs", cache_dir=tmp_path, progress=False)
    assert len(made.arm().predict("NaCl")) == 1
    assert made.report.path is not None
    assert read == []
    with pytest.raises(DataError):  # who asks later does read them
        atlas.load_run(made.path)
    assert [path.name for path in read] == ["predictions.parquet"]


def test_a_run_has_metrics_predictions_and_a_verdict(run: atlas.Run) -> None:
    row = run.metrics.loc["forest", "test"]
    stored = read_json(run.path / "metrics.json")["arms"]["forest"]["parts"]["test"]
    assert row["mae"] == stored["metrics"]["mae"]["value"]
    assert [row["mae_low"], row["mae_high"]] == [
        stored["metrics"]["mae"][end] for end in ("low", "high")
    ]
    table = run.predictions.to_pandas()
    assert len(table) == 36
    assert np.isclose((table.target - table["mean"])[table.part == "test"].abs().mean(), row["mae"])
    reported = read_json(run.path / "verdict.json")["forest"]
    assert run.verdict["forest"].grade == reported["grade"]
    assert run.verdict["forest"].headline == reported["headline"]
    assert run.verdict["forest"].grade in repr(run)
    assert run.report.path == run.path / "report.html"


def test_a_run_shows_itself_in_a_notebook(run: atlas.Run) -> None:
    page = run._repr_html_()
    assert run.verdict["forest"].grade.replace("_", " ") in page
    assert "<svg" in page
    assert "<script" not in page
    value = read_json(run.path / "metrics.json")["arms"]["forest"]["parts"]["test"]["metrics"][
        "mae"
    ]
    assert f"{value['value']:.3g}<" in page
    assert str(run.path) in page


def test_without_a_report_that_has_a_card_a_notebook_shows_the_verdicts(
    run: atlas.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(run._resolver), "names", lambda _self, _kind: [])
    page = run._repr_html_()
    assert page.startswith(f"<pre>{run.path}")
    assert run.verdict["forest"].headline in unescape(page)


def test_data_in_memory_are_kept_next_to_the_run_with_their_hash(run: atlas.Run) -> None:
    (kept,) = (run.path.parent / "data").glob("*.parquet")
    assert kept.stem == data().sha256[:16]
    lock = (run.path / "spec.lock.yaml").read_text(encoding="utf-8")
    assert data().sha256 in lock
    again = atlas.run(
        run.path / "spec.lock.yaml",
        out=run.path.parent,
        cache_dir=run.path.parent.parent / "cache",
        progress=False,
    )
    assert again.reused
    assert again.path == run.path


def test_the_same_frame_gives_the_same_run_and_a_changed_one_another(
    run: atlas.Run, tmp_path: Path
) -> None:
    cache = run.path.parent.parent / "cache"
    same = atlas.run(spec(), out=tmp_path, cache_dir=cache, progress=False)
    assert same.path.name == run.path.name
    other = FRAME.assign(gap=FRAME.gap + 0.001)
    changed = atlas.from_pandas(other, target="gap", formula="composition", unit="eV")
    third = atlas.run(spec(dataset=changed), out=tmp_path, cache_dir=cache, progress=False)
    assert third.path.name != run.path.name


def test_a_fitted_arm_predicts_formulas_and_crystals(run: atlas.Run) -> None:
    predicted = set(run.predictions.formula.tolist())
    seen = next(one for one in SALTS if one not in predicted)  # a training material
    anion = seen[2:] or seen[1:]
    ions = [seen.removesuffix(anion), anion]
    crystal = Structure(Lattice.cubic(5.6), ions, [[0, 0, 0], [0.5, 0.5, 0.5]])
    asked = run.arm("forest").predict([seen, crystal, "O2U"])
    assert asked.value[0] == asked.value[1]
    assert asked.outside is not None
    assert asked.outside.tolist() == [False, False, True]
    assert asked.known.tolist() == [True, True, False]
    assert (asked.lower <= asked.value).all()
    assert (asked.value <= asked.upper).all()
    table = asked.to_pandas()
    assert table.material.tolist() == [seen, seen, "O2U"]
    assert "U" in table.reasons[2]
    assert table.nearest[0].startswith(f"{seen} (")


def test_what_an_arm_predicts_is_what_the_run_predicted(run: atlas.Run) -> None:
    table = run.predictions.part("test").to_pandas()
    asked = run.arm().predict(table.formula.tolist())
    np.testing.assert_array_equal(asked.value, table["mean"])
    np.testing.assert_array_equal(asked.upper, table["upper_0.9"])


def test_all_bad_materials_are_named(run: atlas.Run) -> None:
    with pytest.raises(DataError) as refused:
        run.arm().predict(["NaCl", "Xx2", 3])
    lines = str(refused.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("material 2: ")
    assert "Xx" in lines[0]
    assert lines[1] == "material 3: a int is no formula and no Structure"
    with pytest.raises(DataError, match="no material"):
        run.arm().predict([])


def test_a_wrong_spec_is_refused_with_every_mistake_and_no_line_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as refused:
        atlas.validate(spec(split="randm", arms={"a": {**FOREST, "model": "ridg"}}))
    first, second = str(refused.value).splitlines()
    assert first.startswith("Spec  split.use: unknown split 'randm', did you mean 'random'?")
    assert second.startswith("Spec  arms.a.model.use: unknown model 'ridg'")
    with pytest.raises(SpecError, match=r"arms\.a\.model: a object is not allowed in a spec"):
        atlas.validate(spec(arms={"a": {**FOREST, "model": object()}}))
    assert not Path("runs").exists()
    with pytest.raises(SpecError, match="split: this key is missing"):
        atlas.validate({"dataset": "flla", "arms": {}})


def test_a_spec_is_changed_as_on_the_command_line(tmp_path: Path) -> None:
    plan = atlas.validate(spec(), set={"seed": 8, "arms.forest.ood": None}, out=tmp_path)
    assert plan.spec.seed == 8
    assert "ood" not in plan.arms["forest"]
    made = tmp_path / "s.yaml"
    made.write_text(plan.text, encoding="utf-8")
    assert atlas.validate(made, set={"seed": 9}).spec.seed == 9


def test_crystals_of_pymatgen_are_a_column_like_any_other(tmp_path: Path) -> None:
    crystals = [Structure(Lattice.cubic(4 + k / 10), ["Cs"], [[0, 0, 0]]) for k in range(12)]
    frame = pd.DataFrame({"structure": crystals, "volume": [c.volume for c in crystals]})
    dataset = atlas.from_pandas(frame, target="volume", structure="structure")
    arm = {"featurizer": "density_features", "model": "ridge", "uq": "deterministic"}
    plan = atlas.validate(spec(dataset=dataset, arms={"a": arm}), out=tmp_path)
    done = atlas.run(
        spec(dataset=dataset, arms={"a": arm}), out=tmp_path, cache_dir=tmp_path, progress=False
    )
    assert "inputs:structure" in plan.dataset.provides
    with pytest.raises(DataError, match=r"material 1 .*reads crystals; give a Structure"):
        done.arm("a").predict("Cs")
    asked = done.arm("a").predict(crystals[3])  # an arm without calibrator and detector
    assert (asked.outside, asked.label, asked.reasons.tolist()) == (None, None, [""])
    assert np.isnan(asked.lower).all()
    assert list(asked.to_pandas().columns).count("label") == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"target": "bandgap"}, "no column 'bandgap'; there are composition, gap, source"),
        ({"structure": "composition"}, "either the formula or the structure column"),
        ({"formula": None}, "either the formula or the structure column"),
    ],
)
def test_a_frame_without_its_columns_is_refused(options: dict[str, object], why: str) -> None:
    with pytest.raises(DataError, match=why):
        data(**options)


def test_rows_that_cannot_be_read_are_named_all_at_once(tmp_path: Path) -> None:
    bad = FRAME.assign(composition=["Xx", "NaCl", "Qq2", *FRAME.composition[3:]])
    dataset = atlas.from_pandas(bad, target="gap", formula="composition")
    with pytest.raises(DataError) as refused:
        atlas.run(spec(dataset=dataset), out=tmp_path, cache_dir=tmp_path, progress=False)
    assert "Xx" in str(refused.value)
    assert "Qq" in str(refused.value)
    assert not list(tmp_path.glob("notebook-*"))


def test_components_are_listed_as_a_table() -> None:
    table = atlas.components("uq")
    assert set(table.kind) == {"uq"}
    assert "tree_variance" in set(table.name)
    with pytest.raises(SpecError, match="no kind 'uqs'"):
        atlas.components("uqs")


def test_an_arm_that_was_not_kept_is_named_without_an_option_of_the_command_line(
    run: atlas.Run,
) -> None:
    with pytest.raises(SpecError, match=r"no arm 'forrest' is kept; there is forest$"):
        run.arm("forrest")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished run here"):
        atlas.load_run(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_is_shown_wherever_the_notebook_goes(
    run: atlas.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache = run.path.parent.parent / "cache"
    done = atlas.run(spec(), out="here", cache_dir=cache, progress=False)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert done.arm("forest").predict("NaCl").value.shape == (1,)
    assert atlas.load_run(f"../here/{done.path.name}").metrics.equals(done.metrics)


def test_numbers_of_numpy_and_any_text_may_stand_in_a_spec(tmp_path: Path) -> None:
    plan = atlas.validate(
        spec(
            split={"use": "random", "options": {"test": np.float64(0.3)}},
            levels=np.array([0.5, 0.9]),
            seed=np.int64(4),
            question=np.str_("is it 😀?"),
        ),
        set={"sample": np.int32(30), "question": "is it 𝛼 or 😀?"},
        out=tmp_path,
    )
    assert (plan.spec.seed, plan.spec.sample, plan.spec.levels) == (4, 30, (0.5, 0.9))
    assert plan.spec.question == "is it 𝛼 or 😀?"


def test_files_of_a_spec_are_seen_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("d.csv", index=False)
    options = {"path": "d.csv", "target": "gap", "formula": "composition"}
    keys = {"dataset": {"use": "table", "options": options}, "split": SPLIT, "arms": {"f": FOREST}}
    done = atlas.run(keys, cache_dir=tmp_path / "c", progress=False)
    assert done.manifest["dataset"]["rows"] == 60


def test_missing_text_is_missing_whatever_holds_it(tmp_path: Path) -> None:
    for kind in ("object", "string", "category"):
        column = pd.Series([*FRAME.composition[:59], None], dtype=kind)
        dataset = atlas.from_pandas(
            FRAME.assign(composition=column), target="gap", formula="composition"
        )
        with pytest.raises(DataError, match="row 60, id 60: no formula"):
            atlas.run(spec(dataset=dataset), out=tmp_path, cache_dir=tmp_path, progress=False)
    whole = FRAME.assign(number=[*range(59), None], composition=list(FRAME.composition))
    with pytest.raises(DataError) as refused:
        atlas.run(
            spec(
                dataset=atlas.from_pandas(whole, target="gap", formula="composition", id="number")
            ),
            out=tmp_path,
            cache_dir=tmp_path,
            progress=False,
        )
    assert "1.0" not in str(refused.value)


def test_compositions_are_formulas_and_odd_frames_are_refused() -> None:
    made = atlas.from_pandas(
        FRAME.assign(composition=[Composition(one) for one in FRAME.composition]),
        target="gap",
        formula="composition",
    )
    assert b"Li1F1" in made.content
    with pytest.raises(DataError, match="column name 7 is no text"):
        atlas.from_pandas(FRAME.rename(columns={"gap": 7}), target="gap", formula="composition")
    crystal = Structure(
        Lattice.cubic(4), ["Cs"], [[0, 0, 0]], site_properties={"selective_dynamics": [[True] * 3]}
    )
    frame = pd.DataFrame({"structure": [crystal], "volume": [64.0]})
    assert len(atlas.from_pandas(frame, target="volume", structure="structure").content) > 0


def test_what_is_no_list_of_materials_is_refused(run: atlas.Run) -> None:
    arm = run.arm()
    for given in (FRAME, None, 7):
        with pytest.raises(DataError, match="is no list of materials"):
            arm.predict(given)
    assert arm.predict(Composition("NaCl")).value == arm.predict(FRAME.composition[5:6]).value


def test_a_run_that_was_changed_is_refused(run: atlas.Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    text = (copy / "metrics.json").read_text(encoding="utf-8")
    (copy / "metrics.json").write_text(text.replace("0.9", "0.8", 1), encoding="utf-8")
    with pytest.raises(DataError, match=r"metrics\.json"):
        atlas.load_run(copy)


@pytest.mark.parametrize("places", [["/etc/hostname"], ["../report.html"], [], [""]])
def test_a_report_lies_in_its_run(run: atlas.Run, tmp_path: Path, places: list[str]) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    manifest = read_json(copy / "manifest.json")
    manifest["reports"][0]["places"] = places
    write_json(copy / "manifest.json", seal(copy, manifest))
    with pytest.raises(DataError, match="a report has no place"):
        atlas.load_run(copy)


def test_a_fit_of_somebody_else_is_opened_only_on_purpose(
    run: atlas.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    again = atlas.load_run(run.path)
    with pytest.raises(DataError, match="trust_fit=True"):
        again.arm()
    assert again.arm(trust_fit=True).predict("NaCl").value == run.arm().predict("NaCl").value


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be written"):
        atlas.run(spec(), out=tmp_path / "file", cache_dir=tmp_path, progress=False)


def test_every_missing_key_is_named() -> None:
    with pytest.raises(SpecError) as refused:
        atlas.validate({})
    assert len(str(refused.value).splitlines()) == 3
    with pytest.raises(SpecError, match="a NoneType is no spec"):
        atlas.validate(None)
