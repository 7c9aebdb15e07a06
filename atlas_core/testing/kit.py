"""Run a component's contract: the list of checks, and how a result is reported. Light.

Three front ends share one list of checks: ``run_contract``, ``atlas check``, and pytest, which
collects the components that a ``pyproject.toml`` declares by itself (``pytest_plugin``).

Options: a component is checked with the defaults of its ``Config``. Where they do not do (a data
set needs a file, a network would train for an hour) ``Component(contract_options=...)`` gives
others: a mapping, or a function of an empty folder that may write small files into it. Where an
optional package is missing it raises ``PluginError``: no check applies, and the error's line says
why.
A model must still beat the mean on 45 toy rows with them.

Expected failures: ``Component(expected_failures={"learns_better_than_the_mean": "it is the
mean"})``. They are strict: a check that is expected to fail and passes is a failure.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from atlas_core.component import Component
from atlas_core.errors import ContractError, PluginError, named, reported, said
from atlas_core.kinds import KINDS
from atlas_core.testing.offered import find_component
from atlas_core.testing.outcome import NotApplicable
from atlas_core.testing.samples import Sample

Outcome = Literal["passed", "failed", "expected failure", "unexpected pass", "not applicable"]
Check = Callable[[Sample], None]


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    Attributes:
        name: the check's function name without ``check_``.
        outcome: ``failed`` and ``unexpected pass`` break the contract.
        message: why; empty where it passed.
        seconds: how long it took.
    """

    name: str
    outcome: Outcome
    message: str
    seconds: float

    @property
    def broken(self) -> bool:
        """Return whether this result breaks the contract."""
        return self.outcome in ("failed", "unexpected pass")


def checks_of(kind: str) -> dict[str, Check]:
    """Return the checks of a kind by name: those of every component, then the kind's own.

    Raises:
        ContractError: there is no such kind.
    """
    if kind not in KINDS:
        raise ContractError(f"no kind {kind!r}; the kinds are {', '.join(KINDS)}")
    found: dict[str, Check] = {}
    shared, *modules = (
        importlib.import_module(f"atlas_core.testing.checks.{part}")
        for part in ("shared", "common", kind)
    )
    for module in modules:
        for name, value in vars(module).items():
            if name.startswith("check_") and value.__module__ == module.__name__:
                found[name.removeprefix("check_")] = value
        found |= {name: getattr(shared, f"check_{name}") for name in getattr(module, "SHARED", ())}
    return found


def _sample(
    component: Component, kind: str, options: Mapping[str, Any] | None, folder: Path
) -> Sample:
    given = component.options_for_contract(folder) if options is None else dict(options)
    return Sample(component, kind, component.config.model_validate(given), folder)


def _run(name: str, check: Check, sample: Sample) -> CheckResult:
    """Run one check; whatever it raises becomes its result."""
    failures = sample.component.expected_failures.items()
    expected = {k.removeprefix("check_"): v for k, v in failures}.get(name)
    start = time.perf_counter()
    outcome: Outcome = "passed"
    message = ""
    try:
        check(sample)
    except NotApplicable as err:
        outcome, message = "not applicable", str(err)
    except (Exception, SystemExit) as err:  # a check's exception is its result
        outcome = "failed"
        message = said(err) if isinstance(err, ContractError) else named(err)
    if expected is not None and outcome == "failed":
        outcome, message = "expected failure", f"{expected} ({message})"
    elif expected is not None:
        message = f"it was expected to fail ({expected}) but was found {outcome}"
        outcome = "unexpected pass"
    return CheckResult(name, outcome, message, time.perf_counter() - start)


def run_contract(
    component: Component,
    kind: str,
    *,
    options: Mapping[str, Any] | None = None,
    only: Collection[str] | None = None,
) -> list[CheckResult]:
    """Run every check of ``kind`` on a component.

    Args:
        component: the descriptor that its hook returns.
        kind: ``model``, ``uq``, ...
        options: options by name; None: the component's ``contract_options``, else
            the defaults.
        only: names of checks to run; None: all.

    Raises:
        ContractError: there is no such kind.
    """
    checks = checks_of(kind)
    with tempfile.TemporaryDirectory() as folder:
        made = partial(_sample, component, kind, options, Path(folder))
        sample = _opened("options_are_valid", made)
        if isinstance(sample, CheckResult):
            return [sample] if sample.broken else [replace(sample, name=name) for name in checks]
        chosen = checks if only is None else {n: c for n, c in checks.items() if n in only}
        return [_run(name, check, sample) for name, check in chosen.items()]


def _opened(name: str, sample: Callable[[], Sample]) -> Sample | CheckResult:
    """Return the sample of a component, or what is found where it cannot be had."""
    try:
        return sample()
    except PluginError as err:  # an optional package is missing
        return CheckResult(name, "not applicable", str(err), 0.0)
    except (Exception, SystemExit) as err:  # a broken or missing component is a result too
        return CheckResult(name, "failed", reported(err), 0.0)


def contract_cases(kind: str, name: str) -> dict[str, Callable[[], CheckResult]]:
    """Return what runs each check of an installed component, importing nothing of it yet.

    The first call finds the component and makes its sample, which all checks share.
    """

    @cache
    def sample() -> Sample:
        component, _ = find_component(name, kind)
        folder = tempfile.TemporaryDirectory()
        made = _sample(component, kind, None, Path(folder.name))
        made.once("folder", lambda: folder)  # removed with the sample
        return made

    def case(one: str, check: Check) -> CheckResult:
        found = _opened(one, sample)
        return found if isinstance(found, CheckResult) else _run(one, check, found)

    return {one: partial(case, one, check) for one, check in checks_of(kind).items()}


_MARKS: dict[str, str] = {
    "passed": "ok",
    "failed": "FAILED",
    "expected failure": "expected failure",
    "unexpected pass": "UNEXPECTED PASS",
    "not applicable": "not applicable",
}


def summary_line(results: Sequence[CheckResult]) -> str:
    """Return ``N checks: P passed, F failed, X expected failures, S not applicable``."""
    counts = {o: sum(r.outcome == o for r in results) for o in _MARKS}
    failed = counts["failed"] + counts["unexpected pass"]
    return (
        f"{len(results)} checks: {counts['passed']} passed, {failed} failed,"
        f" {counts['expected failure']} expected failures,"
        f" {counts['not applicable']} not applicable"
    )


def format_results(results: Sequence[CheckResult]) -> str:
    """Return a table, one line a check with its message, and the summary as the last line."""
    width = max((len(r.name) for r in results), default=0)
    mark = max(len(m) for m in _MARKS.values())
    lines = []
    for r in results:
        line = f"{r.name:<{width}}  {_MARKS[r.outcome]:<{mark}}  {r.seconds:6.2f} s"
        message = " ".join(r.message.split())
        lines.append(f"{line}  {message}".rstrip())
    return "\n".join([*lines, summary_line(results)])
