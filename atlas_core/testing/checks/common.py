"""What every component promises, whatever its kind. Light."""

from __future__ import annotations

import importlib

from pydantic import ValidationError

from atlas_core.component import Config
from atlas_core.errors import ContractError
from atlas_core.interfaces import CAPABILITIES
from atlas_core.kinds.kind import kind_of
from atlas_core.testing.checks.shared import returned, use, used
from atlas_core.testing.elsewhere import Elsewhere, module_of, run_elsewhere
from atlas_core.testing.outcome import applies, require
from atlas_core.testing.samples import Sample


def _elsewhere(sample: Sample) -> Elsewhere:
    """Return what another process found, run once for all checks of the component."""
    module = module_of(sample.component, sample.kind) or ""
    hook = f"{sample.component.config.__module__} has no hook atlas_{sample.kind}()"
    applies(module, f"{hook} by which another process could find the component")
    return sample.once("elsewhere", lambda: run_elsewhere(sample, module))


def _answered(sample: Sample) -> Elsewhere:
    found = _elsewhere(sample)
    require(not found.error, f"another process stopped: {found.error}")
    return found


def check_descriptor_is_well_formed(sample: Sample) -> None:
    """Name, capabilities and expected failures are words that the host knows.

    A misspelled capability would never be met, a misspelled check would never be checked.
    """
    name = sample.component.name
    spelled = name.isascii() and name.isidentifier() and name == name.lower()
    require(spelled, f"the name {name!r} must be lower-case words joined by '_'")
    named = sample.requires | sample.provides
    unknown = sorted(named - set(CAPABILITIES))
    require(not unknown, f"unknown capabilities {unknown}; known: {sorted(CAPABILITIES)}")
    checks = importlib.import_module("atlas_core.testing.kit").checks_of(sample.kind)
    for check, reason in sample.component.expected_failures.items():
        problem = f"expected_failures names {check!r}, which is no check of kind {sample.kind!r}"
        require(check.removeprefix("check_") in checks, problem)
        require(reason.strip(), f"expected failure {check!r} needs a reason")


def check_summary_line(sample: Sample) -> None:
    """The method's module opens with one line of plain words: ``atlas plugins`` shows it."""
    module = importlib.import_module(sample.component.module)
    line = (module.__doc__ or "").strip().split("\n")[0]
    require(line, f"module {sample.component.module} has no docstring")
    require(len(line) <= 90, f"the docstring's first line has {len(line)} characters, more than 90")


def check_options_are_documented(sample: Sample) -> None:
    """Options are a frozen ``Config`` that refuses unknown keys; each has a description.

    The description is the docs page; an option without default must say what to give.
    """
    config = sample.component.config
    require(issubclass(config, Config), f"{config.__name__} must inherit from Config")
    require(config.model_config.get("frozen"), f"{config.__name__} must be frozen")
    strict = config.model_config.get("extra") == "forbid"
    require(strict, f"{config.__name__} must forbid unknown keys")
    require((config.__doc__ or "").strip(), f"{config.__name__} has no docstring")
    for name, option in config.model_fields.items():
        require(option.description, f"option {name!r} has no description")


def check_unknown_options_are_refused(sample: Sample) -> None:
    """A misspelled option is an error, not a silent default."""
    options = {**sample.config.model_dump(), "no_such_option": 1}
    try:
        sample.component.config.model_validate(options)
    except ValidationError:
        return
    raise ContractError("an unknown option was accepted")


def check_options_survive_json(sample: Sample) -> None:
    """Options written to ``spec.lock.yaml`` and read again are the same options."""
    text = sample.config.model_dump_json()
    again = sample.component.config.model_validate_json(text)
    require(again == sample.config, f"options changed on the way through JSON: {text}")


def check_build_returns_its_protocol(sample: Sample) -> None:
    """``build`` returns what the host will call, with every method of the protocol."""
    returned(sample.build(), kind_of(sample.kind).makes, "build")


def check_light_module_is_light(sample: Sample) -> None:
    """Importing the descriptor's module imports no heavy package: ``atlas validate`` is quick."""
    found = _elsewhere(sample)
    require(found.heavy is not None, f"another process stopped: {found.error}")
    module, heavy = module_of(sample.component, sample.kind), ", ".join(found.heavy or ())
    mend = 'name the implementation "module:object", and import them in that module'
    require(not heavy, f"import of {module} also imports {heavy}; {mend}")


def check_same_seed_same_bytes(sample: Sample) -> None:
    """The same seed and data give the same bytes twice in one process: no hidden state."""
    again = use(Sample(sample.component, sample.kind, sample.config, sample.folder))
    same = again.content == used(sample).content
    require(same, "two runs with one seed gave different bytes")


def check_same_bytes_in_another_process(sample: Sample) -> None:
    """Another process gives the same bytes: nothing hangs on hash order or process state."""
    found = _answered(sample)
    same = found.digest == used(sample).digest
    require(same, "another process gave different bytes for the same seed")


def check_leaves_no_files_behind(sample: Sample) -> None:
    """Nothing is written to the working folder: files go where the context says, or nowhere."""
    found = _answered(sample)
    require(not found.files, f"it left {', '.join(found.files)} in the working folder")
