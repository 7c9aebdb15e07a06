"""Write docs/img/report.png: the first screen of the demo's report, by headless Chromium.

``python tools/picture.py`` runs the demo, or finds it stored; ``python tools/picture.py RUN`` takes
a finished run. The errors that the page shows are stored in the picture as text: a test holds them
against the table beside it.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/img/report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1280, 680
COLORS = 256


def shot(page: Path) -> Image.Image:
    """Return the first screen of a page, light.

    Raises:
        FileNotFoundError: there is no Chromium.
        subprocess.CalledProcessError: it failed.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise FileNotFoundError(f"none of {', '.join(BROWSERS)} is installed")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "page.png"
        flags = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--screenshot={out}"]
        subprocess.run(
            [browser, *flags, f"--window-size={WIDTH},{HEIGHT}", page.resolve().as_uri()],
            check=True,
            capture_output=True,
        )
        return Image.open(io.BytesIO(out.read_bytes()))


def errors(run: Path) -> dict[str, dict[str, float]]:
    """Return {arm: {part: MAE}} of a run, of the two parts that the first screen shows."""
    arms = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["arms"]
    return {
        arm: {
            part: arms[arm]["parts"][part]["metrics"]["mae"]["value"]
            for part in ("test", "ood_test")
        }
        for arm in sorted(arms)
    }


def main() -> int:
    """Write the picture; return the exit code."""
    if sys.argv[1:]:
        run = Path(sys.argv[1])
    else:
        command = [sys.executable, "-m", "atlas_core.cli", "run", "specs/ood_formation.yaml"]
        done = subprocess.run(
            [*command, "--json"], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        run = ROOT / json.loads(done.stdout)["run"]
    try:
        image = shot(run / "report.html")
    except FileNotFoundError as err:
        print(f"no picture: {err}", file=sys.stderr)
        return 1
    about = PngInfo()
    about.add_text("errors", json.dumps(errors(run)))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    few = image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    few.save(PICTURE, optimize=True, pnginfo=about)
    print(f"{PICTURE}: {PICTURE.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
