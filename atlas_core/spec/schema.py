"""The JSON Schema of specs, for editors: the union over installed components lives only here."""

from __future__ import annotations

import json
from typing import Any

from atlas_core.kinds import IN_SPECS
from atlas_core.resolver import Resolver
from atlas_core.spec.model import Spec


def schema_text(resolver: Resolver) -> str:
    """Return the schema as JSON text with a final newline."""
    return json.dumps(schema(resolver), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def schema(resolver: Resolver) -> dict[str, Any]:
    """Return the JSON Schema of a spec with the options of every installed component."""
    base = Spec.model_json_schema(ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = base.pop("$defs")
    definitions.pop("Use")
    for kind in IN_SPECS:
        definitions[kind] = _kind(kind, resolver, definitions)
    _name_kinds(base["properties"])
    arm = definitions["Arm"]["properties"]
    _name_kinds(arm)
    for name in ("featurizer", "trust"):
        _one_or_several(arm[name])
    for model in ("ActiveLearning", "Smaller"):
        _name_kinds(definitions[model]["properties"])
    splits, metrics = definitions["PseudoShift"]["properties"], base["properties"]
    for properties, name, kind in ((splits, "splits", "split"), (metrics, "metrics", "metric")):
        properties[name] = {**_ref(kind), "description": properties[name]["description"]}
        _one_or_several(properties[name])
    reports = base["properties"]["reports"]
    reports["anyOf"] = [_ref("report"), {"type": "array", "items": _ref("report")}]
    for key in ("type", "items"):
        reports.pop(key)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ATLAS spec",
        **{key: value for key, value in base.items() if key != "title"},
        "$defs": definitions,
    }


def _ref(kind: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{kind}"}


def _one_or_several(entry: dict[str, Any]) -> None:
    one = {"$ref": entry.pop("$ref")}
    entry["anyOf"] = [one, {"type": "array", "minItems": 1, "items": one}]


def _name_kinds(properties: dict[str, Any]) -> None:
    for name in IN_SPECS:
        if name in properties:
            description = properties[name].get("description", "")
            properties[name] = {**_ref(name), "description": description}


def _kind(kind: str, resolver: Resolver, definitions: dict[str, Any]) -> dict[str, Any]:
    names = resolver.sound(kind)
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
