"""What was fitted is one object: it trains, answers once, saves and loads, and asks no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from atlas_core.context import FitContext
from atlas_core.engine.arm import Arm, FittedArm
from atlas_core.engine.fits import FitCache
from atlas_core.engine.kept import Keep
from atlas_core.engine.loading import cut, load_dataset
from atlas_core.engine.notes import Notes
from atlas_core.engine.view import ArmData
from atlas_core.errors import ContractError
from atlas_core.kinds.dataset import DataContext
from atlas_core.kinds.inputs import Inputs
from atlas_core.kinds.split import Split
from atlas_core.materials import Materials
from atlas_core.spec.load import load_plan
from atlas_registry.loading import Registry

SPEC = """\
atlas: 1
name: arm
seed: 3
sample: 200
levels: [0.5, 0.9]
dataset: flla
split: {use: leave_elements_out, options: {elements: [F], calibration: 0.2, test: 0.2}}
arms:
  forest:
    featurizer: element_fractions
    model: {use: random_forest, options: {trees: 5}}
    uq: tree_variance
    calibrator: {use: split_conformal, options: {score: normalized}}
    ood: mahalanobis
"""


@dataclass(frozen=True)
class Ground:
    """An arm, its data and a fold of them."""

    arm: Arm
    data: ArmData
    split: Split
    reported: list[str]

    def notes(self) -> Notes:
        return Notes(self.arm.name, self.arm.fold, self.arm.parts, self.reported.append)

    def fit(self, cache: Path | None = None) -> FittedArm:
        return FittedArm.fit(
            self.arm,
            self.data,
            self.split.train,
            FitContext(seed=1),
            notes=self.notes(),
            calibration=self.split.calibration,
            fits=None if cache is None else FitCache(cache),
        )


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    home = tmp_path_factory.mktemp("arm")
    (home / "s.yaml").write_text(SPEC, encoding="utf-8")
    plan = load_plan(home / "s.yaml", Registry())
    context = DataContext(None, home, home)
    dataset = load_dataset(plan.dataset, plan.spec, plan.featurizers, context)
    (split,) = cut(plan.split, dataset, plan.spec.seed)
    arm = Arm("forest", split.name, plan.arms["forest"], plan.spec.levels)
    known = np.full(len(dataset), np.nan)
    for rows in (split.train, split.calibration):
        known[rows] = dataset.target[rows]
    features = plan.arms["forest"]["featurizer"].build().featurize(dataset.materials)
    formulas = np.asarray(dataset.shown_formulas())
    data = ArmData(Inputs.of(dataset.materials), features, known, dataset.task, formulas)
    return Ground(arm, data, split, [])


def test_an_arm_predicts_a_table_of_the_rows_it_is_asked_for(ground: Ground) -> None:
    rows = ground.split.test
    found = ground.fit().predict(ground.data, rows, part="test")
    assert found.ids.tolist() == ground.data.every.ids[rows].tolist()
    assert found.formula.tolist() == ground.data.formulas[rows].tolist()
    assert set(found.parts.tolist()) == {"test"}
    assert np.isnan(found.target).all()  # it never had them
    assert found.levels == (0.5, 0.9)
    assert (found.lower[0.9] < found.lower[0.5]).all()
    assert found.has_std
    assert found.has_score
    train = ground.data.known[ground.split.train]
    assert set(found.baseline.tolist()) == {float(np.median(train))}
    assert len(ground.fit().predict(ground.data)) == len(ground.data.every)


def test_what_was_saved_answers_with_the_same_bytes(ground: Ground, tmp_path: Path) -> None:
    fitted = ground.fit()
    fitted.save(Keep(tmp_path, wanted=True), ground.notes())
    again = FittedArm.load(tmp_path, ground.arm, trust=True)
    before, after = (
        one.predict(ground.data, ground.split.ood_test).to_columns() for one in (fitted, again)
    )
    for name in set(before) - {"baseline"}:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)
    assert again.reference is not None
    assert again.reference.ids.tolist() == fitted.train.plain.ids.tolist()


def test_it_answers_for_materials_that_no_data_set_has(ground: Ground) -> None:
    fitted = ground.fit()
    materials = Materials.from_formulas(["a", "b"], ["NaCl", "TiO2"])
    features = ground.arm.components["featurizer"].build().featurize(materials)
    unknown = np.full(2, np.nan)
    shown = np.array(["NaCl", "TiO2"])
    data = ArmData(Inputs.of(materials), features, unknown, "regression", shown)
    found = fitted.predict(data)
    assert found.ids.tolist() == ["a", "b"]
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.lower[0.9]).all()


def test_each_question_about_rows_is_put_once(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    fitted = ground.fit(tmp_path)
    answer = fitted.trained.predict
    monkeypatch.setattr(
        fitted.trained, "predict", lambda f, rows: (asked.append(len(rows)), answer(f, rows))[1]
    )
    view = fitted.view(ground.data, ground.split.test)
    for kind in ("calibrator", "ood"):
        view.inputs(ground.arm.components[kind].requires)
    assert view.prediction is view.prediction
    assert asked == [len(ground.split.test)]
    # rows that were looked at while fitting are not asked about again
    assert fitted.view(ground.data, ground.split.calibration) is fitted.seen[1]


def test_a_fit_that_is_in_the_cache_is_not_made_again(ground: Ground, tmp_path: Path) -> None:
    first = ground.fit(tmp_path)
    wanted = first.predict(ground.data, ground.split.test).mean
    second = ground.fit(tmp_path)
    assert (first.trained.stored, second.trained.stored) == (False, True)
    np.testing.assert_array_equal(second.predict(ground.data, ground.split.test).mean, wanted)
    # of other rows no answer is known: it is trained again, and the numbers are those of before
    other = second.predict(ground.data, ground.split.ood_test).mean
    np.testing.assert_array_equal(other, first.predict(ground.data, ground.split.ood_test).mean)


def test_a_hidden_target_is_not_given_out(ground: Ground) -> None:
    assert np.isfinite(ground.data.targets(ground.split.calibration)).all()
    with pytest.raises(ContractError, match="hidden target"):
        ground.data.targets(ground.split.test)


def test_a_calibrator_that_leaves_a_level_out_is_named(ground: Ground) -> None:
    fitted = ground.fit()
    fitted.arm = replace(ground.arm, levels=(0.5, 0.8, 0.9))
    with pytest.raises(ContractError, match=r"split_conformal.* no interval at level 0\.8"):
        fitted.predict(ground.data, ground.split.test)
