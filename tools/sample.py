"""Write the sample pages of the docs: a report and a screen, of runs on embedded data.

``python tools/sample.py`` runs the demo without its network and the screening spec without its
final fit (two minutes), screens a made-up list of formulas, and copies the pages into docs/sample.
Runs are kept in runs/sample, so that a second call takes seconds.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS, PAGES = ROOT / "runs/sample", ROOT / "docs/sample"
METALS, OTHERS, ANIONS = (
    ("Li", "Na", "Mg", "Ca", "Sr", "Zn"),
    ("Al", "Ti", "Fe", "Ga", "Zr", "La"),
    ("O", "S", "Cl", "F"),
)


def atlas(*words: object) -> str:
    """Return what a command prints.

    Raises:
        subprocess.CalledProcessError: it failed; what it says is on stderr.
    """
    command = [sys.executable, "-m", "atlas_core.cli", *map(str, words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout


def run(spec: str, *changes: str) -> Path:
    """Run a spec of the repository and return its folder."""
    sets = [word for change in changes for word in ("--set", change)]
    found = json.loads(atlas("run", f"specs/{spec}.yaml", *sets, "--out", RUNS, "--json"))
    return ROOT / found["run"]


def candidates() -> Iterator[str]:
    """Yield formulas of two metals and an anion, of which many are in no table."""
    for metal, other, anion in itertools.product(METALS, OTHERS, ANIONS):
        for counts in ((1, 1, 3), (1, 2, 4), (2, 1, 5)):
            yield "".join(
                f"{symbol}{'' if count == 1 else count}"
                for symbol, count in zip((metal, other, anion), counts, strict=True)
            )


def copy(page: Path, name: str) -> None:
    """Copy a page, and the files and folders beside it that it links."""
    PAGES.mkdir(parents=True, exist_ok=True)
    text = page.read_text(encoding="utf-8")
    (PAGES / name).write_text(text, encoding="utf-8")
    for link in set(re.findall(r'href="([\w./-]+)"', text)):
        source = page.parent / link
        if not source.resolve().is_relative_to(page.parent.resolve()):
            continue
        target = PAGES / link
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copyfile(source, target)


def main() -> None:
    """Write both pages."""
    shutil.rmtree(PAGES, ignore_errors=True)
    copy(run("ood_formation", "arms.cgcnn=") / "report.html", "report.html")
    asked = run("screening", "final=false")
    listed = RUNS / "candidates.csv"
    listed.write_text("formula\n" + "\n".join(candidates()) + "\n", encoding="utf-8")
    found = json.loads(atlas("screen", asked, listed, "--json"))
    copy(ROOT / found["page"], "screen.html")
    print(f"{PAGES / 'report.html'}\n{PAGES / 'screen.html'}")


if __name__ == "__main__":
    main()
