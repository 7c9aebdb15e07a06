"""Import components and observers in a process of their own, and say which are broken.

A plugin may raise, end the program, hang or crash when it is imported: here that is a line of text
about it. The process is shared until a plugin breaks it; the next ones then get a fresh one.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple
from multiprocessing.connection import wait
from typing import Any

from atlas_core.engine.guard import end_with_parent, kill_group
from atlas_core.errors import AtlasError, said
from atlas_registry.importing import blamed, label_of, load_component, load_observer
from atlas_registry.listing import Listed

SECONDS = 30.0
"""How long one import may take."""
START = 30.0
"""Seconds more for the first one: Python starts, on a busy machine."""
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from atlas_registry.verify import answer; answer(int(sys.argv[2]))"
)


def verify(listed: Iterable[Listed], *, seconds: float = SECONDS) -> dict[Listed, str]:
    """Return what is wrong with each component or observer, "" where nothing is.

    Args:
        listed: components and observers.
        seconds: how long one import may take.
    """
    rows = list(listed)
    sound = [row for row in rows if not row.problem]
    problems: list[str] = []
    while len(problems) < len(sound):
        problems += _some(sound[len(problems) :], seconds)
    found = dict(zip(sound, problems, strict=True))
    return {row: row.problem or found[row] for row in rows}


def named(row: Listed, problem: str) -> str:
    """Return a problem with the name of what has it in front."""
    label = f"{row.kind} {row.name} of {row.distribution}"
    return problem if problem.startswith(label) else f"{label} {row.version}: {problem}"


def _some(rows: Sequence[Listed], seconds: float) -> list[str]:
    """Return the problems of the first rows, up to the one that breaks the process.

    One whose answer is not readable is asked again in a fresh process where others were asked in
    this one before: what they left there may have written.
    """
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, json.dumps(sys.path), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert child.stdin is not None  # noqa: S101 - pipes were asked for
    assert child.stdout is not None  # noqa: S101
    mark = secrets.token_hex(16)
    problems: list[str] = []
    try:
        with suppress(BrokenPipeError), child.stdin:
            asked = {"mark": mark, "rows": [astuple(row) for row in rows]}
            child.stdin.write(json.dumps(asked).encode())
        until = time.monotonic() + seconds + START
        rest = b""
        while len(problems) < len(rows):
            if not wait([child.stdout.fileno()], timeout=max(0.0, until - time.monotonic())):
                problems.append(named(rows[len(problems)], f"hangs: no end after {seconds:g} s"))
                break
            content = os.read(child.stdout.fileno(), 65536)
            if not content:
                problems.append(named(rows[len(problems)], _how(child, seconds)))
                break
            *lines, rest = (rest + content).split(b"\n")
            found = _answers(lines, mark, len(problems))
            problems += found
            if len(found) < len(lines):
                if not problems:
                    problems.append(named(rows[0], "writes into ATLAS's own pipe"))
                break
            if lines:
                until = time.monotonic() + seconds
    finally:
        kill_group(child.pid)
        child.wait()
        child.stdout.close()
    return problems


def _answers(lines: Sequence[bytes], mark: str, first: int) -> list[str]:
    """Return what the lines say of row ``first`` and on, up to one that is no answer."""
    out: list[str] = []
    for line in lines:
        try:
            reply = json.loads(line)
        except ValueError:  # no JSON, or no UTF-8
            break
        head = [mark, first + len(out)]
        if not (isinstance(reply, list) and reply[:2] == head and len(reply) == 3):
            break
        out.append(str(reply[2]))
    return out


def _how(child: subprocess.Popen[bytes], seconds: float) -> str:
    """Say what became of a child that has closed its output: it need not have ended."""
    try:
        return f"ends Python when it is imported (code {child.wait(seconds)})"
    except subprocess.TimeoutExpired:
        return f"hangs: no end after {seconds:g} s, and its output is closed"


def answer(parent: int) -> None:
    """Import the rows on stdin, and print a line of JSON about each: the child's part."""
    end_with_parent(parent)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a plugin prints is no answer
    asked = json.load(sys.stdin)
    for place, row in enumerate(Listed(*fields) for fields in asked["rows"]):
        problem = ""
        try:
            if row.kind == "observer":
                load_observer(row)
            else:
                component = load_component(row)
                with blamed(f"{label_of(row)}: its options cannot be described"):
                    _held(component.config.model_json_schema())
        except AtlasError as err:
            problem = named(row, said(err))
        answers.write(json.dumps([asked["mark"], place, problem]) + "\n")
        answers.flush()
    os._exit(0)  # threads that a plugin left are not waited for


def _held(described: Any) -> None:
    """Hold the JSON Schema of options against what a schema is made of."""
    json.dumps(described, sort_keys=True)
    if not (isinstance(described, dict) and isinstance(described.get("$defs", {}), dict)):
        raise TypeError("their JSON Schema is no object")
