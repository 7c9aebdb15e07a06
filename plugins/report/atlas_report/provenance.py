"""Where everything in a report comes from: data, split, components, machine, times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from atlas_core.data.meaning import meaning_of
from atlas_core.rows import UNREADABLE
from atlas_pages import formatting
from atlas_report.components import Part, citation, options_in_words, parts
from atlas_report.source import Source

SIZES = ("train", "calibration", "test", "ood_test", "pool")
FIRST = 3
"""Ids of a record that show without a click."""
LISTED = 200
"""Ids listed of a record; the rest stands in ``records.json``."""

STORED = ", stored"
FIT = re.compile(rf"((final )?fit|cross-fit \d+|(round|decision)-\d+|nested .+?)({STORED})?")
"""Stages of a run that are a training, or the look-up of one."""

PROVENANCE: Mapping[str, str] = {
    "official": "the file's hash equals the published one",
    "rebuilt": "rebuilt from the original source by a documented script",
    "unverified": "no published hash to hold the file against",
    "embedded": "ships inside the plugin, with its license and its rebuild script",
    "user": "your own file; its content is yours to vouch for",
}


@dataclass(frozen=True)
class Remark:
    """What was recorded of rows left out, failures or warnings.

    ``first`` shows at once, ``items`` on a click, and ``more`` counts what is not listed.
    """

    where: str
    what: str
    first: tuple[str, ...]
    items: tuple[str, ...]
    more: int


@dataclass(frozen=True)
class ProvenanceView:
    """The last section of the page."""

    facts: tuple[tuple[str, Markup], ...]
    folds: tuple[tuple[str, str, tuple[str, ...]], ...]
    sizes: tuple[str, ...]
    arms: tuple[tuple[str, tuple[Part, ...]], ...]
    stages: tuple[tuple[str, str, str], ...]
    packages: tuple[tuple[str, str], ...]
    remarks: tuple[Remark, ...]


def provenance(source: Source) -> ProvenanceView:
    """Return the data, versions, seeds and times of a run."""
    manifest = source.manifest
    arms = manifest.get("arms") or {}
    sizes = tuple(
        part for part in SIZES if any((fold.get("sizes") or {}).get(part) for fold in source.folds)
    )
    return ProvenanceView(
        facts=tuple(_facts({key: one for key, one in manifest.items() if key != "arms"})),
        folds=tuple(
            (
                str(fold.get("name", "")),
                str(fold.get("held_out") or "–"),
                tuple(
                    formatting.fixed(int((fold.get("sizes") or {}).get(part) or 0), 0)
                    for part in sizes
                ),
            )
            for fold in source.folds
        ),
        sizes=sizes,
        arms=tuple((arm, parts(arms.get(arm) or {})) for arm in source.rows),
        stages=tuple(_stages(manifest.get("stages") or ())),
        packages=tuple(
            (str(k), str(v)) for k, v in sorted((manifest.get("packages") or {}).items())
        ),
        remarks=tuple(_remarks(source)),
    )


def _facts(manifest: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    data = manifest["dataset"]
    split = manifest.get("split") or {}
    hardware = manifest.get("hardware") or {}
    kind = str(data.get("provenance") or "")
    meaning = PROVENANCE.get(kind, "")
    sample = data.get("sample")
    citations = data.get("citation") or ()
    citations = [citations] if isinstance(citations, str) else list(citations)
    cited = Markup("<br>").join(citation(str(c)) for c in citations)
    memory = manifest.get("peak_memory_mb")
    rows: list[tuple[str, Any]] = [
        ("Data", _called(data)),
        ("Rows", f"{data.get('rows', '–')}" + (f", a sample of {sample}" if sample else "")),
        *_reading(data),
        ("Target", _target(data)),
        ("It is not", meaning_of(data).caveat),
        ("Provenance", f"{kind}: {meaning}" if meaning else kind),
        ("Data license", data.get("license")),
        ("Please cite", cited),
        ("sha256 of the data", data.get("sha256")),
        ("Split", _component(split)),
        ("Seed", manifest.get("seed")),
        ("Science hash", manifest.get("science_hash")),
        ("Started", manifest.get("started")),
        ("Finished", manifest.get("finished")),
        ("Took", _took(manifest)),
        ("Peak memory", f"{formatting.fixed(float(memory), 0)} MB" if memory else None),
        ("Machine", _machine(hardware)),
        ("ATLAS", manifest.get("atlas")),
        ("Run", manifest.get("run_id")),
    ]
    return [
        (name, value if isinstance(value, Markup) else escape(str(value)))
        for name, value in rows
        if value not in (None, "")
    ]


def _took(manifest: Mapping[str, Any]) -> str:
    """Return how long a run took, and how many of its fits it only looked up."""
    if not manifest.get("seconds"):
        return ""
    names = [str(stage.get("stage", "")) for stage in manifest.get("stages") or ()]
    fits = [name for name in names if FIT.fullmatch(name)]
    kept = sum(name.endswith(STORED) for name in fits)
    looked_up = f"; {kept} of {formatting.count(len(fits), 'fit')} from the cache" if kept else ""
    return duration(float(manifest["seconds"])) + looked_up


def _reading(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what became of the rows of the source: left out, odd, and how they were read."""
    reading = data.get("reading")
    if not isinstance(reading, Mapping):
        return []
    found: list[tuple[str, Any]] = []
    dropped = int(reading.get("dropped") or 0)
    if dropped:
        why = _counted(reading.get("reasons"))
        found.append(
            ("Left out", f"{dropped} of {reading.get('rows')} rows: {why}; see {UNREADABLE}")
        )
    if flagged := _counted(reading.get("flagged")):
        found.append(("Odd, but used", f"{flagged}; see {UNREADABLE}"))
    if notes := reading.get("notes"):
        found.append(("Read with care", "; ".join(map(str, notes))))
    return found


def _counted(reasons: Any) -> str:
    pairs = reasons.items() if isinstance(reasons, Mapping) else ()
    return ", ".join(f"{n} {kind}" for kind, n in pairs)


def _target(data: Mapping[str, Any]) -> str:
    """Return the target in words, its unit, and the column that holds it."""
    name, meaning = str(data.get("target", "")), meaning_of(data)
    classes = "" if meaning.class_names is None else f"{' (0) or '.join(meaning.class_names)} (1)"
    column = f"column {name}" if meaning.quantity and meaning.quantity != name else ""
    pieces = (meaning.quantity or name, str(data.get("unit") or ""), classes, column)
    return ", ".join(piece for piece in pieces if piece)


def _called(data: Mapping[str, Any]) -> str:
    name, component = str(data.get("name") or ""), str(data.get("component") or "")
    return name if component in ("", name) else f"{name} ({component})"


def _component(chosen: Mapping[str, Any]) -> str:
    options = chosen.get("options")
    name = str(chosen.get("component") or "")
    return f"{name} ({options_in_words(options)})" if options else name


def _machine(hardware: Mapping[str, Any]) -> str:
    memory = hardware.get("memory_gb")
    pieces = [
        str(hardware.get("cpu") or ""),
        f"{hardware['cores']} cores" if hardware.get("cores") else "",
        f"{formatting.number(float(memory))} GB" if memory else "",
        f"device {hardware['device']}" if hardware.get("device") else "",
        str(hardware.get("platform") or ""),
        f"Python {hardware['python']}" if hardware.get("python") else "",
    ]
    return ", ".join(piece for piece in pieces if piece)


def _stages(stages: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    total: dict[tuple[str, str], float] = {}
    for stage in stages:
        key = (str(stage.get("stage", "")), str(stage.get("arm") or ""))
        total[key] = total.get(key, 0.0) + float(stage.get("seconds") or 0.0)
    return [(stage, arm, duration(seconds)) for (stage, arm), seconds in total.items()]


def _remarks(source: Source) -> list[Remark]:
    """Return rows removed as outliers, rows that failed, and warnings, once for equal records."""
    found: dict[tuple[str, int, tuple[str, ...]], list[str]] = {}
    for record in source.records:
        name, content = str(record["name"]), record["content"]
        last = name.rpartition("/")[2]
        if last not in {"outliers", "failures", "warnings"}:
            continue
        ids = [str(v) for v in content.get("ids") or ()]
        reasons = [str(v) for v in content.get("reasons") or ()]
        items = [str(v) for v in content.get("texts") or ()]
        if ids:
            padded = reasons + [""] * (len(ids) - len(reasons))
            items = [f"{i}: {why}" if why else i for i, why in zip(ids, padded, strict=False)]
        n = max(len(items), int(content.get("count") or 0))
        if not n:
            continue
        text = formatting.count(n, "warning")
        if last == "outliers":
            text = f"{formatting.count(n, 'material')} left out of training as outliers"
        elif last == "failures":
            by = f" by {content['featurizer']}" if content.get("featurizer") else ""
            text = f"{formatting.count(n, 'material')} could not be featurized{by}"
        where = ", ".join(str(v) for v in (record.get("arm"), record.get("fold"), name) if v)
        found.setdefault((text, n, tuple(items)), []).append(where)
    return [
        Remark("; ".join(where), text, items[:FIRST], items[FIRST:LISTED], n - len(items[:LISTED]))
        for (text, n, items), where in found.items()
    ]


def duration(seconds: float) -> str:
    """Return a time span in words."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
