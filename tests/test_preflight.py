"""What can be known before a training is reported before it: by ``run``, and by ``validate``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import ROOT, Cli

from atlas_core.cli.validating import Ahead, look_ahead
from atlas_core.errors import DataError, SpecError
from atlas_core.spec.load import load_plan
from atlas_registry.loading import Registry

SPEC = """\
atlas: 1
name: ahead
seed: 3
sample: 300
levels: [0.5, 0.9, 0.95]
dataset: flla
split: random
arms:
  forest:
    featurizer: element_fractions
    model: {use: random_forest, options: {trees: 5}}
    uq: tree_variance
    calibrator: split_conformal
"""


def ahead(folder: Path, *overrides: str, text: str = SPEC) -> Ahead:
    """Return what is found of a spec without training."""
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    plan = load_plan(folder / "s.yaml", Registry(), overrides=overrides)
    return look_ahead(plan, data_dir=None, cache_dir=folder / "cache")


def refused(folder: Path, *overrides: str, text: str = SPEC) -> list[str]:
    with pytest.raises(DataError) as error:
        ahead(folder, *overrides, text=text)
    assert error.value.exit_code == 4
    return str(error.value).splitlines()


def test_what_is_in_order_is_reported_with_its_sizes(tmp_path: Path) -> None:
    found = ahead(tmp_path)
    # 15 % of 300 rows calibrate and 15 % test
    sizes = {"train": 210, "calibration": 45, "test": 45, "ood_test": 0, "pool": 0}
    assert found.folds == [{"name": "random", "sizes": sizes}]
    assert not found.warnings
    assert not found.unchecked


@pytest.mark.parametrize("command", ["run", "validate"])
def test_folds_without_calibration_rows_are_refused_before_the_first_fit(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = Cli(tmp_path, tmp_path / "cache")(command, "s.yaml", "--set", "split=matbench_folds")
    assert done.returncode == 4
    last = done.stderr.splitlines()[-1]
    for word in ("split_conformal", "fold_0 and 4 more", "0 calibration rows", "`calibration`"):
        assert word in last
    assert not (tmp_path / "cache" / "fits").exists()
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize(
    ("calibrator", "rows", "needed"),
    [
        ("split_conformal", 0, 1),  # level 0.5: 0.5 / (1 - 0.5)
        ("mondrian", 0, 1),
        ("weighted_conformal", 4, 5),
        ("variance_scaling", 9, 10),
        ("linear", 19, 20),
        ("isotonic", 19, 20),
    ],
)
def test_each_calibrator_states_the_rows_it_needs(
    tmp_path: Path, calibrator: str, rows: int, needed: int
) -> None:
    def asked(count: int) -> tuple[str, ...]:
        options = f"{{use: random, options: {{calibration: {count / 300}}}}}"
        return f"arms.forest.calibrator={calibrator}", f"split={options}"

    (line,) = refused(tmp_path, *asked(rows))
    assert f"{rows} calibration rows, needs at least {needed}" in line
    assert calibrator in line
    assert not ahead(tmp_path, *asked(needed)).unchecked


def test_levels_that_will_have_no_bound_are_a_warning(tmp_path: Path) -> None:
    found = ahead(tmp_path, "split={use: random, options: {calibration: 0.04}}")
    # 12 rows: 0.9 needs 9, 0.95 needs 19
    (warning,) = found.warnings
    assert "12 calibration rows" in warning
    assert "0.95 (needs 19)" in warning
    assert "0.9 (" not in warning


def test_a_run_reports_what_validate_reports(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    cli, few = (
        Cli(tmp_path, tmp_path / "cache"),
        "split={use: random, options: {calibration: 0.05}}",
    )
    done = cli("run", "s.yaml", "--set", few, "--set", "sample=200")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "infinite intervals" in line]
    assert len(said) == 1
    assert said[0].startswith("warning: 10 calibration rows")  # of 200, 5 %
    (page,) = (tmp_path / "runs").glob("*/report.html")
    assert "infinite intervals" in page.read_text(encoding="utf-8")
    done = cli("run", "s.yaml")
    assert "infinite intervals" not in done.stderr


def test_a_trust_region_states_its_rows_before_the_nested_fits(tmp_path: Path) -> None:
    text = (ROOT / "specs" / "screening.yaml").read_text(encoding="utf-8")
    (line,) = refused(tmp_path, "sample=300", text=text)
    # 15 % of 300
    assert "45 calibration rows, needs at least 100" in line
    assert "learned_region" in line


def test_nested_fits_without_a_class_are_reported_ahead(tmp_path: Path) -> None:
    text = SPEC.replace("sample: 300\n", "sample: 700\n") + (
        "    trust: sigma_threshold\n"
        "trust:\n  error_tolerance: 0.2\n  nested:\n    splits: [{use: leave_elements_out,"
        " options: {elements: [Xe]}}]\n"
    )
    lines = refused(tmp_path, text=text)
    assert any("Xe" in line and "trust" in line for line in lines)


def _table(folder: Path, rows: list[tuple[str, float]]) -> str:
    body = "\n".join(f"{formula},{value}" for formula, value in rows)
    (folder / "data.csv").write_text(f"formula,y\n{body}\n", encoding="utf-8")
    data = "dataset: {use: table, options: {path: data.csv, formula: formula, target: y}}"
    return SPEC.replace("sample: 300\n", "").replace("dataset: flla", data)


def test_a_constant_target_is_refused(tmp_path: Path) -> None:
    text = _table(tmp_path, [(f"Na{i + 1}Cl{i % 7 + 1}", 2.5) for i in range(60)])
    (line,) = refused(tmp_path, text=text)
    assert "'y' is 2.5 for all 42 training rows" in line  # 70 % of 60


def test_one_class_is_refused_in_training_and_for_a_curve_in_calibration(tmp_path: Path) -> None:
    one = [(f"Na{i + 1}Cl{i % 7 + 1}", 0.0) for i in range(80)]
    text = _table(tmp_path, one).replace("target: y}", "target: y, task: binary}")
    lines = refused(tmp_path, text=text)
    assert any("all 56 training rows are of class 0" in line for line in lines)
    named = text.replace("task: binary}", "task: binary, class_names: [not a metal, metal]}")
    lines = refused(tmp_path, text=named)
    assert any("all 56 training rows are “not a metal”" in line for line in lines)
    rare = [(f"Na{i + 1}Cl{i % 7 + 1}", float(i in (17, 90, 160))) for i in range(200)]
    text = _table(tmp_path, rare).replace("target: y}", "target: y, task: binary}")
    for calibrator in ("isotonic", "venn_abers"):
        lines = refused(
            tmp_path,
            f"arms.forest.calibrator={calibrator}",
            "split={use: random, options: {calibration: 0.1}}",
            text=text,
        )
        assert any("all 20 calibration rows are of class 0" in line for line in lines)
        named = text.replace("task: binary}", "task: binary, class_names: [not a metal, metal]}")
        lines = refused(
            tmp_path,
            f"arms.forest.calibrator={calibrator}",
            "split={use: random, options: {calibration: 0.1}}",
            text=named,
        )
        assert any("all 20 calibration rows are “not a metal”" in line for line in lines)
        assert not any("class 0" in line for line in lines)
    # sets of labels still cover as promised over all rows together
    found = ahead(tmp_path, "split={use: random, options: {calibration: 0.1}}", text=text)
    assert any("all 20 calibration rows are of class 0" in text for text in found.warnings)


CARBON = [(f"C{i % 5 + 1}", float(i) ** 0.5) for i in range(60)]


@pytest.mark.parametrize(
    ("detector", "representation"),
    [
        ("mahalanobis", "fractions"),
        ("kde", "fractions"),
        ("pca_residual", "fractions"),
        ("mahalanobis", "features"),
        ("relative_mahalanobis", "features"),
        ("kde", "features"),
        ("pca_residual", "features"),
        ("isolation_forest", "features"),
    ],
)
def test_one_element_has_no_spread_for_a_detector(
    tmp_path: Path, detector: str, representation: str
) -> None:
    text = _table(tmp_path, CARBON)
    use = f"{{use: {detector}, options: {{representation: {representation}}}}}"
    (line,) = refused(tmp_path, f"arms.forest.ood={use}", text=text)
    assert "all 42 training rows have the same" in line
    assert "all are C" in line
    assert "no spread" in line
    assert "more rows" not in line


def test_a_detector_that_needs_no_spread_takes_one_element(tmp_path: Path) -> None:
    text = _table(tmp_path, CARBON)
    for detector in ("unseen_element", "knn_distance", "lof", "ecod"):
        assert ahead(tmp_path, f"arms.forest.ood={detector}", text=text).folds


TWO = [(("Fe", "C")[i % 2], float(i) ** 0.5) for i in range(160)]


@pytest.mark.parametrize(
    "ood",
    [
        "kde",
        "{use: kde, options: {representation: features}}",
        "relative_mahalanobis",
    ],
)
def test_two_kinds_of_rows_are_too_few_for_a_detector(tmp_path: Path, ood: str) -> None:
    text = _table(tmp_path, TWO)
    (line,) = refused(tmp_path, f"arms.forest.ood={ood}", text=text)
    assert "112 training rows" in line  # 70 % of 160
    assert "alike" not in line or "relative" in ood
    several = [(f"Fe{i % 13 + 1}C", float(i) ** 0.5) for i in range(160)]
    assert ahead(tmp_path, f"arms.forest.ood={ood}", text=_table(tmp_path, several)).folds


def test_test_rows_of_one_target_are_a_warning(tmp_path: Path) -> None:
    rows = [(f"Fe{i % 13 + 1}C", float(i == 0)) for i in range(160)]
    text = _table(tmp_path, rows)
    found = ahead(tmp_path, "split={use: random, options: {test: 0.1}}", text=text)
    assert [one for one in found.warnings if "each of 16 rows" in one]
    varied = [(f"Fe{i % 13 + 1}C", float(i)) for i in range(160)]
    assert not ahead(tmp_path, text=_table(tmp_path, varied)).warnings


def test_an_arm_without_spread_stops_the_run_before_any_arm_trains(tmp_path: Path) -> None:
    text = _table(tmp_path, CARBON)
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    use = "{use: mahalanobis, options: {representation: features}}"
    done = Cli(tmp_path, tmp_path / "cache")("run", "s.yaml", "--set", f"arms.forest.ood={use}")
    assert done.returncode == 4
    assert "no spread" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "cache" / "fits").exists()


def test_a_loop_is_looked_at_in_its_first_round(tmp_path: Path) -> None:
    loop = "active_learning: {acquisition: random, initial: 8, batch: 50, rounds: 10}\n"
    gp = "{use: gaussian_process, options: {max_rows: 5}}"
    lines = refused(
        tmp_path, f"arms.forest.model={gp}", "arms.forest.uq=deterministic", text=SPEC + loop
    )
    assert any("8 + 10 x 50 = 508" in line and "leaves 210" in line for line in lines)
    assert any("8 training rows, but max_rows is 5" in line for line in lines)


def test_uncertainty_methods_state_the_rows_that_their_folds_need(tmp_path: Path) -> None:
    uq = "{use: residual_model, options: {folds: 100}}"
    (line,) = refused(tmp_path, f"arms.forest.uq={uq}", "sample=120")
    assert "84 training rows, needs two for each of 100 folds" in line


def test_every_problem_of_every_arm_is_reported_at_once(tmp_path: Path) -> None:
    other = SPEC.partition("arms:\n")[2].replace("forest:", "second:")
    lines = refused(
        tmp_path,
        "split={use: random, options: {calibration: 0}}",
        "arms.second.calibrator=linear",
        text=SPEC + other,
    )
    assert len(lines) == 2
    assert "arm forest" in lines[0]
    assert "arm second" in lines[1]


def test_data_that_are_not_at_hand_leave_a_spec_valid_and_say_so(tmp_path: Path) -> None:
    task = "dataset: {use: matbench, options: {task: steels}}"
    found = ahead(tmp_path, text=SPEC.replace("dataset: flla", task))
    assert "steels" in found.unchecked
    assert not found.folds


def test_a_user_s_own_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gaps.csv").write_text("formula,y\nC,1\n")
    data = "dataset: {use: table, options: {path: gap.csv, formula: formula, target: y}}"
    (line,) = refused(tmp_path, text=SPEC.replace("dataset: flla", data))
    assert line.endswith("gap.csv: no such file; did you mean 'gaps.csv'?")
    (tmp_path / "cifs").mkdir()
    data = "dataset: {use: cif_folder, options: {path: cifs, target: y}}"
    (line,) = refused(tmp_path, text=SPEC.replace("dataset: flla", data))
    assert "id_prop.csv: missing" in line


def test_a_sample_larger_than_the_data_is_refused(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, "sample=5000")
    assert "5000" in line
    assert "3938" in line


@pytest.mark.parametrize(
    "options",
    [
        "{featurizer: ElementProperty, preset: magpi}",
        "{featurizer: ElementPropertie}",
        "{featurizer: ElementProperty, preset: magpie, options: {unknown: 1}}",
    ],
)
def test_a_wrapped_featurizer_that_cannot_be_made_is_a_mistake_of_the_spec(
    tmp_path: Path, options: str
) -> None:
    pytest.importorskip("matminer")
    use = f"{{use: matminer, options: {options}}}"
    with pytest.raises(SpecError) as error:
        ahead(tmp_path, f"arms.forest.featurizer={use}")
    assert error.value.exit_code == 2
    assert "ElementProperty" in str(error.value)


def test_validate_answers_in_json(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = Cli(tmp_path, tmp_path / "cache")("validate", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["valid"]
    assert answer["folds"][0]["sizes"]["calibration"] == 45
