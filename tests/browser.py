"""Pages as headless Chromium shows them: sizes, colors, print, script errors, axe-core.

Chromium is driven through a pipe in its DevTools protocol; the page is not changed for it, only
what is folded away is left out for axe-core.
axe-core is taken from ``AXE_CORE`` (its ``axe.min.js``, or a folder above) or ``node_modules``.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 240.0
"""Seconds that an answer of the browser may take on a busy machine."""
LOADED = """new Promise(done => document.readyState === "complete" ? done(1)
  : addEventListener("load", () => done(1)))"""
UNFOLDED = """document.querySelectorAll("details:not([open]) > :not(summary)").forEach(
  one => one.remove())"""
FOUND = """axe.run(document, {resultTypes: ["violations"]}).then(all => all.violations.flatMap(
  one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 200)} `
    + node.failureSummary.replace(/\\s+/g, " ").slice(0, 300))))"""
SETTLE = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"


def chromium() -> str | None:
    """Return the program of the browser: ``CHROMIUM``, or one that is installed."""
    if named := os.environ.get("CHROMIUM"):
        return named
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def axe_core() -> Path | None:
    """Return axe-core's script; None where nobody installed it."""
    named = os.environ.get("AXE_CORE")
    start = Path(named) if named else ROOT
    places = [
        start,
        *(start / below / "axe.min.js" for below in ("", "axe-core", "node_modules/axe-core")),
    ]
    return next((place for place in places if place.is_file()), None)


class Browser:
    """One headless Chromium; pages open one after the other in tabs of their own."""

    def __init__(self, program: str, home: Path) -> None:
        """Start the program with its profile in ``home``."""
        read_there, self._out = os.pipe()
        self._in, write_there = os.pipe()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        flags += ["--no-first-run", f"--user-data-dir={home}", "--remote-debugging-pipe"]
        line = f'exec "$@" 3<&{read_there} 4>&{write_there}'
        self._process = subprocess.Popen(
            ["bash", "-c", line, "bash", program, *flags, "about:blank"],
            pass_fds=(read_there, write_there),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self._number, self._rest, self.events = 0, b"", list[dict[str, Any]]()

    def __enter__(self) -> Browser:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the browser."""
        with suppress(OSError, RuntimeError):
            self.send("Browser.close")
        try:
            self._process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        os.close(self._out)
        os.close(self._in)

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Return the answer to a command; events that come before it are kept.

        Raises:
            RuntimeError: the browser refuses, is gone, or takes longer than ``PATIENCE``.
        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        for answer in self._answers():
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
            self.events.append(answer)
        raise RuntimeError(f"{method}: no answer")

    def _answers(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + PATIENCE
        while True:
            head, found, rest = self._rest.partition(b"\0")
            if found:
                self._rest = rest
                yield json.loads(head)
            elif not select.select([self._in], [], [], max(0.0, end - time.monotonic()))[0]:
                return
            elif more := os.read(self._in, 1 << 20):
                self._rest += more
            else:
                return

    @contextmanager
    def page(
        self, file: Path, width: int = 1280, height: int = 900, *, scheme: str = "light"
    ) -> Iterator[Page]:
        """Open a file in a window of its own.

        Args:
            file: an HTML page.
            width: of the window in CSS pixels, however narrow.
            height: of it.
            scheme: ``light`` or ``dark``.
        """
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            page.send(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        page.send("Emulation.setDeviceMetricsOverride", **size)
        page.show(scheme=scheme)
        page.send("Page.navigate", url=file.resolve().as_uri())
        page.run(LOADED)
        page.run(SETTLE)
        try:
            yield page
        finally:
            self.send("Target.closeTarget", targetId=target)


class Page:
    """A page in the browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        """Take the browser and the session in which the page is."""
        self._browser, self._session = browser, session

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the answer of the page to a command."""
        return self._browser.send(method, self._session, **params)

    def show(self, *, scheme: str = "light", media: str = "", motion: str = "") -> None:
        """Show it in a color scheme, as in ``print``, or with less motion."""
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        wanted += [{"name": "prefers-reduced-motion", "value": motion}] if motion else []
        self.send("Emulation.setEmulatedMedia", media=media, features=wanted)

    def run(self, code: str) -> Any:
        """Return the value of an expression of JavaScript, awaited.

        Raises:
            RuntimeError: it throws.
        """
        asked = {"expression": code, "awaitPromise": True, "returnByValue": True}
        answer = self.send("Runtime.evaluate", **asked)
        if details := answer.get("exceptionDetails"):
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key, such as ``Tab`` or ``Enter``."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            more = {
                "key": key,
                "windowsVirtualKeyCode": codes[key],
                **(text if kind == "keyDown" else {}),
            }
            self.send("Input.dispatchKeyEvent", type=kind, **more)

    def downloads(self, folder: Path) -> None:
        """Let what the page saves go into a folder."""
        self._browser.send(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder)
        )

    def errors(self) -> list[str]:
        """Return what the console holds: uncaught errors, refusals of the policy, failed loads."""
        found = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            what, params = event["method"], event["params"]
            if what == "Runtime.exceptionThrown":
                found.append(
                    str(params["exceptionDetails"].get("exception", {}).get("description"))
                )
            elif what == "Log.entryAdded" and params["entry"]["level"] in {"error", "warning"}:
                found.append(params["entry"]["text"])
            elif what == "Runtime.consoleAPICalled" and params["type"] in {"error", "warning"}:
                found.append(str(params["args"]))
        return found

    def pdf(self) -> bytes:
        """Return the page printed on A4, as a person's browser does with its usual margins."""
        self.show(media="print")
        inch = {"paperWidth": 8.27, "paperHeight": 11.69}
        more = {"printBackground": False, "preferCSSPageSize": True}
        return base64.b64decode(self.send("Page.printToPDF", **inch, **more)["data"])

    def picture(self) -> bytes:
        """Return what the window shows, as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot")["data"])

    def violations(self, axe: Path) -> list[str]:
        """Return what axe-core finds, a line per rule and element.

        It passes over what is folded away, but counts its elements again and again: these are taken
        out of the page first.
        """
        self.run(UNFOLDED)
        self.run(axe.read_text(encoding="utf-8") + ";1")
        return list(self.run(FOUND))
