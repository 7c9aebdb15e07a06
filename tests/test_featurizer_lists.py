"""Several featurizers in one arm: their columns stand side by side."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support import ROOT, Cli

from atlas_core.api import Graphs, Vectors
from atlas_core.engine.features import side_by_side
from atlas_core.errors import DataError, SpecError
from atlas_core.kinds import KINDS
from atlas_core.spec.load import load_plan
from atlas_core.spec.plan import Plan
from atlas_core.store import read_json
from atlas_registry.loading import Registry
from atlas_tools.schema import schema_of_specs

SPEC = """\
atlas: 1
name: lists
seed: 3
sample: 200
levels: [0.9]
dataset: flla
split: {use: random, options: {test: 0.3}}
arms:
  both:
    featurizer: [element_fractions, {use: sine_coulomb_matrix, options: {max_sites: 30}}]
    model: ridge
    uq: deterministic
    ood: {use: mahalanobis, options: {representation: features}}
"""
BOTH = "[element_fractions, {use: sine_coulomb_matrix, options: {max_sites: 30}}]"


def plan_of(tmp_path: Path, text: str, *overrides: str) -> Plan:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return load_plan(path, Registry(), overrides=overrides)


def problems_of(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan_of(tmp_path, text, *overrides)
    return [
        problem.replace(str(tmp_path / "s.yaml"), "s.yaml") for problem in caught.value.problems
    ]


def vectors(*labels: str, rows: int = 2, failures: tuple[tuple[str, str], ...] = ()) -> Vectors:
    values = np.arange(rows * len(labels), dtype=float).reshape(rows, -1)
    return Vectors(values, np.array(labels), failures)


def graphs() -> Graphs:
    one = {"src": [0, 0], "dst": [0, 0], "distance": [1.0, 1.0]}
    return Graphs([0, 1, 2], [1, 1], [0, 1, 2], **one, image=np.zeros((2, 3)))  # type: ignore[arg-type]


def test_columns_stand_in_the_order_of_the_list_and_failures_are_kept() -> None:
    joined = side_by_side(
        [("x", vectors("a", "b")), ("y", vectors("c", failures=(("m-1", "why"),)))]
    )
    assert isinstance(joined, Vectors)
    assert joined.labels.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(joined.values, [[0, 1, 0], [2, 3, 1]])
    assert joined.failures == (("m-1", "why"),)


def test_a_single_featurizer_is_passed_on_as_it_is() -> None:
    alone = graphs()
    assert side_by_side([("x", alone)]) is alone


def test_a_column_of_one_name_names_both_featurizers() -> None:
    with pytest.raises(DataError, match="featurizers x and z both have a column 'b'"):
        side_by_side([("x", vectors("a", "b")), ("y", vectors("c")), ("z", vectors("b"))])


def test_rows_of_another_number_name_both_featurizers() -> None:
    with pytest.raises(DataError, match="featurizers x and y: 2 and 3 rows"):
        side_by_side([("x", vectors("a")), ("y", vectors("b", rows=3))])


def test_graphs_that_were_declared_as_vectors_are_refused() -> None:
    with pytest.raises(DataError, match="featurizer y: graphs cannot join other features"):
        side_by_side([("x", vectors("a")), ("y", graphs())])


def test_a_list_is_filled_and_reads_back_as_the_same_spec(tmp_path: Path) -> None:
    filled = plan_of(tmp_path, SPEC).describe()
    assert filled["arms"]["both"]["featurizer"] == [
        {"use": "element_fractions", "options": {"elements": None}},
        {"use": "sine_coulomb_matrix", "options": {"max_sites": 30}},
    ]
    assert plan_of(tmp_path, json.dumps(filled)).describe() == filled


def test_a_list_of_one_is_the_same_question_as_its_name(tmp_path: Path) -> None:
    listed = plan_of(tmp_path, SPEC, "arms.both.featurizer=[element_fractions]")
    named = plan_of(tmp_path, SPEC, "arms.both.featurizer=element_fractions")
    assert listed.describe() == named.describe()
    assert listed.describe()["arms"]["both"]["featurizer"]["use"] == "element_fractions"


def test_a_list_needs_what_any_needs_and_gives_what_all_give(tmp_path: Path) -> None:
    chosen = plan_of(tmp_path, SPEC).arms["both"]["featurizer"]
    assert chosen.requires == {"inputs:composition", "inputs:structure"}
    assert chosen.provides == {"features:vectors"}
    assert [one.name for one in chosen.together] == ["element_fractions", "sine_coulomb_matrix"]


def test_graphs_in_a_list_are_refused_at_their_line(tmp_path: Path) -> None:
    text = SPEC.replace("[element_fractions,", "[element_fractions, crystal_graph,")
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(
        "s.yaml:10:37  arms.both.featurizer.1: featurizer 'crystal_graph' gives "
    )
    assert "name it alone" in problem


def test_one_featurizer_twice_is_refused(tmp_path: Path) -> None:
    text = SPEC.replace("[element_fractions,", "[element_fractions, element_fractions,")
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("s.yaml:10:37  arms.both.featurizer.1: ")
    assert problem.endswith("'element_fractions' occurs twice with the same options")


def test_a_wrong_entry_names_its_place_and_the_others_are_still_checked(tmp_path: Path) -> None:
    text = SPEC.replace("max_sites: 30", "max_site: 30").replace("[element_", "[elemnt_")
    first, second = problems_of(tmp_path, text)
    assert first.startswith("s.yaml:10:18  arms.both.featurizer.0.use: unknown featurizer")
    assert second.startswith("s.yaml:10:73  arms.both.featurizer.1.options.max_site: unknown key")


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, SPEC, "arms.both.featurizer=[]")
    assert problem.endswith("arms.both.featurizer: name at least one")


def test_the_second_featurizers_need_is_refused_at_its_own_line(tmp_path: Path) -> None:
    steels = "dataset={use: matbench, options: {task: steels}}"
    (problem,) = problems_of(tmp_path, SPEC, steels)
    assert problem.startswith("s.yaml:10:38  arms.both.featurizer.1.use: featurizer 'sine_coulomb")
    assert "needs inputs:structure" in problem


def test_set_changes_and_takes_out_an_entry_by_its_place(tmp_path: Path) -> None:
    changed = plan_of(tmp_path, SPEC, "arms.both.featurizer.1.options.max_sites=7")
    assert changed.describe()["arms"]["both"]["featurizer"][1]["options"] == {"max_sites": 7}
    left = plan_of(tmp_path, SPEC, "arms.both.featurizer.0=")
    assert left.describe()["arms"]["both"]["featurizer"]["use"] == "sine_coulomb_matrix"


def test_the_page_of_the_spec_shows_settings_of_list_entries_that_work() -> None:
    path = ROOT / "specs/shear_moduli.yaml"
    page = (ROOT / "tools/generate.py").read_text(encoding="utf-8")
    shown = re.findall(r"`--set (arms\.forest_structure\S+|levels\S+)`", page)
    assert len(shown) == 4
    arm = ["magpie", "density_features", "neighbor_statistics", "radial_distribution"]
    found = []
    for setting in shown:
        filled = load_plan(path, Registry(), overrides=[setting]).describe()
        named = filled["arms"]["forest_structure"]["featurizer"]
        found.append([one["use"] for one in named])
        if ".3." in setting:
            assert named[3]["options"]["cutoff"] == 10
        if "levels" in setting:
            assert filled["levels"] == [0.5, 0.9]
    assert found == [arm, [*arm[:2], "stoichiometry", arm[3]], arm[1:], arm]


def test_set_of_no_entry_says_which_there_are(tmp_path: Path) -> None:
    for step in ("2", "use", "-1"):
        (problem,) = problems_of(tmp_path, SPEC, f"arms.both.featurizer.{step}=magpie")
        assert "arms.both.featurizer is a list of 2; name one of its entries" in problem


def test_the_schema_takes_a_name_or_a_list() -> None:
    registry = Registry()
    registry.problems(KINDS)  # all at once, as the command does
    entry = schema_of_specs(registry)["$defs"]["Arm"]["properties"]["featurizer"]
    one = {"$ref": "#/$defs/featurizer"}
    assert entry["anyOf"] == [one, {"type": "array", "minItems": 1, "items": one}]
    assert "$ref" not in entry


def test_a_run_learns_from_all_columns_and_says_so(cli: Cli) -> None:
    text = SPEC
    for name, listed in (
        ("turned", "[{use: sine_coulomb_matrix, options: {max_sites: 30}}, element_fractions]"),
        ("left", "element_fractions"),
        ("right", "{use: sine_coulomb_matrix, options: {max_sites: 30}}"),
    ):
        arm = SPEC.partition("arms:\n")[2].replace("  both:", f"  {name}:").replace(BOTH, listed)
        text += arm
    (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")
    done = cli("run", "s.yaml", "--json")
    assert done.returncode == 0, done.stderr
    folder = cli.cwd / json.loads(done.stdout)["run"]

    table = pq.read_table(folder / "predictions.parquet").to_pydict()
    arms = np.array(table["arm"])
    mean, score = np.array(table["mean"]), np.array(table["ood_score"])
    # the order of columns is no information: a linear model and a distance do not see it
    for column in (mean, score):
        np.testing.assert_allclose(column[arms == "both"], column[arms == "turned"], rtol=1e-6)
        for alone in ("left", "right"):
            assert not np.allclose(column[arms == "both"], column[arms == alone], rtol=1e-3)

    manifest = read_json(folder / "manifest.json")
    chosen = manifest["arms"]["both"]["featurizer"]
    assert chosen["use"] == "element_fractions"
    assert [one["use"] for one in chosen["beside"]] == ["sine_coulomb_matrix"]
    assert "beside" not in manifest["arms"]["left"]["featurizer"]
    made = [s["stage"] for s in manifest["stages"] if s["stage"].startswith("features")]
    assert sorted(made) == ["features element_fractions", "features sine_coulomb_matrix"]
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "element_fractions + sine_coulomb_matrix (max_sites 30) · ridge" in report
    lock = (folder / "spec.lock.yaml").read_text(encoding="utf-8")
    assert "# featurizer sine_coulomb_matrix: atlas-materials-crystal" in lock
