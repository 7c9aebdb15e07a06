"""Write every generated file: spec schema, catalog, a docs page per kind, the CLI reference.

``python tools/generate.py`` writes them; ``--check`` only tells which are stale and exits 1.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import click

from atlas_core import hookspecs
from atlas_core.cli.exits import EXIT_CODES
from atlas_core.cli.main import main as atlas
from atlas_core.engine import final
from atlas_core.interfaces import CAPABILITIES
from atlas_core.kinds import KINDS
from atlas_core.kinds.kind import kind_of
from atlas_core.kinds.metric import Metric
from atlas_core.resolver import Resolved
from atlas_core.spec.model import ActiveLearning, Arm, Nested, Price, Spec, Surrogate, Trust
from atlas_evaluation.judge.codes import GRADES, codes
from atlas_registry.listing import Listed, installed
from atlas_registry.loading import Registry
from atlas_tools.schema import schema_text

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import leaderboard  # noqa: E402 - benchmarks are scripts in a folder, not a package
import matbench_uq  # noqa: E402

sys.path.insert(0, str(ROOT / "tools"))
import api_page  # noqa: E402

METRIC_TOPICS = ("point", "sigma", "intervals", "doubt", "detection", "classes")
HELP_WIDTH = 78
SHORT = (
    "magpie: 132 columns from formula text",
    "random forest: fit and predict",
    "crystal graphs, 8 Å and 12 nearest",
    "peak memory: 106,113 crystals read, graphs built, one CGCNN epoch",
    "reading matbench_perovskites.json.gz the first time",
)
"""Lines of the speed benchmarks that the README has beside those that missed their target."""
OBSERVING = ("run_started", "stage_finished", "report_sections", "run_exports")


def generated() -> dict[str, str]:
    """Return {path below the repository: content} of every generated file."""
    registry = Registry()
    own = _own_distributions()
    pages = {f"docs/kinds/{kind}.md": _kind_page(kind, registry, own) for kind in KINDS}
    return {
        "registry/spec.schema.json": schema_text(_Own(registry, own)),
        "registry/atlas_registry/catalog.json": _catalog(),
        "docs/api.md": api_page.api_page(),
        "docs/lab.md": api_page.lab_page(),
        "docs/cli.md": _cli_page(),
        "docs/spec.md": _spec_page(),
        "docs/hooks.md": _hooks_page(),
        "docs/plugins.md": _plugins_page(own),
        "README.md": _filled("README.md"),
        "docs/index.md": _filled("docs/index.md"),
        "docs/benchmarks.md": _filled("docs/benchmarks.md"),
        "docs/metrics.md": _filled("docs/metrics.md"),
        "docs/matbench.md": _filled("docs/matbench.md"),
        "docs/matbench-uq.md": _filled("docs/matbench-uq.md"),
        "docs/ood.md": _filled("docs/ood.md"),
        "docs/verdict.md": _filled("docs/verdict.md"),
        "docs/trust.md": _filled("docs/trust.md"),
        "docs/reliability.md": _filled("docs/reliability.md"),
        "plugins/domain/README.md": _filled("plugins/domain/README.md"),
        "docs/scaling.svg": (ROOT / "benchmarks/results/scaling.svg").read_text(encoding="utf-8"),
        **pages,
    }


def _projects() -> list[dict[str, Any]]:
    paths = [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
    return [tomllib.loads(path.read_text(encoding="utf-8")) for path in paths]


def _own_distributions() -> set[str]:
    return {project["project"]["name"] for project in _projects()}


class _Own:
    """Show only this repository's components: what else is installed is no part of the docs."""

    def __init__(self, registry: Registry, own: set[str]) -> None:
        self._registry, self._own = registry, own

    def names(self, kind: str) -> list[str]:
        return sorted({row.name for row in installed([kind]) if row.distribution in self._own})

    def problems(self, kinds: Iterable[str]) -> dict[tuple[str, str], str]:
        return {(kind, name): "" for kind in kinds for name in self.names(kind)}

    def resolve(self, kind: str, name: str) -> Resolved:
        return self._registry.resolve(kind, name)

    def known(self, kind: str, name: str) -> str | None:
        return self._registry.known(kind, name)


def _catalog() -> str:
    known: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for project in _projects():
        groups = project["project"].get("entry-points", {})
        for kind in KINDS:
            for name in groups.get(f"atlas.{kind}", {}):
                known[kind][name] = project["project"]["name"]
    return json.dumps(known, indent=1, sort_keys=True) + "\n"


def _hook(name: str) -> list[str]:
    """Return the signature of a hook and what it returns."""
    hook = f"atlas_{name}"
    if name in KINDS:
        function = getattr(hookspecs.Offering, hook)
        makes = kind_of(name).makes
        made = " or ".join(f"`{one.__name__}`" for one in get_args(makes) or (makes,))
        text = f"Return components whose `build(config)` returns a new {made}."
    else:
        function = getattr(hookspecs, hook)
        text = (inspect.getdoc(function) or "").strip()
    signature = f"def {hook}{inspect.signature(function)}".replace("'", "")
    return ["```python", "@hookimpl", signature, "```", "", text, ""]


def _kind_page(kind: str, registry: Registry, own: set[str]) -> str:
    rows = [row for row in installed([kind]) if row.distribution in own]
    module = importlib.import_module(f"atlas_core.kinds.{kind}")
    lines = [
        f"# {kind}",
        "",
        *_page_of(module),
        "## Its hook",
        "",
        *_hook(kind),
        f"Entry-point group: `atlas.{kind}`. Contract: `atlas check NAME --kind {kind}`.",
        "",
        f"## The {len(rows)} components of this repository",
        "",
    ]
    for row in rows:
        component = registry.resolve(kind, row.name).component
        lines += [f"### {row.name}", "", f"{row.summary} From `{row.distribution}`.", ""]
        lines += _facts(component)
        lines += _option_table(component.config)
    lines += ["## What it receives and returns", ""]
    lines += ["```python", _code(module), "```", ""]
    lines += ["Types of other modules are on the page of [what a plugin imports](../api.md).", ""]
    return "\n".join(lines)


def _page_of(module: ModuleType) -> list[str]:
    """Return a docstring as Markdown: what stands indented behind a "::" is a block of code."""
    lines: list[str] = []
    for block in re.split(r"\n\n(?=\S)", inspect.getdoc(module) or ""):
        text, _, code = block.partition("::\n\n")
        if code:
            code = textwrap.dedent(code).strip()
            language = "toml" if code.startswith("[") else "python"
            lines += [f"{text}:".replace("``", "`"), "", f"```{language}", code, "```", ""]
        else:
            lines += [block.replace("``", "`"), ""]
    return lines


def _code(module: ModuleType) -> str:
    """Return the source of a module behind its docstring."""
    body = ast.parse(source := inspect.getsource(module)).body
    return "\n".join(source.splitlines()[body[0].end_lineno or 0 :]).strip()


def _facts(component: Any) -> list[str]:
    facts = []
    for word, value in (("Requires", component.requires), ("Provides", component.provides)):
        if callable(value):
            facts.append(f"{word}: by its options.")
        elif value:
            facts.append(f"{word}: {', '.join(f'`{v}`' for v in sorted(value))}.")
    if component.citation:
        text = component.citation
        link = text if text.startswith("http") else f"https://doi.org/{text}"
        facts.append(f"Source: [{text}]({link}).")
    return [" ".join(facts), ""] if facts else []


def _option_table(config: Any) -> list[str]:
    schema = config.model_json_schema()
    properties = schema.get("properties", {})
    if not properties:
        return ["No options.", ""]
    definitions = schema.get("$defs", {})
    lines = ["| option | type | default | meaning |", "| --- | --- | --- | --- |"]
    for name, entry in properties.items():
        default = f"`{json.dumps(entry['default'])}`" if "default" in entry else "required"
        meaning = entry.get("description", "").replace("|", "\\|")
        lines.append(f"| `{name}` | {_type(entry, definitions)} | {default} | {meaning} |")
    return [*lines, ""]


def _type(entry: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "component" in entry:
        return f"`{entry['component']}` component"
    if "component" in entry.get("items", {}):
        return f"list of `{entry['items']['component']}` components"
    if "$ref" in entry:
        return _type(definitions[entry["$ref"].rsplit("/", 1)[-1]], definitions)
    if "anyOf" in entry:
        return " or ".join(dict.fromkeys(_type(part, definitions) for part in entry["anyOf"]))
    if "enum" in entry or "const" in entry:
        return ", ".join(f"`{value}`" for value in entry.get("enum", [entry.get("const")]))
    text = str(entry.get("type", "any"))
    signs = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
        "minItems": "at least",
        "minLength": "length ≥",
    }
    bounds = [f"{sign} {entry[key]}" for key, sign in signs.items() if key in entry]
    return f"{text} {', '.join(bounds)}".strip()


def _hooks_page() -> str:
    lines = [
        "# Hooks",
        "",
        "A component's module implements the hook of its kind. An observer, in the entry-point"
        " group `atlas.observer`, implements hooks that only look on: they cannot change a result.",
        "",
    ]
    for name in [*KINDS, *OBSERVING]:
        lines += [f"## atlas_{name}", "", *_hook(name)]
    lines += ["## What observers are shown", "", "::: atlas_core.observe", ""]
    lines += ["## Capabilities", "", "What `needs` and `gives` may name:", ""]
    lines += [f"- `{name}`: {text}" for name, text in CAPABILITIES.items()]
    return "\n".join(lines) + "\n"


def _spec_page() -> str:
    lines = [
        "# The spec",
        "",
        "A YAML file (1.2: `1e-3` is a number, `no` is text). A component is written `name`, or"
        " `{use: name, options: {...}}`; its options are on the page of its kind. `<<: *anchor`"
        " shares keys between arms. `atlas schema` writes the JSON Schema for an editor.",
        "",
        "`--set path=value` changes one value, `--set path=` takes a key out"
        " (`--set arms.cgcnn=` leaves an arm out), and `--set sample=200` is the quickest way to"
        " try a spec.",
        "",
        "An entry of a list is named by its place, from 0. Of `specs/shear_moduli.yaml`,"
        " `--set arms.forest_structure.featurizer.3.options.cutoff=10` changes an option of the"
        " fourth featurizer, `--set arms.forest_structure.featurizer.2=stoichiometry` puts another"
        " in the place of the third, and `--set arms.forest_structure.featurizer.0=` takes the"
        " first out; those behind it move up. A whole list is written as in YAML:"
        " `--set levels=[0.5,0.9]`.",
        "",
    ]
    for title, model in (
        ("Top level", Spec),
        ("An arm", Arm),
        ("`surrogate` of an arm", Surrogate),
        ("`trust`", Trust),
        ("`trust.nested`", Nested),
        ("`trust.price`", Price),
        ("`active_learning`", ActiveLearning),
    ):
        lines += [f"## {title}", "", *_option_table(model)]
    return "\n".join([*lines, "## The final fit", "", inspect.cleandoc(final.__doc__ or ""), ""])


def _plugins_page(own: set[str]) -> str:
    rows = [row for row in installed() if row.distribution in own]
    lines = [
        "# Components",
        "",
        f"What `atlas plugins` lists, but for the examples: {len(rows)} components of"
        f" {len({row.distribution for row in rows})} distributions.",
        "",
        "| kind | name | what it is | distribution |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        link = f"[`{row.name}`](kinds/{row.kind}.md#{row.name})"
        lines.append(f"| {row.kind} | {link} | {row.summary} | `{row.distribution}` |")
    return "\n".join(lines) + "\n"


def _cli_page() -> str:
    lines = ["# Command line", "", "| exit code | meaning |", "| --- | --- |"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    lines += [
        "",
        "Errors are lines on stderr that begin with `error: `; a broken observer or a component"
        " that `atlas schema` leaves out is a line that begins with `warning: ` and changes no exit"
        " code.",
        "",
    ]

    def describe(command: click.Command, path: str) -> None:
        context = click.Context(
            command, info_name=path, terminal_width=HELP_WIDTH, max_content_width=HELP_WIDTH
        )
        context.help_option_names = atlas.context_settings["help_option_names"]
        lines.extend([f"## {path}", "", "```text", *_wrapped(command.get_help(context)), "```", ""])
        if isinstance(command, click.Group):
            for name in sorted(command.commands):
                describe(command.commands[name], f"{path} {name}")

    atlas.installed = _own_commands  # type: ignore[method-assign]
    describe(atlas, "atlas")
    for row in _own_commands():
        component = Registry().resolve("command", row.name).component
        describe(component.build(component.config()), f"atlas {row.name}")
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    """Return the lines of a help text; long lists of choices, which click leaves whole, broken."""
    lines = []
    for line in text.splitlines():
        choices = line.split("|") if len(line) > HELP_WIDTH else [line]
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        row = choices[0]
        for choice in choices[1:]:
            if len(row) + len(choice) + 2 > HELP_WIDTH:
                lines.append(row + "|")
                row = indent + choice
            else:
                row += f"|{choice}"
        lines.append(row)
    return lines


def _own_commands() -> list[Listed]:
    own = _own_distributions()
    return [row for row in installed(["command"]) if row.distribution in own]


def _filled(name: str) -> str:
    """Return a hand-written page with its generated blocks filled."""
    text = (ROOT / name).read_text(encoding="utf-8")
    spec = (ROOT / "specs/ood_formation.yaml").read_text(encoding="utf-8")
    body = "".join(line for line in spec.splitlines(keepends=True) if not line.startswith("#"))
    blocks = {
        "figures": _figures,
        "spec": lambda: f"```yaml\n{body}```\n",
        "speed": _speed,
        "notes": _speed_notes,
        "right": leaderboard.short,
        "fast": lambda: _speed(short=True),
        "matbench": leaderboard.markdown,
        "matbench-uq": matbench_uq.markdown,
        "exam": _exam,
        "trust": _trust_bars,
        "crystals": _crystals,
        "shifts": _shifts,
        "stable-loop": _stable_loop,
        "flla": _flla,
        "faults": _faults,
        "codes": _codes,
        **{f"metrics-{topic}": partial(_metrics, topic) for topic in METRIC_TOPICS},
    }
    for block, make in blocks.items():
        begin = f"<!-- {block}: begin (written by `make generate`) -->\n"
        end = f"<!-- {block}: end -->"
        if begin in text:
            head, rest = text.split(begin)
            text = f"{head}{begin}{make()}{end}{rest.split(end, maxsplit=1)[1]}"
    return text


def _codes() -> str:
    """Return the grades and the closed table of findings."""
    lines = ["## Grades", "", "| grade | meaning |", "| --- | --- |"]
    lines += [f"| `{grade}` | {meaning} |" for grade, meaning in GRADES.items()]
    group = ""
    for code, about in codes().items():
        if about.group != group:
            group = about.group
            lines += ["", f"## {group}", "", "| code | grade | meaning |", "| --- | --- | --- |"]
        grade = f"`{about.grade}`" if about.grade else "–"
        lines.append(f"| `{code}` | {grade} | {about.meaning} |")
    return "\n".join(lines) + "\n"


def _metrics(topic: str) -> str:
    """Return the table of the metrics that a module of the family of metrics implements."""
    registry, lines = Registry(), ["| name | definition | read it so |", "| --- | --- | --- |"]
    for one in registry.every("metric"):
        if one.component.module != f"atlas_metrics.{topic}":
            continue
        made = one.component.build(one.component.config())
        for metric in [made] if isinstance(made, Metric) else made:
            name = f"{metric.name}_0.9" if metric.of_levels else metric.name
            unit = {"target": "In the target's unit.", "share": "", "plain": ""}[metric.unit]
            source = f"({metric.source})" if metric.source else ""
            read = " ".join(filter(None, (metric.meaning, unit, metric.note, source)))
            cells = [f"`{name}`", metric.definition, read]
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _flla() -> str:
    symbols = ("F", "S", "Cl", "Ti")
    lines = [f"| detector | {' | '.join(symbols)} |", f"| --- |{' --- |' * len(symbols)}"]
    for row in _result("novelty")["flla"]:
        given = {
            key: ", ".join(value) if isinstance(value, list) else value
            for key, value in row["options"].items()
        }
        reported = [f"`{row['detector']}`", *(f"{k}: {v or 'none'}" for k, v in given.items())]
        cells = [f"{row[symbol]:.2f}" for symbol in symbols]
        lines.append(f"| {'; '.join(reported)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _result(name: str) -> dict[str, Any]:
    path = ROOT / "benchmarks/results" / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _interval(entry: dict[str, float], digits: int, scale: float = 1.0) -> str:
    value, low, high = (entry[key] * scale for key in ("value", "low", "high"))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _spread(seeds: dict[str, Any], key: str) -> str:
    return f"{seeds['mean'][key]:.3f} ± {seeds['std'][key]:.3f}"


def _figures() -> str:
    demo, seeds = _result("ood_formation"), _result("demo_seeds")
    lines = [
        "| formation energies of `flla`, fluorides held out | forest | CGCNN |",
        "| --- | --- | --- |",
    ]
    arms = [demo["arms"]["forest"], demo["arms"]["cgcnn"]]
    rows = [
        ("error in-domain, MAE in eV/atom", "test", "mae", 3, 1.0),
        ("error on fluorides, MAE in eV/atom", "ood_test", "mae", 3, 1.0),
        (
            "mean signed error on fluorides, eV/atom",
            "ood_test",
            "mean_error",
            3,
            1.0,
        ),
        ("90 % intervals hold, in-domain, %", "test", "picp_0.9", 0, 100.0),
        ("90 % intervals hold, fluorides, %", "ood_test", "picp_0.9", 0, 100.0),
    ]
    for label, part, metric, digits, scale in rows:
        cells = [_interval(arm["parts"][part][metric], digits, scale) for arm in arms]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    for label, key in (
        ("its sigma separates fluorides, AUROC", "sigma"),
        ("the OOD detector separates them, AUROC", "score"),
        ("the rule “contains an element not in the training set” separates them, AUROC", "rule"),
    ):
        cells = [_interval(arm["ood_auroc"][key], 3) for arm in arms]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    five_fold = seeds["five_fold_mae_all_materials"]["mean"]
    again = seeds["trainings"]
    machine = demo["hardware"]
    lines += [
        "",
        f"In brackets: 95 % intervals over materials. One run, seed {demo['seed']},"
        f" {demo['seconds']:.0f} s on"
        f" {machine['cores']} cores ({machine['cpu']}), {demo['peak_memory_mb'] / 1000:.1f} GB.",
        "",
        f"Over {len(seeds['seeds'])} seeds the MAE of the forest is"
        f" {_spread(seeds, 'mae_in_domain')} eV/atom in-domain and"
        f" {_spread(seeds, 'mae_fluorides')} on fluorides, and its sigma has an AUROC of"
        f" {_spread(seeds, 'auroc_sigma')}; in random five-fold cross-validation of all"
        f" {demo['rows']} materials it is {five_fold:.3f} eV/atom. Another seed cuts"
        f" another split, too: over {again['n']} trainings on the split of seed"
        f" {demo['seed']} the MAE is {_spread(again, 'mae_in_domain')} in-domain and"
        f" {_spread(again, 'mae_fluorides')} on fluorides"
        " (`--set repeats=3` trains every arm three times).",
        "",
    ]
    return "\n".join(lines)


def _speed(*, short: bool = False) -> str:
    """Return the table of the speed benchmarks, worst news not left out: also where it is short."""
    rows = json.loads((ROOT / "benchmarks/results/fast.summary.json").read_text(encoding="utf-8"))
    words = {True: "yes", False: "**no**", None: "not measured"}
    lines = ["| what | against | measured | needed | holds |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        if short and row["holds"] and row["bar"] not in SHORT:
            continue
        measured = "-" if row["measured"] is None else _amount(row["measured"], row["unit"])
        bound = "at least" if row["more_is_better"] else "at most"
        needed = f"{bound} {_amount(row['needed'], row['unit'])}"
        cells = (row["bar"], row["against"], measured, needed, words[row["holds"]])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _speed_notes() -> str:
    """Return what each line of the table compares, where there is more to say than it holds."""
    rows = json.loads((ROOT / "benchmarks/results/fast.summary.json").read_text(encoding="utf-8"))
    lines = [
        f"- {row['bar']}, against {row['against']}: {row['note']}." for row in rows if row["note"]
    ]
    return "\n".join(lines) + "\n"


def _exam() -> str:
    """Return what came of each held-out element of the trust exam, the first seed."""
    content = _result("trust")
    found = content["exams"]["80 % quantile, target reliability 0.9"][0]
    first = found["classes"][0]
    lines = [
        "| materials with | error / in-domain error | labeled trust | of these within tolerance |"
        " sigma alone: trusted | of these within tolerance | error forecast over true |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in found["classes"]:
        cells = [
            str(one["class"]).split()[-1],
            f"{one['mae'] / one['mae_in_domain']:.1f}",
            *_trusted(one["methods"]["learned_region"]["class"]),
            *_trusted(one["methods"]["sigma_threshold"]["class"]),
            f"{one['forecast_ratio']:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    own, sigma = (found["summary"][name] for name in ("learned_region", "sigma_threshold"))
    n = len(found["classes"])
    error_tolerances = [one["error_tolerance"] for one in found["classes"]]
    lines.append("")
    lines.append(
        "Error tolerance: the 80 % quantile of the in-domain errors"
        f" ({min(error_tolerances):.2f} to {max(error_tolerances):.2f} eV/atom); target"
        f" reliability: {first['target_reliability']:.0%}. Of {n} elements the"
        f" learned region {_outcome(own)}; sigma alone {_outcome(sigma)}. Seed {found['seed']}."
    )
    return "\n".join(lines) + "\n"


def _outcome(summary: dict[str, Any]) -> str:
    """Return on how many elements a method reached the target reliability, in words."""
    reported = [f"reached that (to five points) on {summary['reached']}"]
    reported += [f"abstained on {summary['abstained']}"] if summary["abstained"] else []
    missed = summary["below"] + summary["missed"]
    reported += [f"missed it on {missed}"] if missed else []
    return " and ".join([", ".join(reported[:-1]), reported[-1]]) if reported[1:] else reported[0]


def _crystals() -> str:
    """Return what came of each held-out class for a forest and networks on crystals."""
    content = _result("trust_crystals")
    lines = [
        f"| task, classes | without | arm | {' | '.join(REPORTED)} |",
        "| --- " * (3 + len(REPORTED)) + "|",
    ]
    rows = [
        (name, held_out, arm, one)
        for name, exam in content["exams"].items()
        for held_out in dict.fromkeys(
            one["class"] for found in exam["arms"].values() for one in found["classes"]
        )
        for arm, found in exam["arms"].items()
        for one in found["classes"]
        if one["class"] == held_out
    ]
    for name, held_out, arm, one in rows:
        cells = [
            name,
            held_out.removeprefix("without ").removeprefix("prototype "),
            arm,
            *_reported(one),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _stable_loop() -> str:
    """Return how many times as many crystals on the hull each loop finds as picking at random."""
    lines = [
        "| first labeled are those of | on the hull, of 500 picks | times the share of all |"
        " after six rounds | drawing other crystals |",
        "| --- " * 5 + "|",
    ]

    def times(one: dict[str, float] | None) -> str:
        if one is None:
            return "-"
        value = f"{one['value']:.2f}, " if "value" in one else ""
        return f"{value}{one['low']:.2f} to {one['high']:.2f}"

    for name, found in _result("stable_loop")["loops"].items():
        cells = [
            times(found[f"ratio{part}"]) for part in ("", "_first_six_rounds", "_other_crystals")
        ]
        lines.append(f"| {name} | {found['share_on_hull']:.1%} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shifts() -> str:
    """Return what came of wider shifts than single elements, for the forest."""
    lines = [f"| held out | {' | '.join(REPORTED)} |", "| --- " * (1 + len(REPORTED)) + "|"]
    for name, found in _result("trust_shifts")["exams"].items():
        for one in found["classes"]:
            reported = name if len(found["classes"]) == 1 else one["class"].replace("_", " ")
            lines.append(f"| {' | '.join([reported, *_reported(one)])} |")
    return "\n".join(lines) + "\n"


REPORTED = (
    "error, times in-domain",
    "labeled trust",
    "of these within tolerance",
    "sigma alone: trusted",
    "of these within tolerance",
    "90 % intervals hold, calibrator's",
    "the trust region's",
    "error forecast over true",
)


def _reported(one: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a class under ``REPORTED``."""
    return (
        f"{one['mae'] / one['mae_in_domain']:.1f}",
        *_trusted(one["methods"]["learned_region"]["class"]),
        *_trusted(one["methods"]["sigma_threshold"]["class"]),
        f"{one['intervals']['calibrator_class']['coverage']:.0%}",
        f"{one['intervals']['trust_class']['coverage']:.0%}",
        f"{one['forecast_ratio']:.2f}",
    )


def _trusted(one: dict[str, Any]) -> tuple[str, str]:
    """Return the share that is trusted, and the share of it that is within tolerance."""
    if not one["trusted"]:
        return "none", "-"
    return f"{one['share']:.1%} ({one['trusted']})", f"{one['hit']:.0%}"


def _trust_bars() -> str:
    """Return the bars of the trust region and the novelty score, misses and all."""
    rows = json.loads((ROOT / "benchmarks/results/trust.summary.json").read_text(encoding="utf-8"))
    words = {True: "yes", False: "**no**", None: ""}
    lines = ["| what | measured | needed | holds |", "| --- | --- | --- | --- |"]
    for row in rows:
        measured = "-" if row["measured"] is None else f"{row['measured']:.3g}"
        needed = str(row["needed"] or "")
        lines.append(f"| {row['bar']} | {measured} | {needed} | {words[row['holds']]} |")
    return "\n".join(lines) + "\n"


def _faults() -> str:
    """Return what was done to ATLAS on purpose, how often, and how often it survived."""
    rows = json.loads((ROOT / "benchmarks/results/faults.json").read_text(encoding="utf-8"))
    lines = ["| kind | fault | survived means | tried | survived |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for row in rows:
        whole = row["survived"] == row["tried"]
        survived = f"{row['survived']:,}" if whole else f"**{row['survived']:,}**"
        lines.append(
            f"| {row['kind']} | {row['fault']} | {row['bar']} | {row['tried']:,} | {survived} |"
        )
    return "\n".join(lines) + "\n"


def _amount(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value:.1%}"
    shown = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{shown} {unit}"


def stale() -> list[str]:
    """Return the generated files that differ from what would be written."""
    out = []
    for name, content in generated().items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            out.append(name)
    return out


def main() -> int:
    """Write, or check with ``--check``; return the exit code."""
    if "--check" in sys.argv[1:]:
        if old := stale():
            print(f"stale: {', '.join(old)}; run `make generate`", file=sys.stderr)
        return 1 if old else 0
    for name, content in generated().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
