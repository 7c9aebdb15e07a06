"""The site as a reader has it: groups, what a search finds first, what the copy button copies."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from support import ROOT

FIRST = {
    "install": "install.html",
    "cite": "cite.html",
    "python": "python.html",
    "my own CSV": "your-own-data.html",
    "own data": "your-own-data.html",
    "FAQ": "faq.html",
    "glossary": "glossary.html",
    "trust": "trust.html",
    "conda": "install.html",
    "notebook": "notebooks.html",
}
"""What is searched for, and the page that the theme's own search puts first."""
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
MEASURE = """<script>addEventListener("load", () => setTimeout(() => {
  const cut = [...document.querySelectorAll(".md-typeset__scrollwrap, pre > code")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1);
  document.title = `CUT ${cut.length}`;
}, 200))</script></body>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a broken link or a page out of the navigation is an error."""
    if importlib.util.find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed: the site was not built")
    out = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", out],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_the_search_finds_the_page_first(site: Path) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip(f"node is not installed: {len(FIRST)} searches were not asked")
    done = subprocess.run(
        [node, ROOT / "tests/search.js", site, *FIRST],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    found = {query: (places or [""])[0] for query, places in zip(FIRST, answers, strict=True)}
    assert found == FIRST


def test_pages_are_in_groups_and_decisions_come_last() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    groups = re.findall(r"^  - (.+):$", navigation, re.MULTILINE)
    assert groups == ["Start", "Use", "Understand", "Extend", "Evidence"]
    assert "decisions/" not in navigation.partition("- Design decisions:")[0]


def test_pages_lead_to_the_one_before_and_the_next(site: Path) -> None:
    page = (site / "glossary.html").read_text(encoding="utf-8")
    assert re.search(r'md-footer__link--prev" aria-label="Previous: Concepts"', page)
    assert re.search(r'md-footer__link--next" aria-label="Next: New is not wrong"', page)


def test_every_link_of_the_site_leads_to_a_page_and_a_heading(site: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    named = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    broken, count = [], 0
    for path, text in pages.items():
        if path.name == "404.html" or path.parent.name == "sample":
            continue
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            if re.match(r"[a-z]+:", link) or link.startswith("sample/"):
                continue
            name, _, heading = map(unquote, unescape(link).partition("#"))
            target = (path.parent / name).resolve() if name else path
            count += 1
            if not target.is_file() or (heading and heading not in named.get(target, ())):
                broken.append((str(path.relative_to(site)), link))
    assert count > 2000
    assert broken == []


def test_the_start_page_links_the_sample_pages_that_make_docs_writes(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    for name in ("report.html", "screen.html"):
        assert f'href="sample/{name}"' in page
        assert f'"{name}"' in (ROOT / "tools/sample.py").read_text(encoding="utf-8")
    assert "tools/sample.py" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_a_sample_page_brings_what_it_links_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("sample", ROOT / "tools/sample.py")
    assert spec is not None
    assert spec.loader is not None
    sample = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sample)
    run = tmp_path / "run"
    (run / "figures").mkdir(parents=True)
    for name in ("top.csv", "figures/a.svg", "spec.yaml", "../secret.txt"):
        (run / name).write_text(name, encoding="utf-8")
    links = ("top.csv", "figures/", "../secret.txt", "none.csv")
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    (run / "report.html").write_text(page, encoding="utf-8")
    monkeypatch.setattr(sample, "PAGES", tmp_path / "docs/sample")
    sample.copy(run / "report.html", "first.html")
    found = {str(path.relative_to(tmp_path / "docs")) for path in tmp_path.glob("docs/**/*.*")}
    assert found == {"sample/first.html", "sample/top.csv", "sample/figures/a.svg"}


def test_no_prompt_is_copied() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    blocks = [
        (path, block)
        for path in listed
        for block in re.findall(r"^```.*?^```", (ROOT / path).read_text("utf-8"), re.M | re.S)
    ]
    assert len(blocks) > 100
    assert [path for path, block in blocks if re.search(r"^(\$|>>>) ", block, re.M)] == []


@pytest.mark.parametrize(
    "page", ["index", "benchmarks", "matbench", "matbench-uq", "cli", "trust", "verdict", "api"]
)
def test_tables_and_code_are_not_cut_at_1280(site: Path, page: str) -> None:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: the width of a page was not measured")
    path = site / f"{page}_measured.html"
    text = (site / f"{page}.html").read_text(encoding="utf-8")
    path.write_text(text.replace("</body>", MEASURE), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--window-size=1280,900", "--virtual-time-budget=2000"]
    done = subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "<title>CUT 0</title>" in done.stdout


def test_the_citation_file_names_the_version_and_no_identifier_that_is_not_there() -> None:
    import atlas_core

    about = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert about["version"] == atlas_core.__version__
    assert about["license"] == "MIT"
    assert about["authors"] == [{"name": "The ATLAS developers"}]
    assert "The ATLAS developers" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "doi" not in about
    assert f"version = {{{about['version']}}}" in (ROOT / "docs/cite.md").read_text("utf-8")


def test_the_families_of_the_install_page_need_no_other() -> None:
    import tomllib

    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^pip install \. (plugins/(?:.|\\\n)*?)\n```", page, re.M)
    named = {ROOT, *(ROOT / one for one in command.replace("\\\n", " ").split())}
    projects = [
        tomllib.loads((one / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for one in named
    ]
    own = {project["name"] for project in projects}
    needed = {
        re.split(r"[><=\[]", one)[0] for project in projects for one in project["dependencies"]
    }
    assert {one for one in needed if one.startswith("atlas-materials")} <= own
    assert "torch" not in needed


def test_the_glossary_has_the_terms_of_a_report_in_order() -> None:
    page = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\*\*(.+)\*\*$", page, re.MULTILINE)
    assert terms == sorted(terms, key=str.casefold)
    assert len(re.findall(r"^:   \S", page, re.MULTILINE)) == len(terms)
    asked = "Arm, Fold, In-domain, Held out, Sigma, Detector, AUROC, Coverage, Calibration, Exam"
    asked += ", Verdict, Epistemic, Aleatoric, Interval, Target, MAE, Error tolerance, Magpie"
    assert set(asked.split(", ")) <= set(terms)
    assert "Trust, verify, defer" in terms
