"""Write ``docs/api.md`` and ``docs/lab.md``: what a plugin imports, and four worked components."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from inspect import getsource
from pathlib import Path
from types import ModuleType

import atlas_chemistry
import atlas_reading
from atlas_core import api
from atlas_core.interfaces import CAPABILITIES, PROTOCOLS
from atlas_core.kinds import KINDS

ROOT = Path(__file__).resolve().parents[1]
LAB = ROOT / "examples/atlas-lab"

SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Declare a component",
        "A module's hook returns a list of `Component`. `Field` is pydantic's.",
        ("Component", "Config", "Field", "Use", "OfKind", "hookimpl", "FoldFacts"),
    ),
    (
        "Materials and data sets",
        "`Materials.from_formulas(ids, formulas)` and `Materials.from_structures(ids, structures)`"
        " make materials; a data set adds a target.",
        (
            *("Materials", "Dataset", "DatasetSource", "DataContext", "Task", "Provenance"),
            *("Meaning", "meaning_of", "Candidates", "Batch"),
        ),
    ),
    (
        "Rows and formulas",
        "A data set reports which rows of its source it left out, and which are odd.",
        (
            *("ReadingReport", "BadRow", "Flag", "read_bounds", "file_sha256"),
            *("parse_formula", "formula_flags"),
        ),
    ),
    (
        "What a fit receives beside data",
        "",
        ("FitContext", "derive_seed", "TargetScale", "Prediction", "Reason", "Reasons"),
    ),
    (
        "Capabilities of a model",
        "A model that `provides` one of these implements its protocol. A detector that needs"
        " `embed` or `leaves` gets what the arm's trained model says.",
        tuple(sorted(one.__name__ for one in PROTOCOLS.values())),
    ),
    (
        "What a calibrator, a detector and a trust method see",
        "They get `Inputs`: a field is None unless the component's `needs` asks for it.",
        ("Inputs",),
    ),
    (
        "What a metric is computed from",
        "The host makes rows and draws; a metric is computed for all resamples at once.",
        ("MetricRows", "Draw", "probability_bins", "ratio"),
    ),
    (
        "Observers and finished runs",
        "",
        (
            "FinishedRun",
            "Predictions",
            "Decisions",
            "RunInfo",
            "StageInfo",
            "Export",
            "ReportSection",
            "ReportFigure",
        ),
    ),
    (
        "Saved fits of another library",
        "An entry point of the group `atlas.codec`, named like the library's package, saves and"
        " loads its objects; those of scikit-learn are saved by `atlas-materials-estimators`.",
        ("Codec", "attributes_of", "set_attributes"),
    ),
    (
        "Errors",
        "A component raises these with one line that says where, what is wrong and what to do;"
        " anything else is reported as its defect.",
        (
            *("AtlasError", "DataError", "MissingDataError", "TrainingError", "ContractError"),
            *("PluginError", "SpecError", "CautionWarning"),
        ),
    ),
    (
        "Arrays and elements",
        "",
        (
            "F8",
            "I8",
            "Bool",
            "Str",
            "offsets_of",
            "segments",
            "SYMBOLS",
            "ATOMIC_NUMBER",
            "MAX_Z",
            "Standardizer",
            "nearest",
            "read_arrays",
            "write_arrays",
        ),
    ),
)

READING = (
    *("open_table", "TableOptions", "TableFile", "Row", "KEY", "Sifter", "OnBad", "MISSING"),
    *("NoTargetError", "read_target", "number", "Decimal", "sniff_decimal"),
    *("read_crystals", "one_crystal", "Crystal", "materials_of", "check_geometry", "Oddity"),
    *("read_formula", "materials_of_dicts", "structure_of", "Listing", "Listed", "source_files"),
)
"""What the library of readers offers, in the order of the page."""

CHEMISTRY = (
    *("FAMILIES", "anion_family", "families_of", "family_of_elements", "element_statistics"),
    *("periodic_group", "periodic_row", "f_block"),
    *("atomic_mass", "covalent_radius", "electronegativity"),
)
"""What the library of chemistry offers, in the order of the page."""

FAILURES = """\
## A promise that a method cannot keep

`atlas check` holds every component against the promises of its kind. Where an honest method cannot
keep one, its `Component` says which and why, under the check's name as `atlas check` prints it:

```python
Component(
    "feature_noise",
    FeatureNoiseConfig,
    FeatureNoise,
    provides={"epistemic"},
    expected_failures={
        "sigma_grows_off_the_data": "noise on the features is as large far away as nearby"
    },
)
```

The check is then counted as an expected failure. It is strict: when the check passes after all,
that is a failure, and the line has to go.
"""


def api_page() -> str:
    """Return the page of ``atlas_core.api``."""
    lines = [
        "# What a plugin imports",
        "",
        "Everything stands in `atlas_core.api`, and a plugin imports nothing else of ATLAS but"
        " `atlas_core.testing` in its tests and the libraries"
        " [`atlas_reading`](#read-what-users-write) and [`atlas_chemistry`](#chemistry). Arrays are"
        " float64 unless said otherwise; n is"
        " the number of rows. Bodies are left out here. [Four worked components](lab.md) use most"
        " of these types.",
        "",
    ]
    for title, intro, names in (*SECTIONS[:1], *_kinds(), *SECTIONS[1:]):
        lines += [f"## {title}", ""]
        if intro:
            lines += [intro, ""]
        if title.startswith("Capabilities"):
            lines += ["| `gives` or `needs` | meaning |", "| --- | --- |"]
            lines += [f"| `{name}` | {text} |" for name, text in CAPABILITIES.items()]
            lines.append("")
        for name in names:
            lines += [f"### {name}", "", "```python", _shown(api, name), "```", ""]
    lines += [
        "## Read what users write",
        "",
        "One library, `atlas_reading` (`atlas-materials-reading`), serves every data set and"
        " `atlas screen`: tables in all their forms, crystals. A data set plugin may import it too."
        " Rows that cannot be used are collected and reported together.",
        "",
    ]
    for name in READING:
        lines += [f"### {name}", "", "```python", _shown(atlas_reading, name), "```", ""]
    lines += [
        "## Chemistry",
        "",
        "What is known of a composition without any data: the library `atlas_chemistry`"
        " (`atlas-materials-chemistry`).",
        "",
    ]
    for name in CHEMISTRY:
        lines += [f"### {name}", "", "```python", _shown(atlas_chemistry, name), "```", ""]
    return "\n".join(lines) + "\n" + FAILURES


def lab_page() -> str:
    """Return the page of the worked components: the files of the example as they are."""
    lines = [
        "# A data set, a model, a detector and a calibrator",
        "",
        "The package `examples/atlas-lab` offers one component of each of four kinds, in numpy"
        " alone. [Write a plugin](write-a-plugin.md) leads through an uncertainty method step by"
        " step; [What a plugin imports](api.md) shows the types.",
        "",
        "```bash",
        "pip install -e examples/atlas-lab",
        "atlas check --path examples/atlas-lab",
        "atlas run examples/atlas-lab/spec.yaml",
        "```",
        "",
    ]
    for title, name in (
        ("The package", "pyproject.toml"),
        ("A data set", "atlas_lab/lab_sheet.py"),
        ("A model", "atlas_lab/rbf.py"),
        ("A detector", "atlas_lab/leverage.py"),
        ("A calibrator", "atlas_lab/normalized.py"),
        ("The tests", "tests/test_atlas_lab.py"),
        ("A spec", "spec.yaml"),
    ):
        language = {"py": "python", "toml": "toml", "yaml": "yaml"}[name.rpartition(".")[2]]
        text = (LAB / name).read_text(encoding="utf-8")
        lines += [f"## {title}", "", f'```{language} title="{name}"', text.rstrip("\n"), "```", ""]
    return "\n".join(lines)


def _kinds() -> list[tuple[str, str, list[str]]]:
    """Return a section for each kind: what its interface offers that no other section shows."""
    shown = {name for _, _, names in SECTIONS for name in names}
    found = []
    for kind in KINDS:
        module = f"atlas_core.kinds.{kind}"
        own = [name for name, (origin, _) in _origins(api).items() if origin == module]
        intro = f"Its page, [{kind}](kinds/{kind}.md), opens with a whole plugin."
        found.append((f"Kind `{kind}`", intro, [name for name in own if name not in shown]))
    return found


@cache
def _origins(offered: ModuleType) -> dict[str, tuple[str, str]]:
    """Return {name: (module it comes from, its name there)} of what a package offers."""
    found = {}
    for node in ast.parse(getsource(offered)).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = (str(node.module), alias.name)
    return found


def _shown(offered: ModuleType, name: str) -> str:
    if name == "Field":
        return "from pydantic import Field  # Field(default, gt=..., le=..., description=...)"
    if name == "hookimpl":
        return "@hookimpl\ndef atlas_uq() -> list[Component]: ..."
    found = getattr(offered, name)
    module, own = _origins(offered).get(name, (offered.__name__, name))
    made = str(getattr(found, "__module__", module))  # where it is made, not passed on
    module = made if made.startswith(offered.__name__.split(".")[0]) else module
    body = ast.parse(getsource(import_module(module))).body
    for place, node in enumerate(body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == own:
            node.name = name
            return ast.unparse(_outline(node))
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == name:
            text = ast.unparse(node)
            if len(text) > 200:
                text = f"{name}: {type(found).__name__} of {len(found)}"
            after = body[place + 1] if place + 1 < len(body) else None
            value = after.value if isinstance(after, ast.Expr) else None
            said = isinstance(value, ast.Constant) and isinstance(value.value, str)
            return text + (f'\n"""{value.value}"""' if said else "")
    raise LookupError(name)


def _outline(node: ast.ClassDef | ast.FunctionDef) -> ast.stmt:
    """Return a class or function without bodies and without what is private."""
    if isinstance(node, ast.FunctionDef):
        kept: list[ast.stmt] = [one for one in node.body[:1] if ast.get_docstring(node)]
        node.body = [*kept, ast.Expr(ast.Constant(...))]
        return node
    public: list[ast.stmt] = []
    for one in node.body:
        if isinstance(one, ast.FunctionDef):
            if not one.name.startswith("_") or one.name in {"__call__", "__len__"}:
                public.append(_outline(one))
        elif not (isinstance(one, ast.Assign) and ast.unparse(one.targets[0]).startswith("_")):
            public.append(one)
    node.body = public or [ast.Expr(ast.Constant(...))]
    return node
