"""``verdict.json`` of a run, and what ``atlas run`` prints of it."""

from __future__ import annotations

import json

from support import Cli

from atlas_core.store import read_json
from atlas_evaluation.judge.codes import GRADES, codes

SPEC = """\
atlas: 1
name: verdicts
seed: 3
sample: 600
levels: [0.9]
dataset: flla
split: {use: random, options: {calibration: 0.2, test: 0.2}}
arms:
  ridge: &arm
    featurizer: element_fractions
    model: ridge
    uq: {use: ensemble, options: {k: 3}}
    calibrator: split_conformal
  mean: {<<: *arm, model: dummy, uq: deterministic}
"""


def test_each_arm_has_a_grade_and_findings_that_are_stored_sealed_and_printed(cli: Cli) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC, encoding="utf-8")
    for reused in (False, True):
        done = cli("run", "s.yaml", "--json")
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["reused"] == reused
    said, folder = answer["verdicts"], cli.cwd / answer["run"]
    assert list(said) == ["ridge", "mean"]  # as in the spec, not in the alphabet
    assert read_json(folder / "verdict.json") == said
    for arm in said.values():
        assert arm["grade"] in GRADES
        places = [one["place"] for one in arm["findings"]]
        assert places == sorted(places, key=["headline", "evidence", "advice"].index)
        for one in arm["findings"]:
            assert one["code"] in codes()
            assert one["grade"] in {None, *GRADES}
            assert one["text"][0] not in ",; "
        assert arm["headline"].startswith(arm["findings"][0]["text"])
    assert (said["mean"]["grade"], said["ridge"]["grade"]) == ("do_not_trust", "caution")
    in_domain = said["mean"]["findings"][0]["figures"]["in_domain"]
    metrics = read_json(folder / "metrics.json")["arms"]["mean"]["parts"]["test"]["metrics"]
    assert in_domain["mae"] == metrics["mae"]
    printed = cli("run", "s.yaml").stdout.splitlines()
    grades = {"mean": "do not trust", "ridge": "caution"}
    lines = [f"{arm}: {grades[arm]}. {one['headline']}" for arm, one in said.items()]
    assert printed[1:3] == lines
    before = (folder / "verdict.json").read_bytes()
    assert cli("report", str(folder)).returncode == 0
    assert (folder / "verdict.json").read_bytes() == before
    (folder / "verdict.json").write_text("{}", encoding="utf-8")
    verified = cli("verify", str(folder))
    assert verified.returncode == 4
    assert "changed: verdict.json" in verified.stdout
