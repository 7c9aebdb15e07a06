"""Promises about the whole repository that no single module can keep."""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support import ROOT, Cli

from atlas_core import hookspecs
from atlas_core.kinds import KINDS
from atlas_core.python.offered import OFFERED
from atlas_core.testing import checks_of
from atlas_registry.listing import installed

HEAVY = ("torch", "sklearn", "pymatgen", "matminer", "scipy", "matplotlib", "torch_geometric")
HOOKS = {
    name: hook
    for place in (hookspecs, hookspecs.Offering)
    for name, hook in inspect.getmembers(place, callable)
    if name.startswith("atlas_")
}
FAMILIES = sorted((ROOT / "plugins").glob("*/pyproject.toml"))
PROJECTS = [ROOT / "pyproject.toml", *FAMILIES]
READ = (
    *("README.md", "docs", "examples", "specs", "registry/spec.schema.json"),
    *("plugins/*/README.md", "plugins/*/pyproject.toml", "plugins/*/*/templates", "*.yaml"),
)
"""What people read: pages, specs, option descriptions, templates of sentences and reports."""
DIALECT = {
    r"keep(s|ing)? (its|their) word|kept (its|their) word": "is calibrated, attains its coverage",
    r"promise[sd]?": "target reliability, nominal coverage, guarantee",
    r"rehears\w*|pseudo[-_ ]shifts?": "nested leave-group-out",
    r"error budgets?|budget_quantile": "error tolerance",
    r"at home": "in-domain",
    r"told|tells? (it|them) apart": "reported, separates",
    r"surest": "most confident",
    r"a coin": "chance level",
    r"bad luck": "chance",
    r"(says?|saying) nothing": "uninformative",
    r"the (part )?shifted (part|rows)": "ood_test",
}
"""Words of an earlier dialect, and what the field says."""
OWN = [
    row
    for row in installed()
    if row.distribution in {tomllib.loads(p.read_text())["project"]["name"] for p in PROJECTS}
]


def imported_by(*args: str) -> set[str]:
    """Return the modules that one command imports, in a fresh process."""
    code = (
        "import sys, json\n"
        "from atlas_core.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print('MODULES' + json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(json.loads(done.stdout.rpartition("MODULES")[2]))


@pytest.mark.parametrize(
    "command",
    [
        ("--help",),
        ("plugins",),
        ("plugins", "--json"),
        ("validate", "specs/ood_formation.yaml"),
        ("validate", "specs/active_learning_formation.yaml"),
        ("datasets", "list"),
    ],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(command: tuple[str, ...]) -> None:
    modules = imported_by(*command)
    assert "atlas_core.cli.main" in modules
    assert not modules.intersection(HEAVY)


def test_listing_does_not_even_import_numpy_or_pydantic() -> None:
    assert not imported_by("plugins").intersection({"numpy", "pydantic", "pluggy", "stevedore"})


def test_every_component_of_the_repository_is_installed_and_no_other() -> None:
    declared = {
        (kind, name)
        for path in PROJECTS
        for kind in KINDS
        for name in tomllib.loads(path.read_text("utf-8"))["project"]
        .get("entry-points", {})
        .get(f"atlas.{kind}", {})
    }
    assert {(row.kind, row.name) for row in OWN} == declared
    assert {kind for kind, _ in declared} == set(KINDS)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    installed = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    projects = [
        tomllib.loads(path.read_text("utf-8"))["project"]
        for path in (ROOT / "examples").glob("*/pyproject.toml")
        if f"examples/{path.parent.name}" in installed
    ]
    points = [one["entry-points"].get(f"atlas.{kind}", {}) for one in projects for kind in KINDS]
    examples = sum(map(len, points))
    assert examples == 5
    listed = len(declared) + examples
    said = f"lists {listed} components of {len(KINDS)} kinds, five of them from `examples/`"
    assert said in readme


def test_every_listed_component_says_what_it_is(cli: Cli) -> None:
    rows = json.loads(cli("plugins", "--json").stdout)
    assert len(rows) >= len(OWN)
    for row in rows:
        assert set(row) == {"kind", "name", "distribution", "version", "summary", "problem"}
        assert row["kind"] in KINDS
        assert row["version"]
        assert not row["problem"]
        assert 10 < len(row["summary"]) <= 100, row
        assert row["summary"].endswith("."), row


def test_no_installed_plugin_is_broken(cli: Cli) -> None:
    done = cli("plugins", "--verify")
    assert done.returncode == 0, done.stdout
    assert done.stdout.rstrip().endswith("0 broken")


def test_no_text_names_a_distribution_that_is_not_ours() -> None:
    """Somebody else's ``atlas-...`` on the public index would be installed by who follows it."""
    projects = [*PROJECTS, *(ROOT / "examples").glob("*/pyproject.toml")]
    ours = {tomllib.loads(path.read_text("utf-8"))["project"]["name"] for path in projects}
    assert len(ours) == len(projects)
    words = {"atlas-bytes", "atlas-rebuild", "atlas-worker"}
    folders = ("atlas_core", "registry", "plugins", "examples", "benchmarks", "docs", "tools")
    endings = {".py", ".toml", ".md", ".txt", ".html", ".yaml", ".sh"}
    listed = [path for path in ROOT.iterdir() if path.suffix in endings]
    listed += [
        path for one in folders for path in (ROOT / one).rglob("*") if path.suffix in endings
    ]
    named = {
        (name, file.relative_to(ROOT).as_posix())
        for file in listed
        for name in re.findall(r"(?<![\w./-])atlas(?:-[a-z]+)+", file.read_text("utf-8"))
    }
    assert words <= {name for name, _ in named}
    assert len(named) > 50
    assert {(name, file) for name, file in named if name not in ours | words} == set()


@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.parent.name)
def test_every_family_is_well_formed_and_required(path: Path) -> None:
    folder, project = path.parent, tomllib.loads(path.read_text(encoding="utf-8"))
    about = project["project"]
    package = f"atlas_{folder.name}"
    assert about["name"] == f"atlas-materials-{folder.name}"
    assert about["requires-python"] == ">=3.11,<3.14"
    assert "atlas-materials>=0.1,<0.2" in about["dependencies"]
    assert (folder / "README.md").stat().st_size > 100
    assert (folder / package / "py.typed").exists()
    assert list((folder / "tests").glob("test_*.py"))
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert f"-e plugins/{folder.name}" in lines
    assert package in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for group, names in about.get("entry-points", {}).items():
        assert group.removeprefix("atlas.") in {*KINDS, "codec", "observer", "python"}
        for name, module in names.items():
            if group == "atlas.python":  # a public name of the core, which the plugin implements
                assert OFFERED[name] == about["name"]
                continue
            if group == "atlas.codec":  # a library below the plugins, by the name of what it saves
                assert module == package
                continue
            own = name if group == "atlas.observer" else "hooks"
            assert module == f"{package}.{own}"
            assert (folder / package / f"{own}.py").exists()


def test_torch_is_pinned_first_in_the_requirements() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert next(line for line in lines if not line.startswith("#")).startswith("torch==")
    assert not any("matbench==" in line for line in lines)


def test_torchvision_is_absent_because_it_breaks_what_imports_it() -> None:
    assert importlib.util.find_spec("torchvision") is None


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_stands_in_the_docs_with_its_exact_signature(hook: str) -> None:
    signature = f"def {hook}{inspect.signature(HOOKS[hook])}".replace("'", "")
    assert signature in (ROOT / "docs/hooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_has_a_test(hook: str) -> None:
    kind = hook.removeprefix("atlas_")
    if kind in KINDS:
        assert len(checks_of(kind)) >= 10
    else:
        tests = (ROOT / "tests/test_observers.py").read_text(encoding="utf-8")
        assert f"def {hook}(" in tests


def test_generated_files_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "tools/generate.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", DIALECT)
def test_texts_that_people_read_use_the_terms_of_the_field(words: str) -> None:
    listed = subprocess.run(
        ["git", "ls-files", *READ], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    own = re.compile(rf"\b({words})\b", re.IGNORECASE)
    found = [
        f"{path}:{number}: {line.strip()[:90]}"
        for path in listed
        if not path.startswith(("docs/decisions/", "docs/api.md", "docs/img/"))
        and "/tests/" not in path
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        if own.search(line)
    ]
    assert not found, f"write {DIALECT[words]!r}: {found}"


def test_every_page_stands_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")]
    assert "kinds/model.md" in pages
    assert [page for page in pages if f" {page}\n" not in navigation] == []


def test_embedded_files_are_small() -> None:
    files = [p for p in (ROOT / "plugins").rglob("data/*") if p.is_file()]
    assert files
    assert max(path.stat().st_size for path in files) <= 2_000_000
