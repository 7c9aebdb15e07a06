"""What no number depends on computes nothing anew; what a number depends on computes it anew."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import ROOT, Cli, MakePlugin

from atlas_core import stages
from atlas_core.engine.features import FeatureCache
from atlas_core.engine.fits import FitIdentity
from atlas_core.installed import libraries
from atlas_core.kinds.dataset import DataContext
from atlas_core.spec.load import load_plan
from atlas_core.spec.plan import Plan
from atlas_core.store import read_json
from atlas_registry.loading import Registry
from atlas_registry.sources import packages_of, source_hash

CODE = '''
    """A featurizer and a model that note each time they are asked."""
    from pathlib import Path
    import numpy as np
    from atlas_core.api import Component, Config, Vectors, hookimpl

    def note(name):
        with Path("asked.txt").open("a") as file:
            file.write(name + "\\n")

    class Options(Config):
        """No options."""

    class Sizes:
        def __init__(self, config):
            pass
        def featurize(self, materials):
            note("features")
            count = np.array([[len(formula)] for formula in materials.formulas()], float)
            return Vectors(count, np.array(["letters"]))

    class Middle:
        def __init__(self, config):
            pass
        def fit(self, features, target, context):
            note("fit")
            self.middle = float(np.median(target))
        def predict(self, features):
            return np.full(len(features), self.middle)

    @hookimpl
    def atlas_featurizer():
        return [Component("sizes", Options, Sizes, provides={"features:vectors"})]

    @hookimpl
    def atlas_model():
        return [Component("middle", Options, Middle, requires={"features:vectors"})]
    '''
POINTS = {"atlas.featurizer": {"sizes": "asked"}, "atlas.model": {"middle": "asked"}}
SPEC = """\
atlas: 1
name: keys
seed: 3
sample: 200
levels: [0.9]
reports: []
dataset: flla
split: {use: random, options: {calibration: 0.2, test: 0.2}}
arms:
  one: {featurizer: sizes, model: middle, uq: deterministic, calibrator: split_conformal}
"""


def add_library(site: Path, name: str, version: str) -> None:
    """Let a library be installed, as far as metadata say."""
    for old in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def site(make_plugin: MakePlugin) -> Path:
    """The plugin, which requires the library ``counting``, and that library."""
    folder = make_plugin("asked", "asked", CODE, POINTS)
    with (folder / "asked-1.0.dist-info/METADATA").open("a") as file:
        file.write('Requires-Dist: counting>=1\nRequires-Dist: Extra_Counting; extra == "more"\n')
    add_library(folder, "counting", "1.0")
    return folder


COPIED = ("atlas_core", "registry/atlas_registry", "plugins/report/atlas_report")


RAISED = """
from dataclasses import replace
from atlas_core.stages import STAGES
STAGES["{0}"] = replace(STAGES["{0}"], VERSION=STAGES["{0}"].VERSION + 1)
"""


class Runs:
    """Run the spec, if need be with copies of core and report, and say what was computed."""

    def __init__(self, folder: Path, site: Path, *, copied: bool = False, text: str = SPEC) -> None:
        self.core, self.copied, self.raised = folder / "core", copied, ""
        for package in COPIED if copied else ():
            shutil.copytree(ROOT / package, self.core / Path(package).name)
        (folder / "s.yaml").write_text(text, encoding="utf-8")
        self.folder, self.site = folder, site
        self.cli = Cli(folder, folder / "cache", [str(self.core), str(site)])
        self.computed()

    def computed(self) -> str:
        """Run, and return what was computed: ``nothing``, or what was not stored."""
        noted = self.folder / "asked.txt"
        noted.unlink(missing_ok=True)
        done = self.cli("run", "s.yaml", "--json", fresh=self.copied, first=self.raised)
        assert done.returncode == 0, done.stderr
        if json.loads(done.stdout)["reused"]:
            assert not noted.exists()
            return "nothing"
        return " ".join(["run", *(noted.read_text().split() if noted.exists() else ())])

    def edit(self, file: Path, old: str, new: str) -> None:
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def raise_version(self, stage: str) -> None:
        self.raised += RAISED.format(stage)


def test_what_no_number_depends_on_computes_nothing_anew(tmp_path: Path, site: Path) -> None:
    runs = Runs(tmp_path, site, copied=True, text=SPEC.replace("reports: []\n", ""))
    core = runs.core / "atlas_core"
    for file in [*core.glob("*.py"), *core.glob("*/*.py")]:
        text = file.read_text(encoding="utf-8")
        if text.startswith('"""'):
            file.write_text('"""Another docstring. ' + text.removeprefix('"""'), encoding="utf-8")
    page = runs.core / "atlas_report/templates/provenance.html.j2"
    runs.edit(page, "Versions of packages", "What was installed")
    add_library(site, "torch_geometric", "9.9")
    assert runs.computed() == "nothing"


def test_a_raised_version_computes_what_depends_on_it(tmp_path: Path, site: Path) -> None:
    runs = Runs(tmp_path, site)
    for stage, computed in [
        ("trust", "nothing"),  # the run has no such stage
        ("calibrate", "run"),
        ("fit", "run fit"),
        ("featurize", "run features"),  # to the same features, and so to the same fit
    ]:
        runs.raise_version(stage)
        assert (stage, runs.computed()) == (stage, computed)
    found = [read_json(path)["stage_versions"] for path in tmp_path.glob("runs/*/manifest.json")]
    now = stages.STAGES["fit"].VERSION
    assert sorted(versions["fit"] for versions in found) == [now, now, now + 1, now + 1]
    assert all("trust" not in versions for versions in found)


def test_the_plugins_code_and_its_libraries_compute_its_part_anew(
    tmp_path: Path, site: Path
) -> None:
    runs = Runs(tmp_path, site)
    runs.edit(site / "asked.py", "No options", "No option")  # whatever its author changed
    assert runs.computed() == "run features fit"
    add_library(site, "counting", "1.1")
    assert runs.computed() == "run features fit"
    add_library(site, "Extra_Counting", "2.0")  # optional, and there
    assert runs.computed() == "run features fit"
    shutil.rmtree(site / "Extra_Counting-2.0.dist-info")
    assert runs.computed() == "nothing"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    text = SPEC.replace("sizes", "magpie").replace("middle", "random_forest")
    return load_plan(tmp_path / "s.yaml", Registry(), text=text)


def test_each_key_counts_its_own_stage_only(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = plan.dataset.build().load(DataContext(None, tmp_path, tmp_path))
    arm = plan.arms["one"]
    rows = data.take(range(20))
    features = arm["featurizer"].build().featurize(rows.materials)
    made = FitIdentity(
        model=arm["model"].key,
        uq=arm["uq"].key,
        features=features,
        train=rows.target.argsort(),
        target=rows.target,
        ids=rows.materials.ids,
        seed=1,
        task=data.task,
        device="cpu",
    )
    keys: dict[str, Callable[[], str]] = {
        "featurize": lambda: FeatureCache(tmp_path).key(arm["featurizer"], rows.materials),
        "fit": made.key,
    }
    before = {stage: key() for stage, key in keys.items()}
    for raised, moved in [
        ("featurize", {"featurize"}),
        ("fit", {"fit"}),
        ("shared", {"featurize", "fit"}),
        ("score", set()),
    ]:
        stage = stages.STAGES[raised]
        monkeypatch.setitem(stages.STAGES, raised, replace(stage, VERSION=stage.VERSION + 1))
        assert {s for s, key in keys.items() if key() != before[s]} == moved
        monkeypatch.setitem(stages.STAGES, raised, stage)


def test_parsed_data_count_the_stage_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def parse() -> tuple[dict[str, object], dict[str, object]]:
        read.append(1)
        return {}, {"rows": 3}

    context = DataContext(None, tmp_path, tmp_path)
    for version, count in [(1, 1), (1, 1), (2, 2)]:
        stage = replace(stages.STAGES["load"], VERSION=version)
        monkeypatch.setitem(stages.STAGES, "load", stage)
        assert context.parsed({"sha256": "1"}, parse)[1] == {"rows": 3}
        assert len(read) == count


def test_a_component_counts_by_its_distribution_and_the_cores_own_by_no_file(plan: Plan) -> None:
    model = plan.arms["one"]["model"]
    assert model.identity["source"] == source_hash("atlas-materials-sklearn", "atlas_sklearn.x")
    assert set(model.identity["libraries"]) == {"numpy", "scikit-learn", "scipy", "threadpoolctl"}
    assert source_hash("atlas-materials", "atlas_core.kinds") == ""


def test_the_packages_of_a_distribution_are_those_of_its_record_and_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "two_parts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: two-parts\nVersion: 1.0\nRequires-Dist: numpy>=2\n")
    (info / "entry_points.txt").write_text("[atlas.model]\none = front.hooks\n")
    (info / "RECORD").write_text(
        "back/__init__.py,sha256=x,1\nback/data.csv,,\nalone.py,,\n_fast.cpython-311-darwin.so,,\n"
        "__pycache__/alone.cpython-311.pyc,,\n../../../bin/two,,\ntwo.pth,,\n"
        "two_parts-1.0.dist-info/METADATA,,\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert packages_of("two-parts") == {"front", "back", "alone", "_fast"}
    (tmp_path / "work/edited").mkdir(parents=True)
    (tmp_path / "work/edited/__init__.py").write_text("")
    (tmp_path / "two.pth").write_text(f"{tmp_path / 'work'}\n{tmp_path / 'gone'}\n")
    assert packages_of("two-parts") == {"front", "back", "alone", "_fast", "edited"}
    assert packages_of("not-there") == set()
    assert libraries("two-parts") == {}  # it requires no core: no plugin
    for name in ("back", "front"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    before = source_hash("two-parts", "front.hooks")
    (tmp_path / "back/data.csv").write_text("1\n")
    source_hash.cache_clear()
    changed = source_hash("two-parts", "front.hooks")
    assert changed != before
    (tmp_path / "front/words").mkdir()
    (tmp_path / "front/words/verdict.yaml").write_text("sure: It is sure.\n")
    for texts, same in [(("words/*",), True), (("other/*",), False), ((), False)]:
        source_hash.cache_clear()
        assert (source_hash("two-parts", "front.hooks", texts) == changed) is same


def test_what_is_installed_or_removed_while_a_process_runs_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert "late" not in Registry().names("model")
    info = tmp_path / "late-1.0.dist-info"
    info.mkdir()
    about = "Name: late\nVersion: 1.0\nRequires-Dist: atlas-materials\nRequires-Dist: counting\n"
    (info / "METADATA").write_text(about)
    (info / "entry_points.txt").write_text("[atlas.model]\nlate = late_module\n")
    assert "late" in Registry().names("model")
    assert libraries("late") == {}
    add_library(tmp_path, "counting", "1.0")
    assert libraries("late") == {"counting": "1.0"}
    time.sleep(0.02)  # folders note the times of changes by ticks of some milliseconds
    add_library(tmp_path, "counting", "1.1")
    assert libraries("late") == {"counting": "1.1"}
    time.sleep(0.02)
    shutil.rmtree(info)
    assert "late" not in Registry().names("model")


def test_another_sentence_of_the_verdict_computes_nothing_again(tmp_path: Path) -> None:
    import atlas_evaluation

    evaluator = Registry().resolve("evaluator", "standard")
    package = Path(atlas_evaluation.__file__).parent
    words = {path for one in evaluator.component.texts for path in package.glob(one)}
    assert package / "narrative/verdict.yaml" in words
    assert package / "judge/verdict.py" not in words
    assert package / "narrative/__init__.py" not in words  # it writes limits beside the words
    assert package / "judge/codes.yaml" not in words
