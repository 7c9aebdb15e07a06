"""A screen whose predictions are held against a reference: decisions, ranks, bad input."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from support import Cli

from atlas_core.data.decisions import Decisions
from atlas_core.data.predictions import Predictions
from atlas_core.errors import DataError, SpecError
from atlas_core.finished import read_run
from atlas_core.kinds.reference import Wording
from atlas_core.spec.model import Spec
from atlas_registry.loading import Registry
from atlas_screening.against import Against
from atlas_screening.costs import read_costs
from atlas_screening.decision_words import Names, basis, decision_in_words, flip, known, two_labels
from atlas_screening.named_reference import Wanted, named
from atlas_screening.open_arm import open_arm
from atlas_screening.table import by_worth

SPEC = """\
atlas: 1
name: held
seed: 3
dataset: flla
sample: 700
deduplicate: lowest
reports: []
split: {use: random, options: {calibration: 0.3, test: 0.2}}
reference: {use: convex_hull, options: {elements: zero}}
arms:
  forest:
    featurizer: magpie
    model: {use: random_forest, options: {trees: 12}}
    uq: tree_variance
    calibrator: {use: split_conformal, options: {score: normalized}}
    ood: unseen_element
"""
PHASES = """\
formula,e
Li,0
Mg,0
F,0
Fe,0
LiF,-3.0
MgF2,-3.6
FeF2,-2.4
"""
"""By hand: LiMgF3 is two atoms of LiF and three of MgF2, (2 * -3.0 + 3 * -3.6) / 5 = -3.36."""
OWN = (
    "{use: convex_hull, options: {own: false, phases: {use: table, options:"
    " {path: phases.csv, formula: formula, target: e, unit: eV/atom}}}}"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("held")
    (folder / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = Cli(folder, folder / "cache")("run", "s.yaml", "--json", "-q", "--save-fitted")
    assert done.returncode == 0, done.stderr
    return folder / json.loads(done.stdout)["run"]


def ask(run: Path, folder: Path, text: str, *args: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts of a screen, and its table as columns."""
    (folder / "c.csv").write_text(text, encoding="utf-8")
    (folder / "phases.csv").write_text(PHASES, encoding="utf-8")
    done = Cli(folder, folder / "cache")(
        "screen", run, "c.csv", "--out", "o", "--json", "-q", *args
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    facts["stderr"] = done.stderr
    return facts, pq.read_table(folder / "o/screened.parquet").to_pydict()


def failed(run: Path, folder: Path, text: str, *args: str) -> str:
    (folder / "c.csv").write_text(text, encoding="utf-8")
    (folder / "phases.csv").write_text(PHASES, encoding="utf-8")
    done = Cli(folder, folder / "cache")("screen", run, "c.csv", "--out", "o", "-q", *args)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def test_test_materials_get_the_decisions_of_the_run(run: Path, tmp_path: Path) -> None:
    table = Decisions.from_parquet(run / "decisions.parquet").part("test")
    text = "\n".join(["formula", *table.formula.tolist()]) + "\n"
    facts, found = ask(run, tmp_path, text)
    np.testing.assert_allclose(found["border"], table.border, atol=1e-9)
    # to rounding of the predictions, which trees may see on the other side of a split
    np.testing.assert_allclose(found["probability"], table.probability, atol=0.02)
    assert found["against"] == table.words.tolist()
    assert np.mean(np.array(found["decision"]) == table.label) > 0.99
    assert facts["goal"] == "stable"
    learned = facts["decisions"]["learned"]
    assert learned["rows"] == len(
        Decisions.from_parquet(run / "decisions.parquet").part("calibration")
    )
    # by hand: the share of test calls labeled trust that are right, as the run's own table has it
    sure = table.label == "trust"
    right = ((table.probability >= 0.5) == (table.target <= table.border))[sure]
    assert (learned["trusted"], learned["right"]) == (int(sure.sum()), pytest.approx(right.mean()))


def test_what_is_held_against_named_phases_is_as_by_hand(run: Path, tmp_path: Path) -> None:
    text = "formula\nLiMgF3\nLi2Mg2F6\nLiF\nFe\nFeF2\nXeF2\nLiXeF3\n"
    facts, found = ask(run, tmp_path, text, "--reference", OWN)
    assert found["border"][:3] == pytest.approx([-3.36, -3.36, 0.0])  # LiF itself is left out
    assert found["against"][:3] == ["MgF2 + LiF", "MgF2 + LiF", "Li + F2"]
    np.testing.assert_allclose(
        found["above_border"][:3], np.array(found["prediction"][:3]) - found["border"][:3]
    )
    np.testing.assert_allclose(
        found["above_lower"][:3], np.array(found["lower"][:3]) - found["border"][:3]
    )
    assert found["reference_value"][2] == pytest.approx(-3.0)
    assert np.isnan(found["reference_value"][0])
    # an element has nothing to decompose into, and of Xe there is no phase: no row is dropped
    assert [bool(d) for d in found["decision"]] == [True, True, True, False, True, False, False]
    assert np.isnan(found["probability"][3])
    said = facts["stderr"]
    assert "the reference has nothing of Xe: no decision for 2 candidates: line 7, line 8" in said
    assert "no decision for 1 candidate: line 5" in said
    assert facts["decisions"]["undecided"] == 3
    assert sorted(found["rank"][i] for i in (3, 5, 6)) == [5, 6, 7]


def test_the_most_probable_per_cost_comes_first(run: Path, tmp_path: Path) -> None:
    text = "formula,price\nLiMgF3,1\nNaCl,2\nFeAl,4\n"
    _, found = ask(run, tmp_path, text, "--cost", "price", "--reference", "flla,elements=zero")
    worth = np.array(found["probability"]) / [1.0, 2.0, 4.0]
    np.testing.assert_allclose(found["probability_per_cost"], worth)
    assert np.argsort(found["rank"]).tolist() == np.argsort(-worth, kind="stable").tolist()
    page = (tmp_path / "o/screen.html").read_text(encoding="utf-8")
    assert "Ranked by P(stable) per price, then by the lowest E_hull." in page


def test_ranks_are_by_worth_then_by_margin_and_last_without() -> None:
    worth = np.array([0.9, np.nan, 0.9, 0.2, 0.9])
    above = np.array([-0.1, np.nan, -0.3, -2.0, -0.1])
    assert by_worth(worth, above).tolist() == [2, 5, 1, 4, 3]


def test_a_screen_without_a_reference_says_nothing_of_one(run: Path, tmp_path: Path) -> None:
    facts, found = ask(run, tmp_path, "formula\nNaCl\nLiF\n", "--reference", "none")
    assert facts["decisions"] is None
    assert facts["goal"] == "minimize"
    assert "probability" not in found
    head = (tmp_path / "o/top.csv").read_text(encoding="utf-8").splitlines()[0]
    assert not {"border", "decision", "against"} & set(head.split(","))
    page = (tmp_path / "o/screen.html").read_text(encoding="utf-8")
    assert "P(stable)" not in page
    assert "E_hull" not in page


def test_the_page_states_the_base_rate_and_what_is_known(run: Path, tmp_path: Path) -> None:
    def shown(*args: str) -> str:
        ask(run, tmp_path, "formula\nLiMgF3\nLiF\nFeF2\n", *args)
        page = (tmp_path / "o/screen.html").read_text(encoding="utf-8")
        return re.sub(r"<[^>]+>", "", page).replace("\N{NARROW NO-BREAK SPACE}", " ")

    own = Decisions.from_parquet(run / "decisions.parquet").part("calibration")
    base = f"{100 * (own.target <= own.border).mean():.0f} %"  # by the run's own table
    whole = shown()
    found = re.search(r"learned from (\d+) calibration rows, of which (.*?) are stable", whole)
    assert found is not None
    assert found.groups() == (str(len(own)), base)
    assert re.search(r"against the \d+ phases of the data set itself", whole)
    text = shown("--reference", OWN)
    assert "of which" not in text  # too few of its elements for a share
    assert "too few to learn from" in text
    assert "Formation energy is not stability" in text
    assert "A phase that it lacks does not compete." in text
    assert "in the reference: −3.00 eV/atom, on the hull; left out here" in text
    assert "MgF2 + LiF" in text
    # no class was trained on: nothing is said of a final fit
    assert "as the final fit has none" not in text


@pytest.mark.parametrize(
    ("base", "said"), [(0.94, "calling all of these stable, 94 %"), (0.2, "unstable, 80 %")]
)
def test_trusted_calls_stand_beside_one_call_for_all(base: float, said: str) -> None:
    trusted = {"trusted": 690, "tested": 733, "right": 0.93, "low": 0.91, "high": 0.95}
    record = {"rows": 700, "base": 0.9, **trusted, "trusted_base": base}
    wording = Wording(yes="stable", no="unstable", against="these")
    found = SimpleNamespace(record=record, wording=wording, hull=True, pooled=False)
    whole = basis(found)  # type: ignore[arg-type]  # all it reads
    text = whole.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "690 calls labeled trust among 733 test rows, 93 % were right" in text
    assert text.endswith(said)


def test_a_final_fit_says_whose_rows_it_learned_from(run: Path, tmp_path: Path) -> None:
    table = Predictions.from_parquet(run / "predictions.parquet")
    decider = Wanted("flla,elements=zero").load(read_run(run), Spec.model_construct(), Registry())
    assert decider is not None
    none = (np.array([], dtype="U1"), np.array([], dtype="U1"), np.zeros(0))
    for pooled in (True, False):
        found = Against.of(decider, training=none, rows=table, trust=None, pooled=pooled)
        assert ("as the final fit has none of its own" in basis(found)) == pooled


@pytest.mark.parametrize(
    ("text", "shown"), [("LiMgF3\nLi2MgF4\n", True), ("LiMgF3\n", False), ("LiMgCaF5\n", False)]
)
def test_what_competes_is_shown_where_something_does(
    run: Path, tmp_path: Path, text: str, shown: bool
) -> None:
    ask(run, tmp_path, f"formula\n{text}", "--reference", OWN)
    page = (tmp_path / "o/screen.html").read_text(encoding="utf-8")
    assert ("Candidates of one chemical system" in page) == shown
    assert ("Phase diagram F-Li-Mg" in page) == ("Ca" not in text)
    assert "Phase diagram Ca" not in page  # of four elements there is none
    if shown:
        facts = json.loads((tmp_path / "o/screen.json").read_text(encoding="utf-8"))
        (system,) = facts["decisions"]["systems"]
        alone, others = np.array(system["alone"]), np.array(system["independent"])
        assert (others <= alone + 0.05).all()  # a rival only lowers a hull, to the noise of draws


def test_bad_input_is_one_clear_line(run: Path, tmp_path: Path) -> None:
    text = "formula,price\nLiF,1\nNaCl,cheap\nMgO,-3\nKCl,\n"
    said = failed(run, tmp_path, text, "--cost", "price")
    assert "'price' holds no positive number in 3 rows" in said
    assert "line 3 (cheap), line 4 (-3), line 5 (nothing)" in said
    assert "no column" in failed(run, tmp_path, text, "--cost", "prize")
    assert "leave --goal out" in failed(run, tmp_path, text, "--cost", "price", "--goal", "min")
    for asked in (("--goal", "stable"), ("--cost", "price")):
        line = failed(run, tmp_path, text, *asked, "--reference", "none")
        assert "no reference to be stable against" in line
    other = OWN.replace("eV/atom", "kJ/mol")
    assert "is in kJ/mol, a hull needs eV/atom" in failed(run, tmp_path, text, "--reference", other)
    assert "did you mean" not in failed(run, tmp_path, text, "--reference", "fl")


def test_total_energies_and_duplicates_of_a_reference(run: Path, tmp_path: Path) -> None:
    (tmp_path / "total.csv").write_text(
        "formula,e\nLi,-1.9\nF,-1.8\nLiF,-4.8\nLi2F2,-4.9\n", encoding="utf-8"
    )
    total = OWN.replace("phases.csv", "total.csv")
    facts, found = ask(run, tmp_path, "formula\nLiF\n", "--reference", total)
    assert "these seem to be total energies, not formation energies" in facts["stderr"]
    assert found["reference_value"] == pytest.approx([-4.9])  # the lowest of one composition


def test_a_single_prediction_says_its_decision(run: Path, tmp_path: Path) -> None:
    (tmp_path / "phases.csv").write_text(PHASES, encoding="utf-8")
    cli = Cli(tmp_path, tmp_path / "cache")
    done = cli("predict", run, "LiMgF3", "Fe", "--reference", OWN)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "E_hull " in first
    assert "MgF2 + LiF" in first
    assert "no decision: an element" in second
    asked = json.loads(cli("predict", run, "LiMgF3", "--reference", OWN, "--json").stdout)
    assert asked[0]["border"] == pytest.approx(-3.36)
    assert 0 <= asked[0]["probability"] <= asked[0]["probability_near"] <= 1


def test_an_opened_arm_is_held_against_a_reference(run: Path, tmp_path: Path) -> None:
    (tmp_path / "phases.csv").write_text(PHASES, encoding="utf-8")
    table = {"path": str(tmp_path / "phases.csv"), "formula": "formula", "target": "e"}
    phases = {"use": "table", "options": {**table, "unit": "eV/atom"}}
    opened = open_arm(read_run(run), Registry(), trust=True)
    other = opened.held_against({"use": "convex_hull", "options": {"own": False, "phases": phases}})
    found = other.predict(["LiMgF3"])
    assert found.decided is not None
    assert found.decided.border == pytest.approx([-3.36])
    assert found.to_pandas()["against"].tolist() == ["MgF2 + LiF"]
    assert opened.held_against("none").predict(["LiMgF3"]).decided is None
    assert opened.predict(["LiMgF3"]).decided is not None  # the run has one


@pytest.mark.parametrize(
    ("text", "phases", "elements"),
    [
        ("convex_hull", None, "required"),
        ("flla", {"use": "flla", "options": {}}, "required"),
        ("flla,elements=zero", {"use": "flla", "options": {}}, "zero"),
        ("matbench:mp_e_form", {"use": "matbench"}, "required"),
        ("{use: convex_hull, options: {elements: zero}}", None, "zero"),
        ('{"use": "convex_hull"}', None, "required"),
    ],
)
def test_a_reference_is_named_in_short_or_whole(text: str, phases: Any, elements: str) -> None:
    found = named(text, Registry())
    config: Any = found.config
    assert (found.name, config.elements) == ("convex_hull", elements)
    if phases is not None:
        assert config.phases.use == phases["use"]
    if text.startswith("matbench"):
        assert config.phases.options["task"] == "mp_e_form"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nothing_like_it", "no such data set or reference"),
        ("convex_hull:flla", "after the colon"),
        ("{options: {}}", "no `use`"),
        ("flla,elements=maybe", "elements"),
        ("missing.yaml", "cannot be read"),
    ],
)
def test_a_reference_that_cannot_be_is_refused(text: str, why: str) -> None:
    with pytest.raises(SpecError, match=re.escape(why)):
        named(text, Registry())


def test_a_folder_has_no_costs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder has no column 'price'"):
        read_costs(tmp_path, "price", np.array([0]))


HULL = Names(Wording("stable", "unstable", "the hull", "x", "decomposes into"), hull=True)


def row(**more: Any) -> dict[str, Any]:
    return {
        "above_border": 0.12, "above_lower": -0.1, "above_upper": 0.3, "sigmas_to_flip": 1.5,
        "probability": 0.2, "against": "LiF + MgF2", "decision": "verify", "border": -3.0,
        "reference_value": np.nan, "reference_above_border": np.nan, **more,
    }  # fmt: skip


def test_words_of_a_decision() -> None:
    line = decision_in_words(row(), HULL, "eV/atom")
    assert line == (
        "E_hull 0.12 eV/atom (-0.1 to 0.3), P(stable) 0.20, verify the call, decomposes into"
        " LiF + MgF2"
    )
    below = decision_in_words(row(above_border=-0.12), HULL, "eV/atom")
    assert below.endswith("below LiF + MgF2")
    assert flip(row(), " eV/atom") == "flips if 0.120 eV/atom (1.5 sigma) lower"
    assert flip(row(above_border=-0.2, sigmas_to_flip=np.nan), "") == "flips if 0.200 higher"
    assert known(row(), HULL, "") == ""
    assert "0.0400 above the hull" in known(
        row(reference_value=-2.0, reference_above_border=0.04), HULL, ""
    )


@pytest.mark.parametrize(
    ("value", "call", "said"),
    [
        ("verify", "trust", "trusted as a call, although its value is not"),
        ("trust", "defer", "its value is trusted, the call is not"),
        ("trust", "trust", ""),
        ("verify", "defer", ""),
        ("trust", "", ""),
    ],
)
def test_two_labels_are_named_where_they_differ(value: str, call: str, said: str) -> None:
    assert two_labels(row(label=value, decision=call)) == said
    assert two_labels(row(decision=call)) == ""
