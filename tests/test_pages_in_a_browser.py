"""Pages as a person meets them: in a window, on a phone, in the dark, by keyboard, on paper."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import SETTLE, Browser, Page, axe_core, chromium
from from_columns import METRICS
from matplotlib.image import imread
from run_folders import make_decided, make_exam, make_run, write_report
from support import SCREENING, Cli

from atlas_core.finished import read_run
from atlas_core.store import read_json, write_json
from atlas_report.comparison_page import Runs, write_page

WIDE, PHONE = (1280, 900), (400, 800)
LONG = "forest_of_1000_trees_on_magpie_features_and_matminer_densities_scaled_and_calibrated"
EIGHT = (LONG, "cgcnn", "boosting", "roost", "painn", "ridge", "gaussian process", "mean")
A4 = 6
"""Sheets of A4 that a report of two arms may take."""

UNFOLD = """document.querySelectorAll("details").forEach(one => one.open = true),
  document.querySelectorAll(".some").forEach(one => one.classList.remove("some"))"""
"""What a person may open on a phone is open."""

Draw = Callable[[Path], Path]


def _exam(folder: Path) -> Path:
    sizes = {"calibration": 60, "test": 90, "ood_test": 240}
    return write_report(
        make_exam(make_run(folder, arms=("forest", LONG), sizes=sizes), ("forest",))
    )


def _learning(folder: Path) -> Path:
    arms = ("random", "greedy", "ucb", "max_uncertainty")
    return write_report(make_run(folder, arms=arms, loop=True))


def _comparison(folder: Path) -> Path:
    """Compare three runs, two of which have the same data."""
    made = [make_run(folder / name, arms=("forest", LONG)) for name in ("a", "b")]
    runs = Runs(keep=True)
    for one in (*made, make_run(folder / "c", task="binary")):
        runs.add(read_run(one))
    write_page(folder / "compare.html", runs, [f"{LONG}: no run"], metrics=METRICS)
    return folder / "compare.html"


def _two(folder: Path) -> Path:
    """Draw two arms, with as many words on the data as the demo's."""
    manifest = read_json(make_run(folder) / "manifest.json")
    caveat = "formation energy, not stability: that is the distance to the convex hull"
    manifest["dataset"] |= {"caveat": caveat}
    write_json(folder / "manifest.json", manifest)
    return write_report(folder)


PAGES: dict[str, Draw] = {
    "two": _two,
    "exam": _exam,
    "binary": lambda folder: write_report(make_run(folder, task="binary")),
    "eight": lambda folder: write_report(make_run(folder, arms=EIGHT)),
    "decided": lambda folder: write_report(make_decided(make_run(folder))),
    "learning": _learning,
    "comparison": _comparison,
}
FEW_COLUMNS = ("two", "exam", "binary", "decided", "learning")
"""Pages whose tables fit a wide window; one with all metrics of eight arms or of runs may not."""
NAMES = [
    name if name == "two" else pytest.param(name, marks=pytest.mark.all_pages) for name in PAGES
]


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the page of that name, drawn once."""
    drawn: dict[str, Path] = {}

    def give(name: str) -> Path:
        if name not in drawn:
            drawn[name] = PAGES[name](tmp_path_factory.mktemp(name) / "run")
        return drawn[name]

    return give


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium found (CHROMIUM names its program): pages are not looked at")
    with Browser(program, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="session")
def axe() -> Path:
    found = axe_core()
    if found is None:
        pytest.skip("no axe-core found (npm install --no-save axe-core, or AXE_CORE): not audited")
    return found


def _bottom(page: Page, what: str) -> float:
    """Return where the last element of a kind ends, in pixels from the top of the page."""
    code = f"[...document.querySelectorAll({json.dumps(what)})].at(-1)"
    return float(page.run(f"{code}.getBoundingClientRect().bottom + scrollY"))


def _beyond(page: Page) -> list[str]:
    """Return what reaches beyond the right edge of the window, and what scrolls sideways."""
    code = """[...document.querySelectorAll("body *")].filter(one => {
      const box = one.getBoundingClientRect(), style = getComputedStyle(one);
      if (one.closest("svg svg, svg > *, .unseen, thead") || !box.width) return false;
      return box.right > innerWidth + 1 || (style.overflowX === "auto"
        && one.scrollWidth > one.clientWidth + 1);
    }).map(one => `${one.tagName}.${one.className} ${one.textContent.slice(0, 60)}`)"""
    wide = page.run("document.documentElement.scrollWidth")
    return [*page.run(code), *([f"the page: {wide}"] if wide > page.run("innerWidth") else [])]


def _looked_at(browser: Browser, axe: Path, file: Path) -> list[str]:
    """Return what is wrong with a page at both widths and in both schemes."""
    wrong = []
    for width, height in (WIDE, PHONE):
        for scheme in ("light", "dark"):
            with browser.page(file, width, height, scheme=scheme) as page:
                assert page.run(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
                found = _beyond(page) if width == PHONE[0] else []
                found += [*page.violations(axe), *page.errors()]
            wrong += [f"{width} {scheme} {one}" for one in found]
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_no_finding_of_axe_and_fits_a_phone(
    browser: Browser, axe: Path, pages: Callable[[str], Path], name: str
) -> None:
    assert _looked_at(browser, axe, pages(name)) == []


@pytest.mark.all_pages
def test_the_page_of_a_screen_has_no_finding_of_axe_and_fits_a_phone(
    browser: Browser, axe: Path, tmp_path: Path
) -> None:
    assert _looked_at(browser, axe, _screen(Cli(tmp_path, tmp_path / "cache"))) == []


@pytest.mark.all_pages
def test_the_page_of_a_comparison_has_no_finding_of_axe_and_fits_a_phone(
    browser: Browser, axe: Path, pages: Callable[[str], Path], tmp_path: Path
) -> None:
    cli = Cli(tmp_path, tmp_path / "cache")
    runs = [pages(name).parent for name in PAGES]
    done = cli("compare", *runs, runs[0], tmp_path, "--html", "c.html")
    assert done.returncode == 0, done.stderr
    assert _looked_at(browser, axe, tmp_path / "c.html") == []


def _screen(cli: Cli, *args: str) -> Path:
    (cli.cwd / "s.yaml").write_text(SCREENING, encoding="utf-8")
    done = cli("run", "s.yaml", "--json", "-q")
    assert done.returncode == 0, done.stderr
    lines = [
        f"{a}{b}{x}{n}" for a in ("Li", "Ca") for b in ("Ti", "Fe") for x in "OF" for n in "234"
    ]
    (cli.cwd / "c.csv").write_text("\n".join(["formula", *lines, "no"]) + "\n", encoding="utf-8")
    asked = cli("screen", json.loads(done.stdout)["run"], "c.csv", "--out", "o", *args)
    assert asked.returncode == 0, asked.stderr
    return cli.cwd / "o/screen.html"


def test_a_page_that_is_too_wide_is_noticed(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "wide.html"
    page.write_text("<p style='width:500px'>a</p>", encoding="utf-8")
    with browser.page(page, *PHONE) as shown:
        assert len(_beyond(shown)) == 2
    with browser.page(page, *WIDE) as shown:
        assert _beyond(shown) == []


def test_a_script_that_fails_is_noticed(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "wrong.html"
    policy = "<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\">"
    for head in ("", policy):
        page.write_text(f"{head}<script>throw new Error('here')</script>", encoding="utf-8")
        with browser.page(page) as shown:
            (error,) = shown.errors()
        assert ("Content Security Policy" in error) == bool(head)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1280", "400"])
@pytest.mark.parametrize("name", ["two", pytest.param("eight", marks=pytest.mark.all_pages)])
def test_answer_and_what_to_do_stand_on_the_first_screen(
    browser: Browser, pages: Callable[[str], Path], name: str, size: tuple[int, int]
) -> None:
    room = size[1] + (70 if (name, size) == ("eight", PHONE) else 0)  # for a name of 84 letters
    with browser.page(pages(name), *size) as page:
        for what in ("h1", ".answers .said:not(.rest *)", ".strip", "ol.todo li"):
            assert _bottom(page, what) <= room, what


@pytest.mark.parametrize("name", [NAMES[list(PAGES).index(one)] for one in FEW_COLUMNS])
def test_no_table_is_cut_in_a_wide_window(
    browser: Browser, pages: Callable[[str], Path], name: str
) -> None:
    cut = """[...document.querySelectorAll(".scroll")].filter(
      one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)"""
    with browser.page(pages(name), *WIDE) as page:
        page.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert page.run(cut) == []


@pytest.mark.all_pages
def test_the_table_of_a_screen_against_a_reference_is_not_cut_in_a_wide_window(
    browser: Browser, tmp_path: Path
) -> None:
    page = _screen(Cli(tmp_path, tmp_path / "cache"), "--reference", "flla,elements=zero")
    cut = "[...document.querySelectorAll('.scroll')].map(one => one.scrollWidth - one.clientWidth)"
    with browser.page(page, *WIDE) as opened:
        opened.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert max(opened.run(cut)) <= 1


@pytest.mark.all_pages
def test_eight_arms_stay_on_a_page_of_moderate_height(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    with browser.page(pages("eight"), *WIDE) as page:
        assert page.run("document.documentElement.scrollHeight") < 12_000
        # a link to an arm opens its section
        page.run("document.querySelector('.answers a').click()")
        page.run(SETTLE)
        assert page.run("document.querySelector(location.hash).closest('details').open")


SEEN = "document.querySelector('{}').checkVisibility()"


def test_a_phone_folds_what_is_no_first_answer_and_opens_what_a_link_leads_to(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    rows = "#arm-forest table.worst tbody tr"
    visible = f"[...document.querySelectorAll('{rows}')].filter(one => one.checkVisibility())"
    with browser.page(pages("two"), *PHONE) as page:
        assert page.run("document.documentElement.scrollHeight") < 15_000
        folded = ("#arm-forest .card", "#beside table", "#provenance dl")
        for what in folded:
            assert not page.run(SEEN.format(what)), what
        page.run("location.hash = 'arm-forest'")
        page.run(SETTLE)
        assert page.run(SEEN.format("#arm-forest .card"))
        assert not page.run(SEEN.format("#arm-cgcnn .card"))
        assert page.run(f"{visible}.length") == 5
        shown = "[...document.querySelectorAll('#arm-forest button')]"
        page.run(f"{shown}.filter(one => one.textContent === 'Show all 15')[0].click()")
        assert page.run(f"{visible}.length") == 15
        # printed from the phone it is whole
        page.show(media="print")
        for what in (*folded, "#arm-cgcnn table.worst tbody tr:last-child"):
            assert page.run(SEEN.format(what)), what


def test_a_phone_without_scripts_shows_everything(
    browser: Browser, pages: Callable[[str], Path], tmp_path: Path
) -> None:
    text = re.sub(r"<script.*?</script>", "", pages("two").read_text("utf-8"), flags=re.DOTALL)
    (tmp_path / "still.html").write_text(text, encoding="utf-8")
    with browser.page(tmp_path / "still.html", *PHONE) as page:
        for what in ("#arm-cgcnn table.worst tbody tr:last-child", "#beside table"):
            assert page.run(SEEN.format(what)), what


def test_text_of_figures_is_large_enough(browser: Browser, pages: Callable[[str], Path]) -> None:
    small = """[...document.querySelectorAll("figure svg text")].filter(one => {
      const scale = Math.hypot(one.getScreenCTM().a, one.getScreenCTM().b);
      return one.getBoundingClientRect().width
        && parseFloat(getComputedStyle(one).fontSize) * scale < 11;
    }).map(one => one.textContent)"""
    with browser.page(pages("two"), *WIDE) as page:
        assert page.run("document.querySelectorAll('figure svg text').length") > 1000
        assert page.run(small) == []


def test_figures_leave_no_half_of_the_page_white(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    """The right end of what stands in the last row of figures lies beyond the middle."""
    ends = """[...document.querySelectorAll(".panels")].map(one => Math.max(
      ...[...one.lastElementChild.querySelectorAll("svg, figcaption")].map(
        part => part.getBoundingClientRect().right)))"""
    with browser.page(pages("two"), *WIDE) as page:
        found = page.run(ends)
        assert len(found) >= 4
        assert min(found) > WIDE[0] / 2


def test_a_table_is_sorted_by_the_title_of_a_column(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    with browser.page(pages("two")) as page:
        cells = "[...document.querySelectorAll('table.worst.sortable')[0].tBodies[0].rows]"
        seen = f"{cells}.map(row => row.cells[2].textContent.replace('\\u2212', '-'))"
        before = page.run(seen)
        title = "document.querySelectorAll('table.worst.sortable')[0].tHead.rows[0].cells[2]"
        page.run(f"{title}.firstChild.click()")
        falling = [float(one) for one in page.run(seen)]
        assert page.run(f"{title}.ariaSort") == "descending"
        assert falling == sorted(falling, reverse=True) != [float(one) for one in before]
        page.run(f"{title}.firstChild.click()")
        assert [float(one) for one in page.run(seen)] == sorted(falling)


ROWS = "[...document.querySelectorAll('#explorer tbody tr')].map(row => row.cells[1].textContent)"
COUNT = "document.querySelector('#explorer [role=status]').textContent"


def _click(page: Page, text: str) -> None:
    inside = "[...document.querySelectorAll('#explorer button')]"
    page.run(f"{inside}.find(one => one.textContent === {json.dumps(text)}).click()")


def test_materials_are_paged_filtered_marked_and_saved(
    browser: Browser, pages: Callable[[str], Path], tmp_path: Path
) -> None:
    with browser.page(pages("two")) as page:
        rings = "document.querySelector('path.over').getAttribute('d')"
        assert page.run(COUNT).startswith("1 to 25 of 150 predictions")
        first = page.run(ROWS)
        _click(page, "Next")
        assert page.run(COUNT).startswith("26 to 50 of 150")
        assert page.run(ROWS) != first
        assert not page.run(rings)
        page.run("document.querySelector('[data-element=O]').dispatchEvent(new Event('click'))")
        kept = page.run(COUNT)
        found = re.match(r"1 to (\d+) of (\d+) predictions", kept)
        assert found
        assert 0 < int(found[2]) < 150
        assert all(re.search(r"O(?![a-z])", formula) for formula in page.run(ROWS))
        assert page.run(rings).count("M") == int(found[2])
        page.downloads(tmp_path)
        _click(page, "CSV")
        table = _saved(tmp_path / "predictions.csv")
        assert len(table) == int(found[2])
        assert {"id", "formula", "true", "predicted", "error", "lower", "upper"} <= set(table[0])
        for row in table:
            error = abs(float(row["predicted"]) - float(row["true"]))
            assert float(row["error"]) == pytest.approx(error, abs=1e-9)
        _click(page, "Clear")
        assert page.run(COUNT).startswith("1 to 25 of 150")
        assert page.errors() == []


def _file(path: Path) -> bytes:
    """Return what the browser saves, once it is there."""
    for _ in range(100):
        if path.exists() and (content := path.read_bytes()):
            return content
        time.sleep(0.1)
    raise AssertionError(f"{path.name} was not saved")


def _saved(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table that the browser saves."""
    return list(csv.DictReader(_file(path).decode().splitlines()))


def test_a_dot_names_its_material_and_a_row_rings_its_dot(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    file = pages("two")
    rows = read_run(file.parent).predictions
    one = np.flatnonzero((rows.arm == "forest") & (rows.parts == "ood_test"))[0]
    with browser.page(file) as page:
        figure = "document.querySelector('figure[data-limits][data-arm=forest]')"
        limits = json.loads(page.run(f"{figure}.dataset.limits"))
        left, top, width, height = limits["box"]
        (x0, x1), (y0, y1) = limits["x"], limits["y"]
        at = (
            left + width * (rows.target[one] - x0) / (x1 - x0),
            top + height - height * (rows.mean[one] - y0) / (y1 - y0),
        )
        page.run(f"""(() => {{ const svg = {figure}.querySelector("svg");
          svg.scrollIntoView();
          const point = new DOMPoint({at[0]}, {at[1]}).matrixTransform(svg.getScreenCTM());
          svg.dispatchEvent(new PointerEvent("pointermove",
            {{clientX: point.x, clientY: point.y}})); }})()""")
        said = page.run("document.getElementById('hover').textContent")
        assert page.run("document.getElementById('hover').checkVisibility()")
        assert f"({rows.ids[one]})" in said
        true, predicted = re.findall(r"(?:true|predicted) (\S+),", said.replace("\u2212", "-"))
        assert float(true) == pytest.approx(rows.target[one], abs=0.006)
        assert float(predicted) == pytest.approx(rows.mean[one], abs=0.006)
        page.run("document.querySelector('#explorer tbody tr').focus()")
        ring = "document.querySelector('path.over').getAttribute('d')"
        assert page.run(ring).count("M") == 1


def test_a_figure_is_saved_as_svg_in_colors_and_as_png(
    browser: Browser, pages: Callable[[str], Path], tmp_path: Path
) -> None:
    with browser.page(pages("two")) as page:
        page.downloads(tmp_path)
        first = "document.querySelector('figure[data-name]')"
        name = page.run(f"{first}.dataset.name")
        for kind in ("SVG", "PNG"):
            page.run(f"{first}.querySelector('button[aria-label$={kind}]').click()")
        svg = ElementTree.fromstring(_file(tmp_path / f"{name}.svg"))  # noqa: S314 - our own page made it
        assert svg.tag.endswith("}svg")
        assert b"var(--" not in _file(tmp_path / f"{name}.svg")
        assert _file(tmp_path / f"{name}.png")
        picture = imread(tmp_path / f"{name}.png")
        assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 10
        assert page.errors() == []


def test_the_first_stop_of_the_keyboard_leads_to_the_answer(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    with browser.page(pages("two")) as page:
        page.press("Tab")
        assert page.run("document.activeElement.textContent") == "Skip to the answer"
        assert page.run("document.activeElement.getBoundingClientRect().top") >= 0
        page.press("Enter")
        assert page.run("location.hash") == "#answer"
        page.press("Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.run(outline) != "none"


def test_what_hovering_explains_can_be_reached_without_a_pointer(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    with browser.page(pages("two")) as page:
        hovered = page.run("[...document.querySelectorAll('[title]')].map(one => one.title)")
        listed = page.run("[...document.querySelectorAll('dd')].map(one => one.textContent)")
        assert len(hovered) > 10
        assert set(hovered) <= set(listed)
        page.run("document.querySelector('a[href=\"#meanings\"]').click()")
        page.run(SETTLE)
        assert page.run("document.querySelector('#meanings').checkVisibility()")


def test_a_colored_periodic_table_is_a_table_for_a_screen_reader(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    with browser.page(pages("two")) as page:
        cells = page.run("document.querySelectorAll('svg [data-element]').length")
        assert cells > 50
        assert page.run("document.querySelectorAll('.unseen tbody th').length") == cells
        box = "document.querySelector('.canvas .unseen').getBoundingClientRect()"
        assert page.run(f"{box}.width * {box}.height") <= 1


def test_nothing_moves_for_who_wants_less_motion(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    with browser.page(pages("two")) as page:
        behavior = "getComputedStyle(document.documentElement).scrollBehavior"
        assert page.run(behavior) == "smooth"
        page.show(motion="reduce")
        assert page.run(behavior) == "auto"


SHEET = (718, 1054)
"""A sheet of A4 without its margins, in CSS pixels."""


def sheets(pdf: bytes) -> int:
    """Return the number of pages of a PDF whose objects are not compressed."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_a_report_of_two_arms_is_six_sheets_with_the_answer_on_the_first(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    with browser.page(pages("two"), *SHEET, scheme="dark") as page:
        assert 2 <= sheets(page.pdf()) <= A4  # and from here on as it is printed
        for what in ("h1", ".answers .said", ".strip", "ol.todo"):
            assert _bottom(page, what) < SHEET[1], what
        assert page.run("document.documentElement.scrollWidth") <= SHEET[0] + 1  # rounded
        shown = "document.querySelector('{}').checkVisibility()"
        assert page.run(shown.format("#meanings"))
        assert not page.run(shown.format("#explorer"))
        assert page.run("getComputedStyle(document.querySelector('footer')).breakBefore") == "avoid"
        colors = "getComputedStyle(document.body).backgroundColor"
        assert page.run(colors) == "rgb(255, 255, 255)"


def test_printed_views_fill_the_width_of_a_sheet(
    browser: Browser, pages: Callable[[str], Path]
) -> None:
    wide = """[...document.querySelectorAll(".view")].map(view => {
      const drawn = [...view.querySelectorAll(".canvas svg")];
      const boxes = drawn.map(one => one.getBoundingClientRect());
      return [Math.min(...boxes.map(box => box.width)), Math.max(...boxes.map(box => box.right))];
    })"""
    with browser.page(pages("two"), *SHEET) as page:
        page.show(media="print")
        found = page.run(wide)
        assert len(found) == 4
        for width, right in found:
            assert width > 0.34 * SHEET[0]
            assert right > 0.95 * SHEET[0]


def test_sheets_are_counted(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "three.html"
    page.write_text("<p style='break-after: page'>a</p>" * 2 + "<p>b</p>", encoding="utf-8")
    with browser.page(page) as shown:
        assert sheets(shown.pdf()) == 3
