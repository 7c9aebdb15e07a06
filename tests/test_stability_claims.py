"""Formation energy is no stability: that is the distance to the convex hull."""

from __future__ import annotations

import re

import pytest
import yaml
from support import ROOT

CLAIM = re.compile(r"\b(un)?stab(le|ility|lest)\b", re.IGNORECASE)
OTHERWISE = ("hull", "isotope", "odes are stable", "dentifiers are stable", "plugins/stability")
"""Lines that speak of the hull, or of something else that is stable."""
DECIDED = ("hull", "reference", "border", "decompos", "phases", "goal: stable", "`stable`")
"""What stands near a line that speaks of a decision: against what it is stable."""
NEAR = 6
"""Lines before and after a line that are near it."""
CODE = re.compile(r"""["']stable["']|P\(stable\)""")
"""Names: a kind of sort, a goal, and the probability that is learned against a reference."""
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
TEXTS = sorted(
    path
    for pattern in (
        *("README.md", "CHANGELOG.md", "docs/**/*", "specs/*", "plugins/*/README.md"),
        *("atlas_core/**/*", "benchmarks/**/*", "plugins/*/atlas_*/**/*", "examples/**/*"),
    )
    for path in ROOT.glob(pattern)
    if path.suffix in {".md", ".py", ".j2", ".ipynb", ".yaml", ".html"}
    if "tests" not in path.parts
)


def ranks_by_the_hull(spec: dict[str, object]) -> bool:
    return bool(spec.get("reference")) or "e_above_hull" in yaml.safe_dump(spec.get("dataset"))


def claims(text: str) -> list[str]:
    """Return the lines that speak of stability and of nothing that it would be against.

    Sorts that keep equal rows in order are left out.
    """
    lines = text.splitlines()
    found = []
    for place, line in enumerate(lines):
        near = " ".join(lines[max(0, place - NEAR) : place + NEAR + 1])
        decided = any(word in near for word in DECIDED)
        if CLAIM.search(CODE.sub("", line)) and not decided:
            found.append(line)
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_no_question_calls_stable_what_is_ranked_by_another_quantity(path) -> None:
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert ranks_by_the_hull(spec) or not CLAIM.search(str(spec.get("question")))


def test_pages_and_docs_say_stable_only_with_the_hull() -> None:
    reported = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in TEXTS
        if path not in SPECS or not ranks_by_the_hull(yaml.safe_load(path.read_text("utf-8")))
        for line in claims(path.read_text(encoding="utf-8"))
        if not any(word in line for word in OTHERWISE)
    ]
    assert reported == []


def test_the_search_finds_a_claim_and_passes_over_sorts() -> None:
    assert claims("the most stable crystals") == ["the most stable crystals"]
    assert claims('np.argsort(x, kind="stable")') == []
    assert claims("0.7 eV too unstable") == ["0.7 eV too unstable"]
    assert claims("a constable, established") == []
    assert claims("which are stable\nagainst the phases of a reference") == []
    far = "which are stable" + "\n" * 7 + "a reference"
    assert claims(far) == ["which are stable"]
    assert ranks_by_the_hull({"reference": {"use": "convex_hull"}})
    assert not ranks_by_the_hull({"dataset": "flla", "reference": None})
