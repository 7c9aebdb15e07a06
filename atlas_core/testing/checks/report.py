"""What a report promises. Light."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import PurePosixPath

import numpy as np

from atlas_core.engine.folder import OWN
from atlas_core.observe import Export, FinishedRun, ReportFigure, ReportSection
from atlas_core.rows import safe_cell
from atlas_core.testing.checks.shared import returned, state_of, used
from atlas_core.testing.outcome import applies, require
from atlas_core.testing.samples import Sample
from atlas_core.testing.toy_runs import toy_run

SECTION = ReportSection(
    "Added <b>",
    ("One & two <i>.",),
    (ReportFigure("A line", "<svg viewBox='0 0 9 9'><path d='M0 0L9 9'/></svg>", "It rises."),),
)


SHARED = ("inputs_unchanged",)


def given(sample: Sample) -> FinishedRun:
    """Return the toy run."""
    return toy_run()


def make(sample: Sample, run: FinishedRun) -> list[Export]:
    """Return the files of a run."""
    files = [returned(file, Export, "report") for file in sample.build().report(run, [SECTION])]
    require(files, "report returned no file")
    return files


def check_places_are_its_own(sample: Sample) -> None:
    """``places`` are plain names at the top of a run folder, and none that the run itself uses."""
    places = sample.build().places
    require(isinstance(places, tuple) and places, "places must be a tuple of names")
    for place in places:
        plain = PurePosixPath(place).parts == (place,) and not place.startswith(".")
        require(plain, f"the place {place!r} is no plain name")
        require(place not in OWN, f"the place {place!r} belongs to the run itself")


def check_files_stand_in_its_places(sample: Sample) -> None:
    """Each file is one of the places, or lies in one; no two have one path."""
    places = sample.build().places
    files = used(sample).made
    for file in files:
        top = file.path.parts[0]
        require(top in places, f"{file.path} lies outside its places {places}")
        fits = (len(file.path.parts) == 1) == bool(PurePosixPath(top).suffix)
        require(fits, f"{file.path}: a file at the top has an ending, a folder has none")
    names = [str(file.path).lower() for file in files]
    require(len(set(names)) == len(names), "two files have one path")
    tops = {file.path.parts[0] for file in files}
    require(places[0] in tops, f"the first place {places[0]!r}, which a reader opens, is not there")


def check_every_task_is_shown(sample: Sample) -> None:
    """Numbers and classes, one arm and several, with uncertainty and without: a file is written."""
    make(sample, toy_run("regression", uncertain=False, arms=("one", "two", "three")))
    make(sample, toy_run("binary", uncertain=True, arms=("one", "two")))
    make(sample, toy_run("binary", uncertain=False, arms=("one",)))


def check_numbers_are_those_of_the_run(sample: Sample) -> None:
    """Another run gives other files: what is written is read from the run."""
    other = make(sample, toy_run(arms=("one", "other"), uncertain=False))
    same = state_of(other) == used(sample).content
    require(not same, "a run with another arm gave the same files")


ACTIVE = {"iframe", "object", "embed", "base", "form"}
LOADING = {"src", "srcset", "data", "poster"}
PAGES = {".html", ".htm", ".xhtml", ".xht", ".svg"}
TEXT_ONLY = {"title", "textarea", "noscript", "template", "style"}
"""Elements in which a browser heeds no policy."""
MAY = {
    "default-src": {"'none'"},
    "style-src": {"'unsafe-inline'", "'none'"},
    "img-src": {"data:", "'none'"},
    "font-src": {"data:", "'none'"},
    "base-uri": {"'none'"},
    "form-action": {"'none'"},
}
"""What a policy may say besides naming scripts."""


class _Page(HTMLParser):
    """Collect the tags that a browser would see, the scripts that it would run, and the policy."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str]]]] = []
        self.scripts: list[str] = []
        self.policies: list[str] = []
        self._open: list[str] = []
        self._runs = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag, and what it begins."""
        own = [(name, value or "") for name, value in attrs]
        self.tags.append((tag, own))
        first = dict(reversed(own))  # a browser takes the first of two
        self._runs = tag == "script" and first.get("type", "").lower() != "application/json"
        if self._runs:
            self.scripts.append("")
        named = first.get("http-equiv", "").lower() == "content-security-policy"
        heeded = self._open[-1:] == ["head"] and not self.scripts
        if tag == "meta" and named and heeded:
            self.policies.append(first.get("content", ""))
        if tag in {"html", "head", "body", *TEXT_ONLY}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note where a script or another element ends."""
        self._runs = self._runs and tag != "script"
        if tag in self._open:
            del self._open[self._open.index(tag) :]

    def handle_data(self, data: str) -> None:
        """Keep the text of a script."""
        if self._runs:
            self.scripts[-1] += data


def _pages(files: list[Export]) -> dict[str, _Page]:
    """Return what a browser finds in each page, by path."""
    found = {}
    for page in (file for file in files if file.path.suffix.lower() in PAGES):
        parser = found[str(page.path)] = _Page()
        parser.feed(page.content.decode())
    return found


def check_pages_load_nothing(sample: Sample) -> None:
    """Names in a run are any text: no page lets one act, and none loads what is not in it."""
    pages = _pages(used(sample).made)
    applies(pages, "it writes no page")
    for path, page in pages.items():
        for tag, attributes in page.tags:
            require(tag not in ACTIVE, f"{path} has a <{tag}>")
            names = [name for name, _ in attributes]
            require(len(set(names)) == len(names), f"{path}: <{tag}> has an attribute twice")
            for name, value in attributes:
                loads = name in LOADING or (name in {"href", "xlink:href"} and tag != "a")
                inside = re.match("#" if tag == "script" else "#|data:", value)
                require(not loads or inside, f"{path}: <{tag}> loads {value}")
                require(not name.startswith("on"), f"{path}: <{tag}> has {name}")
                acts = re.match(r"[\s\x00-\x1f]*(javascript|vbscript|data):", value, re.IGNORECASE)
                require(not (acts and tag == "a"), f"{path}: <a> leads to {value}")
                refreshes = name == "http-equiv" and value.lower() == "refresh"
                require(not refreshes, f"{path} leads elsewhere by itself")


def check_pages_run_their_own_script_only(sample: Sample) -> None:
    """A script is the same whatever the run holds, and the page's policy lets run no other."""
    pages = _pages(used(sample).made)
    applies(pages, "it writes no page")
    others = _pages(make(sample, renamed(toy_run(arms=("one", "other"), uncertain=False))))
    for path, page in pages.items():
        if path.lower().endswith(".svg"):
            require(not page.scripts, f"{path}: a drawing has a script")
            continue
        require(path not in others or others[path].scripts == page.scripts, f"{path}: {VARIES}")
        require(len(page.policies) == 1, f"{path}: {NO_POLICY}")
        said = [rule.split() for rule in page.policies[0].lower().split(";") if rule.split()]
        rules = {name: set(values) for name, *values in said}
        require(len(rules) == len(said), f"{path}: its policy has a directive twice")
        # hashes tell capitals apart
        named = re.findall(r"'sha256-[^']*'", page.policies[0])
        scripts = rules.pop("script-src", set())
        require(scripts <= {one.lower() for one in named} | {"'none'"}, f"{path}: {NO_POLICY}")
        digests = [
            f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'"
            for one in page.scripts
        ]
        require(set(named) == set(digests), f"{path}: {NO_POLICY}")
        require(rules.get("default-src") == {"'none'"}, f"{path}: {NO_POLICY}")
        for name, values in rules.items():
            require(values <= MAY.get(name, set()), f"{path}: {NO_POLICY}")


def renamed(run: FinishedRun) -> FinishedRun:
    """Return a run in which whatever is text has another one."""
    rows = run.predictions
    other = replace(rows, ids=np.char.add("other-", rows.ids), formula=np.full(len(rows), "CaS"))
    manifest = {**run.manifest, "name": "other", "question": "Another one?", "run_id": "other"}
    return replace(run, manifest=manifest, predictions=other)


VARIES = "its script differs from run to run: what a run holds must be data, not code"
NO_POLICY = (
    "it needs one Content-Security-Policy, in its head before any script, of default-src 'none',"
    " the sha256 of each of its scripts in script-src, and nothing else but inline styles and"
    " pictures that are data"
)


def check_tables_hold_no_formula(sample: Sample) -> None:
    """No cell of a CSV file is taken for a formula by a spreadsheet, whatever a name is."""
    tables = [file for file in used(sample).made if file.path.suffix == ".csv"]
    applies(tables, "it writes no CSV")
    for table in tables:
        for row in csv.reader(io.StringIO(table.content.decode())):
            for cell in row:
                require(safe_cell(cell) == cell, f"{table.path} has a cell {cell!r}")
