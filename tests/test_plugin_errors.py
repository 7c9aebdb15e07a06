"""Broken plugins: one line that names them, and never a crash of another command."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from support import Cli, MakePlugin

from atlas_core.installed import core_range_problem

GOOD = '''
    """A model that is always there."""
    from atlas_core.api import Component, Config, hookimpl

    class Options(Config):
        """No options."""

    @hookimpl
    def atlas_model():
        return [Component("toy", Options, lambda config: None, requires={"features:vectors"})]
    '''
SPEC = """\
atlas: 1
name: t
seed: 1
dataset: flla
split: random
arms:
  a: {featurizer: magpie, model: toy, uq: deterministic}
"""
MUTE = "class E(Exception):\n    def __str__(self): raise ValueError\nraise E"
HIDES = GOOD.replace("return [", "return [R()] or [").replace(
    "class Options", "class R:\n        def __repr__(self): exit(0)\n\n    class Options"
)
ENTRY = {"atlas.model": {"toy": "toy_model"}}


def spec_in(folder: Path) -> Path:
    (folder / "s.yaml").write_text(SPEC, encoding="utf-8")
    return folder / "s.yaml"


def with_path(cli: Cli, *folders: Path) -> Cli:
    return Cli(cli.cwd, cli.cache, [str(folder) for folder in folders])


def test_a_plugin_of_a_third_party_is_listed_and_valid(cli: Cli, make_plugin: MakePlugin) -> None:
    atlas = with_path(cli, make_plugin("third-party", "toy_model", GOOD, ENTRY))
    rows = json.loads(atlas("plugins", "--kind", "model", "--json").stdout)
    (row,) = [row for row in rows if row["name"] == "toy"]
    assert row["distribution"] == "third-party"
    assert row["summary"] == "A model that is always there."
    done = atlas("validate", spec_in(cli.cwd))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('raise RuntimeError("boom")', "cannot be imported: RuntimeError: boom"),
        ("import not_there", "cannot be imported: ModuleNotFoundError: No module named"),
        ("x = 1", "has no @hookimpl function atlas_model()"),
        (GOOD.replace("return [", "[").replace("})]", "})]"), "must return a list of Component"),
        (GOOD.replace('"toy"', '"other"'), "offers other, not toy"),
        (GOOD.replace("def atlas_model():", "def atlas_model(extra):"), "atlas_model"),
        (GOOD.replace("atlas_model", "atlas_modle"), "atlas_modle"),
        (GOOD.replace('"features:vectors"', '"model:magic"'), "model:magic"),
        (GOOD.replace('"toy", Options', "3, Options"), "name of a component is a int"),
        (GOOD.replace('{"features:vectors"}', "3"), "requires of a component is a int"),
        (
            GOOD.replace("lambda config: None", "None"),
            "implementation of a component is a NoneType",
        ),
        (MUTE, "E"),
        (MUTE.replace("ValueError", "SystemExit(0)"), "E"),
        (HIDES, "returned a R, not a Component"),
        ("import os\nos.chdir('/')\n" + textwrap.dedent(GOOD), "working directory"),
    ],
)
def test_a_broken_plugin_is_one_line_that_names_it(
    cli: Cli, make_plugin: MakePlugin, code: str, message: str
) -> None:
    atlas = with_path(cli, make_plugin("broken-plugin", "toy_model", code, ENTRY))
    done = atlas("validate", spec_in(cli.cwd))
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "s.yaml:7:27  arms.a.model.use" in line
    assert message in line
    assert "Traceback" not in done.stderr


def test_a_broken_plugin_is_a_row_in_verify_and_harms_no_other_command(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    atlas = with_path(cli, make_plugin("broken-plugin", "toy_model", "1 / 0", ENTRY))
    listed = atlas("plugins", "--kind", "model", "--verify", "--json")
    assert listed.returncode == 1
    rows = {row["name"]: row["problem"] for row in json.loads(listed.stdout)}
    assert "ZeroDivisionError" in rows["toy"]
    assert rows["ridge"] == ""
    assert atlas("plugins").returncode == 0


def test_two_distributions_with_one_name_are_both_named(cli: Cli, make_plugin: MakePlugin) -> None:
    first = make_plugin("first-one", "toy_model", GOOD, ENTRY)
    second = make_plugin("second-one", "toy_model", GOOD, ENTRY, version="2.0")
    done = with_path(cli, first, second)("validate", spec_in(cli.cwd))
    assert done.returncode == 3
    assert "offered by first-one 1.0 and second-one 2.0" in done.stderr


def test_a_plugin_for_another_core_is_refused_before_it_is_imported(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    folder = make_plugin(
        "from-the-future", "toy_model", "1 / 0", ENTRY, requires="atlas-materials>=9,<10"
    )
    done = with_path(cli, folder)("validate", spec_in(cli.cwd))
    assert done.returncode == 3
    assert "made for atlas-materials<10,>=9, this is atlas-materials 0.1.0" in done.stderr
    assert "ZeroDivisionError" not in done.stderr


def test_a_plugin_that_states_no_core_is_refused(cli: Cli, make_plugin: MakePlugin) -> None:
    folder = make_plugin("careless", "toy_model", GOOD, ENTRY, requires=None)
    done = with_path(cli, folder)("validate", spec_in(cli.cwd))
    assert "does not state which atlas-materials it needs" in done.stderr


BREAKS = {
    "raises": ("raise RuntimeError('boom')", "RuntimeError: boom"),
    "exits": ("raise SystemExit(0)", "SystemExit: 0"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "base": ("class Odd(BaseException): pass\nraise Odd('odd')", "Odd: odd"),
    "ends": ("import os\nos._exit(0)", "ends Python"),
    "crashes": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ends Python"),
    "hangs": ("import time\ntime.sleep(600)", "hangs"),
    "closes": ("import os, time\nos.closerange(0, 64)\ntime.sleep(600)", "hangs"),
    "scribbles": (
        "import os\nfor n in range(3, 99):\n    try: os.write(n, b'garbage\\n')\n"
        "    except OSError: pass\n",
        "pipe",
    ),
    "forges": (
        "import os\nfor n in range(3, 99):\n    try: os.write(n, b'\"\"\\n' * 300)\n"
        "    except OSError: pass\n",
        "pipe",
    ),
    "mute": (MUTE, "import"),
    "mute_exit": (MUTE.replace("ValueError", "SystemExit(0)"), "import"),
    "babbles": ("import os\nos.write(1, b'x' * 10)\nprint('y')\n1 / 0", "ZeroDivisionError"),
}


HANGS = {name for name, (_, words) in BREAKS.items() if words == "hangs"}


def test_whatever_plugins_do_at_import_each_is_a_row_of_verify_and_the_schema_goes_on(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    sites = []
    for name, (code, _) in BREAKS.items():
        for group, entry in (("atlas.model", name), ("atlas.observer", f"{name}_watcher")):
            module = f"{entry}_module"
            sites.append(make_plugin(f"d-{entry}", module, code, {group: {entry: module}}))
    atlas = with_path(cli, *sites)
    assert atlas("plugins").returncode == 0
    done = atlas("plugins", "--verify", "--timeout", "2", "--json")
    assert done.returncode == 1
    rows = {row["name"]: row["problem"] for row in json.loads(done.stdout)}
    for name, (_, words) in BREAKS.items():
        assert words in rows.pop(name), name
        assert words in rows.pop(f"{name}_watcher"), name
    assert "ridge" in rows
    assert not any(rows.values())


def test_the_schema_leaves_broken_components_out_and_names_them(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    sites = [
        make_plugin(f"d-{name}", f"{name}_module", code, {"atlas.uq": {name: f"{name}_module"}})
        for name, (code, _) in BREAKS.items()
        if name not in HANGS
    ]
    done = with_path(cli, *sites)("schema")
    assert done.returncode == 0
    assert "ensemble" in done.stdout
    lines = done.stderr.splitlines()
    for name in sorted(BREAKS.keys() - HANGS):
        assert f"uq.{name}" not in done.stdout
        assert sum(f" uq {name} of d-{name} " in line for line in lines) == 1, lines
    assert len(lines) == len(sites)


def test_a_refused_spec_is_reported_though_a_plugin_that_it_does_not_name_ends_python(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    code = BREAKS["ends"][0]
    atlas = with_path(
        cli, make_plugin("rude", "rude_module", code, {"atlas.model": {"r": "rude_module"}})
    )
    text = SPEC.replace("model: toy, uq: deterministic", "model: ridge, uq: tree_variance")
    (cli.cwd / "s.yaml").write_text(text, encoding="utf-8")
    done = atlas("validate", "s.yaml")
    assert done.returncode == 2
    assert "random_forest" in done.stderr


def test_a_component_that_ends_the_program_in_a_fit_is_named(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    code = GOOD.replace("lambda config: None", "lambda config: exit(0)")
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    done = with_path(cli, make_plugin("quitter", "toy_model", code, ENTRY))(
        "run", "s.yaml", "--set", "sample=60", "--set", "arms.a.featurizer=element_fractions"
    )
    assert done.returncode == 3
    assert "toy" in done.stderr.splitlines()[-1]
    assert "quitter" in done.stderr.splitlines()[-1]


def test_check_all_holds_the_others_though_one_is_broken(cli: Cli, make_plugin: MakePlugin) -> None:
    site = make_plugin(
        "rude", "rude_module", BREAKS["exits"][0], {"atlas.acquisition": {"r": "rude_module"}}
    )
    done = with_path(cli, site)("check", "--all", "--kind", "acquisition", "--json")
    assert done.returncode == 1
    rows = {row["name"]: row["checks"] for row in json.loads(done.stdout)}
    assert "SystemExit" in rows.pop("r")[0]["message"]
    assert len(rows) == 8
    assert {c["outcome"] for checks in rows.values() for c in checks} <= {
        "passed",
        "not applicable",
    }


DOES = [
    "print('noise')",
    "import os; os.fork()",
    "import sys; sys.stdout = None",
    "import sys; sys.stderr.close()",
    "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",
]


def test_what_sound_plugins_do_at_import_leaves_the_schema_whole(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    sites = []
    for i, does in enumerate(DOES):
        code = f"{does}\n{textwrap.dedent(GOOD)}".replace('"toy"', f'"toy{i}"')
        entry = {"atlas.model": {f"toy{i}": f"toy{i}_model"}}
        sites.append(make_plugin(f"loud{i}", f"toy{i}_model", code, entry))
    done = with_path(cli, *sites)("schema")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["$defs"]
    for i, does in enumerate(DOES):
        assert f"model.toy{i}" in found, does


def test_options_whose_schema_is_no_json_are_left_out_and_named(
    cli: Cli, make_plugin: MakePlugin
) -> None:
    hook = "@classmethod\n        def model_json_schema(cls, **given): return {'a': object()}"
    code = GOOD.replace('"""No options."""', hook)
    done = with_path(cli, make_plugin("odd", "toy_model", code, ENTRY))("schema")
    assert done.returncode == 0, done.stderr
    assert "model.toy" not in json.loads(done.stdout)["$defs"]
    assert "model toy of odd" in done.stderr


@pytest.mark.parametrize(
    ("requirement", "good"),
    [
        ("atlas-materials>=0.1,<0.2", True),
        ("Atlas_Materials[screen] >=0.1; python_version > '3'", True),
        ("atlas-materials-gnn>=0.1", False),
        ("atlas-materialsx>=0.1", False),
        ("atlas-core>=0.1", False),
    ],
)
def test_a_plugin_asks_for_the_core_and_no_family_stands_for_it(
    requirement: str, good: bool
) -> None:
    assert (core_range_problem((requirement,)) == "") == good
