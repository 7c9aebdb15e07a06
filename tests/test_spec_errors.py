"""A wrong spec: every mistake at once, each at its line, and nothing heavy imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from atlas_core.errors import SpecError
from atlas_core.spec.load import load_plan
from atlas_core.spec.yaml import MAX_PROBLEMS, override, parse
from atlas_registry.loading import Registry

GOOD = """\
atlas: 1
name: t
seed: 1
dataset: flla
split: {use: leave_elements_out, options: {elements: [F]}}
arms:
  forest:
    featurizer: magpie
    model: random_forest
    uq: tree_variance
"""


def problems_of(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_plan(path, Registry(), overrides=overrides)
    return [problem.replace(str(path), "s.yaml") for problem in caught.value.problems]


def test_a_good_spec_fills_every_default(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(GOOD, encoding="utf-8")
    filled = load_plan(path, Registry()).describe()
    assert filled["arms"]["forest"]["model"]["options"]["trees"] == 300
    assert filled["levels"][-1] == 0.95


def test_a_component_says_which_of_its_options_are_not_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    options = "{use: random_forest, options: {trees: 5, min_samples_leaf: 1}}"
    path.write_text(GOOD.replace("random_forest", options), encoding="utf-8")
    plan = load_plan(path, Registry())
    assert plan.arms["forest"]["model"].describe()["changed"] == ["trees"]
    assert plan.split.describe()["changed"] == []


def test_a_filled_spec_reads_back_as_the_same_spec(tmp_path: Path) -> None:
    from ruamel.yaml import YAML

    path = tmp_path / "s.yaml"
    path.write_text(GOOD, encoding="utf-8")
    filled = load_plan(path, Registry()).describe()
    with (tmp_path / "again.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(filled, file)
    assert load_plan(tmp_path / "again.yaml", Registry()).describe() == filled


def test_unknown_option_names_the_line(tmp_path: Path) -> None:
    text = GOOD.replace("random_forest", "{use: random_forest, options: {tres: 5}}")
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("s.yaml:9:43  arms.forest.model.options.tres: unknown key 'tres'")
    assert "did you mean 'trees'?" in problem


def test_unknown_component_names_the_closest_and_what_is_installed(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD.replace("random_forest", "random_forrest"))
    assert problem.startswith("s.yaml:9:5  arms.forest.model.use: unknown model 'random_forrest'")
    assert "did you mean 'random_forest'" in problem
    assert "ridge" in problem


def test_unknown_key_of_the_spec_names_the_line(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD + "sede: 3\n")
    assert problem.startswith("s.yaml:11:1  sede: unknown key 'sede', did you mean 'seed'")


def test_wrong_type_names_the_line_and_what_was_expected(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD.replace("seed: 1", "seed: many"))
    assert problem.startswith("s.yaml:3:1  seed: 'many': ")
    assert "integer" in problem


def test_missing_key_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD.replace("    uq: tree_variance\n", ""))
    start = "s.yaml:7:3  arms.forest.uq: this key is missing; it names a component of the kind uq: "
    assert problem.startswith(start)
    assert {"committee", "tree_variance"} <= {*problem.removeprefix(start).split(", ")}


@pytest.mark.parametrize(
    ("line", "kind", "choice"),
    [
        ("dataset", "dataset", "flla"),
        ("split", "split", "random"),
        ("model", "model", "random_forest"),
        ("featurizer", "featurizer", "magpie"),
    ],
)
def test_every_missing_component_comes_with_what_may_stand_there(
    tmp_path: Path, line: str, kind: str, choice: str
) -> None:
    text = "".join(
        one for one in GOOD.splitlines(keepends=True) if not one.strip().startswith(f"{line}:")
    )
    assert text != GOOD
    (problem,) = problems_of(tmp_path, text)
    said = f"{line}: this key is missing; it names a component of the kind {kind}: "
    assert said in problem
    assert choice in problem.partition(said)[2].split(", ")


def test_a_missing_key_that_names_no_component_lists_none(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD.replace("seed: 1\n", ""))
    assert problem.endswith("seed: this key is missing")


def test_unmet_need_is_refused_at_its_line_without_torch(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD.replace("tree_variance", "mc_dropout"))
    assert problem.startswith(
        "s.yaml:10:5  arms.forest.uq.use: uq 'mc_dropout' needs model:dropout"
    )
    assert "model 'random_forest' does not give" in problem
    assert "model:members" in problem


def test_graph_model_on_vectors_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("random_forest", "cgcnn").replace("tree_variance", "mc_dropout")
    (problem,) = problems_of(tmp_path, text)
    assert "model 'cgcnn' needs features:graphs" in problem


@pytest.mark.parametrize(
    ("featurizer", "model", "offered"),
    [
        ("crystal_graph", "painn", "crystal_graph with shells: whole"),
        ("magpie", "roost", "element_fractions"),
        (
            "{use: element_fractions, options: {elements: [Fe]}}",
            "roost",
            "element_fractions with elements: null",
        ),
    ],
)
def test_an_unmet_need_names_what_would_give_it(
    tmp_path: Path, featurizer: str, model: str, offered: str
) -> None:
    text = GOOD.replace("magpie", featurizer).replace("random_forest", model)
    (problem,) = problems_of(tmp_path, text.replace("tree_variance", "deterministic"))
    assert problem.partition(f"; {offered} ")[2].endswith("would give it")


def test_a_data_set_keeps_its_own_options_but_the_one_that_decides(tmp_path: Path) -> None:
    data = "dataset: {use: matbench, options: {task: phonons, structures: ignore}}"
    text = GOOD.replace("dataset: flla", data).replace("magpie", "density_features")
    (problem,) = problems_of(tmp_path, text)
    assert "; matbench with structures: auto or required, " in problem


def test_a_need_that_nothing_installed_meets_is_reported_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = Registry.problems

    def problems(self: Registry, kinds: Iterable[str]) -> dict[tuple[str, str], str]:
        found = every(self, kinds)
        return {at: found[at] for at in found if at[0] != "model" or at[1] == "ridge"}

    text = GOOD.replace("random_forest", "ridge")
    (problem,) = problems_of(tmp_path, text)
    assert "random_forest" in problem.rpartition(";")[2]
    monkeypatch.setattr(Registry, "problems", problems)
    (problem,) = problems_of(tmp_path, text)
    assert problem.endswith("; no installed model gives it")


def test_what_would_give_a_need_is_found_without_anything_heavy(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(GOOD.replace("random_forest", "roost"), encoding="utf-8")
    code = (
        "import sys, atlas_core.cli\n"
        "try:\n    atlas_core.cli.main(['validate', 's.yaml'])\n"
        "except SystemExit as stop:\n    assert stop.code == 2\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "element_fractions" in done.stderr
    assert not {"torch", "sklearn", "pymatgen", "scipy"}.intersection(done.stdout.split())


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("seed: 1", "seed: -1")
        .replace("random_forest", "{use: random_forest, options: {trees: 0}}")
        .replace("magpie", "magpi")
        .replace("elements: [F]", "elements: [Xx]")
    )
    problems = problems_of(tmp_path, text)
    paths = [problem.split("  ")[1].split(":")[0] for problem in problems]
    assert "seed" in paths
    assert "arms.forest.model.options.trees" in paths
    assert "arms.forest.featurizer.use" in paths
    assert any(path.startswith("split.options.elements") for path in paths)


def test_repeated_key_is_refused_at_its_second_line(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD + "seed: 2\n")
    assert problem == "s.yaml:11:1  seed: this key occurs twice; keep one"


def test_tag_is_refused_so_that_yaml_cannot_run_code(tmp_path: Path) -> None:
    text = GOOD.replace("seed: 1", "seed: !!python/object/apply:os.system ['true']")
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("s.yaml:3:7  seed: tag ")
    assert "is not allowed" in problem


def test_broken_yaml_names_line_and_column(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD.replace("[F]", "[F"))
    assert problem.startswith("s.yaml:5:")
    assert "not YAML" in problem


def test_empty_file_and_missing_file_are_one_line(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "") == ["s.yaml:1:1  the file: it is empty"]
    with pytest.raises(SpecError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_plan(tmp_path / "nowhere.yaml", Registry())


def test_acquisition_without_a_loop_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD + "    acquisition: ucb\n")
    assert problem.startswith("s.yaml:11:5  arms.forest.acquisition: ")
    assert "active_learning" in problem


def test_loop_without_an_acquisition_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD + "active_learning: {rounds: 2}\n")
    assert "arms.forest: active learning needs an acquisition" in problem


def test_a_number_in_scientific_notation_is_a_number_and_no_is_text() -> None:
    assert parse("a: 1e-3\nb: no\n", "s").value == {"a": 0.001, "b": "no"}


def test_merge_key_shares_an_arm_and_own_keys_win() -> None:
    value = parse("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", "s").value
    assert value["b"] == {"p": 1, "q": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: !!int abc", "cannot be read"),
        ("seed: " + "9" * 5000, "cannot be read"),
        ('question: "\\ud800"', "lone surrogate"),
        ("a: &a [*a]", "the file"),
        ("x: " + "[" * 3000, "the file"),
        ("x: " + "[" * 80 + "]" * 80, "nested too deeply"),
        ("? [a]\n: 1", "is not a text"),
        ("5: x", "key 5 is not a text"),
    ],
)
def test_strange_yaml_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    problems = problems_of(tmp_path, text)
    assert any(message in problem for problem in problems), problems


def test_aliases_that_multiply_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    (problem,) = problems_of(tmp_path, "\n".join(lines))
    assert "aliases that multiply" in problem


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("seed: 1", "seed: '1'", "seed"),
        ("seed: 1", "seed: true", "seed"),
        ("seed: 1", "seed: 1.5", "seed"),
        ("random_forest", "{use: random_forest, options: {trees: '10'}}", "options.trees"),
        ("random_forest", "{use: random_forest, options: {trees: true}}", "options.trees"),
        ("dataset: flla", "dataset: 5", "dataset"),
        ("dataset: flla", "dataset: {use: flla, options: null}", "dataset.options"),
        ("seed: 1", "seed: 1\nlevels: [.nan]", "levels"),
        ("seed: 1", "seed: 1\nlevels: [0.5, 0.5]", "levels"),
        ("name: t", "name: ../up", "name"),
        ("  forest:", "  fo/rest:", "arms"),
    ],
)
def test_what_is_no_number_or_no_name_is_refused_at_its_place(
    tmp_path: Path, old: str, new: str, path: str
) -> None:
    problems = problems_of(tmp_path, GOOD.replace(old, new))
    assert any(path in problem.split(": ")[0] for problem in problems), problems


def test_an_unknown_key_next_to_an_optional_component_lists_what_is_known(tmp_path: Path) -> None:
    text = GOOD + "    ood: {use: mahalanobis, optionz: {}}\n"
    (problem,) = problems_of(tmp_path, text)
    assert "unknown key 'optionz', did you mean 'options'?; known here: options, use" in problem


def test_a_mistake_inside_a_set_mapping_is_blamed_on_the_set(tmp_path: Path) -> None:
    (problem,) = problems_of(
        tmp_path, GOOD, "arms.forest.model={use: random_forest, options: {tres: 1}}"
    )
    assert problem.startswith("--set arms.forest.model=")


def test_set_grows_the_short_form_of_a_component() -> None:
    document = parse("arms: {a: {model: cgcnn}}", "s")
    override(document, "arms.a.model.options.epochs=2")
    assert document.value["arms"]["a"]["model"] == {"use": "cgcnn", "options": {"epochs": 2}}


def test_set_of_one_arm_leaves_an_aliased_arm_alone() -> None:
    document = parse("a: &x {model: {use: m, options: {k: 1}}}\nb: *x\n", "s")
    override(document, "b.model.options.k=2")
    assert document.value["a"]["model"]["options"] == {"k": 1}
    assert document.value["b"]["model"]["options"] == {"k": 2}


def test_a_wrong_set_is_named_as_such(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD, "arms.forest.model.options.trees=none")
    assert problem.startswith("--set arms.forest.model.options.trees=none  arms.forest.model")
    with pytest.raises(SpecError, match="expected path=value"):
        override(parse("a: 1", "s"), "a")


def test_mistakes_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("seed: 1", "seed: -1").replace("uq: tree_variance", "uq: mc_dropout")
    problems = problems_of(tmp_path, text.replace("name: t", "nam: t"))
    lines = [int(problem.split(":")[1]) for problem in problems]
    assert lines == sorted(lines)
    assert len(lines) == 4
    assert any("needs model:dropout" in problem for problem in problems)


def test_set_with_nothing_after_the_sign_takes_a_key_out(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(GOOD + "  other: {featurizer: magpie, model: ridge, uq: deterministic}\n")
    assert list(load_plan(path, Registry(), overrides=["arms.forest="]).arms) == ["other"]
    with pytest.raises(SpecError, match=r"arms\.forrest is not there"):
        load_plan(path, Registry(), overrides=["arms.forrest="])


def test_a_misspelled_arm_in_a_set_is_blamed_on_the_set(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, GOOD, "arms.forrest.uq=tree_variance")
    assert all(p.startswith("--set arms.forrest.uq=tree_variance  arms.forrest.") for p in problems)


def test_a_text_where_a_list_is_expected_shows_the_list(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD.replace("elements: [F]", "elements: F"))
    assert problem.endswith("'F': expected a list, such as [F]")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("&a {<<: *a}", "s.yaml:1:1"),
        ("&a\n<<: *a", "s.yaml:1:1"),
        ("&a {<<: [*a, *a]}", "s.yaml:1:1"),
        ("x: &a {<<: {<<: {<<: *a}}}", "s.yaml:1:4"),
        ("x: 1\ny: &a [*a]", "s.yaml:2:4"),
        ("x: &a {b: {c: *a}}", "s.yaml:1:4"),
        ("x: &a [{<<: &b {d: *a}}]", "s.yaml:1:4"),
    ],
)
def test_a_value_that_holds_itself_is_refused_where_it_begins(text: str, place: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, "s.yaml")
    (problem,) = caught.value.problems
    assert problem.startswith(f"{place}  ")
    assert "alias" in problem
    with pytest.raises(SpecError):
        override(parse("x: 1", "s.yaml"), f"x={text}")


def test_merges_nested_as_deep_as_paths_may_be_are_refused_and_an_alias_used_twice_is_not() -> None:
    with pytest.raises(SpecError, match="nested too deeply"):
        parse("{<<: " * 200 + "{a: 1}" + "}" * 200, "s.yaml")
    document = parse("x: &a {b: 1}\ny: {<<: *a, c: 2}\nz: [*a, *a]", "s.yaml")
    assert document.value == {"x": {"b": 1}, "y": {"b": 1, "c": 2}, "z": [{"b": 1}, {"b": 1}]}


def test_a_text_that_can_be_no_spec_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(SpecError, match="characters"):
        parse("a: " + "x" * 1_000_000, "s.yaml")


@pytest.mark.parametrize(
    "text", ["a: b\n" * 150_000, "a: b\n" * 9_000, "- 1\n" * 200_000, "{? a : b, " * 30 + "}" * 30]
)
def test_a_spec_of_many_mistakes_or_values_is_refused_soon(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, "s.yaml")
    assert len(caught.value.problems) <= MAX_PROBLEMS + 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nseed: 0x" + "f" * 4000, "s.yaml:2:7"),
        ("a: 1\nseed: 0o" + "7" * 9000, "s.yaml:2:7"),
        ("a: 1\n0x" + "f" * 900 + ": 1", "s.yaml:2:1"),
        ("a: -0x" + "f" * 4000, "s.yaml:1:4"),
    ],
)
def test_an_integer_of_more_digits_than_can_be_written_is_refused(text: str, place: str) -> None:
    with pytest.raises(SpecError, match=place):
        parse(text, "s.yaml")
    assert parse("a: 0xffffffffffffffff", "s.yaml").value == {"a": 2**64 - 1}


def test_what_an_arm_lacks_is_reported_along_with_a_wrong_option(tmp_path: Path) -> None:
    for wrong in ("arms.forest.model.options.trees=-3", "split.options.tset=3"):
        overrides = ("arms.forest.uq=mc_dropout", wrong)
        reported = problems_of(tmp_path, GOOD, *overrides)
        assert len(reported) == 2
        assert any("needs model:dropout" in line for line in reported)
    # what it gives hangs on its options: of wrong ones nothing can be said
    use = "arms.forest.model={use: extra_trees, options: {bootstrap: 3}}"
    (line,) = problems_of(tmp_path, GOOD, use, "arms.forest.uq=infinitesimal_jackknife")
    assert "bootstrap" in line
    # pydantic has parameters of its own beside those names
    (line,) = problems_of(tmp_path, GOOD, "arms.forest.model.options={_fields_set: 1}")
    assert "_fields_set" in line


def test_a_tab_says_to_use_spaces(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, "atlas: 1\nname: t\n\tseed: 1\n")
    assert line.startswith("s.yaml:3:1 ")
    assert "spaces" in line


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("distinct", "deduplicate", "distinct: lowest\n"),
        ("budget", "error_tolerance", "trust: {budget: 0.1}\n"),
        ("budget_quantile", "error_tolerance_quantile", "trust: {budget_quantile: 0.1}\n"),
        ("confidence", "target_reliability", "trust: {confidence: 0.9}\n"),
        ("promise", "target_reliability", "trust: {promise: 0.9}\n"),
        ("pseudo_shift", "nested", "trust: {pseudo_shift: {}}\n"),
    ],
)
def test_a_key_of_an_earlier_spec_is_reported_with_its_name_of_today(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    found = [one for one in problems_of(tmp_path, GOOD + place) if "unknown key" in one]
    assert f"unknown key {old!r}, which is called {new!r} now" in found[0]


@pytest.mark.parametrize(
    ("old", "new", "use"),
    [
        ("centre", "center", "arms.forest.ood={use: mahalanobis, options: {centre: size}}"),
        ("licence", "license", "dataset={use: table, options: {licence: MIT}}"),
        ("neighbours", "neighbors", "arms.forest.ood={use: lof, options: {neighbours: 9}}"),
    ],
)
def test_an_option_of_an_earlier_spec_is_reported_with_its_name_of_today(
    tmp_path: Path, old: str, new: str, use: str
) -> None:
    found = [one for one in problems_of(tmp_path, GOOD, use) if "unknown key" in one]
    assert f"unknown key {old!r}, which is called {new!r} now" in found[0]


def test_an_assignment_of_thousands_of_steps_is_one_line(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, GOOD, "a." * 5000 + "b=1")
    assert "5001 steps lead nowhere in a spec" in problem
