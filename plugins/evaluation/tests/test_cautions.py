"""What makes figures mean less than they seem reaches the verdict and the terminal."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from from_columns import evaluate
from support import Cli

from atlas_evaluation.judge.cautions import of_audit, of_predictions, of_records
from atlas_evaluation.judge.finding import About, Finding, Verdict
from atlas_evaluation.judge.verdict import verdict

RNG = np.random.default_rng(0)
N = 120
TARGET = RNG.normal(size=N)
MEAN = TARGET + RNG.normal(0, 0.1, N)
STD = RNG.uniform(0.05, 0.15, N)


def found(
    *, mean: np.ndarray = MEAN, std: np.ndarray = STD, folds: int = 1, target: np.ndarray = TARGET
) -> list[Finding]:
    fold = (np.arange(N) % folds).astype(str)
    return of_predictions(mean, std, fold, target=target)


def judged(std: np.ndarray = STD, more: list[Finding] | None = None, **columns: Any) -> Verdict:
    table = {
        "id": np.arange(N).astype(str), "arm": np.full(N, "a"), "part": np.full(N, "test"),
        "fold": np.full(N, "f"), "target": TARGET, "mean": MEAN, "std": std,
        "lower_0.9": MEAN - 0.17, "upper_0.9": MEAN + 0.17, "baseline": np.zeros(N), **columns,
    }  # fmt: skip
    arm = evaluate(table, task="regression", levels=[0.9], seed=0)["arms"]["a"]
    arm["cautions"] += [one.as_dict() for one in more or ()]
    return verdict(arm, About("a", unit="eV"))


def test_a_sound_arm_gives_no_cause_for_caution() -> None:
    assert found() == []
    assert found(folds=5) == []
    assert found(std=np.full(N, np.nan)) == []  # no sigma is reported elsewhere
    assert judged().grade == "trust"


@pytest.mark.parametrize(
    ("std", "kind"),
    [
        (np.zeros(N), "sigma_zero"),
        (np.full(N, 0.1), "sigma_constant"),
        (0.1 + 1e-13 * np.arange(N), "sigma_constant"),
        (np.where(np.arange(N) < 1, 0.2, 0.1), "sigma_constant"),  # 119 of 120
        (1e-16 * STD, "sigma_zero"),
        (np.where(np.arange(N) < 3, np.nan, STD), "sigma_missing"),
    ],
)
def test_a_sigma_that_says_nothing_is_never_trusted(std: np.ndarray, kind: str) -> None:
    (caution,) = found(std=std)
    assert caution.code == kind
    said = judged(std)
    assert said.grade == "caution"
    assert "trust_in_domain" not in said.codes
    assert caution in said.headline
    assert caution in said.evidence


def test_a_sigma_that_differs_for_some_or_is_small_is_no_caution() -> None:
    assert found(std=np.where(np.arange(N) < 2, 0.2, 0.1)) == []  # 118 of 120, or 98.3 %
    assert found(std=1e-6 * STD) == []
    arm = {"std": 1e-16 * STD, "lower_0.9": MEAN - 0.17, "upper_0.9": MEAN + 0.17}
    assert "sigma_tail" not in judged(**arm).codes


def test_clones_in_one_fold_of_two_are_counted_as_such() -> None:
    half = np.where(np.arange(N) % 2 == 0, 0.0, STD)
    assert found(std=half, folds=2) == [Finding.of("sigma_zero", folds={"found": 1, "all": 2})]
    # some rows of sigma 0 in every fold are no clones
    assert found(std=np.where(np.arange(N) < 4, 0.0, STD), folds=2) == []


def test_predictions_without_sigma_are_counted() -> None:
    one = np.where(np.arange(N) == 0, np.nan, STD)
    assert found(std=one) == [Finding.of("sigma_missing", missing=1, n=N)]


def test_one_prediction_for_all_is_named_unless_all_targets_are_the_same() -> None:
    assert [one.code for one in found(mean=np.full(N, 2.0))] == ["predictions_constant"]
    assert found(mean=np.full(N, 2.0), target=np.full(N, 2.0)) == []


def audited(share: float, part: str = "in_domain") -> dict[str, Any]:
    return {
        "folds": [
            {"figures": {"rows": {part: rows}, "shared_formula": {part: own}}}
            for rows, own in ((100, share), (300, share))
        ]
    }


def test_test_materials_of_known_formulas_lower_the_verdict_from_half_of_them_on() -> None:
    assert of_audit(audited(0.49)) == []
    (one,) = of_audit(audited(1.0))
    assert one == Finding.of("known_formulas", part="in_domain", share=1.0)
    said = judged(more=[one])
    assert said.grade == "caution"
    assert one in said.headline
    (other,) = of_audit(audited(0.6, "held_out"))
    assert other.figures == {"part": "held_out", "share": pytest.approx(0.6)}


def test_the_shares_of_folds_weigh_as_their_rows() -> None:
    folds = audited(0.0)
    folds["folds"][0]["figures"]["shared_formula"]["in_domain"] = 1.0  # 100 of 400 rows
    assert of_audit(folds) == []
    folds["folds"][0]["figures"]["rows"]["in_domain"] = 300
    assert [one.figures["share"] for one in of_audit(folds)] == [0.5]


def test_only_what_a_component_marked_is_a_caution() -> None:
    def record(arm: str, **content: list[str]) -> dict[str, Any]:
        return {"arm": arm, "fold": "f", "name": "warnings", "content": content}

    records = [
        record("a", texts=["UserWarning: noise of a library"], cautions=[]),
        record("a", texts=["x"], cautions=["all members are clones"]),
        record("b", texts=["y"], cautions=["of another arm"]),
        record("", texts=["z"], cautions=["of the data set"]),
    ]
    clones, data_set = (
        Finding.of("component_warned", text=text)
        for text in ("all members are clones", "of the data set")
    )
    assert of_records(records, "a") == [clones, data_set]
    said = judged(more=of_records(records, "a"))
    assert said.grade == "caution"
    assert said.headline[-1] == clones  # one of them is enough for a headline
    assert data_set not in said.headline
    assert data_set in said.evidence


SPEC = """\
atlas: 1
name: clones
seed: 3
sample: 600
levels: [0.9]
reports: []
dataset: flla
split: {{use: random, options: {{calibration: 0.2, test: 0.2}}}}
arms:
  a:
    featurizer: element_fractions
    model: ridge
    uq: {{use: ensemble, options: {{k: 3, resample: {resample}}}}}
    calibrator: split_conformal
"""


@pytest.mark.parametrize(("resample", "clones"), [("seeds", True), ("bootstrap", False)])
def test_an_ensemble_of_clones_is_reported_on_stderr_and_not_trusted(
    cli: Cli, resample: str, clones: bool
) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC.format(resample=resample), encoding="utf-8")
    # a stored result is reported alike; so is a cached fit with what it warned of
    for args in ((), (), ("--force",)) if clones else ((),):
        done = cli("run", "s.yaml", "--json", *args)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert len(said["cautions"]) == (2 if clones else 0)  # the core's, and the component's
        assert ("warning: a: its sigma is 0 for every material" in done.stderr) == clones
        verdict_of_a = said["verdicts"]["a"]
        assert ("sigma is 0" in verdict_of_a["headline"]) == clones
        assert ("sigma_zero" in [one["code"] for one in verdict_of_a["findings"]]) == clones
        assert (verdict_of_a["grade"] == "caution") >= clones
        assert "eV/atom, 95 % interval" in verdict_of_a["headline"]
