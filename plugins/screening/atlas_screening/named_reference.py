"""What a person names as the reference of a question, and where its data may lie. Light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_core.component import Use, kind_in
from atlas_core.engine.decide import Decider
from atlas_core.engine.loading import data_context
from atlas_core.engine.options import RunOptions
from atlas_core.errors import SpecError
from atlas_core.observe import FinishedRun
from atlas_core.printing import listed
from atlas_core.python.machine import cache_folder
from atlas_core.resolver import Resolver
from atlas_core.spec.load import resolve_use
from atlas_core.spec.model import Spec
from atlas_core.spec.plan import BoundComponent
from atlas_core.spec.yaml import Document, override, parse

NONE = "none"
HOW = (
    "name a data set (`flla`, `matbench:mp_e_form`), options of the reference after commas"
    " (`flla,elements=zero`), or give YAML: `{use: ..., options: {phases: ...}}`"
)


@dataclass(frozen=True)
class Wanted:
    """What a question is asked against.

    Attributes:
        name: as the command line takes it; None: the reference of the run, if it has one;
            ``none``: nothing.
        data_dir: local copies of data files; None: where the run's lay.
        cache_dir: of downloads and of what was read; None: the user's.
        offline: refuse downloads.
    """

    name: str | Mapping[str, Any] | None = None
    data_dir: Path | None = None
    cache_dir: Path | None = None
    offline: bool = False

    def load(self, run: FinishedRun, spec: Spec, resolver: Resolver) -> Decider | None:
        """Return the reference, loaded; None where neither the run nor anybody names one.

        Raises:
            SpecError: it is not clear what is meant.
            DataError: it cannot be read, or is in another unit than the target.
        """
        used: Use | None = getattr(spec, "reference", None)
        if self.name == NONE or (self.name is None and used is None):
            return None
        about = run.manifest["dataset"]
        if "hull" in str(about["target"]):
            raise SpecError(
                f"reference: {about['target']} is a distance to a hull already; what is held"
                " against a hull is a formation energy"
            )
        pins, place = spec.data, run.folder
        if self.name is not None:
            chosen = named(self.name, resolver)
            place = Path.cwd()
            pins = None if pins is None else pins.model_copy(update={"files": ()})
        else:
            assert used is not None  # noqa: S101 - one of the two is there
            chosen = resolve_use(
                "reference", Document("spec.lock.yaml", used.model_dump()), resolver
            )
        options = RunOptions(
            out=place,
            cache_dir=cache_folder(self.cache_dir),
            data_dir=self.data_dir,
            offline=self.offline,
        )
        return Decider.load(
            chosen,
            data_context(pins, place, options),
            target=f"{about['target']} of run {run.run_id}",
            unit=str(about.get("unit") or about["task"]),
        )


def named(text: str | Mapping[str, Any], resolver: Resolver) -> BoundComponent:
    """Return the reference that a text names.

    Args:
        text: a file of YAML or JSON, or either as text, of ``{use: ..., options: ...}``; a
            reference's name; or a data set's, after a colon its first option, after commas
            options of the reference that takes it.
        resolver: of what is installed.

    Raises:
        SpecError: it names nothing that is installed, or an option is wrong.
    """
    if not isinstance(text, str):
        return resolve_use("reference", Document("reference", dict(text)), resolver)
    given = text.strip()
    file = Path(given)
    if file.suffix in (".yaml", ".yml", ".json") and ":" not in given:
        try:
            document = parse(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as err:
            raise SpecError(f"--reference {file}: cannot be read") from err
        return resolve_use("reference", _whole(document), resolver)
    if given.startswith("{"):
        return resolve_use("reference", _whole(parse(given, "--reference")), resolver)
    head, *assignments = given.split(",")
    name, _, first = head.partition(":")
    document = Document("--reference", {"use": name, "options": {}})
    if name not in resolver.names("reference"):
        document = _of_dataset(name, first, resolver)
    elif first:
        raise SpecError(f"--reference {head}: what stands after the colon? {HOW}")
    for assignment in assignments:
        override(document, f"options.{assignment.strip()}")
    return resolve_use("reference", document, resolver)


def _whole(document: Document) -> Document:
    if not isinstance(document.value, dict) or "use" not in document.value:
        raise SpecError(f"{document.source}: no `use`; {HOW}")
    document.value.setdefault("options", {})
    return document


def _of_dataset(name: str, first: str, resolver: Resolver) -> Document:
    """Return the reference that takes a data set of known phases as an option."""
    if name not in resolver.names("dataset"):
        there = listed(sorted({*resolver.names("dataset"), *resolver.names("reference")}))
        raise SpecError(
            f"--reference {name}: no such data set or reference; {HOW}; there is {there}"
        )
    takes = [
        (one.component.name, option)
        for one in resolver.every("reference")
        for option, about in one.component.config.model_fields.items()
        if kind_in(about) == "dataset"
    ]
    if len(takes) != 1:
        many = "several references take" if takes else "no installed reference takes"
        raise SpecError(f"--reference {name}: {many} a data set; name one: {HOW}")
    options: dict[str, Any] = {}
    if first:
        fields = list(resolver.resolve("dataset", name).component.config.model_fields)
        if not fields:
            raise SpecError(f"--reference {name}:{first}: this data set has no option")
        options = {fields[0]: first}
    ((reference, option),) = takes
    value = {"use": reference, "options": {option: {"use": name, "options": options}}}
    return Document("--reference", value)
