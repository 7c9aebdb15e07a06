"""Print the JSON Schema of specs, with all installed options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from atlas_core.api import CommandHost, Config
from atlas_core.kinds import KINDS
from atlas_core.kinds.kind import kinds
from atlas_core.resolver import Resolver
from atlas_core.spec.model import Spec
from atlas_core.store import write_bytes


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file instead.")
@click.pass_obj
def schema(host: CommandHost, *, out: Path | None) -> None:
    """Print the JSON Schema of specs, with the options of every installed component.

    A broken component is left out, and stderr names it.
    """
    named_in_specs = [kind.name for kind in kinds() if kind.place]
    for problem in filter(None, host.resolver.problems(named_in_specs).values()):
        host.note(f"warning: {problem}; it is left out")
    text = schema_text(host.resolver)
    if out is None:
        host.answer(None, text.removesuffix("\n"), as_json=False)
    else:
        write_bytes(out, text.encode())


def schema_text(resolver: Resolver) -> str:
    """Return the schema as JSON text with a final newline."""
    return (
        json.dumps(schema_of_specs(resolver), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    )


def schema_of_specs(resolver: Resolver) -> dict[str, Any]:
    """Return the JSON Schema of a spec with the options of every installed component."""
    base = Spec.model_json_schema(ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = base.pop("$defs")
    found = {**base, "$defs": definitions}
    met: set[str] = set()
    while new := _named(found) - met:  # options of a component name components, too
        for kind in sorted(new, key=KINDS.index):
            definitions[kind] = _kind(kind, resolver, definitions)
        met |= new
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_referring(found),
        "title": "ATLAS spec",
    }


def _named(part: Any) -> set[str]:
    """Return the kinds of the components that a part of a schema stands for."""
    if isinstance(part, list):
        return set[str]().union(*map(_named, part))
    if not isinstance(part, dict):
        return set()
    own = {part["component"]} if isinstance(part.get("component"), str) else set()
    return own.union(*map(_named, part.values()))


def _referring(part: Any) -> Any:
    """Return a part of a schema in which components refer to the definition of their kind."""
    if isinstance(part, list):
        return [_referring(one) for one in part]
    if not isinstance(part, dict):
        return part
    kind = part.get("component")
    if not isinstance(kind, str):
        return {key: _referring(value) for key, value in part.items()}
    kept = {key: value for key, value in part.items() if key == "description"}
    return {"$ref": f"#/$defs/{kind}", **kept}


def _kind(kind: str, resolver: Resolver, definitions: dict[str, Any]) -> dict[str, Any]:
    names = [name for (_, name), problem in resolver.problems([kind]).items() if not problem]
    choices: list[dict[str, Any]] = [{"type": "string", "enum": names}]
    for name in names:
        component = resolver.resolve(kind, name).component
        prefix = f"{kind}.{name}."
        options = component.config.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
        for key, value in options.pop("$defs", {}).items():
            definitions[prefix + key] = value
        options.pop("title", None)
        entry = f"{kind}.{name}"
        definitions[entry] = {
            "type": "object",
            "properties": {"use": {"const": name}, "options": options},
            "required": ["use", *(["options"] if options.get("required") else [])],
            "additionalProperties": False,
        }
        choices.append({"$ref": f"#/$defs/{entry}"})
    return {"anyOf": choices}


def command(config: Config) -> click.Command:
    """Return the command ``schema``; it has no options of a component."""
    del config
    return schema
