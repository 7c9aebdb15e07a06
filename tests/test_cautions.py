"""What makes figures mean less than they seem reaches the verdict and the terminal."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from from_columns import evaluate
from support import Cli

from atlas_core.cautions import of_audit, of_predictions, of_records
from atlas_core.verdict import Verdict, verdict

RNG = np.random.default_rng(0)
N = 120
TARGET = RNG.normal(size=N)
MEAN = TARGET + RNG.normal(0, 0.1, N)
STD = RNG.uniform(0.05, 0.15, N)


def found(
    *, mean: np.ndarray = MEAN, std: np.ndarray = STD, folds: int = 1, target: np.ndarray = TARGET
) -> list[tuple[str, str]]:
    fold = (np.arange(N) % folds).astype(str)
    return [(c.kind, c.text) for c in of_predictions(mean, std, fold, target=target)]


def judged(
    std: np.ndarray = STD, more: list[dict[str, str]] | None = None, **columns: Any
) -> Verdict:
    table = {
        "id": np.arange(N).astype(str), "arm": np.full(N, "a"), "part": np.full(N, "test"),
        "fold": np.full(N, "f"), "target": TARGET, "mean": MEAN, "std": std,
        "lower_0.9": MEAN - 0.17, "upper_0.9": MEAN + 0.17, "baseline": np.zeros(N), **columns,
    }  # fmt: skip
    arm = evaluate(table, task="regression", levels=[0.9], seed=0)["arms"]["a"]
    arm["cautions"] += more or []
    return verdict(
        arm, arm="a", unit="eV", held_out="", task="regression", target_name="gap"
    )  # fmt: skip


def test_a_sound_arm_gives_no_cause_for_caution() -> None:
    assert found() == []
    assert found(folds=5) == []
    assert found(std=np.full(N, np.nan)) == []  # no sigma is told elsewhere
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
    assert [one for one, _ in found(std=std)] == [kind]
    said = judged(std)
    assert said.grade == "caution"
    assert not said.headline.startswith("Trust it")
    assert found(std=std)[0][1] in said.headline


def test_a_sigma_that_differs_for_some_or_is_small_is_no_caution() -> None:
    assert found(std=np.where(np.arange(N) < 2, 0.2, 0.1)) == []  # 118 of 120, or 98.3 %
    assert found(std=1e-6 * STD) == []
    arm = {"std": 1e-16 * STD, "lower_0.9": MEAN - 0.17, "upper_0.9": MEAN + 0.17}
    assert not any("beyond 5 sigma" in text for text in judged(**arm).sentences)


def test_clones_in_one_fold_of_two_are_counted_as_such() -> None:
    half = np.where(np.arange(N) % 2 == 0, 0.0, STD)
    assert found(std=half, folds=2) == [
        ("sigma_zero", "in 1 of 2 folds its sigma is 0 for every material, so it says nothing")
    ]
    # some rows of sigma 0 in every fold are no clones
    assert found(std=np.where(np.arange(N) < 4, 0.0, STD), folds=2) == []


def test_one_prediction_without_sigma_is_told_in_the_singular() -> None:
    one = np.where(np.arange(N) == 0, np.nan, STD)
    assert found(std=one) == [("sigma_missing", f"1 of its {N} predictions has no sigma")]


def test_one_prediction_for_all_is_named_unless_all_targets_are_the_same() -> None:
    assert [kind for kind, _ in found(mean=np.full(N, 2.0))] == ["predictions_constant"]
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
    assert one.kind == "known_formulas"
    assert one.text.startswith("100 % of the in-domain test materials")
    said = judged(more=[one.as_dict()])
    assert said.grade == "caution"
    assert one.text in said.headline
    (other,) = of_audit(audited(0.6, "held_out"))
    assert other.text.startswith("60 % of the held-out materials")


def test_the_shares_of_folds_weigh_as_their_rows() -> None:
    folds = audited(0.0)
    folds["folds"][0]["figures"]["shared_formula"]["in_domain"] = 1.0  # 100 of 400 rows
    assert of_audit(folds) == []
    folds["folds"][0]["figures"]["rows"]["in_domain"] = 300
    assert [one.text[:4] for one in of_audit(folds)] == ["50 %"]


def test_only_what_a_component_marked_is_a_caution() -> None:
    def record(arm: str, **content: list[str]) -> dict[str, Any]:
        return {"arm": arm, "fold": "f", "name": "warnings", "content": content}

    records = [
        record("a", texts=["UserWarning: noise of a library"], cautions=[]),
        record("a", texts=["x"], cautions=["all members are clones"]),
        record("b", texts=["y"], cautions=["of another arm"]),
        record("", texts=["z"], cautions=["of the data set"]),
    ]
    assert [one.text for one in of_records(records, "a")] == [
        "all members are clones", "of the data set",
    ]  # fmt: skip
    said = judged(more=[one.as_dict() for one in of_records(records, "a")])
    assert said.grade == "caution"
    assert "all members are clones" in said.headline


SPEC = """\
atlas: 1
name: clones
seed: 3
sample: 600
levels: [0.9]
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
def test_an_ensemble_of_clones_is_told_on_stderr_and_not_trusted(
    cli: Cli, resample: str, clones: bool
) -> None:
    (cli.cwd / "s.yaml").write_text(SPEC.format(resample=resample), encoding="utf-8")
    # a stored result is told alike; so is a fit that comes from the cache with what it warned of
    for args in ((), (), ("--force",)) if clones else ((),):
        done = cli("run", "s.yaml", "--json", *args)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert len(said["cautions"]) == (2 if clones else 0)  # the core's, and the component's
        assert ("warning: a: its sigma is 0 for every material" in done.stderr) == clones
        assert ("sigma is 0" in said["verdicts"]["a"]) == clones
        assert "eV/atom, 95 % interval" in said["verdicts"]["a"]
