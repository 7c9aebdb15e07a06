"""Trust in whole runs: what methods see, bytes that repeat, and a spec that states a promise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from from_columns import examine
from support import Cli, MakePlugin

from atlas_core.api import Dataset, Materials
from atlas_core.data.tables import read_table
from atlas_core.engine.folder import slug
from atlas_core.engine.loading import deduplicated
from atlas_core.errors import SpecError
from atlas_core.spec.load import load_plan
from atlas_core.spec.model import Trust
from atlas_core.store import read_json
from atlas_registry.loading import Registry

SPEC = """\
atlas: 1
name: small
seed: 3
sample: 800
deduplicate: lowest
levels: [0.5, 0.9]
reports: []
dataset: flla
split:
  use: leave_elements_out
  options: {elements: [O, N], each: true, calibration: 0.2, test: 0.2}
trust:
  error_tolerance_quantile: 0.8
  target_reliability: 0.8
  nested:
    splits:
      - use: representative_elements
        options: {count: 3, minimum: 25, calibration: 0.05, test: 0.2}
    rows: 300
    scored: 60
arms:
  forest:
    featurizer: magpie
    model: {use: random_forest, options: {trees: 20}}
    uq: tree_variance
    calibrator: split_conformal
    ood: mahalanobis
    trust: learned_region
    surrogate: {model: {use: random_forest, options: {trees: 10}}}
"""
TABLES = ("trust.parquet", "predictions.parquet", "exam.json", "records.json")


def run(cli: Cli, *args: str, text: str = SPEC) -> Path:
    (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")
    done = cli("run", "s.yaml", "--json", *args)
    assert done.returncode == 0, done.stderr
    return cli.cwd / str(json.loads(done.stdout)["run"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one run that several tests read."""
    folder = tmp_path_factory.mktemp("whole")
    return run(Cli(folder, folder / "cache"), "--set", "reports=[html]")


def test_every_method_labels_every_scored_row(whole: Path) -> None:
    trust, seen = (read_table(whole / f"{name}.parquet") for name in ("trust", "predictions"))
    assert list(dict.fromkeys(trust["method"].tolist())) == [
        "learned_region",
        "sigma_threshold",
        "refuse_unseen",
    ]
    scored = np.isin(seen["part"], ("test", "ood_test"))
    for method in np.unique(trust["method"]):
        own = (trust["method"] == method) & np.isin(trust["part"], ("test", "ood_test"))
        for name in ("id", "fold", "part", "target", "mean"):
            keys = np.lexsort((trust["id"][own], trust["fold"][own]))
            others = np.lexsort((seen["id"][scored], seen["fold"][scored]))
            np.testing.assert_array_equal(
                trust[name][own][keys], seen[name][scored][others], err_msg=name
            )
    assert set(trust["label"].tolist()) <= {"trust", "verify", "defer"}
    calibration = seen["part"] == "calibration"
    for fold in ("without O", "without N"):
        error = np.abs(seen["mean"] - seen["target"])[calibration & (seen["fold"] == fold)]
        error_tolerance = trust["error_tolerance"][trust["fold"] == fold]
        np.testing.assert_allclose(error_tolerance, np.quantile(error, 0.8), rtol=1e-12)
    # one row per formula: no polymorph of a held-out formula was learned from
    for fold in ("without O", "without N"):
        formulas = seen["formula"][seen["fold"] == fold]
        assert len(set(formulas.tolist())) == len(formulas)


def test_the_exam_in_the_folder_is_that_of_the_tables_also_after_a_report(
    whole: Path, cli: Cli
) -> None:
    stored = (whole / "exam.json").read_bytes()
    trust, seen = (read_table(whole / f"{name}.parquet") for name in ("trust", "predictions"))
    again = examine(trust, seen, levels=[0.5, 0.9])["forest"]
    said = json.loads(stored)["forest"]
    assert [one["class"] for one in said["classes"]] == ["without O", "without N"]
    for one, other in zip(said["classes"], again["classes"], strict=True):
        assert one["mae"] == pytest.approx(other["mae"])
        assert (
            one["methods"]["learned_region"]["class"]["trusted"]
            == (other["methods"]["learned_region"]["class"]["trusted"])
        )
    folder = Path(shutil.copytree(whole, cli.cwd / "copy"))
    assert cli("report", folder).returncode == 0
    assert (folder / "exam.json").read_bytes() == stored
    (folder / "exam.json").unlink()  # a finished run that lacks a file is not drawn again
    done = cli("report", folder)
    assert done.returncode == 4
    assert "exam.json (missing)" in done.stderr


def test_the_same_spec_again_and_a_killed_run_give_the_same_bytes(whole: Path, cli: Cli) -> None:
    killed = run(cli, "--cache-dir", "another")
    for name in TABLES:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    # as a kill between the two folds leaves it: the first cell is kept, nothing is complete
    for path in [p for p in killed.iterdir() if p.is_file() and p.name != ".lock"]:
        path.unlink()
    cells = killed / "checkpoints" / "forest"
    (cells / slug("without N") / "result.npz").unlink()
    before = (cells / slug("without O") / "result.npz").stat().st_mtime_ns
    again = run(cli, "--cache-dir", "another", "--resume")
    assert (cells / slug("without O") / "result.npz").stat().st_mtime_ns == before
    for name in TABLES:
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name


SPY = '''
    """A trust method that notes every row that it is shown."""
    import numpy as np
    from atlas_core.api import Assessment, Component, Config, hookimpl

    class Options(Config):
        """No options."""

    class Region:
        def assess(self, inputs, prediction, ood):
            return Assessment(np.zeros(len(inputs)), np.ones(len(inputs)))
        def label(self, assessment):
            return np.full(len(assessment), "trust")

    class Spy:
        def fit(self, in_domain, nested, *, reliability, levels, context):
            for number, one in enumerate([in_domain, *nested]):
                np.savez(
                    f"saw-{number}.npz",
                    name=one.name,
                    train=one.train.ids,
                    train_target=one.train_target,
                    rows=one.inputs.ids,
                    target=one.target,
                    ood_test=one.ood_test,
                )
            return Region()

    @hookimpl
    def atlas_trust():
        return [Component("spy", Options, lambda config: Spy())]
    '''


def test_no_trust_method_sees_a_label_of_the_class_or_of_the_test_part(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    site = make_plugin("spy", "spy_trust", SPY, {"atlas.trust": {"spy": "spy_trust"}})
    text = SPEC.replace("trust: learned_region", "trust: spy").replace("[O, N]", "[O]")
    folder = run(Cli(cli.cwd, cli.cache, [str(site)]), text=text)
    table = read_table(folder / "predictions.parquet")
    hidden = set(table["id"][np.isin(table["part"], ("test", "ood_test"))].tolist())
    calibration = set(table["id"][table["part"] == "calibration"].tolist())
    in_domain, *nested = (
        np.load(path, allow_pickle=False)
        for path in sorted(cli.cwd.glob("saw-*.npz"), key=lambda p: int(p.stem[4:]))
    )
    training = set(in_domain["train"].tolist())
    assert str(in_domain["name"]) == "in-domain"
    assert set(in_domain["rows"].tolist()) == calibration
    assert not in_domain["ood_test"].any()
    assert not training & (hidden | calibration)
    assert len(nested) == 3
    for one in nested:
        learned, rows = set(one["train"].tolist()), set(one["rows"].tolist())
        assert learned <= training
        assert rows <= training
        assert not learned & rows
        assert one["ood_test"].any()
        assert not one["ood_test"].all()
    for one in (in_domain, *nested):
        assert np.isfinite(one["target"]).all()
        assert np.isfinite(one["train_target"]).all()


def test_classes_that_share_a_training_part_are_trained_once_and_scored_apart(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    site = make_plugin("spy", "spy_trust", SPY, {"atlas.trust": {"spy": "spy_trust"}})
    text = SPEC.replace("trust: learned_region", "trust: spy").replace("[O, N]", "[O]")
    text = text.replace("{count: 3, minimum: 25,", "{count: 8, minimum: 30, together: 4,")
    folder = run(Cli(cli.cwd, cli.cache, [str(site)]), text=text)
    saw = [np.load(path, allow_pickle=False) for path in sorted(cli.cwd.glob("saw-*.npz"))[1:]]
    parts = {tuple(one["train"].tolist()) for one in saw}
    assert len(parts) < len(saw)
    classes = [set(one["rows"][one["ood_test"]].tolist()) for one in saw]
    assert all(not a & b for n, a in enumerate(classes) for b in classes[:n])
    (record,) = [one for one in read_json(folder / "records.json") if one["name"] == "trust"]
    assert record["content"]["trainings"] == len(parts)
    assert len(record["content"]["nested"]) == len(saw)
    stages = read_json(folder / "manifest.json")["stages"]
    assert sum(one["stage"].startswith("nested ") for one in stages) == len(parts)


# --- the spec's block ---------------------------------------------------------------------------


def problems_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_plan(path, Registry())
    return [problem.replace(str(path), "s.yaml") for problem in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert old in SPEC
    return SPEC.replace(old, new)


def test_a_trust_method_without_its_block_names_its_line(tmp_path: Path) -> None:
    text = SPEC[: SPEC.index("trust:\n")] + SPEC[SPEC.index("arms:") :]
    (problem,) = problems_of(tmp_path, text)
    line = text.split("\n").index("    trust: learned_region") + 1
    assert problem.startswith(f"s.yaml:{line}:5  arms.forest.trust: ")
    assert "needs the block 'trust'" in problem


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "error_tolerance_quantile: 0.8\n",
            "error_tolerance_quantile: 0.8\n  error_tolerance: 0.2\n",
            "either error_tolerance or",
        ),
        (
            "  error_tolerance_quantile: 0.8\n",
            "",
            "either error_tolerance or error_tolerance_quantile",
        ),
        ("error_tolerance_quantile: 0.8", "error_tolerance: -1", "trust.error_tolerance"),
        (
            "error_tolerance_quantile: 0.8",
            "error_tolerance_quantile: 1.5",
            "trust.error_tolerance_quantile",
        ),
        ("target_reliability: 0.8", "target_reliability: 1", "trust.target_reliability"),
        ("target_reliability: 0.8", "price: {label: 2, mistake: 1}", "a mistake must cost more"),
        ("target_reliability: 0.8", "price: {label: 1}", "trust.price.mistake"),
        (
            "target_reliability: 0.8",
            "target_reliability: 0.8\n  price: {label: 1, mistake: 9}",
            "either target_reliability or price",
        ),
        ("use: representative_elements", "use: representative_element", "representative_elements"),
    ],
)
def test_a_wrong_error_tolerance_target_reliability_or_price_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    (problem,) = problems_of(tmp_path, changed(old, new))
    assert message in problem
    assert problem.startswith("s.yaml:")


def test_nested_must_name_splits(tmp_path: Path) -> None:
    start, end = SPEC.index("    splits:"), SPEC.index("    rows: 300")
    (problem,) = problems_of(tmp_path, SPEC[:start] + SPEC[end:])
    assert "trust.nested.splits: this key is missing" in problem


def test_a_trust_method_without_sigma_is_refused_once(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, changed("uq: tree_variance", "uq: deterministic"))
    (problem,) = [problem for problem in problems if "needs epistemic" in problem]
    assert "trust 'learned_region' needs epistemic" in problem


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (
            "trust: learned_region",
            "trust: [learned_region, {use: learned_region, options: {rule: point}}]",
            "    trust: [learned_region, {",
            "trust 'learned_region' occurs twice",
        ),
        ("    trust: learned_region\n", "", "trust:", "no arm names a trust method"),
        (
            "    trust: learned_region\n",
            "",
            "    surrogate: {model",
            "only a trust method trains nested fits",
        ),
        (
            "surrogate: {model: {use: random_forest, options: {trees: 10}}}",
            "surrogate: {model: ridge}",
            "    surrogate: {model: ridge}",
            "uq 'tree_variance' needs model:members",
        ),
    ],
)
def test_what_a_run_would_ignore_or_stumble_over_is_refused(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    text = changed(old, new)
    (problem,) = [one for one in problems_of(tmp_path, text) if message in one]
    (line,) = [n for n, one in enumerate(text.split("\n"), start=1) if one.startswith(place)]
    assert problem.startswith(f"s.yaml:{line}:")


def test_a_price_states_the_confidence() -> None:
    # a label costs 1 and a mistake 10: use a prediction where P(mistake) x 10 < 1
    shift = {"splits": "representative_elements"}
    price = {"label": 1.0, "mistake": 10.0}
    stated = Trust.model_validate({"error_tolerance": 0.2, "price": price, "nested": shift})
    assert stated.share == pytest.approx(0.9)
    plain = Trust.model_validate({"error_tolerance": 0.2, "nested": shift})
    assert plain.share == 0.9


def test_one_row_a_formula_is_the_lowest_or_the_highest() -> None:
    formulas = ["NaCl", "TiO2", "Na2Cl2", "Ti2O4", "Fe", "NaCl"]
    target = np.array([-2.0, -3.0, -2.5, -3.0, 0.0, -1.0])
    materials = Materials.from_formulas([f"m-{i}" for i in range(6)], formulas)
    data = Dataset(
        materials=materials,
        target=target,
        target_name="energy",
        unit="eV/atom",
        task="regression",
        name="made up",
        license="none needed",
        citation=("none",),
        sha256="0" * 64,
        provenance="embedded",
    )
    # of TiO2 and Ti2O4, which are equal, the first row stays
    assert deduplicated(data, "lowest").materials.ids.tolist() == ["m-1", "m-2", "m-4"]
    assert deduplicated(data, "highest").materials.ids.tolist() == ["m-1", "m-4", "m-5"]
